//! Restoring: a backup becomes the ledger of a data folder that has none, whole or not at all.

use std::fs;
use std::path::Path;

use domain::time::Position;

use crate::backup::read::{Commit, read};
use crate::backup::{Progress, Step, Summary, check};
use crate::error::StoreError;
use crate::folder::DataFolder;
use crate::guard::Guard;
use crate::head::Head;
use crate::ledger::{Ledger, OpenOptions};
use crate::scan::Walk;

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
    folder.require_vacant()?;
    // Whatever is wrong with the backup is found before anything is touched.
    let summary = check(from, progress)?;
    let mut again = |progress: Progress<'_>, each: &mut Take<'_>| {
        let found = read(from, Step::Restoring, progress, &mut *each)?;
        if found == summary { Ok(()) } else { Err(super::damaged(from, "it changed while it was restored")) }
    };
    fill_folder(&summary, folder, progress, &mut again)
}

/// Reads every run of a log, and hands each on with its first position.
pub type Runs<'a> = &'a mut dyn FnMut(
    Progress<'_>,
    &mut dyn FnMut(Position, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError>;

/// Makes the ledger of a data folder from runs that are kept in another form, as [`restore`] does from a backup. They are
/// read once, and must be those of the summary.
pub fn restore_from(
    summary: &Summary,
    folder: &DataFolder,
    progress: Progress<'_>,
    runs: Runs<'_>,
) -> Result<Restored, StoreError> {
    folder.require_vacant()?;
    let mut walked = |progress: Progress<'_>, each: &mut Take<'_>| {
        let mut walk = Walk::begin(summary.ledger);
        runs(progress, &mut |first, envelopes| {
            walk.commit(first, envelopes, |_, _| Ok::<_, StoreError>(()))?;
            each(Commit { first, envelopes, head: walk.head() })
        })?;
        walk.end(&summary.head)
    };
    fill_folder(summary, folder, progress, &mut walked)
}

/// Takes one commit in.
type Take<'a> = dyn FnMut(Commit<'_>) -> Result<(), StoreError> + 'a;
/// Reads every commit, its chain checked.
type Commits<'a> = dyn FnMut(Progress<'_>, &mut Take<'_>) -> Result<(), StoreError> + 'a;

fn fill_folder(
    summary: &Summary,
    folder: &DataFolder,
    progress: Progress<'_>,
    commits: &mut Commits<'_>,
) -> Result<Restored, StoreError> {
    let was_there = folder.root().exists();
    let lock = folder.begin_restore()?;
    match fill(summary, folder, progress, commits) {
        Ok(guard) => {
            folder.finish_ledger(lock)?;
            Ok(Restored { summary: *summary, guard })
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
    summary: &Summary,
    folder: &DataFolder,
    progress: Progress<'_>,
    commits: &mut Commits<'_>,
) -> Result<Result<(), StoreError>, StoreError> {
    let ledger = Ledger::create(&folder.unfinished_ledger(), summary.ledger, &OpenOptions::default())?;
    let mut batch = Batch::new(&ledger);
    commits(progress, &mut |commit| batch.take(&commit))?;
    batch.commit()?;
    ledger.rebuild_watched(&mut |done, total| progress(Step::Rebuilding, done, total))?;
    let guard = Guard::read(&folder.guard()).and_then(|guard| guard.check(&ledger.snapshot()?));
    ledger.close()?;
    Ok(guard)
}

/// Commits of a backup that wait for their transaction.
pub(crate) struct Batch<'a> {
    ledger: &'a Ledger,
    commits: Vec<(u64, Vec<u8>)>,
    bytes: usize,
    head: Option<Head>,
}

impl<'a> Batch<'a> {
    /// None yet.
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, commits: vec![], bytes: 0, head: None }
    }

    pub(crate) fn take(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.bytes += commit.envelopes.len();
        self.commits.push((commit.first.number(), commit.envelopes.to_vec()));
        self.head = Some(commit.head);
        if self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        let Some(head) = self.head.take() else { return Ok(()) };
        self.ledger.take_in(&self.commits, &head)?;
        self.commits.clear();
        self.bytes = 0;
        Ok(())
    }
}
