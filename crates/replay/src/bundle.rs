//! An evidence bundle: events with their proofs, in a folder that a third party checks without a server and without us.
//!
//! | file | contents |
//! |---|---|
//! | `README.md` | what it is, and how to check it |
//! | `checkpoint` | the signed checkpoint that every proof leads to |
//! | `verifier-key` | the public key that signed it; to be learnt in another way, too |
//! | `events.jsonl` | the events, one a line, texts sealed: each line follows from its proof |
//! | `proofs/N.tlog-proof` | the proof that the log has the event at position N, with its bytes |
//! | `history.txt` | the same for people, with names as far as they can be opened; not proved |

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use credentials::note::NoteVerifier;
use domain::time::Position;

use crate::filter::Filter;
use crate::json;
use crate::listing::Format;
use crate::names::Names;
use crate::prove::{ProofError, Prover, Signed, check_proof, invalid, unreadable};
use crate::show::show;

const README: &str = include_str!("bundle/README.md");

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundled {
    /// How many events.
    pub events: u64,
    /// What the log is called.
    pub origin: String,
    /// How many events the log has that is proved to have them.
    pub size: Position,
}

/// Writes the events that the filter admits, with their proofs, into a new folder.
pub fn write_bundle(
    prover: &Prover,
    names: &Names,
    filter: &Filter,
    to: &Path,
) -> Result<Bundled, ProofError> {
    let checkpoint = &prover.signed().checkpoint;
    let no_key =
        "the public half of the key that signed the checkpoint is not in this folder's secrets/note.key";
    let key = prover.verifier_key().ok_or_else(|| invalid(no_key))?;
    let mut made = DirBuilder::new();
    made.mode(0o700).create(to).map_err(|error| {
        let there = error.kind() == ErrorKind::AlreadyExists;
        let path = to.to_owned();
        if there { ProofError::Exists(path) } else { ProofError::File { path, error } }
    })?;
    let proofs = to.join("proofs");
    made.create(&proofs).map_err(|error| ProofError::File { path: proofs.clone(), error })?;

    let mut lines = vec![];
    show(&prover.source, &Names::sealed(), filter, Format::Jsonl, &mut lines)?;
    let lines = String::from_utf8(lines).expect("JSON is text");
    for line in lines.lines() {
        let position = position_of(line).ok_or_else(|| invalid("an event tells no position"))?;
        let proof = prover.prove(position)?.to_string();
        write(&proofs.join(format!("{position}.tlog-proof")), proof.as_bytes())?;
    }
    let mut history = vec![];
    show(&prover.source, names, filter, Format::Table, &mut history)?;
    write(&to.join("history.txt"), &history)?;
    write(&to.join("events.jsonl"), lines.as_bytes())?;
    write(&to.join("checkpoint"), prover.signed().note.to_string().as_bytes())?;
    write(&to.join("verifier-key"), format!("{key}\n").as_bytes())?;
    let readme = README.replace("VERIFIER-KEY", &key.to_string());
    write(&to.join("README.md"), readme.as_bytes())?;
    let events = lines.lines().count() as u64;
    Ok(Bundled { events, origin: checkpoint.origin.to_string(), size: checkpoint.size })
}

/// Checks a bundle: every event of it is in the log that the key signed, and says what `events.jsonl` says.
pub fn check_bundle(from: &Path, key: &NoteVerifier) -> Result<Bundled, ProofError> {
    let note = read(&from.join("checkpoint"))?;
    let Signed { checkpoint, .. } = Signed::parse(&note, Some(key))?;
    let lines = read(&from.join("events.jsonl"))?;
    let mut last = Position::START;
    for line in lines.lines() {
        let position =
            position_of(line).ok_or_else(|| invalid("events.jsonl has a line that is no event"))?;
        if position <= last {
            return Err(invalid(format!("events.jsonl has position {position} after position {last}")));
        }
        let at = |why: &str| invalid(format!("position {position}: {why}"));
        let proof = read(&from.join(format!("proofs/{position}.tlog-proof")))?;
        let proved = check_proof(&proof, None, key)
            .map_err(|error| if let ProofError::Invalid(why) = &error { at(why) } else { error })?;
        if proved.note != note {
            return Err(at("its proof leads to another checkpoint than the one in the bundle"));
        }
        if json::event(&proved.scanned, &Names::sealed()) != line {
            return Err(at("events.jsonl says something else than what is proved"));
        }
        last = position;
    }
    let events = lines.lines().count() as u64;
    let proofs = from.join("proofs");
    let counted = fs::read_dir(&proofs).map_err(|error| ProofError::File { path: proofs, error })?.count();
    if counted as u64 != events {
        return Err(invalid(format!("there are {counted} proofs, and events.jsonl has {events} events")));
    }
    Ok(Bundled { events, origin: checkpoint.origin.to_string(), size: checkpoint.size })
}

fn position_of(line: &str) -> Option<Position> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    event["position"].as_str()?.parse().ok().map(Position::new)
}

fn write(path: &Path, contents: &[u8]) -> Result<(), ProofError> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    opened
        .and_then(|mut file| file.write_all(contents))
        .map_err(|error| ProofError::File { path: path.to_owned(), error })
}

fn read(path: &Path) -> Result<String, ProofError> {
    fs::read_to_string(path).map_err(|error| unreadable(path, error))
}
