//! Many rows of one kind at a position: one walk finds them, and their checks are computed side by side.
//!
//! What the walk does not find by itself, a descent for it alone has the last word on.

use std::{slice, vec};

use domain::Lookup as _;
use domain::ids::{KeyId, ServiceAccountId};
use domain::row::{Key, ServiceAccount};
use domain::time::Position;
use redb::ReadableTable;

use super::abreast::{Abreast, Place};
use super::{POSITION_BYTES, Rows};
use crate::codec::rows::key::KeyVersion;
use crate::error::StoreError;
use crate::forward::Forward;
use crate::tables::RowKey;

/// How many are read before they are checked: several times what a processor works on side by side.
const AT_ONCE: usize = 64;
/// How many rows of others are passed on the way to the next: together they cost what a descent does.
const STEPS_MAX: usize = 8;
/// How many versions are walked through before the newest is descended to.
const VERSIONS_WALKED_MAX: usize = 8;

/// The keys with some ids, one after the other.
pub struct Keys<'r, 't, T> {
    rows: &'r Rows<'t, T>,
    ids: slice::Chunks<'r, KeyId>,
    walk: Walk<'t, T>,
    found: vec::IntoIter<(KeyId, Result<Found, StoreError>)>,
}

/// The service accounts with some ids, one after the other.
pub struct ServiceAccounts<'r, 't, T> {
    rows: &'r Rows<'t, T>,
    ids: slice::Chunks<'r, ServiceAccountId>,
    walk: Walk<'t, T>,
    found: vec::IntoIter<(ServiceAccountId, Result<Found, StoreError>)>,
}

impl<'r, 't, T: ReadableTable<&'static [u8], &'static [u8]>> Keys<'r, 't, T> {
    pub(super) fn of(rows: &'r Rows<'t, T>, ids: &'r [KeyId]) -> Self {
        Self { rows, ids: ids.chunks(AT_ONCE), walk: Walk::of(rows), found: vec![].into_iter() }
    }

    fn key(&self, id: KeyId, found: Found) -> Result<Option<Key>, StoreError> {
        let (first, newest) = match found {
            Found::Nothing => return Ok(None),
            Found::Elsewhere => return self.rows.key(id),
            Found::Versions { first, newest } => (first, newest),
        };
        let version = self.walk.read.row(newest.unwrap_or(first))?;
        let changed = match version {
            KeyVersion::Begun(key) => return Ok(Some(*key)),
            KeyVersion::Changed(changed) => changed,
        };
        match self.walk.read.row(first)? {
            KeyVersion::Begun(begun) if begun.created.position == changed.created => {
                Ok(Some(changed.whole(*begun)))
            }
            KeyVersion::Begun(_) | KeyVersion::Changed(_) => self.rows.whole_key(id, changed).map(Some),
        }
    }
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Iterator for Keys<'_, '_, T> {
    type Item = Result<Option<Key>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.found.len() == 0 {
            self.found = self.walk.find(self.ids.next()?, RowKey::Key);
        }
        let (id, found) = self.found.next()?;
        Some(found.and_then(|found| self.key(id, found)))
    }
}

impl<'r, 't, T: ReadableTable<&'static [u8], &'static [u8]>> ServiceAccounts<'r, 't, T> {
    pub(super) fn of(rows: &'r Rows<'t, T>, ids: &'r [ServiceAccountId]) -> Self {
        Self { rows, ids: ids.chunks(AT_ONCE), walk: Walk::of(rows), found: vec![].into_iter() }
    }
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Iterator for ServiceAccounts<'_, '_, T> {
    type Item = Result<Option<ServiceAccount>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.found.len() == 0 {
            self.found = self.walk.find(self.ids.next()?, RowKey::ServiceAccount);
        }
        let (id, found) = self.found.next()?;
        Some(found.and_then(|found| match found {
            Found::Nothing => Ok(None),
            Found::Elsewhere => self.rows.service_account(id),
            Found::Versions { first, newest } => self.walk.read.row(newest.unwrap_or(first)).map(Some),
        }))
    }
}

/// A walk through the views, and the rows that were read on it and are checked together.
struct Walk<'t, T> {
    at: Position,
    forward: Forward<'t, T, &'static [u8]>,
    read: Abreast,
}

/// What the walk found of something.
enum Found {
    /// Its first row, and its newest if that is another.
    Versions { first: Place, newest: Option<Place> },
    /// It began later.
    Nothing,
    /// It is to be looked for by itself.
    Elsewhere,
}

impl<'t, T: ReadableTable<&'static [u8], &'static [u8]>> Walk<'t, T> {
    fn of(rows: &Rows<'t, T>) -> Self {
        Self { at: rows.at, forward: Forward::through(rows.table, STEPS_MAX), read: Abreast::default() }
    }

    /// Finds each of these, and checks what it found.
    fn find<I: Copy>(
        &mut self,
        ids: &[I],
        key: fn(I) -> RowKey,
    ) -> vec::IntoIter<(I, Result<Found, StoreError>)> {
        self.read.clear();
        let found: Vec<_> = ids.iter().map(|id| (*id, self.find_one(&key(*id)))).collect();
        self.read.check();
        found.into_iter()
    }

    fn find_one(&mut self, key: &RowKey) -> Result<Found, StoreError> {
        let key = key.at(Position::START);
        let of = &key[..key.len() - POSITION_BYTES];
        self.forward.seek(&key)?;
        match self.version(of) {
            None => return Ok(Found::Elsewhere),
            Some(position) if position > self.at => return Ok(Found::Nothing),
            Some(_) => {}
        }
        let (first, mut newest) = (self.forward.take()?, None);
        let mut walked = 1;
        while self.version(of).is_some_and(|position| position <= self.at) {
            if walked == VERSIONS_WALKED_MAX {
                return Ok(Found::Elsewhere);
            }
            newest = self.forward.take()?;
            walked += 1;
        }
        let Some((key, value)) = first else { return Ok(Found::Elsewhere) };
        let first = self.read.take_in(key.value(), value.value())?;
        let newest = newest.map(|(key, value)| self.read.take_in(key.value(), value.value())).transpose()?;
        Ok(Found::Versions { first, newest })
    }

    /// Where the version began that comes next, if it is of this.
    fn version(&self, of: &[u8]) -> Option<Position> {
        let (key, _) = self.forward.row()?;
        let (found, position) = key.split_last_chunk::<POSITION_BYTES>()?;
        (found == of).then(|| Position::new(u64::from_be_bytes(*position)))
    }
}
