//! What differs between two states, row by row: what was added, removed or changed, and what lets somebody do more.
//!
//! States are what was folded: what ends by itself, such as a key that expires, is no difference between them.

mod access;
mod touched;
mod words;

pub use touched::touched_by;
pub use words::row_in_words;

use std::collections::BTreeSet;

use crate::facts::Value;
use crate::facts::rows::facts_of_row;
use crate::lookup::Lookup;
use crate::row::{Change, RowId, Standing};

/// A row that is not the same in both states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which row.
    pub row: RowId,
    /// The row in the first state; none, if it has none.
    pub before: Option<Change>,
    /// The row in the second state; none, if it has none.
    pub after: Option<Change>,
}

/// What became of an entity from one state to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It lives in the second state, and did not in the first: it was not there, or had ended.
    Added,
    /// It lived in the first state and does not in the second: it was revoked, removed or retired, or is not there.
    Removed,
    /// It is otherwise than it was.
    Changed,
    /// Only what follows from other rows is: a count, or who has a name.
    Derived,
}

/// A field that is not the same in both states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field.
    pub name: &'static str,
    /// What it said; nothing, too, where there was no row.
    pub before: Value<'a>,
    /// What it says; nothing, too, where there is no row.
    pub after: Value<'a>,
}

/// What differs of these rows, in their order. It costs two look-ups a row, however large the states are.
pub fn between<A: Lookup, B: Lookup<Error = A::Error>>(
    before: &A,
    after: &B,
    rows: impl IntoIterator<Item = RowId>,
) -> Result<Vec<Difference>, A::Error> {
    let rows: BTreeSet<_> = rows.into_iter().collect();
    let mut differences = vec![];
    for row in rows {
        let (before, after) = (row.read(before)?, row.read(after)?);
        if before != after {
            differences.push(Difference { row, before, after });
        }
    }
    Ok(differences)
}

impl Difference {
    /// What became of it.
    pub fn kind(&self) -> Kind {
        let lives = |row: &Option<Change>| row.as_ref().is_some_and(lives);
        match (lives(&self.before), lives(&self.after)) {
            _ if self.fields().is_empty() => Kind::Derived,
            (false, true) => Kind::Added,
            (true, false) => Kind::Removed,
            (true, true) | (false, false) => Kind::Changed,
        }
    }

    /// The fields that are not the same, in the order of the row; all of them, if it is in one state only.
    pub fn fields(&self) -> Vec<Field<'_>> {
        let only = |name, before, after| Field { name, before, after };
        match (self.before.as_ref().map(facts_of_row), self.after.as_ref().map(facts_of_row)) {
            (Some(before), Some(after)) => {
                let pairs = before.into_iter().zip(after).filter(|(before, after)| before != after);
                pairs.map(|(before, after)| only(after.name, before.value, after.value)).collect()
            }
            (None, Some(after)) => {
                after.into_iter().map(|fact| only(fact.name, Value::Nothing, fact.value)).collect()
            }
            (Some(before), None) => {
                before.into_iter().map(|fact| only(fact.name, fact.value, Value::Nothing)).collect()
            }
            (None, None) => vec![],
        }
    }

    /// Whether somebody can do more because of it. When in doubt, yes: it is asked by who looks for trouble.
    pub fn increases_access(&self) -> bool {
        self.after.as_ref().is_some_and(|after| access::increases(self.before.as_ref(), after))
    }
}

/// Whether what the row is of has not ended. Suspended and disabled things live.
fn lives(row: &Change) -> bool {
    match row {
        Change::Tenant(row) => row.standing != Standing::Removed,
        Change::User(row) => row.standing != Standing::Removed,
        Change::Membership(row) => row.standing != Standing::Removed,
        Change::ServiceAccount(row) => row.standing != Standing::Removed,
        Change::Key(row) => row.life.revoked.is_none(),
        Change::SigningKey(row) => row.retired.is_none(),
        Change::Deployment(_) | Change::Watermark(_, _) | Change::UniqueName(_, _) => true,
    }
}
