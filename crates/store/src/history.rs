//! Histories: where in the log the events are that concern a tenant, a user, a service account or a key.

use std::ops::RangeInclusive;

use domain::concern::Concerned;
use domain::time::Position;
use redb::{Range, ReadableTable};

use crate::error::{StoreError, database};
use crate::tables::{Link, history_of};

/// Positions in ascending order, read one by one; from the other end, too.
pub struct History<'t> {
    prefix: Vec<u8>,
    links: Range<'t, &'static [u8], ()>,
}

impl<'t> History<'t> {
    /// The positions within the range.
    pub(crate) fn read(
        table: &'t impl ReadableTable<&'static [u8], ()>,
        of: Concerned,
        range: &RangeInclusive<Position>,
    ) -> Result<Self, StoreError> {
        let first = Link::Event(of, *range.start()).bytes();
        let last = Link::Event(of, *range.end()).bytes();
        // The database takes a range that ends before it begins for a mistake.
        let links = if range.is_empty() {
            table.range(first.as_slice()..first.as_slice())
        } else {
            table.range(first.as_slice()..=last.as_slice())
        };
        Ok(Self { prefix: history_of(of), links: links.map_err(database)? })
    }

    fn position_in(&self, link: Found<'_>) -> Result<Position, StoreError> {
        let (key, _) = link.map_err(database)?;
        let end = key.value().strip_prefix(self.prefix.as_slice()).and_then(|end| end.try_into().ok());
        let malformed = || StoreError::Row { what: "a link to an event".into() };
        end.map(|end| Position::new(u64::from_be_bytes(end))).ok_or_else(malformed)
    }
}

type Found<'t> =
    redb::Result<(redb::AccessGuard<'t, &'static [u8]>, redb::AccessGuard<'t, ()>), redb::StorageError>;

impl Iterator for History<'_> {
    type Item = Result<Position, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let link = self.links.next()?;
        Some(self.position_in(link))
    }
}

impl DoubleEndedIterator for History<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let link = self.links.next_back()?;
        Some(self.position_in(link))
    }
}
