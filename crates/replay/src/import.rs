//! `audit import`: an export becomes the ledger of a data folder that has none, whole or not at all.

use std::path::Path;

use store::backup::{Restored, Step, Summary, restore_from};
use store::{DataFolder, StoreError};

use crate::error::ReplayError;
use crate::open::Repair;
use crate::source::Source;

/// Makes a ledger from an export. It is read whole and checked before anything is made; the folder may hold secrets and
/// a guard, as for a restored backup, and the guard is left as it is.
pub fn import(
    from: &Path,
    folder: &DataFolder,
    progress: &mut dyn FnMut(Step, u64, u64),
) -> Result<Restored, ReplayError> {
    if folder.ledger().exists() {
        return Err(StoreError::LedgerExists(folder.root().to_owned()).into());
    }
    let source = Source::open(from, Repair::Forbidden)?;
    let (ledger, head) = (source.ledger(), source.head());
    let total = head.position.number();
    let mut bytes = 0;
    source.scan(|scanned| {
        bytes += scanned.bytes as u64;
        progress(Step::Checking, scanned.recorded.position.number(), total);
        Ok::<_, ReplayError>(())
    })?;
    let summary = Summary { ledger, head, bytes };
    let mut failed = None;
    let restored = restore_from(&summary, folder, progress, &mut |progress, each| {
        let read = source.runs(&mut |first, envelopes| {
            progress(Step::Restoring, first.number(), total);
            each(first, envelopes).map_err(ReplayError::from)
        });
        read.map_err(|error| match error {
            ReplayError::Store(error) => error,
            // It changed since it was checked: told below.
            error => {
                let what = error.to_string();
                failed = Some(error);
                StoreError::Damaged { what }
            }
        })
    });
    match (restored, failed) {
        (_, Some(error)) => Err(error),
        (restored, None) => Ok(restored?),
    }
}
