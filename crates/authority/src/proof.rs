//! What the log proves of itself: checkpoints, tiles, entries, and the proof that it has an event.

use credentials::note::{Note, NoteVerifier};
use domain::Recorded;
use domain::concern::Concerned;
use domain::decide::{audits, role_of};
use domain::role::Permission;
use domain::time::Position;
use store::tlog_proof::TlogProof;
pub use store::tree::tile::{Bundle, Tile};
use store::tree::{TreeHash, Unproven, check_inclusion};
use store::{Snapshot, StoreError};

use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::checkpoints::{Kept, Unsignable, Wanted};
use crate::failure::Failure;

/// The proof that the log has an event.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Where the event is.
    pub position: Position,
    /// How many events the log has that is proved to have it.
    pub size: Position,
    /// The proof, with the event's envelope for whoever may read the event.
    pub proof: TlogProof,
}

/// The checkpoint that witnesses are asked to sign.
#[derive(Clone, Debug)]
pub struct Shown {
    /// How many events it covers.
    pub size: Position,
    /// As we signed it.
    pub note: Note,
}

impl Authority {
    /// What checks the signatures of checkpoints; none, if the private key cannot be read.
    pub fn verifier_key(&self) -> Option<&NoteVerifier> {
        self.checkpoints.verifier()
    }

    /// The latest checkpoint, which may be a second old; or one that witnesses signed, if they did so in the last seconds.
    pub fn checkpoint(&self) -> Result<String, Failure> {
        let snapshot = self.snapshot()?;
        Ok(self.checkpoints.lately(&snapshot).map_err(unsigned)?.note.to_string())
    }

    /// The latest checkpoint that witnesses signed; none, if none did yet.
    pub fn cosigned_checkpoint(&self) -> Result<Option<String>, Failure> {
        Ok(self.checkpoints.cosigned().map_err(unsigned)?.map(|kept| kept.note.to_string()))
    }

    /// A checkpoint that covers all that was acknowledged before this was called; signed now if need be.
    pub fn checkpoint_of_now(&self) -> Result<String, Failure> {
        let snapshot = self.snapshot()?;
        let wanted = Wanted::Covering(snapshot.head().position);
        Ok(self.checkpoints.signed(&snapshot, wanted).map_err(unsigned)?.note.to_string())
    }

    /// The hashes of a tile, as far as a checkpoint covers them.
    pub fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Failure> {
        // Before the snapshot, which has all that it covers.
        let covered = self.checkpoints.highest().map_err(unsigned)?.checkpoint.size;
        Ok(self.snapshot()?.tree().tile(tile, covered.number())?)
    }

    /// The entries of a bundle, each after its length (u16, big-endian), for operators and their auditors: they are of every tenant.
    pub fn entries(&self, caller: &Caller, bundle: &Bundle) -> Result<Option<Vec<u8>>, Failure> {
        audits(&self.snapshot()?.rows(), &caller.actor, self.now())??;
        let covered = self.checkpoints.highest().map_err(unsigned)?.checkpoint.size;
        let snapshot = self.snapshot()?;
        let Some((first, count)) = bundle.within(covered.number()) else { return Ok(None) };
        Ok(Some(bundled(&snapshot, first, count)?))
    }

    /// The proof that the log has the event at a position; none, if it has none there.
    pub fn receipt(&self, caller: Option<&Caller>, position: Position) -> Result<Option<Receipt>, Failure> {
        let snapshot = self.snapshot()?;
        if position == Position::START {
            return Ok(None);
        }
        let Some(recorded) = snapshot.event(position)? else { return Ok(None) };
        let covering = self.checkpoints.covering(&snapshot, position);
        let Kept { checkpoint, note, .. } = covering.map_err(unsigned)?;
        // Another thread may have signed a newer one than this snapshot knows.
        let snapshot = if checkpoint.size > snapshot.head().position { self.snapshot()? } else { snapshot };
        let (index, size) = (position.number() - 1, checkpoint.size);
        let Some(envelope) = snapshot.envelope(position)? else { return Ok(None) };
        let path = snapshot.tree().inclusion(index, size.number())?;
        // The tree is a view: what was signed is of the envelopes, and a proof must lead there.
        check_inclusion(TreeHash::of_leaf(&envelope), index, size.number(), &path, checkpoint.root)
            .map_err(|Unproven| unsigned(Unsignable::Tree(size)))?;
        let shown = match caller {
            Some(caller) => self.may_read(&snapshot, caller, &recorded)?,
            None => false,
        };
        let proof = TlogProof { extra: shown.then_some(envelope), index, path, checkpoint: note.to_string() };
        Ok(Some(Receipt { position, size, proof }))
    }

    /// The checkpoint to be shown to witnesses now: one, so that it is one that all of them sign.
    pub fn to_be_witnessed(&self) -> Result<Shown, Failure> {
        let snapshot = self.snapshot()?;
        let Kept { checkpoint, note, .. } =
            self.checkpoints.signed(&snapshot, Wanted::Fresh).map_err(unsigned)?;
        Ok(Shown { size: checkpoint.size, note })
    }

    /// That the tree of this checkpoint begins with the one that a witness knows; none, if that is a larger one.
    pub fn consistency(&self, shown: &Shown, known: Position) -> Result<Option<Vec<TreeHash>>, Failure> {
        if shown.size < known {
            return Ok(None);
        }
        let snapshot = self.snapshot()?;
        Ok(Some(snapshot.tree().consistency(known.number(), shown.size.number())?))
    }

    /// Keeps what witnesses said of this checkpoint, as far as it is good: it is the latest one that they signed, then.
    pub fn cosigned(&self, shown: &Shown, lines: &str, witnesses: &[NoteVerifier]) -> Result<(), Failure> {
        self.checkpoints.add_cosignatures(&shown.note, lines, witnesses).map_err(unsigned)
    }

    /// Whether the caller may see the event: who did it, whoever audits a tenant that it concerns, or the deployment.
    fn may_read(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        recorded: &Recorded,
    ) -> Result<bool, StoreError> {
        let (rows, now) = (snapshot.rows(), self.now());
        if audits(&rows, &caller.actor, now)?.is_ok() || recorded.metadata.actor.is(caller.key.bytes()) {
            return Ok(true);
        }
        let Some(tenant) = caller.tenant else { return Ok(false) };
        let audits = role_of(&rows, &caller.actor, tenant, Permission::Audit, now)?.is_ok();
        Ok(audits && snapshot.concerns(Concerned::Tenant(tenant), recorded.position)?)
    }
}

/// Why no checkpoint is shown: the details are for the log.
fn unsigned(why: Unsignable) -> Failure {
    match why {
        Unsignable::Store(error) => error.into(),
        Unsignable::Lost(_) | Unsignable::Contradiction { .. } | Unsignable::Tree(_) | Unsignable::Key => {
            tracing::error!(code = "NO_CHECKPOINT", %why, "no checkpoint is signed");
            Failure::NoCheckpoint
        }
    }
}

/// So many envelopes from a position on, as C2SP tlog-tiles bundles them.
pub fn bundled(snapshot: &Snapshot, first: Position, count: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![];
    for number in first.number()..first.number() + count {
        let missing = || StoreError::Damaged { what: format!("position {number} is missing") };
        let envelope = snapshot.envelope(Position::new(number))?.ok_or_else(missing)?;
        let length = u16::try_from(envelope.len()).expect("an envelope has at most 65,535 bytes");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&envelope);
    }
    Ok(bytes)
}
