//! Rows that are checked side by side, once many were read: as strictly as each alone, for a fraction of the time.

use std::ops::Range;

use super::{CHECK_BYTES, damaged};
use crate::chain::hash_each;
use crate::codec::rows::StoredRow;
use crate::error::StoreError;

/// Rows as they are stored, and after [`Abreast::check`] whether each matches its check.
#[derive(Default)]
pub(super) struct Abreast {
    /// The key and the value of each.
    bytes: Vec<u8>,
    rows: Vec<Sealed>,
}

/// A row, and where it is among the bytes.
struct Sealed {
    key: Range<usize>,
    row: Range<usize>,
    check: [u8; CHECK_BYTES],
    matches: bool,
}

/// The place of a row among those that were taken in.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

impl Abreast {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }

    pub(super) fn take_in(&mut self, key: &[u8], value: &[u8]) -> Result<Place, StoreError> {
        let (row, check) =
            value.split_last_chunk().ok_or_else(|| damaged(key, "it is shorter than its check"))?;
        let begins = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let key = begins..self.bytes.len();
        self.bytes.extend_from_slice(row);
        let row = key.end..self.bytes.len();
        self.rows.push(Sealed { key, row, check: *check, matches: false });
        Ok(Place(self.rows.len() - 1))
    }

    /// Checks every row.
    pub(super) fn check(&mut self) {
        let inputs: Vec<_> = self.rows.iter().map(|row| &self.bytes[row.key.start..row.row.end]).collect();
        for (row, hash) in self.rows.iter_mut().zip(hash_each(&inputs)) {
            row.matches = hash.0.first_chunk() == Some(&row.check);
        }
    }

    /// The row at a place, if it matches its check.
    pub(super) fn row<R: StoredRow>(&self, place: Place) -> Result<R, StoreError> {
        let sealed = &self.rows[place.0];
        let key = &self.bytes[sealed.key.clone()];
        if !sealed.matches {
            return Err(damaged(key, "it does not match its check"));
        }
        R::from_bytes(&self.bytes[sealed.row.clone()]).map_err(|error| damaged(key, &error.to_string()))
    }
}
