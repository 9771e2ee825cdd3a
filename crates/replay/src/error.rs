//! Why an audit could not be done. What an audit finds wrong with a ledger is in its report instead.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use domain::ids::{KeyId, TenantId};
use domain::rejection::Entity;
use domain::time::{Position, Timestamp};
use store::StoreError;

use crate::as_of::AsOfError;
use crate::print::instant;

/// Why an audit could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The ledger could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file was left as a crash leaves it, and no server has it open.
    #[error(
        "the ledger in {} was not closed cleanly (a crash or a kill), and reading alone cannot repair it; start the server on it once, or allow this command to repair it, which writes to the file",
        .folder.display()
    )]
    NeedsRepair {
        /// The data folder.
        folder: PathBuf,
    },
    /// A file, where the command needs a data folder.
    #[error("{} is {}, and this command needs a data folder; {}", .path.display(), .kind.what(), .kind.advice(.path))]
    NotAFolder {
        /// Its path.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// The database could not walk its own pages.
    #[error(
        "the ledger's pages are damaged, and its database stopped with: {why}; stop the server and run keyledger audit rebuild, which needs the log alone; if that cannot be read either, restore a backup"
    )]
    Pages {
        /// What the database said.
        why: String,
    },
    /// There is no such moment.
    #[error(transparent)]
    AsOf(#[from] AsOfError),
    /// A file that is neither a backup nor an export, or an export that is cut short or altered.
    #[error("{} is no whole export: {what}; nothing was changed, so use another copy", .path.display())]
    Export {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No such key.
    #[error("the log knows no key {key}; its id is what audit show and audit replay list, not its secret")]
    NoSuchKey {
        /// What was asked for.
        key: KeyId,
    },
    /// It was made later than the moment asked about.
    #[error("{what} was made later, at position {position}, {}; ask for that moment or a later one", instant(*.at))]
    MadeLater {
        /// What was asked for.
        what: Entity,
        /// Where in the log it begins.
        position: Position,
        /// When that was.
        at: Timestamp,
    },
    /// No such tenant.
    #[error("the log knows no tenant {tenant}; audit replay lists the ids of all there are")]
    NoSuchTenant {
        /// What was asked for.
        tenant: TenantId,
    },
    /// What was found could not be written out.
    #[error("the listing could not be written: {0}")]
    Output(#[from] io::Error),
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// What `keyledger backup` writes.
    Backup,
    /// What `keyledger audit export` writes.
    Export,
    /// Anything else.
    Other,
}

impl FileKind {
    const fn what(self) -> &'static str {
        match self {
            Self::Backup => "a backup",
            Self::Export => "an export",
            Self::Other => "a file, and neither a backup nor an export",
        }
    }

    fn advice(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Backup => {
                format!("make one of it, with: keyledger restore --from {path} --data NEW_FOLDER")
            }
            Self::Export => {
                format!("make one of it, with: keyledger audit import --from {path} --data NEW_FOLDER")
            }
            Self::Other => "name the folder that keyledger init made".to_owned(),
        }
    }
}

/// Runs what reads the database. Where pages were changed behind its back, redb promises no more than a
/// panic, and an audit must say what it found rather than die of it.
pub fn reading<T, E: From<ReplayError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(ReplayError::Pages { why: said(&*panic) }.into()))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
