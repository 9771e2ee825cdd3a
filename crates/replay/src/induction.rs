//! Whether the views are what the log amounts to, in memory that does not grow with either: by induction over positions.
//!
//! What an event leaves behind follows from the rows before it (`domain::evolve`), and those are read from the views
//! themselves. If each version of a row in the views is one that an event gives so, and there are no others, the views are
//! the fold of the log: of versions that are not, one would be the first, and the rows before it right; so what its event
//! gives would be right, and another one, or none.
//!
//! That two sets are the same is seen by their [`Sum`]s. Here are those of what the log amounts to; [`Found`] has those of
//! what is there. Where they differ is not to be seen: [`Fold`](crate::fold::Fold) finds it, which keeps all rows in memory.

use std::collections::BTreeSet;

use domain::concern::{Concerned, acting_key, concerned};
use domain::row::{Change, RowId};
use domain::time::{Moment, Position};
use domain::{Model, Recorded, evolve};
use store::end_to_end::{Moved, moved};
use store::history::Marked;
use store::{Snapshot, attempt};

use crate::ahead::Ended;
use crate::found::Found;
use crate::remembered::Remembered;
use crate::sum::{Secrets, Sum};
use crate::views;

/// What the log amounts to so far.
pub(crate) struct Induction<'s> {
    secrets: &'s Secrets,
    rows: Remembered<'s>,
    sums: Sums,
}

/// Sums of all that the views hold.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Of each version its row, its position, and what it says.
    pub(crate) versions: Sum,
    /// Whom an event concerns, where it is, and of what kind.
    pub(crate) marks: Sum,
    /// Whose idempotency key, and what it was used for.
    pub(crate) attempts: Sum,
    /// What belongs to what, and what lived when.
    pub(crate) entries: Sum,
}

impl<'s> Induction<'s> {
    pub(crate) fn new(snapshot: &'s Snapshot, secrets: &'s Secrets) -> Self {
        Self { secrets, rows: Remembered::new(snapshot, Position::START), sums: Sums::default() }
    }

    /// Takes in the next event. It has enough if that leaves nothing behind, as no event does that `decide` allowed.
    pub(crate) fn take(&mut self, recorded: &Recorded) -> Result<(), Ended> {
        let Self { secrets, rows, sums } = self;
        let position = recorded.position;
        let changes = evolve(rows, recorded)?;
        if changes.is_empty() {
            return Err(Ended::Enough);
        }
        for change in views::lasting(&changes) {
            sums.version(secrets, change.row(), position, change);
        }
        let moment = Moment { position, at: recorded.recorded_at };
        for change in &changes {
            let began = matches!(change, Change::Key(row) if row.created == moment);
            let Moved { gone, new } = if began {
                // There was nothing before it, and to look for that would cost more than all the rest.
                let Ok(moved) = moved(&Model::default(), change, moment);
                moved
            } else {
                moved(rows, change, moment)?
            };
            gone.iter().for_each(|entry| sums.entries.take(secrets, entry));
            new.iter().for_each(|entry| sums.entries.add(secrets, entry));
        }
        rows.go_on(position, &changes);
        let mut whom = BTreeSet::from_iter(acting_key(&recorded.metadata.actor));
        for change in &changes {
            whom.extend(concerned(rows, change)?);
        }
        let marked = Marked { position, effect: recorded.event.effect() };
        whom.into_iter().for_each(|of| sums.mark(secrets, of, marked));
        if let Some((key, value)) = attempt(recorded) {
            sums.attempt(secrets, &key, &value);
        }
        Ok(())
    }

    /// What is not what the log amounts to. Nothing: all of it is, and there is nothing else.
    pub(crate) fn differences(&self, found: &Found) -> Vec<&'static str> {
        let Sums { versions, marks, attempts, entries } = &self.sums;
        let alike = [
            (found.sums.versions == *versions && !found.begun_twice, "the rows"),
            (found.sums.marks == *marks, "the histories"),
            (found.sums.attempts == *attempts, "the idempotency keys"),
            (found.sums.entries == *entries, "the links or lifetimes"),
            (found.lists_hold(), "the lists"),
        ];
        alike.into_iter().filter_map(|(alike, what)| (!alike).then_some(what)).collect()
    }
}

// Both sides sum up the same things in the same form.
impl Sums {
    pub(crate) fn version(&mut self, secrets: &Secrets, row: RowId, position: Position, change: &Change) {
        self.versions.add(secrets, &(row, position, change));
    }

    pub(crate) fn mark(&mut self, secrets: &Secrets, of: Concerned, marked: Marked) {
        self.marks.add(secrets, &(of, marked));
    }

    pub(crate) fn attempt(&mut self, secrets: &Secrets, key: &[u8], value: &[u8]) {
        self.attempts.add(secrets, &(key, value));
    }
}

#[cfg(test)]
mod tests;
