//! Compacting: every table written anew in the order of its keys, so that its pages are full, and the rest given back.
//!
//! A table that grew by keys between others has pages half empty. The database moves pages together, but does not
//! look into them.

use domain::time::Position;
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, Value, WriteTransaction,
};

use crate::envelope;
use crate::error::{StoreError, database};
use crate::tables::{ATTEMPTS, HISTORIES, LIFETIMES, LINKS, LOG, TREE, VIEW_ROWS};

/// What a page of the database holds of one row of the log.
const FULL_RUN_BYTES: usize = 4_096 - 16;

/// Compacts the file. A crash on the way leaves it as it was, or compacted in part; what it says never changes.
pub(crate) fn compact(file: &mut Database, txn: WriteTransaction) -> Result<(), StoreError> {
    let before = file.begin_read().map_err(database)?;
    refill_log(&before, &txn)?;
    refill(&before, &txn, VIEW_ROWS)?;
    refill(&before, &txn, LINKS)?;
    refill(&before, &txn, LIFETIMES)?;
    refill(&before, &txn, HISTORIES)?;
    refill(&before, &txn, TREE)?;
    refill(&before, &txn, ATTEMPTS)?;
    txn.commit().map_err(database)?;
    drop(before);
    // One pass moves what it can; the next may find more, once those pages are free.
    while file.compact().map_err(database)? {}
    Ok(())
}

/// The log's envelopes are put together until they fill a page: there is no need to know any more where a commit ended.
fn refill_log(before: &ReadTransaction, txn: &WriteTransaction) -> Result<(), StoreError> {
    let runs = before.open_table(LOG).map_err(database)?;
    txn.delete_table(LOG).map_err(database)?;
    let mut refilled = txn.open_table(LOG).map_err(database)?;
    let (mut first, mut full) = (Position::START.next(), Vec::new());
    for run in runs.iter().map_err(database)? {
        let (number, envelopes) = run.map_err(database)?;
        let (mut position, mut rest) = (Position::new(number.value()), envelopes.value());
        while !rest.is_empty() {
            let (one, after) =
                envelope::split_first(rest).map_err(|error| StoreError::Event { position, error })?;
            if !full.is_empty() && full.len() + one.len() > FULL_RUN_BYTES {
                refilled.insert(first.number(), full.as_slice()).map_err(database)?;
                (first, full) = (position, Vec::new());
            }
            full.extend_from_slice(one);
            (position, rest) = (position.next(), after);
        }
    }
    if !full.is_empty() {
        refilled.insert(first.number(), full.as_slice()).map_err(database)?;
    }
    Ok(())
}

fn refill<K: Key + 'static, V: Value + 'static>(
    before: &ReadTransaction,
    txn: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), StoreError> {
    let rows = before.open_table(table).map_err(database)?;
    txn.delete_table(table).map_err(database)?;
    let mut refilled = txn.open_table(table).map_err(database)?;
    for row in rows.iter().map_err(database)? {
        let (key, value) = row.map_err(database)?;
        refilled.insert(key.value(), value.value()).map_err(database)?;
    }
    Ok(())
}
