//! Throwing the views away and projecting them anew, also when pages of theirs are damaged, so that the file cannot be opened for
//! writing any more: then the log is copied into a new file, which takes the place of the old one once it is whole.

use std::path::PathBuf;

use redb::ReadableDatabase as _;

use crate::error::{StoreError, caught, database};
use crate::folder::DataFolder;
use crate::ledger::{Ledger, OpenOptions, Sharing, opened_file};
use crate::pages::{self, Checked};
use crate::rebuilt::copy_log;
use crate::snapshot::Log;

/// What a rebuild made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many rows there are now.
    pub rows: u64,
    /// Where the damaged file is kept, if the ledger had to be written anew.
    pub kept: Option<PathBuf>,
}

/// Throws the views of a data folder away and projects them anew from its log, whose chain is checked on the way. Not beside a
/// running server. Tells now and then how many events are projected, and how many there are.
pub fn rebuild(folder: &DataFolder, progress: &mut dyn FnMut(u64, u64)) -> Result<Rebuilt, StoreError> {
    let path = folder.ledger();
    // Before anything is opened for writing: the database would look at damaged pages to mend them.
    match pages::check_closed(&opened_file(&path)?)? {
        Checked::Wrong(found) | Checked::Endless(found) => write_anew(folder, found, progress),
        Checked::Sound | Checked::Unknown => {
            let _lock = folder.lock()?;
            let ledger = Ledger::open(&path, &OpenOptions::default())?;
            let rows = projected(&ledger, progress)?;
            ledger.close()?;
            Ok(Rebuilt { rows, kept: None })
        }
    }
}

fn projected(ledger: &Ledger, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, StoreError> {
    ledger.rebuild_watched(progress)?;
    ledger.snapshot()?.rows_projected()
}

/// Copies the log into a new file, and puts that in the place of the old one, which gets another name. A crash on the
/// way leaves the old one, or both.
fn write_anew(
    folder: &DataFolder,
    found: StoreError,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Rebuilt, StoreError> {
    let lock = folder.begin_anew()?;
    match copied(folder, found, progress) {
        Ok((rows, old)) => {
            let kept = folder.set_aside()?;
            folder.finish_ledger(lock)?;
            // Until here nobody could open the old one for writing.
            drop(old);
            Ok(Rebuilt { rows, kept: Some(kept) })
        }
        Err(error) => {
            folder.abandon(lock);
            Err(error)
        }
    }
}

/// Makes the new file, whole and durable; tells how many rows it has, and still holds the old one.
fn copied(
    folder: &DataFolder,
    found: StoreError,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(u64, redb::ReadOnlyDatabase), StoreError> {
    let path = folder.ledger();
    let options = OpenOptions { sharing: Sharing::Exclusive, ..OpenOptions::default() };
    let opened = caught(|| options.builder().open_read_only(&path).map_err(database));
    let old = match opened {
        Ok(old) => old,
        Err(StoreError::InUse) => return Err(StoreError::InUse),
        // It cannot be read even so: what was found first says more.
        Err(_) => return Err(found),
    };
    let file = opened_file(&path)?;
    let of_the_log = |name: &str| ["log", "meta"].contains(&name);
    match pages::Committed::read(&file)?.check(&file, &of_the_log)? {
        Checked::Wrong(error) | Checked::Endless(error) => return Err(error),
        Checked::Sound | Checked::Unknown => {}
    }
    let rows = caught(|| {
        let log = Log::take(&old.begin_read().map_err(database)?)?;
        let ledger = Ledger::create(&folder.unfinished_ledger(), log.ledger(), &OpenOptions::default())?;
        copy_log(&log, &ledger)?;
        let rows = projected(&ledger, progress)?;
        ledger.close()?;
        Ok(rows)
    })?;
    Ok((rows, old))
}
