//! An evidence bundle: events with their proofs, in a folder that a third party checks without a server and without us.
//!
//! | file | contents |
//! |---|---|
//! | `README.md` | what it is, how far it goes, and how to check it |
//! | `checkpoint` | the signed checkpoint that every proof leads to |
//! | `verifier-key` | the public key that signed it; to be learnt in another way, too |
//! | `scope.json` | of what its events are, up to where, and how far the log went on ([`scope`]); not proved |
//! | `events.jsonl` | the events, one a line, texts sealed: each line follows from its proof |
//! | `proofs/N.tlog-proof` | the proof that the log has the event at position N, with its bytes |
//! | `history.txt` | the same for people, with names as far as they can be opened; not proved |

pub mod scope;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use credentials::note::NoteVerifier;
use domain::Lookup as _;
use domain::time::Position;
use store::files::open_regular;
use store::scan::Scanned;
use store::unfinished_folder::UnfinishedFolder;

use crate::as_of::AsOfError;
use crate::bundle::scope::{About, Admission, Scope};
use crate::error::{ReplayError, reading};
use crate::filter::Filter;
use crate::json;
use crate::life::{Happened, Life};
use crate::names::Names;
use crate::prove::{BYTES_MAX, ProofError, Prover, Signed, check_proof, invalid, read_within, unreadable};
use crate::rows::RowsAt;
use crate::show::Stop;
use crate::summary::{HEADINGS, Summary};
use crate::table::Table;

const README: &str = include_str!("bundle/README.md");
/// The names in its folder.
const CONTENTS: [&str; 7] =
    ["README.md", "checkpoint", "verifier-key", "scope.json", "events.jsonl", "proofs", "history.txt"];

/// What a bundle holds.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// How many events.
    pub events: u64,
    /// The checkpoint of the log that is proved to have them.
    pub signed: Signed,
    /// What it says of itself; none of one that was made before bundles said it.
    pub scope: Option<Scope>,
}

/// Whether events are left out that came after the checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Later {
    /// Then there is no bundle: evidence of a key must not lack its revocation without a word.
    #[default]
    Refused,
    /// They are left out, and the bundle says how many.
    LeftOut,
}

/// Writes the events that it is to be about, with their proofs, into a new folder. Until this returns, there is no folder
/// of that name; if it fails, nothing is left of it.
pub fn write_bundle(
    prover: &Prover,
    names: &Names,
    about: About,
    later: Later,
    to: &Path,
) -> Result<Bundled, ProofError> {
    let no_key =
        "the public half of the key that signed the checkpoint is not in this folder's secrets/note.key";
    let key = prover.verifier_key().ok_or_else(|| invalid(no_key))?;
    check_asked(prover, about)?;
    let (signed, chosen) = choose(prover, names, about)?;
    let Chosen { lines, positions, history, later: left_out } = chosen;
    let (covered, head) = (signed.checkpoint.size, prover.source.head().position);
    if left_out > 0 && later == Later::Refused {
        return Err(ProofError::LeftOut { later: left_out, covered, head });
    }
    if positions.is_empty() {
        return Err(ProofError::Nothing { covered, later: left_out });
    }
    let events = positions.len() as u64;
    let scope = Scope { about, events, covered, head, later: left_out };

    let failed = |error: io::Error| {
        let there = error.kind() == ErrorKind::AlreadyExists;
        let path = to.to_owned();
        if there { ProofError::Exists(path) } else { ProofError::File { path, error } }
    };
    let folder = UnfinishedFolder::begin(to, &CONTENTS).map_err(failed)?;
    let at = |name: &str| folder.path().join(name);
    let proofs = at("proofs");
    let made = DirBuilder::new().mode(0o700).create(&proofs);
    made.map_err(|error| ProofError::File { path: proofs.clone(), error })?;
    for position in positions {
        let proof = prover.prove_by(signed, position)?.to_string();
        write(&proofs.join(format!("{position}.tlog-proof")), proof.as_bytes())?;
    }
    let synced = File::open(&proofs).and_then(|folder| folder.sync_all());
    synced.map_err(|error| ProofError::File { path: proofs.clone(), error })?;
    write(&at("history.txt"), format!("{}\n\n{history}", scope.said()).as_bytes())?;
    write(&at("events.jsonl"), lines.as_bytes())?;
    write(&at("scope.json"), format!("{}\n", scope.json()).as_bytes())?;
    write(&at("checkpoint"), signed.note.to_string().as_bytes())?;
    write(&at("verifier-key"), format!("{key}\n").as_bytes())?;
    let readme = README.replace("VERIFIER-KEY", &key.to_string()).replace("SCOPE", &scope.said());
    write(&at("README.md"), readme.as_bytes())?;
    folder.finish().map_err(failed)?;
    Ok(Bundled { events, signed: signed.clone(), scope: Some(scope) })
}

/// Whether the log knows what is asked for.
fn check_asked(prover: &Prover, about: About) -> Result<(), ProofError> {
    let head = prover.source.head().position;
    if about.until.is_some_and(|until| until < about.from) {
        return Err(ReplayError::from(AsOfError::Backwards).into());
    }
    if about.from.max(about.until.unwrap_or_default()) > head {
        return Err(ReplayError::from(AsOfError::BeyondHead { head }).into());
    }
    let rows = prover.source.snapshot().expect("it is a folder's").rows();
    if let Some(key) = about.key
        && reading(|| rows.key(key).map_err(ReplayError::from))?.is_none()
    {
        return Err(ReplayError::NoSuchKey { key }.into());
    }
    if let Some(tenant) = about.tenant
        && reading(|| rows.tenant(tenant).map_err(ReplayError::from))?.is_none()
    {
        return Err(ReplayError::NoSuchTenant { tenant }.into());
    }
    Ok(())
}

/// The events of a bundle.
#[derive(Default)]
struct Chosen {
    lines: String,
    positions: Vec<Position>,
    history: String,
    /// How many came after the checkpoint.
    later: u64,
}

/// The events, and the checkpoint that they are proved by: the latest that witnesses signed, if it covers all that belongs to
/// them; else the highest.
fn choose<'a>(prover: &'a Prover, names: &Names, about: About) -> Result<(&'a Signed, Chosen), ProofError> {
    if let Some(cosigned) = prover.cosigned() {
        let chosen = chosen_up_to(cosigned.checkpoint.size, prover, names, about)?;
        if chosen.later == 0 && !chosen.positions.is_empty() {
            return Ok((cosigned, chosen));
        }
    }
    let signed = prover.signed();
    Ok((signed, chosen_up_to(signed.checkpoint.size, prover, names, about)?))
}

/// Reads the log to its end, also behind the checkpoint: what cannot be proved yet is counted.
fn chosen_up_to(
    covered: Position,
    prover: &Prover,
    names: &Names,
    about: About,
) -> Result<Chosen, ProofError> {
    let sealed = Names::sealed();
    let About { key, tenant, from, until } = about;
    let filter = Filter { from, to: until, tenant, ..Filter::default() };
    let mut life = key.map(Life::of);
    let (mut chosen, mut history) = (Chosen::default(), vec![]);
    // How the key stood after each; of other bundles nothing stands there.
    let status = if key.is_some() { "STATUS" } else { "" };
    let [position, time, event, actor, way, what] = HEADINGS;
    let mut table = Table::new(&mut history, [position, time, event, actor, way, what, status]);
    let read = prover.source.follow_rows(|scanned, rows| {
        let recorded = &scanned.recorded;
        if filter.ends_before(recorded) {
            return Err(Stop::Enough);
        }
        let status = match &mut life {
            Some(life) => lived(life, &scanned, rows)?,
            None => Some(""),
        };
        let Some(status) = status.filter(|_| recorded.position >= from) else { return Ok(()) };
        if !filter.admits(rows, recorded)? {
            return Ok(());
        }
        if recorded.position > covered {
            chosen.later += 1;
            return Ok(());
        }
        chosen.positions.push(recorded.position);
        chosen.lines += &json::event(&scanned, &sealed);
        chosen.lines.push('\n');
        let summary = Summary::of(names, rows);
        let [position, time, event, actor, way, what] = summary.cells(recorded);
        table.line([position, time, event, actor, way, what, status.to_owned()])?;
        Ok(())
    });
    match read {
        Ok(()) | Err(Stop::Enough) => {}
        Err(Stop::Failed(error)) => return Err(error.into()),
    }
    let written: io::Result<()> = table.finish();
    written.map_err(ReplayError::from)?;
    chosen.history = String::from_utf8(history).expect("cells are text");
    Ok(chosen)
}

/// How the key stood after the event, if that belongs to its life.
fn lived(life: &mut Life, scanned: &Scanned, rows: &RowsAt<'_>) -> Result<Option<&'static str>, Stop> {
    let mut stood = None;
    life.take(scanned, rows, &mut |happened| {
        if let Happened::Event { status, .. } = happened {
            stood = Some(status);
        }
        Ok(())
    })?;
    Ok(stood)
}

/// Checks a bundle: every event of it is in the log that the key signed, and says what `events.jsonl` says.
pub fn check_bundle(from: &Path, key: &NoteVerifier) -> Result<Bundled, ProofError> {
    let note = match read_within(&from.join("checkpoint")) {
        Err(ProofError::File { error, .. }) if error.kind() == ErrorKind::NotFound => {
            let there = if from.is_dir() { "it has no checkpoint" } else { "there is no such folder" };
            return Err(no_bundle(from, error.kind(), there));
        }
        Err(ProofError::File { error, .. }) if error.kind() == ErrorKind::NotADirectory => {
            return Err(no_bundle(from, error.kind(), "it is no folder"));
        }
        note => note?,
    };
    let signed = Signed::parse(&note, Some(key))?;
    let mut lines = Lines::open(from.join("events.jsonl"))?;
    let mut scope = read_scope(from, signed.checkpoint.size)?.map(Admission::by);
    let (mut last, mut events) = (Position::START, 0);
    while let Some(line) = lines.next()? {
        let position =
            position_of(&line).ok_or_else(|| invalid("events.jsonl has a line that is no event"))?;
        if position <= last {
            return Err(invalid(format!("events.jsonl has position {position} after position {last}")));
        }
        let at = |why: &str| invalid(format!("position {position}: {why}"));
        let proof = read_within(&from.join(format!("proofs/{position}.tlog-proof")))?;
        let proved = check_proof(&proof, None, key)
            .map_err(|error| if let ProofError::Invalid(why) = &error { at(why) } else { error })?;
        if proved.signed.note != signed.note {
            return Err(at("its proof leads to another checkpoint than the one in the bundle"));
        }
        if json::event(&proved.scanned, &Names::sealed()) != line {
            return Err(at("events.jsonl says something else than what is proved"));
        }
        if let Some(scope) = &mut scope {
            scope.admits(&proved.scanned.recorded).map_err(at)?;
        }
        (last, events) = (position, events + 1);
    }
    if events == 0 {
        return Err(invalid("events.jsonl is empty: a bundle without events proves nothing"));
    }
    if let Some(scope) = &scope {
        scope.conclude().map_err(invalid)?;
    }
    let scope = scope.map(|admission| admission.scope);
    if scope.as_ref().is_some_and(|scope| scope.events != events) {
        return Err(invalid("scope.json tells another number of events than events.jsonl has"));
    }
    let proofs = from.join("proofs");
    let counted = fs::read_dir(&proofs).map_err(|error| ProofError::File { path: proofs, error })?.count();
    if counted as u64 != events {
        return Err(invalid(format!("there are {counted} proofs, and events.jsonl has {events} events")));
    }
    Ok(Bundled { events, signed, scope })
}

fn no_bundle(from: &Path, kind: ErrorKind, why: &str) -> ProofError {
    let error = io::Error::new(kind, format!("no bundle: {why}; name the folder that audit bundle wrote"));
    ProofError::File { path: from.to_owned(), error }
}

/// What a bundle says of itself. Those of before say nothing.
fn read_scope(from: &Path, covered: Position) -> Result<Option<Scope>, ProofError> {
    let path = from.join("scope.json");
    match read_within(&path) {
        Err(ProofError::File { error, .. }) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(text) => {
            let scope = Scope::parse(&text).ok_or_else(|| invalid("scope.json is not as bundles have it"))?;
            if scope.covered != covered {
                return Err(invalid("scope.json names another end than the checkpoint in the bundle"));
            }
            Ok(Some(scope))
        }
    }
}

fn position_of(line: &str) -> Option<Position> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    event["position"].as_str()?.parse().ok().map(Position::new)
}

fn write(path: &Path, contents: &[u8]) -> Result<(), ProofError> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    opened
        .and_then(|mut file| file.write_all(contents).and_then(|()| file.sync_all()))
        .map_err(|error| ProofError::File { path: path.to_owned(), error })
}

/// The lines of a file that comes from strangers: it may be as long as it wants to be, a line may not.
struct Lines {
    path: PathBuf,
    source: BufReader<File>,
}

impl Lines {
    fn open(path: PathBuf) -> Result<Self, ProofError> {
        let file = open_regular(&path).map_err(|error| unreadable(&path, error))?;
        Ok(Self { path, source: BufReader::new(file) })
    }

    fn next(&mut self) -> Result<Option<String>, ProofError> {
        let mut line = vec![];
        let read = self.source.by_ref().take(BYTES_MAX + 1).read_until(b'\n', &mut line);
        read.map_err(|error| unreadable(&self.path, error))?;
        if line.len() as u64 > BYTES_MAX {
            return Err(invalid(format!("{} has a line that is longer than any event", self.path.display())));
        }
        let line = String::from_utf8(line);
        let mut line = line.map_err(|_| unreadable(&self.path, ErrorKind::InvalidData.into()))?;
        if line.is_empty() {
            return Ok(None);
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_somewhere() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("events.jsonl");
        fs::write(&path, "one\r\n\ntwo").unwrap();
        let mut lines = Lines::open(path.clone()).unwrap();
        let read: Vec<_> = std::iter::from_fn(|| lines.next().unwrap()).collect();
        assert_eq!(read, ["one", "", "two"]);

        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = Lines::open(path.clone()).unwrap().next().unwrap_err();
        assert!(error.to_string().contains("longer than any event"), "{error}");

        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = read_within(&path).map(drop).unwrap_err();
        assert!(error.to_string().contains("it is no file"), "{error}");
        let error = Lines::open(path).map(drop).unwrap_err();
        assert!(error.to_string().contains("it is no file"), "{error}");
    }
}
