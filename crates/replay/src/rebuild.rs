//! `audit rebuild`: throws the views away and projects them anew from the log. Not beside a running server.

use store::{DataFolder, Ledger, OpenOptions, StoreError};

use crate::error::{ReplayError, reading};

/// Rebuilds the views of a data folder in one transaction; tells how many rows they have now.
///
/// The chain is checked on the way, so that views are never built from a broken log. `progress` is called
/// now and then with how many events were read and how many there are.
pub fn rebuild(folder: &DataFolder, progress: &mut dyn FnMut(u64, u64)) -> Result<usize, ReplayError> {
    let path = folder.ledger();
    if !path.exists() {
        return Err(StoreError::NoLedger(folder.root().to_owned()).into());
    }
    reading(|| {
        let ledger = Ledger::open(&path, &OpenOptions::default())?;
        ledger.rebuild_watched(progress)?;
        let rows = ledger.snapshot()?.projected()?.len();
        ledger.close()?;
        Ok(rows)
    })
}
