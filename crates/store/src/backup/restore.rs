//! Restoring: a backup becomes the ledger of a data folder that has none, whole or not at all.

use std::fs;
use std::path::Path;

use crate::backup::read::{Commit, read};
use crate::backup::{Progress, Step, Summary, check};
use crate::error::StoreError;
use crate::folder::DataFolder;
use crate::guard::Guard;
use crate::head::Head;
use crate::ledger::{Ledger, OpenOptions};

/// So many bytes of the log are committed at once.
const BATCH_BYTES: usize = 8 << 20;

/// What came of a restore.
#[derive(Debug)]
pub struct Restored {
    /// What the backup held, and the ledger holds now.
    pub summary: Summary,
    /// What the guard of the data folder says to it: what a start will be told.
    pub guard: Result<(), StoreError>,
}

/// Makes the ledger of a data folder from a backup. The folder may hold secrets and a guard, but no ledger.
///
/// The guard is left as it is: it is what tells that the ledger is older. If this fails, nothing is left.
pub fn restore(from: &Path, folder: &DataFolder, progress: Progress<'_>) -> Result<Restored, StoreError> {
    if folder.ledger().exists() {
        return Err(StoreError::LedgerExists(folder.root().to_owned()));
    }
    // Whatever is wrong with the backup is found before anything is touched.
    let summary = check(from, progress)?;
    let was_there = folder.root().exists();
    let lock = folder.begin_restore()?;
    match fill(from, &summary, folder, progress) {
        Ok(guard) => {
            folder.finish_ledger(lock)?;
            Ok(Restored { summary, guard })
        }
        Err(error) => {
            folder.abandon(lock);
            if !was_there {
                // It is empty, or somebody else put something there, which stays.
                let _ = fs::remove_dir(folder.root());
            }
            Err(error)
        }
    }
}

fn fill(
    from: &Path,
    summary: &Summary,
    folder: &DataFolder,
    progress: Progress<'_>,
) -> Result<Result<(), StoreError>, StoreError> {
    let ledger = Ledger::create(&folder.unfinished_ledger(), summary.ledger, &OpenOptions::default())?;
    let mut batch = Batch { ledger: &ledger, commits: vec![], bytes: 0, head: None };
    let found = read(from, Step::Restoring, progress, |commit| batch.take(&commit))?;
    batch.commit()?;
    if found != *summary {
        return Err(super::damaged(from, "it changed while it was restored"));
    }
    ledger.rebuild_watched(&mut |done, total| progress(Step::Rebuilding, done, total))?;
    let guard = Guard::read(&folder.guard()).and_then(|guard| guard.check(&ledger.snapshot()?));
    ledger.close()?;
    Ok(guard)
}

/// Commits of a backup that wait for their transaction.
struct Batch<'a> {
    ledger: &'a Ledger,
    commits: Vec<(u64, Vec<u8>)>,
    bytes: usize,
    head: Option<Head>,
}

impl Batch<'_> {
    fn take(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.bytes += commit.envelopes.len();
        self.commits.push((commit.first.number(), commit.envelopes.to_vec()));
        self.head = Some(commit.head);
        if self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let Some(head) = self.head.take() else { return Ok(()) };
        self.ledger.take_in(&self.commits, &head)?;
        self.commits.clear();
        self.bytes = 0;
        Ok(())
    }
}
