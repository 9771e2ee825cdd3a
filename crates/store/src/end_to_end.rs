//! The views from end to end: every version of every row, every event of every history, every entry, as they lie in their
//! tables.
//!
//! Whoever reads all of a table is spared the search for each of its rows, and the checks of many rows cost less together.

use domain::Lookup;
use domain::concern::Concerned;
use domain::row::{Change, Key, RowId};
use domain::time::{Moment, Position};
use redb::{ReadOnlyTable, ReadableTableMetadata};

use crate::codec::rows::StoredRow;
use crate::codec::rows::key::KeyVersion;
use crate::error::{StoreError, database};
use crate::history::{Marked, marks};
use crate::lifetimes;
use crate::projection::link;
use crate::rows::{Abreast, damaged, out_of_order};
use crate::snapshot::Snapshot;
use crate::tables::{RowKey, parse_block};

/// A version of a row, as it lies in the views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The row under whose key it lies.
    pub row: RowId,
    /// Where it began.
    pub position: Position,
    /// What it says.
    pub change: Change,
}

impl Snapshot {
    /// Every version of every row: those of one row one after the other, in the order of their positions. Keys come last.
    pub fn each_version<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Version) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut begun = None;
        each_checked(&self.views, |key, row| {
            let (of, position) = RowKey::parse(key).ok_or_else(|| out_of_order(key))?;
            let change = change(&of, key, row, &mut begun)?;
            each(Version { row: of.id(), position, change })
        })
    }

    /// Every event of every history: whom it concerns, where it is, and of what kind.
    pub fn each_mark<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Concerned, Marked) -> Result<(), E>,
    ) -> Result<(), E> {
        each_checked(&self.histories, |key, block| {
            let (of, first) = parse_block(key).ok_or_else(|| out_of_order(key))?;
            marks(first, block)?.into_iter().try_for_each(|marked| each(of, marked))
        })
    }

    /// Every idempotency key that was used, as it lies in its table: whose and which, digested, and what it was used for.
    pub fn each_attempt<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for row in self.attempts.range::<&[u8]>(..).map_err(database)? {
            let (key, value) = row.map_err(database)?;
            each(key.value(), value.value())?;
        }
        Ok(())
    }

    /// How many rows are projected, in all tables, as the database notes it.
    pub fn rows_projected(&self) -> Result<u64, StoreError> {
        let Self { views, histories, tree, attempts, links, lifetimes, .. } = self;
        let rows = [views, histories, tree, attempts].map(ReadableTableMetadata::len);
        let marks = [links, lifetimes].map(ReadableTableMetadata::len);
        rows.into_iter().chain(marks).sum::<Result<_, _>>().map_err(database)
    }

    /// Every link, and every place of a lifetime.
    pub fn each_entry<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        for (of, table) in [(Entries::Links, &self.links), (Entries::Lifetimes, &self.lifetimes)] {
            for row in table.range::<&[u8]>(..).map_err(database)? {
                each(Entry { of, key: row.map_err(database)?.0.value().to_vec() })?;
            }
        }
        Ok(())
    }
}

/// A table that has keys and nothing beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entries {
    /// What belongs to what.
    Links,
    /// What lived when.
    Lifetimes,
}

/// What stands in such a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// In which one.
    pub of: Entries,
    /// Its key.
    pub key: Vec<u8>,
}

/// What a changed row takes from such tables, and what it puts there.
pub struct Moved {
    /// What was there, and is no more.
    pub gone: Vec<Entry>,
    /// What is there now, and was not.
    pub new: Vec<Entry>,
}

/// What a changed row does there. `before` are the rows before the event.
pub fn moved<L: Lookup>(before: &L, change: &Change, moment: Moment) -> Result<Moved, L::Error> {
    let lifetimes::Moved { gone, new } = lifetimes::moved(before, change, moment)?;
    let place = |key| Entry { of: Entries::Lifetimes, key };
    let mut moved =
        Moved { gone: gone.into_iter().map(place).collect(), new: new.into_iter().map(place).collect() };
    // A link stays: it is put there again by who joins again, and by each change of a key that has an end.
    let linked = match change {
        Change::Membership(row) => before.membership(row.tenant, row.user)?.is_some(),
        Change::Key(row) => before.key(row.id)?.is_some_and(|before| before.has_end()),
        Change::ServiceAccount(_)
        | Change::Deployment(_)
        | Change::Tenant(_)
        | Change::User(_)
        | Change::SigningKey(_)
        | Change::Watermark(_, _)
        | Change::UniqueName(_, _) => false,
    };
    if let (Some(link), false) = (link(change, moment.position), linked) {
        moved.new.push(Entry { of: Entries::Links, key: link.bytes() });
    }
    Ok(moved)
}

/// What a version of a row says. `begun` is the first row of the key that was read last.
fn change(of: &RowKey, key: &[u8], row: &[u8], begun: &mut Option<Key>) -> Result<Change, StoreError> {
    fn read<R: StoredRow>(key: &[u8], row: &[u8]) -> Result<R, StoreError> {
        R::from_bytes(row).map_err(|error| damaged(key, &error.to_string()))
    }
    Ok(match of {
        RowKey::Deployment => Change::Deployment(read(key, row)?),
        RowKey::Tenant(_) => Change::Tenant(read(key, row)?),
        RowKey::User(_) => Change::User(read(key, row)?),
        RowKey::Membership(_, _) => Change::Membership(read(key, row)?),
        RowKey::ServiceAccount(_) => Change::ServiceAccount(read(key, row)?),
        RowKey::SigningKey(_) => Change::SigningKey(read(key, row)?),
        RowKey::Watermark(target) => Change::Watermark(*target, read(key, row)?),
        RowKey::UniqueName(name) => Change::UniqueName(*name, read(key, row)?),
        RowKey::Key(id) => Change::Key(match read(key, row)? {
            KeyVersion::Begun(first) => begun.insert(*first).clone(),
            KeyVersion::Changed(changed) => {
                let first = begun.as_ref().filter(|begun| begun.id == *id);
                let first = first.filter(|begun| begun.created.position == changed.created);
                let missing = || damaged(key, "the first row, which it names, is not there");
                changed.whole(first.ok_or_else(missing)?.clone())
            }
        }),
    })
}

/// Hands on each key and the row in its value; the check of each is verified, many at once.
fn each_checked<E: From<StoreError>>(
    table: &ReadOnlyTable<&'static [u8], &'static [u8]>,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut unchecked = Abreast::default();
    for row in table.range::<&[u8]>(..).map_err(database)? {
        let (key, value) = row.map_err(database)?;
        unchecked.take_in(key.value(), value.value())?;
        if unchecked.is_full() {
            unchecked.hand_on(&mut each)?;
        }
    }
    unchecked.hand_on(each)
}
