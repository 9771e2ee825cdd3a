//! Where a ledger's bytes are, and how they are opened: at start, and once more after a failure.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Advice, fadvise};

use crate::error::StoreError;
use crate::ledger::{Ledger, OpenOptions};

/// Where a ledger's bytes are.
#[derive(Clone, Default)]
pub enum Storage {
    /// In the data folder's file.
    #[default]
    Disk,
    /// Wherever this opens them: how faults are tested.
    Elsewhere(Arc<Opening>),
}

/// Opens a ledger wherever its bytes are, as often as it is asked to.
pub type Opening = dyn Fn(&OpenOptions) -> Result<Ledger, StoreError> + Send + Sync;

impl Storage {
    /// Opens the ledger for writing.
    pub fn open(&self, path: &Path, options: &OpenOptions) -> Result<Ledger, StoreError> {
        match self {
            Self::Disk => Ledger::open(path, options),
            Self::Elsewhere(open) => open(options),
        }
    }

    /// Opens it after a failure, when the handle before is closed: what is read from now on is what the disk has.
    pub fn open_again(&self, path: &Path, options: &OpenOptions) -> Result<Ledger, StoreError> {
        if matches!(self, Self::Disk) {
            forget_cached(path);
        }
        self.open(path, options)
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disk => "Disk",
            Self::Elsewhere(_) => "Elsewhere",
        })
    }
}

/// Asks the kernel to read the file from its disk again. After a sync that failed, it may hold pages as clean which
/// the disk never took: a commit that is read from them would not last.
fn forget_cached(path: &Path) {
    // Storage without such a cache need not heed it; a file that is gone is told of by whoever opens it next.
    if let Ok(file) = File::open(path) {
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
    }
}
