//! What can go wrong with a ledger: the disk, the bytes on it, or who else has it open.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use domain::ids::LedgerId;
use domain::time::Position;

use crate::chain::ChainHash;
use crate::codec::error::{DecodeError, EncodeError};

/// Why the ledger could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database or the disk under it failed. The handle is not to be used again.
    #[error("the ledger's database failed: {0}; stop, check the disk, and open the ledger again")]
    Database(#[from] Box<redb::Error>),
    /// The handle was closed, or failed before: whoever holds it opens the ledger again.
    #[error("the ledger was closed after a failure, and is being opened again; ask again")]
    Closed,
    /// A file beside the database could not be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// There is no ledger there.
    #[error("there is no ledger in {}; make one with: keyledger init --data {} --tenant SLUG --admin EMAIL", .0.display(), .0.display())]
    NoLedger(PathBuf),
    /// There is one there already.
    #[error("{} holds a ledger already; choose another folder, or serve this one", .0.display())]
    LedgerExists(PathBuf),
    /// The guard of a new ledger would take another's place.
    #[error("{path} is the guard of a ledger that is not here, and without it that one could not be started; put that ledger back, or restore its backup. To begin another ledger, choose another folder and another --guard; or first move {path}, {path}.checkpoint and the folder's secrets, which are that ledger's, away", path = .0.display())]
    GuardExists(PathBuf),
    /// A backup never takes another file's place.
    #[error("{} is there already, and a backup is never written over another file; choose another name", .0.display())]
    BackupExists(PathBuf),
    /// A backup that is cut short or altered, or no backup.
    #[error("{} is no whole backup: {what}; nothing was changed, so use another backup", .path.display())]
    Backup {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file of a version that only newer software can read.
    #[error(
        "{} is {kind} of version {found}, and this software reads up to version {known}; use the keyledger that wrote it, or a newer one. If none writes that version, the file was altered: use another copy",
        .path.display()
    )]
    Newer {
        /// Its file.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
        /// Its version.
        found: u64,
        /// The highest that can be read.
        known: u64,
    },
    /// Another process has it.
    #[error("the data folder is in use by another process; only one at a time can write it")]
    InUse,
    /// A read-only reader came after a crash, before the ledger was opened for writing again.
    #[error("the ledger was not closed cleanly and must first be opened by the server, which repairs it")]
    NeedsRepair,
    /// Bytes that no version of this software wrote, or that changed since.
    #[error("the ledger is damaged: {what}")]
    Damaged {
        /// What, and where.
        what: String,
    },
    /// An event that cannot be read.
    #[error("the log is damaged at position {position}: {error}")]
    Event {
        /// Where.
        position: Position,
        /// Why.
        error: DecodeError,
    },
    /// The chain does not hold.
    #[error(
        "the chain of the log is broken at position {position}: its event names {named} as the hash before it, and that is {found}"
    )]
    Chain {
        /// The first position at which it does not hold.
        position: Position,
        /// The hash that the event names.
        named: ChainHash,
        /// The hash of what is there.
        found: ChainHash,
    },
    /// What was committed and published before is not there any more.
    #[error(
        "the log does not have what was committed before, position {position} with hash {hash}: the disk lost it; restore a backup, or take the disk's own copy"
    )]
    Lost {
        /// The position.
        position: Position,
        /// The chain hash that was there.
        hash: ChainHash,
    },
    /// Views that other software wrote, or that were never finished: nothing is damaged, but they cannot be read.
    #[error(
        "the views of the ledger are of {}, and this software has version {known}; nothing is damaged: {}",
        .found.map_or("no version, for they were never finished".to_owned(), |found| format!("version {found}")),
        views_advice(*.found, *.known)
    )]
    OtherViews {
        /// Their version; none, if they were never finished.
        found: Option<u32>,
        /// The one that can be read.
        known: u32,
    },
    /// A row of a view that does not match its check, or cannot be read.
    #[error(
        "a row of the views is damaged ({what}); rebuild the views from the log with: keyledger audit rebuild --data DIR"
    )]
    Row {
        /// Which, and why.
        what: String,
    },
    /// An event too large to be recorded.
    #[error(transparent)]
    TooLarge(#[from] EncodeError),
    /// The ledger is not the one that the guard knows.
    #[error("the guard is of ledger {guard}, and this is ledger {found}; give the right --guard")]
    OtherLedger {
        /// The guard's.
        guard: LedgerId,
        /// The one opened.
        found: LedgerId,
    },
    /// The ledger is older than its guard, or another history.
    #[error(
        "the ledger was rolled back: its guard saw position {guard} with hash {guard_hash}, and the ledger {found}. A restored backup brings revoked keys back to life. If that is what you want, start once with --accept-rollback, and repeat the revocations made since that backup"
    )]
    RolledBack {
        /// The position that the guard saw.
        guard: Position,
        /// The hash that it saw there.
        guard_hash: ChainHash,
        /// What the ledger has there instead.
        found: String,
    },
    /// The ledger does not have what its own key signed.
    #[error(
        "the ledger was rolled back: a checkpoint was signed at position {signed}, and the ledger, which ends at position {head}, does not have those events; its guard went back with it. A restored backup brings revoked keys back to life. Put the newer ledger back; if {} is of another ledger, put the right file there. If the older history is what you want, start once with --accept-rollback, and repeat the revocations made since that backup",
        .path.display()
    )]
    NotAsSigned {
        /// How many events were signed.
        signed: Position,
        /// Where the ledger ends.
        head: Position,
        /// Where the checkpoint is kept.
        path: PathBuf,
    },
    /// There is no guard, or none that can be read.
    #[error("the guard {} is missing or unreadable ({why}), so nothing shows that this ledger was not rolled back; if it is kept elsewhere, give that place with --guard or --config; or else put it back. Where it is lost for good, keyledger serve goes on without it: docs/runbooks/restore.md tells how, and what that costs", .path.display())]
    NoGuard {
        /// Where it should be.
        path: PathBuf,
        /// Why it cannot be read.
        why: String,
    },
}

impl StoreError {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    /// Whether the machine failed, so that opening the ledger again may help; not what the bytes say.
    pub fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Closed | Self::File { .. })
    }

    /// Whether there was no room: of the disk, of a quota, or below a limit of this process.
    pub fn is_lack_of_room(&self) -> bool {
        let kind = if let Self::File { error, .. } = self {
            error.kind()
        } else if let Self::Database(error) = self
            && let redb::Error::Io(error) = &**error
        {
            error.kind()
        } else {
            return false;
        };
        matches!(
            kind,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |error| Self::File { path, error }
    }
}

/// Opening for writing builds older views anew, and leaves newer ones alone.
fn views_advice(found: Option<u32>, known: u32) -> &'static str {
    if found.is_some_and(|found| found > known) {
        "use the keyledger that wrote them, or a newer one"
    } else {
        "start the server on it once with this software, or stop the one that runs and use keyledger audit rebuild, either of which builds them anew from the log"
    }
}

/// Runs what reads or writes the database. Where pages were changed behind its back, it promises no more than a
/// panic, which must neither end a process without a word nor leave anybody waiting for an answer.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let why = text.unwrap_or_else(|| "it does not say why".to_owned());
        Err(StoreError::damaged(format!("work on it stopped in the middle: {why}")))
    })
}

/// Every other error of the database is one to us: what matters is in its text.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is redb's and may grow")]
pub(crate) fn database(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse,
        redb::Error::DatabaseClosed | redb::Error::PreviousIo => StoreError::Closed,
        redb::Error::RepairAborted => StoreError::NeedsRepair,
        redb::Error::Corrupted(what) => StoreError::Damaged { what },
        error => StoreError::Database(Box::new(error)),
    }
}
