//! The checks of many rows at once. One is the beginning of BLAKE3 over the key and the row behind it; side by side, as those
//! of envelopes ([`crate::chain`]), they cost less.

use crate::chain::hash_each;
use crate::error::StoreError;
use crate::rows::{CHECK_BYTES, damaged};

/// How many bytes of rows are checked together: they stay in a cache.
const TOGETHER_BYTES: usize = 48 * 1024;

/// Rows that wait for their check.
#[derive(Default)]
pub(crate) struct Unchecked {
    /// Each key, and its row behind it.
    bytes: Vec<u8>,
    /// Where each row begins, and where it ends.
    rows: Vec<(usize, usize)>,
    checks: Vec<[u8; CHECK_BYTES]>,
}

impl Unchecked {
    /// Puts a row there, as it lies in its table.
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let short = || damaged(key, "it is shorter than its check");
        let (row, check) = value.split_last_chunk::<CHECK_BYTES>().ok_or_else(short)?;
        self.bytes.extend_from_slice(key);
        let begins = self.bytes.len();
        self.bytes.extend_from_slice(row);
        self.rows.push((begins, self.bytes.len()));
        self.checks.push(*check);
        Ok(())
    }

    /// Whether there are enough of them.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= TOGETHER_BYTES
    }

    /// Hands on each key and its row, and forgets them. The first that does not match its check ends it.
    pub(crate) fn check<E: From<StoreError>>(
        &mut self,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let begins = std::iter::once(0).chain(self.rows.iter().map(|(_, end)| *end));
        let both: Vec<&[u8]> =
            begins.zip(&self.rows).map(|(begin, (_, end))| &self.bytes[begin..*end]).collect();
        let mut begin = 0;
        for ((hash, check), (row, end)) in hash_each(&both).iter().zip(&self.checks).zip(&self.rows) {
            let (key, row) = (&self.bytes[begin..*row], &self.bytes[*row..*end]);
            if hash.0.first_chunk() != Some(check) {
                return Err(damaged(key, "it does not match its check").into());
            }
            each(key, row)?;
            begin = *end;
        }
        self.bytes.clear();
        self.rows.clear();
        self.checks.clear();
        Ok(())
    }
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
        let (mut unchecked, mut found) = (Unchecked::default(), vec![]);
        let all = rows.iter().try_for_each(|(key, value)| unchecked.push(key, value));
        let all = all.and_then(|()| {
            unchecked.check(|key, row| {
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
        assert!(Unchecked::default().push(b"key", &[0; CHECK_BYTES - 1]).is_err());
    }
}
