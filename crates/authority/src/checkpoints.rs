//! Checkpoints: what the log signs of itself. No two are ever signed that do not fit, whatever crashes in between.
//!
//! What is signed next is the tree of the checkpoint that was signed last, and behind it the leaves of the envelopes as
//! they are read back. The order is the promise: hash, sign, keep (fsync), and only then show it to anybody.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use credentials::note::{Note, NoteSigner, NoteVerifier};
use credentials::signing_key::{Seed, SigningKeyPair};
use domain::event::PublicKey;
use domain::origin::LogOrigin;
use domain::time::Position;
use store::checkpoint::{self, Checkpoint};
use store::secrets::{self, KeptNoteKey, NoteKey};
use store::tree::{Frontier, TreeHash, Unproven};
use store::{DataFolder, Snapshot, StoreError};

use crate::authority::Rollback;
use crate::entropy;
use crate::keyring::Keyring;

/// A checkpoint younger than this is not replaced for whoever only asks for the latest one.
const FRESH: Duration = Duration::from_secs(1);

/// The checkpoints of a log.
pub(crate) struct Checkpoints {
    origin: LogOrigin,
    /// None, if its private half cannot be read.
    signer: Option<NoteSigner>,
    path: PathBuf,
    kept: Mutex<Option<Kept>>,
}

/// The highest one that was signed.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: Note,
    /// When this process signed it, if it did.
    signed_at: Option<Instant>,
}

/// How new a checkpoint is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// The latest, or one that was the latest a moment ago.
    Fresh,
    /// One that covers this position.
    Covering(Position),
}

/// Why none is signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsignable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the highest checkpoint that was signed is missing, unreadable or not signed by this log's key ({}), so nobody knows what must not be contradicted: put it back, or start once with --accept-rollback, which makes a new key for checkpoints",
        .0.display()
    )]
    Lost(PathBuf),
    #[error(
        "a checkpoint was signed at position {signed}, and this ledger has another history: it was rolled back, or {} is of another ledger; put the right file back, or start once with --accept-rollback, which makes a new key for checkpoints",
        .path.display()
    )]
    Contradiction { signed: Position, path: PathBuf },
    #[error(
        "the tree does not have the root of the envelopes at position {0}: it is damaged; stop the server and build it anew with keyledger audit rebuild"
    )]
    Tree(Position),
    #[error(
        "the private key for checkpoints cannot be read; give the master key under which it was encrypted, or if secrets/note.key is damaged put it back, or start once with --accept-rollback, which makes a new key"
    )]
    Key,
}

impl Checkpoints {
    /// Reads the key and the highest checkpoint that was signed; makes the key where there is none yet.
    pub(crate) fn open(
        folder: &DataFolder,
        keyring: &Keyring,
        origin: LogOrigin,
        snapshot: &Snapshot,
        rollback: Rollback,
    ) -> Result<Self, StoreError> {
        let path = folder.checkpoint();
        let key = secrets::read_note_key(folder)?;
        let there = !matches!(key, KeptNoteKey::Missing);
        let mut seed = match &key {
            KeptNoteKey::Whole(key) => keyring.unwrap_note_key(&key.wrapped),
            KeptNoteKey::Missing => None,
            KeptNoteKey::Damaged => {
                tracing::warn!("the private key for checkpoints cannot be used: its file is damaged");
                None
            }
        };
        // What the private half says of itself is worth more than a file that anybody may have written.
        let mut public = seed.as_ref().map(public_half).or_else(|| key.public());
        let mut kept = read(&path)?.filter(|kept| !there || is_signed(kept, public));
        let accept = rollback == Rollback::Accept;
        let fits = match &kept {
            Some(kept) if accept || !there => frontier(&kept.checkpoint, snapshot)?.is_ok(),
            Some(_) | None => false,
        };
        let give_up = accept && !(fits && (seed.is_some() || !there));
        if give_up {
            // What it signed is of a history that is given up. Whoever trusts the new key knows nothing of that one.
            secrets::retire_note_key(folder)?;
            tracing::warn!(
                "a new key signs checkpoints from now on: tell auditors, and give witnesses a new --origin"
            );
        }
        if give_up || !there {
            let made = Self::create(folder, keyring, &origin, kept.filter(|_| fits))?;
            (public, seed) = (Some(public_half(&made)), Some(made));
            kept = read(&path)?;
        }
        let signer = seed.map(|seed| NoteSigner::of_log(&origin, &seed));
        // Who can write the file, and has no key, must not say what is signed next.
        let kept = Mutex::new(kept.filter(|kept| is_signed(kept, public)));
        Ok(Self { origin, signer, path, kept })
    }

    /// Makes the key of a log, and signs the highest checkpoint of the key before, if it fits; of a new log that it is empty, so
    /// that one that is missing later is missed.
    fn create(
        folder: &DataFolder,
        keyring: &Keyring,
        origin: &LogOrigin,
        before: Option<Kept>,
    ) -> Result<Seed, StoreError> {
        let seed = Seed::from_bytes(*entropy::secret());
        let signer = NoteSigner::of_log(origin, &seed);
        let path = folder.checkpoint();
        let first = match before {
            Some(before) => Some(Checkpoint { origin: origin.clone(), ..before.checkpoint }),
            None if checkpoint::read_kept(&path)?.is_none() => Some(Checkpoint::of_nothing(origin.clone())),
            // One that does not fit stays, and with it nothing is signed.
            None => None,
        };
        if let Some(first) = first {
            checkpoint::keep(&path, &signer.sign(&first.to_string()).to_string())?;
        }
        // Last: a key without a checkpoint would be one whose checkpoint was lost.
        let public = signer.verifier().public_key();
        let wrapped = keyring.wrap_note_key(&seed).0.to_vec();
        secrets::create_note_key(folder, &NoteKey { public, wrapped })?;
        Ok(seed)
    }

    /// What checks its signatures.
    pub(crate) fn verifier(&self) -> Option<&NoteVerifier> {
        self.signer.as_ref().map(NoteSigner::verifier)
    }

    /// The highest one that was signed, if any is known.
    pub(crate) fn kept(&self) -> Option<Kept> {
        self.lock().clone()
    }

    /// A checkpoint as new as wanted, signed now if need be. It is kept before this returns.
    pub(crate) fn signed(&self, snapshot: &Snapshot, wanted: Wanted) -> Result<Kept, Unsignable> {
        let signer = self.signer.as_ref().ok_or(Unsignable::Key)?;
        // Held until it is kept: two that are signed at once must fit, too.
        let mut locked = self.lock();
        let kept = locked.as_ref().ok_or_else(|| Unsignable::Lost(self.path.clone()))?;
        let fresh = kept.signed_at.is_some_and(|at| at.elapsed() < FRESH);
        let enough = match wanted {
            Wanted::Fresh => fresh || snapshot.head().position <= kept.checkpoint.size,
            Wanted::Covering(position) => position <= kept.checkpoint.size,
        };
        let ours = kept.note.check(signer.verifier()).is_ok();
        if enough && ours {
            return Ok(kept.clone());
        }
        let checkpoint = self.next(kept, snapshot)?;
        let note = signer.sign(&checkpoint.to_string());
        checkpoint::keep(&self.path, &note.to_string())?;
        // Before this line nobody saw it; after it nothing is signed that does not fit it.
        let signed = Kept { checkpoint, note, signed_at: Some(Instant::now()) };
        *locked = Some(signed.clone());
        Ok(signed)
    }

    /// Adds the good cosignatures among these lines to the checkpoint at this position, if it is still the highest.
    pub(crate) fn cosigned(
        &self,
        size: Position,
        lines: &str,
        witnesses: &[NoteVerifier],
    ) -> Result<bool, StoreError> {
        let mut locked = self.lock();
        let Some(kept) = locked.as_mut().filter(|kept| kept.checkpoint.size == size) else {
            return Ok(false);
        };
        let note = kept.note.clone().with_good(lines, witnesses);
        if note == kept.note {
            return Ok(false);
        }
        checkpoint::keep(&self.path, &note.to_string())?;
        kept.note = note;
        Ok(true)
    }

    /// What follows the checkpoint that was signed last: its tree, and the envelopes since, as they are read back.
    fn next(&self, kept: &Kept, snapshot: &Snapshot) -> Result<Checkpoint, Unsignable> {
        let before = &kept.checkpoint;
        let contradiction = || Unsignable::Contradiction { signed: before.size, path: self.path.clone() };
        let mut frontier = frontier(before, snapshot)?.map_err(|Unproven| contradiction())?;
        let known = snapshot.head_at(before.size)?.ok_or_else(contradiction)?;
        snapshot.scan_after(&known, |_, envelope| {
            frontier.push(TreeHash::of_leaf(envelope), |_, _| {});
            Ok::<_, StoreError>(())
        })?;
        let (size, root) = (snapshot.head().position, frontier.root());
        if snapshot.tree().root(size.number())? != root {
            return Err(Unsignable::Tree(size));
        }
        Ok(Checkpoint { origin: self.origin.clone(), size, root })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right edge of the tree that a checkpoint names, if the ledger has that tree.
fn frontier(checkpoint: &Checkpoint, snapshot: &Snapshot) -> Result<Result<Frontier, Unproven>, StoreError> {
    if checkpoint.size > snapshot.head().position {
        return Ok(Err(Unproven));
    }
    snapshot.tree().frontier(checkpoint.size.number(), checkpoint.root)
}

fn public_half(seed: &Seed) -> PublicKey {
    SigningKeyPair::from_seed(seed).public_key()
}

/// Whether a note is signed by this key, under the name that the note itself gives the log.
fn is_signed(kept: &Kept, public: Option<PublicKey>) -> bool {
    let key = public.and_then(|public| NoteVerifier::of_log(&kept.checkpoint.origin, &public).ok());
    key.is_some_and(|key| kept.note.check(&key).is_ok())
}

/// What the file holds, its signature not checked.
fn read(path: &Path) -> Result<Option<Kept>, StoreError> {
    let Some(text) = checkpoint::read_kept(path)? else { return Ok(None) };
    let note = Note::parse(&text).ok();
    Ok(note.and_then(|note| {
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        Some(Kept { checkpoint, note, signed_at: None })
    }))
}
