//! Rows that are checked side by side, once many were read: as strictly as each alone, for a fraction of the time.

use std::ops::Range;

use super::{CHECK_BYTES, damaged};
use crate::chain::hash_each;
use crate::codec::rows::StoredRow;
use crate::error::StoreError;

/// How many bytes of rows are checked together by whoever reads a whole table: they stay in a cache.
const TOGETHER_BYTES: usize = 48 * 1024;

/// Rows as they are stored, and after [`Abreast::check`] whether each matches its check.
#[derive(Default)]
pub(crate) struct Abreast {
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
pub(crate) struct Place(usize);

impl Abreast {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }

    pub(crate) fn take_in(&mut self, key: &[u8], value: &[u8]) -> Result<Place, StoreError> {
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
    pub(crate) fn check(&mut self) {
        let inputs: Vec<_> = self.rows.iter().map(|row| &self.bytes[row.key.start..row.row.end]).collect();
        for (row, hash) in self.rows.iter_mut().zip(hash_each(&inputs)) {
            row.matches = hash.0.first_chunk() == Some(&row.check);
        }
    }

    /// Whether there are enough of them to be checked.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= TOGETHER_BYTES
    }

    /// Checks every row, hands on each key with its row, and forgets them. The first that does not match ends it.
    pub(crate) fn hand_on<E: From<StoreError>>(
        &mut self,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check();
        for Sealed { key, row, matches, .. } in &self.rows {
            let (key, row) = (&self.bytes[key.clone()], &self.bytes[row.clone()]);
            if !matches {
                return Err(unmatched(key).into());
            }
            each(key, row)?;
        }
        self.clear();
        Ok(())
    }

    /// The row at a place, if it matches its check.
    pub(crate) fn row<R: StoredRow>(&self, place: Place) -> Result<R, StoreError> {
        let sealed = &self.rows[place.0];
        let key = &self.bytes[sealed.key.clone()];
        if !sealed.matches {
            return Err(unmatched(key));
        }
        R::from_bytes(&self.bytes[sealed.row.clone()]).map_err(|error| damaged(key, &error.to_string()))
    }
}

fn unmatched(key: &[u8]) -> StoreError {
    damaged(key, "it does not match its check")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{sealed_with_check, unsealed};

    /// A key, and its value or its row.
    type Pair = (Vec<u8>, Vec<u8>);

    fn rows() -> Vec<Pair> {
        let row = |number: u8| {
            let key = vec![number; 5 + usize::from(number) % 40];
            let row = vec![number; usize::from(number) * 7];
            let value = sealed_with_check(&key, row);
            (key, value)
        };
        (0..=255).map(row).collect()
    }

    fn checked(rows: &[Pair]) -> (Vec<Pair>, Result<(), StoreError>) {
        let (mut unchecked, mut found) = (Abreast::default(), vec![]);
        let all = rows.iter().try_for_each(|(key, value)| unchecked.take_in(key, value).map(drop));
        let all = all.and_then(|()| {
            unchecked.hand_on(|key, row| {
                found.push((key.to_vec(), row.to_vec()));
                Ok(())
            })
        });
        (found, all)
    }

    #[test]
    fn many_rows_have_the_checks_that_each_has_alone() {
        let rows = rows();
        let alone = rows.iter().map(|(key, value)| (key.clone(), unsealed(key, value).unwrap().to_vec()));
        let (found, all) = checked(&rows);
        assert!(all.is_ok());
        assert_eq!(found, alone.collect::<Vec<_>>());
    }

    #[test]
    fn a_flipped_bit_of_any_row_is_told_and_what_comes_before_it_is_good() {
        let good = rows();
        for place in (0..good.len()).step_by(17) {
            for part in 0..3 {
                let mut rows = good.clone();
                let (key, value) = &mut rows[place];
                let byte = match part {
                    0 => key.first_mut(),
                    1 => value.last_mut(),
                    _ => value.first_mut(),
                };
                *byte.unwrap() ^= 0x10;
                let (found, all) = checked(&rows);
                let error = all.unwrap_err().to_string();
                assert!(error.contains("does not match its check"), "{error}");
                assert_eq!(found.len(), place);
            }
        }
    }

    #[test]
    fn what_is_shorter_than_a_check_is_no_row() {
        assert!(Abreast::default().take_in(b"key", &[0; CHECK_BYTES - 1]).is_err());
    }
}
