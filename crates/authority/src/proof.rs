//! What the log proves of itself: checkpoints, tiles, entries, and the proof that it has an event.

use credentials::note::NoteVerifier;
use domain::Recorded;
use domain::concern::Concerned;
use domain::decide::{audits, role_of};
use domain::role::Permission;
use domain::time::Position;
use store::tlog_proof::TlogProof;
use store::tree::TreeHash;
pub use store::tree::tile::{Bundle, Tile};
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

/// What a witness is asked to sign.
#[derive(Clone, Debug)]
pub struct Submission {
    /// How many events the checkpoint covers.
    pub size: Position,
    /// The signed checkpoint.
    pub note: String,
    /// That its tree begins with the one that the witness knows.
    pub consistency: Vec<TreeHash>,
}

impl Authority {
    /// What checks the signatures of checkpoints; none, if the private key cannot be read.
    pub fn verifier_key(&self) -> Option<&NoteVerifier> {
        self.checkpoints.verifier()
    }

    /// The latest checkpoint, with the cosignatures that it has by now. It may be a second old.
    pub fn checkpoint(&self) -> Result<String, Failure> {
        let snapshot = self.snapshot()?;
        Ok(self.checkpoint_as(&snapshot, Wanted::Fresh)?.note.to_string())
    }

    /// A checkpoint that covers all that was acknowledged before this was called; signed now if need be.
    pub fn checkpoint_of_now(&self) -> Result<String, Failure> {
        let snapshot = self.snapshot()?;
        let wanted = Wanted::Covering(snapshot.head().position);
        Ok(self.checkpoint_as(&snapshot, wanted)?.note.to_string())
    }

    /// The hashes of a tile, as far as a checkpoint covers them.
    pub fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Failure> {
        let Some(kept) = self.checkpoints.kept() else { return Ok(None) };
        let snapshot = self.snapshot()?;
        if kept.checkpoint.size > snapshot.head().position {
            return Ok(None);
        }
        Ok(snapshot.tree().tile(tile, kept.checkpoint.size.number())?)
    }

    /// The entries of a bundle, each after its length (u16, big-endian), for operators and their auditors: they are of every tenant.
    pub fn entries(&self, caller: &Caller, bundle: &Bundle) -> Result<Option<Vec<u8>>, Failure> {
        let snapshot = self.snapshot()?;
        audits(&snapshot.rows(), &caller.actor, self.now())??;
        let Some(kept) = self.checkpoints.kept() else { return Ok(None) };
        let covered = kept.checkpoint.size.min(snapshot.head().position);
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
        let Kept { checkpoint, note, .. } = self.checkpoint_as(&snapshot, Wanted::Covering(position))?;
        // Another thread may have signed a newer one than this snapshot knows.
        let snapshot = if checkpoint.size > snapshot.head().position { self.snapshot()? } else { snapshot };
        let (index, size) = (position.number() - 1, checkpoint.size);
        let path = snapshot.tree().inclusion(index, size.number())?;
        let shown = match caller {
            Some(caller) => self.may_read(&snapshot, caller, &recorded)?,
            None => false,
        };
        let extra = if shown { snapshot.envelope(position)? } else { None };
        let proof = TlogProof { extra, index, path, checkpoint: note.to_string() };
        Ok(Some(Receipt { position, size, proof }))
    }

    /// What to ask a witness that knows the log up to here; none, if there is nothing new for it.
    pub fn submission(&self, known: Position) -> Result<Option<Submission>, Failure> {
        let snapshot = self.snapshot()?;
        let Kept { checkpoint, note, .. } = self.checkpoint_as(&snapshot, Wanted::Fresh)?;
        if checkpoint.size < known {
            return Ok(None);
        }
        let snapshot = if checkpoint.size > snapshot.head().position { self.snapshot()? } else { snapshot };
        let consistency = snapshot.tree().consistency(known.number(), checkpoint.size.number())?;
        Ok(Some(Submission { size: checkpoint.size, note: note.to_string(), consistency }))
    }

    /// Keeps what witnesses said of the checkpoint at this position; whether anything of it was good and new.
    pub fn cosigned(&self, size: Position, lines: &str, witnesses: &[NoteVerifier]) -> Result<bool, Failure> {
        Ok(self.checkpoints.cosigned(size, lines, witnesses)?)
    }

    fn checkpoint_as(&self, snapshot: &Snapshot, wanted: Wanted) -> Result<Kept, Failure> {
        self.checkpoints.signed(snapshot, wanted).map_err(|why| match why {
            Unsignable::Store(error) => error.into(),
            Unsignable::Lost(_)
            | Unsignable::Contradiction { .. }
            | Unsignable::Tree(_)
            | Unsignable::Key => {
                tracing::error!(code = "NO_CHECKPOINT", %why, "no checkpoint is signed");
                Failure::NoCheckpoint
            }
        })
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
