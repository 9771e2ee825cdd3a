//! Checkpoints: what the log signs of itself. No two are ever signed that do not fit, whatever crashes in between.
//!
//! What is signed next is the tree of the checkpoint that was signed last, and behind it the leaves of the envelopes as
//! they are read back. The order is the promise: hash, sign, keep (fsync), and only then show it to anybody. Beside the
//! highest one the latest is kept that witnesses signed: on a log in use there is always a newer one by the time that they have.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use credentials::note::{Note, NoteSigner, NoteVerifier};
use credentials::signing_key::{Seed, SigningKeyPair};
use domain::event::PublicKey;
use domain::origin::LogOrigin;
use domain::time::Position;
use store::checkpoint::{self, Checkpoint, Stands};
use store::secrets::{self, KeptNoteKey, NoteKey};
use store::tree::{TreeHash, Unproven};
use store::{DataFolder, Snapshot, StoreError};

use crate::authority::Rollback;
use crate::entropy;
use crate::keyring::Keyring;

/// A checkpoint younger than this is not replaced for whoever only asks for the latest one.
const FRESH: Duration = Duration::from_secs(1);
/// Nor is one that witnesses signed so lately: three rounds of theirs.
const COSIGNED_FRESH: Duration = Duration::from_secs(15);

/// The checkpoints of a log.
pub(crate) struct Checkpoints {
    origin: LogOrigin,
    /// None, if its private half cannot be read.
    signer: Option<NoteSigner>,
    path: PathBuf,
    cosigned_path: PathBuf,
    state: Mutex<State>,
    /// How many events the key before had signed, if this start gave that history up.
    given_up: Option<Position>,
}

struct State {
    highest: Highest,
    /// The latest one that witnesses signed.
    cosigned: Option<Kept>,
}

/// The highest one that was signed, as far as it can be gone on from.
enum Highest {
    /// The ledger has what it says.
    Known(Kept),
    /// Nobody knows which it was.
    Lost,
    /// The events are those that were signed, and the tree, of which tiles and proofs are made, is not theirs.
    TreeDamaged(Position),
}

/// One that was signed, and is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: Note,
    /// When this process signed it, or witnesses did, as far as it knows.
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

/// Why none is signed or shown.
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
        let stands = kept.as_ref().map(|kept| kept.checkpoint.stands(snapshot)).transpose()?;
        let accept = rollback == Rollback::Accept;
        let signed = kept.as_ref().map(|kept| kept.checkpoint.size);
        let contradicted = signed.filter(|_| there && stands == Some(Stands::Contradicts));
        if let Some(signed) = contradicted.filter(|_| !accept) {
            // The guard that fits may have gone back together with the ledger. What our own key signed is proof.
            return Err(StoreError::NotAsSigned { signed, head: snapshot.head().position, path });
        }
        let same = matches!(stands, Some(Stands::Fits | Stands::TreeDamaged));
        // What alone tells of a rollback stays until the log tells of it: [`Checkpoints::give_up`].
        let give_up = accept && contradicted.is_none() && !(same && (seed.is_some() || !there));
        if give_up {
            retire(folder)?;
        }
        if give_up || !there {
            let made = Self::create(folder, keyring, &origin, kept.filter(|_| same))?;
            (public, seed) = (Some(public_half(&made)), Some(made));
            kept = read(&path)?;
        }
        let signer = seed.map(|seed| NoteSigner::of_log(&origin, &seed));
        // Who can write the file, and has no key, must not say what is signed next.
        let kept = kept.filter(|kept| contradicted.is_none() && is_signed(kept, public));
        let highest = highest(kept, stands);
        let cosigned_path = folder.cosigned_checkpoint();
        let cosigned = match &highest {
            Highest::Known(highest) => cosigned(&cosigned_path, highest, &origin, public, snapshot)?,
            Highest::Lost | Highest::TreeDamaged(_) => None,
        };
        let state = Mutex::new(State { highest, cosigned });
        Ok(Self { origin, signer, path, cosigned_path, state, given_up: contradicted })
    }

    /// Goes on with a new key and a new history of checkpoints, once the log says that the old one was given up.
    pub(crate) fn give_up(
        folder: &DataFolder,
        keyring: &Keyring,
        origin: LogOrigin,
        snapshot: &Snapshot,
    ) -> Result<Self, StoreError> {
        retire(folder)?;
        Self::open(folder, keyring, origin, snapshot, Rollback::Refuse)
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

    /// How many events were signed of a history that this start is to give up. Until then nothing is signed.
    pub(crate) fn given_up(&self) -> Option<Position> {
        self.given_up
    }

    /// The highest one that was signed, which the ledger has.
    pub(crate) fn highest(&self) -> Result<Kept, Unsignable> {
        self.highest_in(&self.lock()).cloned()
    }

    /// The latest one that witnesses signed, if any did.
    pub(crate) fn cosigned(&self) -> Result<Option<Kept>, Unsignable> {
        let locked = self.lock();
        self.highest_in(&locked)?;
        Ok(locked.cosigned.clone())
    }

    /// One for whoever only asks for the latest, and shows nothing: the latest that witnesses signed, if they did so lately.
    pub(crate) fn lately(&self, snapshot: &Snapshot) -> Result<Kept, Unsignable> {
        let lately = |kept: &Kept| kept.signed_at.is_some_and(|at| at.elapsed() < COSIGNED_FRESH);
        match self.cosigned()?.filter(lately) {
            Some(kept) => Ok(kept),
            None => self.signed(snapshot, Wanted::Fresh),
        }
    }

    /// One that covers this position: rather one that witnesses signed, which proves more.
    pub(crate) fn covering(&self, snapshot: &Snapshot, position: Position) -> Result<Kept, Unsignable> {
        match self.cosigned()?.filter(|kept| kept.checkpoint.size >= position) {
            Some(kept) if self.signer.is_some() => Ok(kept),
            Some(_) | None => self.signed(snapshot, Wanted::Covering(position)),
        }
    }

    /// A checkpoint as new as wanted, signed now if need be. It is kept before this returns.
    pub(crate) fn signed(&self, snapshot: &Snapshot, wanted: Wanted) -> Result<Kept, Unsignable> {
        let signer = self.signer.as_ref().ok_or(Unsignable::Key)?;
        // Held until it is kept: two that are signed at once must fit, too.
        let mut locked = self.lock();
        let kept = self.highest_in(&locked)?;
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
        locked.highest = Highest::Known(signed.clone());
        Ok(signed)
    }

    /// Keeps the good cosignatures among these lines, of a checkpoint that we signed. From then on it is the latest one that
    /// witnesses signed, unless there is a later one.
    pub(crate) fn add_cosignatures(
        &self,
        note: &Note,
        lines: &str,
        witnesses: &[NoteVerifier],
    ) -> Result<(), Unsignable> {
        let signer = self.signer.as_ref().ok_or(Unsignable::Key)?;
        let ours = note.check(signer.verifier()).ok().and_then(|()| Checkpoint::parse(note.text()).ok());
        let Some(checkpoint) = ours else { return Ok(()) };
        let mut locked = self.lock();
        let size = checkpoint.size;
        if locked.cosigned.as_ref().is_some_and(|later| later.checkpoint.size > size) {
            return Ok(());
        }
        // With those that it had before.
        let highest = self.highest_in(&locked)?;
        let known = [Some(highest), locked.cosigned.as_ref()].into_iter().flatten();
        let before = known.map(|kept| &kept.note).find(|known| known.text() == note.text()).unwrap_or(note);
        let note = before.clone().with_good(lines, witnesses);
        if note.signatures_besides(std::slice::from_ref(signer.verifier())) == 0 {
            return Ok(());
        }
        checkpoint::keep(&self.cosigned_path, &note.to_string())?;
        if let Highest::Known(highest) = &mut locked.highest
            && highest.note.text() == note.text()
        {
            checkpoint::keep(&self.path, &note.to_string())?;
            highest.note = note.clone();
        }
        locked.cosigned = Some(Kept { checkpoint, note, signed_at: Some(Instant::now()) });
        Ok(())
    }

    fn highest_in<'a>(&self, state: &'a State) -> Result<&'a Kept, Unsignable> {
        match &state.highest {
            Highest::Known(kept) => Ok(kept),
            Highest::Lost => Err(Unsignable::Lost(self.path.clone())),
            Highest::TreeDamaged(signed) => Err(Unsignable::Tree(*signed)),
        }
    }

    /// What follows the checkpoint that was signed last: its tree, and the envelopes since, as they are read back.
    fn next(&self, kept: &Kept, snapshot: &Snapshot) -> Result<Checkpoint, Unsignable> {
        let before = &kept.checkpoint;
        let contradiction = || Unsignable::Contradiction { signed: before.size, path: self.path.clone() };
        let mut frontier = before.frontier(snapshot)?.map_err(|Unproven| contradiction())?;
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is gone on from: a note that the key signed, and how the ledger stands to what it says.
fn highest(signed: Option<Kept>, stands: Option<Stands>) -> Highest {
    match signed {
        None => Highest::Lost,
        Some(kept) if stands == Some(Stands::TreeDamaged) => {
            let why = Unsignable::Tree(kept.checkpoint.size);
            tracing::error!(code = "NO_CHECKPOINT", %why, "no checkpoint is signed or shown");
            Highest::TreeDamaged(kept.checkpoint.size)
        }
        Some(kept) => Highest::Known(kept),
    }
}

/// The latest one that witnesses signed: the highest itself, or the one in its own file, if it is ours and of this history.
fn cosigned(
    path: &Path,
    highest: &Kept,
    origin: &LogOrigin,
    public: Option<PublicKey>,
    snapshot: &Snapshot,
) -> Result<Option<Kept>, StoreError> {
    let ours = |kept: &Kept| {
        let key = public.and_then(|public| NoteVerifier::of_log(origin, &public).ok());
        kept.checkpoint.origin == *origin
            && kept.checkpoint.size <= highest.checkpoint.size
            && key
                .is_some_and(|key| kept.note.check(&key).is_ok() && kept.note.signatures_besides(&[key]) > 0)
    };
    // It decides nothing, and may be lost.
    let apart = read(path).unwrap_or_else(|error| {
        tracing::warn!(%error, "what witnesses signed last cannot be read: they are asked again");
        None
    });
    let Some(kept) = [Some(highest.clone()), apart].into_iter().flatten().find(ours) else { return Ok(None) };
    let fits = kept.checkpoint.stands(snapshot)? == Stands::Fits;
    Ok(fits.then_some(kept))
}

/// What was signed is of a history that is given up. Whoever trusts the new key knows nothing of that one.
fn retire(folder: &DataFolder) -> Result<(), StoreError> {
    secrets::retire_note_key(folder)?;
    tracing::warn!(
        "a new key signs checkpoints from now on: tell auditors, and give witnesses a new --origin"
    );
    Ok(())
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
