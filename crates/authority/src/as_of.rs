//! As of: which moment of the log a query asks about, and what its answer then rests on.
//!
//! What somebody may see follows their rights now; what they then see is as it was at that moment, with what the clock
//! decides (an expiry, the end of a grace) decided at that moment, too.

use domain::time::{Position, Timestamp};
use store::Snapshot;
use store::snapshot::SnapshotRows;

use crate::authority::Authority;
use crate::failure::{Failure, InputError};

/// The moment that a query asks about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AsOf {
    /// This one.
    #[default]
    Now,
    /// Just after the event at this position, at the instant that it was recorded.
    Position(Position),
    /// This instant, with every event that was recorded until then.
    Instant(Timestamp),
}

/// Why there is no such moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsOfError {
    /// There was nothing yet.
    #[error("as_of: there was nothing yet: the log begins with position 1; ask for a later moment")]
    BeforeFirstEvent,
    /// Nobody knows yet.
    #[error("as_of: this instant is in the future; ask for one that has passed, or leave as_of out for now")]
    InFuture,
    /// The log does not go so far.
    #[error("as_of: the log ends at position {head}; ask for that one or an earlier one")]
    BeyondHead {
        /// Its last position.
        head: Position,
    },
    /// The second of two lies before the first.
    #[error("to: it lies before from: name the earlier moment first")]
    Backwards,
}

impl AsOfError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BeforeFirstEvent => "AS_OF_BEFORE_FIRST_EVENT",
            Self::InFuture => "AS_OF_IN_FUTURE",
            Self::BeyondHead { .. } => "AS_OF_BEYOND_HEAD",
            Self::Backwards => "AS_OF_BACKWARDS",
        }
    }
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The last event that counts.
    pub position: Position,
    /// The instant at which the clock decides.
    pub instant: Timestamp,
    /// The last event of the log when it was read.
    pub head: Position,
}

/// An answer, and what it rests on.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// The moment that it is true as of.
    pub basis: Basis,
}

/// What is committed, looked at as of a moment.
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    pub(crate) basis: Basis,
}

impl View {
    /// The rows now: what the caller may see is asked of these.
    pub(crate) fn now(&self) -> SnapshotRows<'_> {
        self.snapshot.rows()
    }

    /// The rows at the moment: what is shown is read off these.
    pub(crate) fn then(&self) -> SnapshotRows<'_> {
        self.snapshot.rows_at(self.basis.position)
    }

    /// Another moment of what is committed.
    pub(crate) fn basis_of(&self, as_of: AsOf, now: Timestamp) -> Result<Basis, Failure> {
        basis(&self.snapshot, as_of, now)
    }

    pub(crate) fn answer<T>(&self, value: T) -> Answer<T> {
        Answer { value, basis: self.basis }
    }
}

impl Authority {
    /// Which moment is meant, or why there is none.
    pub fn basis(&self, as_of: AsOf) -> Result<Basis, Failure> {
        Ok(self.view(as_of)?.basis)
    }

    pub(crate) fn view(&self, as_of: AsOf) -> Result<View, Failure> {
        let snapshot = self.snapshot()?;
        let basis = basis(&snapshot, as_of, self.now())?;
        Ok(View { snapshot, basis })
    }
}

fn basis(snapshot: &Snapshot, as_of: AsOf, now: Timestamp) -> Result<Basis, Failure> {
    let none = |error| Failure::from(InputError::AsOf(error));
    let last = snapshot.head();
    let head = last.position;
    match as_of {
        AsOf::Now => Ok(Basis { position: head, instant: now, head }),
        AsOf::Position(Position::START) => Err(none(AsOfError::BeforeFirstEvent)),
        AsOf::Position(position) => match snapshot.event(position)? {
            Some(event) => Ok(Basis { position, instant: event.recorded_at, head }),
            None => Err(none(AsOfError::BeyondHead { head })),
        },
        // A clock that went back does not make the future of what is recorded.
        AsOf::Instant(instant) if instant > now.max(last.recorded_at) => Err(none(AsOfError::InFuture)),
        AsOf::Instant(instant) => match snapshot.position_at(instant)? {
            Position::START => Err(none(AsOfError::BeforeFirstEvent)),
            position => Ok(Basis { position, instant, head }),
        },
    }
}
