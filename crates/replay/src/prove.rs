//! Proofs in files: made from a data folder, and checked without one.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::slice;

use credentials::note::{Note, NoteVerifier};
use domain::ids::LedgerId;
use domain::origin::LogOrigin;
use domain::time::Position;
use store::checkpoint::Checkpoint;
use store::files::open_regular;
use store::scan::Scanned;
use store::tlog_proof::TlogProof;
use store::tree::{TreeHash, check_inclusion};
use store::{StoreError, chain, checkpoint, envelope, secrets};

use crate::cosigned::{Cosigned, Seen};
use crate::error::{ReplayError, reading};
use crate::open::Audit;
use crate::source::Source;

/// Why there is no proof, or why it proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The folder could not be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// No checkpoint was signed yet, or its file is elsewhere.
    #[error("{} holds no signed checkpoint; name the guard's file with --guard if it is elsewhere", .0.display())]
    NoCheckpoint(PathBuf),
    /// The event came later.
    #[error(
        "the highest signed checkpoint covers {size} events, and position {position} comes later; ask the running server for its checkpoint once, then again"
    )]
    NotCovered {
        /// The position wanted.
        position: Position,
        /// How many events are covered.
        size: Position,
    },
    /// Some of the events came later, and nobody said that they may be left out.
    #[error(
        "the highest signed checkpoint covers {covered} events, and the log goes on to position {head}: {later} of the events asked for came later and cannot be proved yet; nothing was written"
    )]
    LeftOut {
        /// How many.
        later: u64,
        /// How many events of the log are covered.
        covered: Position,
        /// Where the log ends.
        head: Position,
    },
    /// There is no event to be proved.
    #[error(
        "the log has no such event up to position {covered}, where the highest signed checkpoint ends ({later} came later), and a bundle without events would prove nothing; nothing was written"
    )]
    Nothing {
        /// How many events of the log are covered.
        covered: Position,
        /// How many such events came later.
        later: u64,
    },
    /// The log has no such event.
    #[error("the log has no event at position {0}")]
    NoEvent(Position),
    /// What was to be proved is not.
    #[error("{0}")]
    Invalid(String),
    /// A file takes no other's place.
    #[error("{} is there already; choose another name", .0.display())]
    Exists(PathBuf),
    /// A file beside the ledger could not be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

impl From<StoreError> for ProofError {
    fn from(error: StoreError) -> Self {
        Self::Replay(error.into())
    }
}

pub(crate) fn invalid(what: impl Into<String>) -> ProofError {
    ProofError::Invalid(what.into())
}

/// A file that could not be read. One that is no text is none that we wrote.
pub fn unreadable(path: &Path, error: io::Error) -> ProofError {
    if error.kind() == io::ErrorKind::InvalidData {
        return invalid(format!("{} is not text", path.display()));
    }
    ProofError::File { path: path.to_owned(), error }
}

/// No proof and no signed checkpoint is larger: an event has at most 65,535 bytes, and a checkpoint some lines.
pub(crate) const BYTES_MAX: u64 = 1 << 20;

/// Reads a proof or a checkpoint, which comes from strangers: one without an end must not fill the memory. It may be a pipe, for
/// whoever asks has named it.
pub fn read(path: &Path) -> Result<String, ProofError> {
    text(path, read_bytes(path)?)
}

/// Reads what may be the bytes of an event, in the same way.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, ProofError> {
    bounded(path, File::open(path))
}

/// Reads a proof or a checkpoint out of a folder that comes from strangers, who may have put a pipe there to be waited for.
pub(crate) fn read_within(path: &Path) -> Result<String, ProofError> {
    text(path, bounded(path, open_regular(path))?)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, ProofError> {
    String::from_utf8(bytes).map_err(|_| unreadable(path, io::ErrorKind::InvalidData.into()))
}

fn bounded(path: &Path, file: io::Result<File>) -> Result<Vec<u8>, ProofError> {
    let mut bytes = vec![];
    let read = file.and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(invalid(format!("{} is larger than any proof, checkpoint or event", path.display())));
    }
    Ok(bytes)
}

/// A checkpoint whose signature is good, as far as a key to check it with was given.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// As it was signed.
    pub note: Note,
}

impl Signed {
    /// Reads a signed checkpoint, and checks its signature.
    pub fn parse(text: &str, key: Option<&NoteVerifier>) -> Result<Self, ProofError> {
        let note = Note::parse(text).map_err(|error| invalid(error.to_string()))?;
        if let Some(key) = key {
            note.check(key).map_err(|error| invalid(error.to_string()))?;
        }
        let checkpoint = Checkpoint::parse(note.text()).map_err(|error| invalid(error.to_string()))?;
        if key.is_some_and(|key| key.name() != checkpoint.origin.as_str()) {
            return Err(invalid(format!("the checkpoint is of another log, {}", checkpoint.origin)));
        }
        Ok(Self { checkpoint, note })
    }

    /// What the witnesses with these keys signed, who must all have; and how much there is that was not checked.
    pub fn cosigned_by(
        &self,
        key: Option<&NoteVerifier>,
        witnesses: &[NoteVerifier],
    ) -> Result<Cosigned, ProofError> {
        let seen = |witness: &NoteVerifier| {
            let at = self.note.cosigned_at(witness).map_err(|error| invalid(error.to_string()))?;
            Ok(Seen { witness: witness.name().to_owned(), at })
        };
        let by = witnesses.iter().map(seen).collect::<Result<_, ProofError>>()?;
        let known: Vec<_> = key.into_iter().chain(witnesses).cloned().collect();
        // One line is the log's own, whether it was checked or not.
        let own = usize::from(key.is_none());
        Ok(Cosigned { by, unchecked: self.note.signatures_besides(&known).saturating_sub(own) })
    }

    /// The same, unless it is another log's: its origin names another ledger, or it is not the one under which this log signs now and
    /// nobody gave the key of it.
    pub fn of_ledger(
        self,
        ledger: LedgerId,
        own: Option<&LogOrigin>,
        key: Option<&NoteVerifier>,
    ) -> Result<Self, ProofError> {
        let origin = &self.checkpoint.origin;
        let named = origin.ledger();
        match own {
            // By what a log is called if nothing else was said.
            _ if named == Some(ledger) => Ok(self),
            _ if named.is_some() => Err(invalid(format!(
                "the checkpoint is of another log, {origin}: the ledger here is {ledger}"
            ))),
            Some(own) if own != origin && key.is_none() => Err(invalid(format!(
                "the checkpoint is of {origin}, and this log signs as {own}; if it was called so once, give the key of that time with --verifier-key"
            ))),
            Some(_) | None => Ok(self),
        }
    }
}

/// What a data folder can prove: its ledger at one moment, and the highest checkpoint that was signed of it.
pub struct Prover {
    pub(crate) source: Source,
    signed: Signed,
    /// The latest that witnesses signed, if there is one.
    cosigned: Option<Signed>,
    key: Option<NoteVerifier>,
}

impl Prover {
    /// Reads the highest signed checkpoint, which must be of this ledger.
    pub fn new(audit: &Audit) -> Result<Self, ProofError> {
        let folder = audit.folder();
        let path = folder.checkpoint();
        // Before the snapshot: what is signed was committed before.
        let kept = checkpoint::read_kept(&path)?.ok_or_else(|| ProofError::NoCheckpoint(path.clone()))?;
        // It decides nothing, and may be lost.
        let cosigned = checkpoint::read_kept(&folder.cosigned_checkpoint()).unwrap_or_default();
        let source = Source::of(audit.clone())?;
        let signed = Signed::parse(&kept, None)?;
        let public = secrets::read_note_key(folder)?.public();
        let key = public.and_then(|public| NoteVerifier::of_log(&signed.checkpoint.origin, &public).ok());
        let key = key.filter(|key| signed.note.check(key).is_ok());
        let mut prover = Self { source, signed, cosigned: None, key };
        prover.cosigned = prover.cosigned_of(cosigned.as_deref())?;
        Ok(prover)
    }

    /// What witnesses signed last: the highest checkpoint itself, or the one in its own file. That file decides nothing: one that
    /// is not of this log counts for nothing.
    fn cosigned_of(&self, kept: Option<&str>) -> Result<Option<Signed>, ProofError> {
        let Some(key) = &self.key else { return Ok(None) };
        let kept = kept.and_then(|kept| Signed::parse(kept, Some(key)).ok());
        let cosigned = |signed: &Signed| {
            signed.checkpoint.size <= self.signed.checkpoint.size
                && signed.note.signatures_besides(slice::from_ref(key)) > 0
        };
        let latest = [Some(self.signed.clone()), kept].into_iter().flatten().find(cosigned);
        let snapshot = self.source.snapshot().expect("it is a folder's");
        let Some(latest) = latest else { return Ok(None) };
        let fits = reading(|| latest.checkpoint.frontier(snapshot).map_err(ReplayError::from))?.is_ok();
        Ok(fits.then_some(latest))
    }

    /// The key that the checkpoint was signed with, if the folder has its public half.
    pub fn verifier_key(&self) -> Option<&NoteVerifier> {
        self.key.as_ref()
    }

    /// The highest signed checkpoint.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// The latest one that witnesses signed, if there is one.
    pub fn cosigned(&self) -> Option<&Signed> {
        self.cosigned.as_ref()
    }

    /// What a proof of this position leads to: what witnesses signed proves more, if it covers the position.
    pub fn covering(&self, position: Position) -> &Signed {
        self.cosigned().filter(|signed| signed.checkpoint.size >= position).unwrap_or(&self.signed)
    }

    /// The proof that the log has the event at a position, checked before it is handed out.
    pub fn prove(&self, position: Position) -> Result<TlogProof, ProofError> {
        self.prove_by(self.covering(position), position)
    }

    /// The same, up to this checkpoint.
    pub(crate) fn prove_by(&self, signed: &Signed, position: Position) -> Result<TlogProof, ProofError> {
        let Checkpoint { size, root, .. } = signed.checkpoint;
        let snapshot = self.source.snapshot().expect("it is a folder's");
        let envelope = reading(|| snapshot.envelope(position).map_err(ReplayError::from))?;
        let envelope = envelope.filter(|_| position != Position::START);
        let envelope = envelope.ok_or(ProofError::NoEvent(position))?;
        if position > size {
            return Err(ProofError::NotCovered { position, size });
        }
        let (index, size) = (position.number() - 1, size.number());
        let path = reading(|| snapshot.tree().inclusion(index, size).map_err(ReplayError::from))?;
        check_inclusion(TreeHash::of_leaf(&envelope), index, size, &path, root).map_err(|_| {
            invalid(format!(
                "the log does not have the root that was signed at position {size}: it was changed since; run audit verify"
            ))
        })?;
        Ok(TlogProof { extra: Some(envelope), index, path, checkpoint: signed.note.to_string() })
    }
}

/// What a proof proves.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The event.
    pub scanned: Scanned,
    /// The checkpoint of the log that has it.
    pub signed: Signed,
}

/// Checks a proof: that the key signed its checkpoint, and that the log that this names has the event. The event is
/// the one given, or else the one in the proof.
pub fn check_proof(text: &str, entry: Option<Vec<u8>>, key: &NoteVerifier) -> Result<Proved, ProofError> {
    let proof = TlogProof::parse(text).map_err(|error| invalid(error.to_string()))?;
    let signed = Signed::parse(&proof.checkpoint, Some(key))?;
    let Checkpoint { size, root, .. } = signed.checkpoint;
    let missing = "the proof does not hold the event itself, so it must be given beside it, with --entry";
    let entry = entry.or(proof.extra).ok_or_else(|| invalid(missing))?;
    let leaf = TreeHash::of_leaf(&entry);
    check_inclusion(leaf, proof.index, size.number(), &proof.path, root).map_err(|error| {
        invalid(format!("this event is not at index {} of that log: {error}", proof.index))
    })?;
    let decoded = envelope::decode(&entry)
        .map_err(|error| invalid(format!("the log has this entry, but it is no event: {error}")))?;
    // The log has it there; what it says of its place must be true, too.
    if decoded.recorded.position.number() != proof.index + 1 {
        return Err(invalid(format!("the event says that it is at position {}", decoded.recorded.position)));
    }
    let (hash, bytes) = (chain::hash(&entry), entry.len());
    Ok(Proved { scanned: Scanned { recorded: decoded.recorded, hash, bytes }, signed })
}
