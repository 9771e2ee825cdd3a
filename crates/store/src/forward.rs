//! A walk forward through a table: to a row that lies near it steps, to one that lies far it descends from the root.
//!
//! What is looked for together often lies together: keys of one tenant that were made one after the other, lifetimes of one
//! list. Any order gives the right rows; in ascending order, those that are near cost a step and not a descent.

use std::mem;
use std::ops::Bound;

use redb::{AccessGuard, Cursor, ReadableTable, Value};

use crate::error::{StoreError, database};
use crate::rows::out_of_order;

/// A row of the table: its key and its value.
type Row<'t, V> = (AccessGuard<'t, &'static [u8]>, AccessGuard<'t, V>);

/// Where a walk is: before a row, or at the end of the table.
pub(crate) struct Forward<'t, T, V: Value + 'static> {
    table: &'t T,
    cursor: Option<Cursor<'t, &'static [u8], V>>,
    /// The row before which it is: the first that is not before the key `from`.
    next: Option<Row<'t, V>>,
    from: Vec<u8>,
    steps_max: usize,
    /// How often in succession steps led nowhere, and how many descents now come without trying any. What is scattered
    /// over a table would otherwise be looked for twice.
    in_vain: u32,
    untried: u32,
    /// Descents, and rows passed.
    touched: usize,
}

impl<'t, T: ReadableTable<&'static [u8], V>, V: Value + 'static> Forward<'t, T, V> {
    /// A walk that passes so many rows on its way before it descends.
    pub(crate) fn through(table: &'t T, steps_max: usize) -> Self {
        let (cursor, next, from) = (None, None, vec![]);
        Self { table, cursor, next, from, steps_max, in_vain: 0, untried: 0, touched: 0 }
    }

    /// Goes to the first row that is not before this key.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let onward = self.cursor.is_some() && self.from.as_slice() <= key;
        if onward && self.steps_to(key)? {
            return Ok(());
        }
        self.touched += 1;
        self.cursor = Some(self.table.lower_bound(Bound::Included(key)).map_err(database)?);
        self.next = None;
        self.step()?;
        self.from.clear();
        self.from.extend_from_slice(key);
        match &self.next {
            Some((found, _)) if found.value() < key => Err(out_of_order(found.value())),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the walk is there, after a few steps if need be.
    fn steps_to(&mut self, key: &[u8]) -> Result<bool, StoreError> {
        if !self.is_before(key) {
            return Ok(true);
        }
        if self.untried > 0 {
            self.untried -= 1;
            return Ok(false);
        }
        for _ in 0..self.steps_max {
            self.step()?;
            if !self.is_before(key) {
                self.in_vain = 0;
                return Ok(true);
            }
        }
        self.in_vain = (self.in_vain + 1).min(10);
        self.untried = (1 << self.in_vain) - 1;
        Ok(false)
    }

    fn is_before(&self, key: &[u8]) -> bool {
        self.next.as_ref().is_some_and(|(found, _)| found.value() < key)
    }

    /// The row that comes next; none at the end of the table.
    pub(crate) fn row(&self) -> Option<(&[u8], V::SelfType<'_>)> {
        self.next.as_ref().map(|(key, value)| (key.value(), value.value()))
    }

    /// Passes the row that comes next.
    pub(crate) fn step(&mut self) -> Result<(), StoreError> {
        self.take().map(drop)
    }

    /// Takes the row that comes next, and passes it.
    pub(crate) fn take(&mut self) -> Result<Option<Row<'t, V>>, StoreError> {
        if let Some((passed, _)) = &self.next {
            self.touched += 1;
            // The least key behind it.
            self.from.clear();
            self.from.extend_from_slice(passed.value());
            self.from.push(0);
        }
        let next = match &mut self.cursor {
            Some(cursor) => cursor.next().map_err(database)?,
            None => None,
        };
        Ok(mem::replace(&mut self.next, next))
    }

    /// How many descents there were, and rows that were passed.
    #[cfg(test)]
    pub(crate) fn touched(&self) -> usize {
        self.touched
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadOnlyTable, ReadableDatabase as _, TableDefinition};

    use super::*;

    const TABLE: TableDefinition<'_, &[u8], ()> = TableDefinition::new("numbers");

    /// The database stays open for as long as its table is read.
    fn table(numbers: impl IntoIterator<Item = u32>) -> (Database, ReadOnlyTable<&'static [u8], ()>) {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = database.begin_write().unwrap();
        {
            let mut table = txn.open_table(TABLE).unwrap();
            for number in numbers {
                table.insert(number.to_be_bytes().as_slice(), ()).unwrap();
            }
        }
        txn.commit().unwrap();
        let table = database.begin_read().unwrap().open_table(TABLE).unwrap();
        (database, table)
    }

    fn there(walk: &Forward<'_, ReadOnlyTable<&'static [u8], ()>, ()>) -> Option<u32> {
        walk.row().map(|(key, ())| u32::from_be_bytes(key.try_into().unwrap()))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn in_any_order_the_first_row_not_before_is_found(
            numbers in prop::collection::btree_set(0_u32..3_000, 0..900),
            sought in prop::collection::vec((0_u32..3_010, 0_usize..4), 0..60),
            ascending: bool,
            steps_max in 0_usize..10,
        ) {
            let mut sought = sought;
            if ascending {
                sought.sort_unstable();
            }
            let (_database, table) = table(numbers.iter().copied());
            let mut walk = Forward::through(&table, steps_max);
            for (number, taken) in sought {
                walk.seek(&number.to_be_bytes()).unwrap();
                let mut expected = numbers.range(number..);
                for _ in 0..taken {
                    let found = walk.take().unwrap().map(|(key, _)| key.value().to_vec());
                    prop_assert_eq!(found, expected.next().map(|found| found.to_be_bytes().to_vec()));
                }
                prop_assert_eq!(there(&walk), expected.next().copied());
            }
        }
    }

    #[test]
    fn what_lies_near_costs_steps_and_what_is_scattered_one_descent_each() {
        let (_database, table) = table(0..100_000);
        let touched = |sought: &BTreeSet<u32>| {
            let mut walk = Forward::through(&table, 8);
            for number in sought {
                walk.seek(&number.to_be_bytes()).unwrap();
                assert_eq!(there(&walk), Some(*number));
            }
            walk.touched()
        };
        // One descent, and then the rows between.
        assert_eq!(touched(&(5_000..5_900).step_by(5).collect()), 1 + 179 * 5);
        // Steps are tried the first time, and then ever more rarely.
        assert_eq!(touched(&(5_000..95_000).step_by(100).collect()), 900 + 9 * 8);
    }
}
