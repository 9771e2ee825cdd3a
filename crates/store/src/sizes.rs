//! How many bytes each table of the ledger takes: what it stores, and what is around it.

use redb::{ReadTransaction, ReadableTableMetadata, TableStats};

use crate::error::{StoreError, database};
use crate::tables::{ATTEMPTS, HISTORIES, LIFETIMES, LINKS, LOG, META, TREE, VIEW_ROWS};

/// The bytes of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its name.
    pub name: &'static str,
    /// Keys and values.
    pub stored_bytes: u64,
    /// What the tree needs to find them.
    pub metadata_bytes: u64,
    /// What is left empty in its pages.
    pub fragmented_bytes: u64,
}

pub(crate) fn table_sizes(txn: &ReadTransaction) -> Result<Vec<TableSize>, StoreError> {
    let size = |name, stats: TableStats| TableSize {
        name,
        stored_bytes: stats.stored_bytes(),
        metadata_bytes: stats.metadata_bytes(),
        fragmented_bytes: stats.fragmented_bytes(),
    };
    Ok(vec![
        size("log", txn.open_table(LOG).map_err(database)?.stats().map_err(database)?),
        size("meta", txn.open_table(META).map_err(database)?.stats().map_err(database)?),
        size("views", txn.open_table(VIEW_ROWS).map_err(database)?.stats().map_err(database)?),
        size("links", txn.open_table(LINKS).map_err(database)?.stats().map_err(database)?),
        size("lifetimes", txn.open_table(LIFETIMES).map_err(database)?.stats().map_err(database)?),
        size("histories", txn.open_table(HISTORIES).map_err(database)?.stats().map_err(database)?),
        size("tree", txn.open_table(TREE).map_err(database)?.stats().map_err(database)?),
        size("attempts", txn.open_table(ATTEMPTS).map_err(database)?.stats().map_err(database)?),
    ])
}
