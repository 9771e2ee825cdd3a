//! The open write transaction: commands are decided on it, and their events and rows written into it.

use domain::Recorded;
use domain::actor::{ActorId, Idempotency, Metadata, Way};
use domain::event::Event;
use domain::ids::RequestId;
use domain::row::Change;
use domain::time::{Position, Timestamp};
use redb::Table;

use crate::attempts::{self, Attempt};
use crate::chain;
use crate::envelope;
use crate::error::StoreError;
use crate::head::Head;
use crate::projection::Projected;
use crate::rows::Rows;
use crate::scan;
use crate::tree::TreeHash;

/// What the events of one command have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who acts.
    pub actor: ActorId,
    /// By which interface.
    pub way: Way,
    /// In which request.
    pub request: RequestId,
    /// Under which idempotency key, if any.
    pub idempotency: Option<Idempotency>,
    /// Random bytes, from which each event's salt is drawn.
    pub seed: [u8; 32],
}

/// An open write transaction. What is appended is seen by the next decision, and lasts with the commit.
pub struct Transaction<'txn> {
    pub(crate) log: Table<'txn, u64, &'static [u8]>,
    pub(crate) projected: Projected<'txn>,
    pub(crate) before: Head,
    pub(crate) head: Head,
    /// The rows of the log that this commit adds.
    pub(crate) runs: Vec<Run>,
    pub(crate) changes: Vec<Change>,
    /// Of each pending event its leaf of the tree.
    pub(crate) leaves: Vec<TreeHash>,
    pub(crate) pending: Vec<Recorded>,
}

/// A row of the log: envelopes of one commit, in order, and the position of the first.
pub(crate) struct Run {
    pub(crate) first: Position,
    pub(crate) envelopes: Vec<u8>,
}

/// The most bytes of a run of more than one envelope: three of them fill a page of the database. A longer row would
/// have pages of its own, of which the last is half empty.
const RUN_BYTES_MAX: usize = 1_352;

impl<'txn> Transaction<'txn> {
    /// State, with everything appended so far.
    pub fn rows(&self) -> Rows<'_, Table<'txn, &'static [u8], &'static [u8]>> {
        Rows::new(&self.projected.views, self.head.position)
    }

    /// The end of the log, with everything appended so far.
    pub fn head(&self) -> Head {
        self.head
    }

    /// What became of an earlier command with this idempotency key.
    pub fn attempt(&self, actor: &ActorId, wanted: &Idempotency) -> Result<Attempt, StoreError> {
        attempts::attempt(&self.projected.attempts, actor, wanted, |position| self.event(position))
    }

    /// Appends the events of one command, all or none, and projects them. Nothing lasts before the commit.
    pub fn append(
        &mut self,
        events: Vec<Event>,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Vec<Recorded>, StoreError> {
        let recorded_at = now.max(self.head.recorded_at);
        let (mut head, mut envelopes, mut recorded) = (self.head, Vec::with_capacity(events.len()), vec![]);
        let first = head.position.next();
        // Before anything is written: an event may be too large.
        for event in events {
            let position = head.position.next();
            let metadata = Metadata {
                actor: origin.actor,
                way: origin.way,
                request: origin.request,
                idempotency: origin.idempotency.clone(),
                cause: (position != first).then_some(first),
            };
            let event = Recorded { position, recorded_at, metadata, event };
            let bytes = envelope::encode(&event, salt(&origin.seed, position), head.hash)?;
            head = Head { position, recorded_at, hash: chain::hash(&bytes) };
            envelopes.push((position, bytes));
            recorded.push(event);
        }
        for event in &recorded {
            self.changes.extend(self.projected.project(event)?);
        }
        self.head = head;
        for (position, envelope) in envelopes {
            self.leaves.push(TreeHash::of_leaf(&envelope));
            self.write(position, envelope);
        }
        self.pending.extend_from_slice(&recorded);
        Ok(recorded)
    }

    /// Puts an envelope at the end of the log: into the last run of this commit, if there is room.
    fn write(&mut self, position: Position, envelope: Vec<u8>) {
        match self.runs.last_mut() {
            Some(run) if run.envelopes.len() + envelope.len() <= RUN_BYTES_MAX => {
                run.envelopes.extend_from_slice(&envelope);
            }
            Some(_) | None => self.runs.push(Run { first: position, envelopes: envelope }),
        }
    }

    /// The event at a position, committed or still pending.
    fn event(&self, position: Position) -> Result<Option<Recorded>, StoreError> {
        let Some(after) = position.number().checked_sub(self.before.position.number() + 1) else {
            return Ok(scan::find(&self.log, position)?.map(|scanned| scanned.recorded));
        };
        Ok(usize::try_from(after).ok().and_then(|index| self.pending.get(index)).cloned())
    }
}

/// Each event of a command has a salt of its own, drawn from the command's random bytes.
fn salt(seed: &[u8; 32], position: Position) -> [u8; 16] {
    let hash = blake3::keyed_hash(seed, &position.number().to_le_bytes());
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}
