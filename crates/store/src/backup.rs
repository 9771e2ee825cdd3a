//! A backup: one flat file with the log exactly as stored, checked while it is written and again once it is.
//!
//! ```text
//! offset  bytes  field
//!      0     16  magic, "keyledger-backup"
//!     16      4  version, u32: 1
//!     20     16  ledger id
//!     36     48  head: position (u64), instant (i64), chain hash (32 bytes)
//!     84         commits, until the head is reached: first position (u64), length (u32), envelopes
//!            32  BLAKE3 of everything before
//! ```
//!
//! Integers are little-endian; nothing follows the hash. Views are not in it, for they are rebuilt from the
//! log, and secrets are not, for they are to be kept apart from it.

mod read;
mod restore;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::path::Path;

use domain::ids::LedgerId;

use crate::error::StoreError;
use crate::head::Head;
use crate::scan::Walk;
use crate::snapshot::Snapshot;
use crate::unfinished_file::UnfinishedFile;

pub(crate) use read::Commit;
pub use read::{beginning, check, is_backup, runs};
pub(crate) use restore::Batch;
pub use restore::{Restored, Runs, restore, restore_from};

const MAGIC: [u8; 16] = *b"keyledger-backup";
const VERSION: u32 = 1;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Of which ledger.
    pub ledger: LedgerId,
    /// Up to where.
    pub head: Head,
    /// How large its file is.
    pub bytes: u64,
}

/// What is being done, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The log is copied into a backup.
    Copying,
    /// A backup is read and checked.
    Checking,
    /// The log is copied out of a backup.
    Restoring,
    /// The views are projected anew.
    Rebuilding,
}

/// Told now and then: what is done, how many events of it, and how many there are.
pub type Progress<'a> = &'a mut dyn FnMut(Step, u64, u64);

/// Writes a backup of the snapshot, reads it back, and only then gives it its name; never over another file.
///
/// Until this returns, there is no file of that name; if it fails, nothing is left of it.
pub fn write(snapshot: &Snapshot, to: &Path, progress: Progress<'_>) -> Result<Summary, StoreError> {
    if to.symlink_metadata().is_ok() {
        return Err(StoreError::BackupExists(to.to_owned()));
    }
    let unfinished = UnfinishedFile::begin(to, "backup")?;
    let summary = write_checked(snapshot, unfinished.file(), unfinished.path(), progress)?;
    unfinished.finish().map_err(|error| {
        let (there, path) = (error.kind() == ErrorKind::AlreadyExists, to.to_owned());
        if there { StoreError::BackupExists(path) } else { StoreError::File { path, error } }
    })?;
    Ok(summary)
}

fn write_checked(
    snapshot: &Snapshot,
    file: &File,
    beside: &Path,
    progress: Progress<'_>,
) -> Result<Summary, StoreError> {
    let bytes = copy(snapshot, file, beside, progress)?;
    file.sync_all().map_err(StoreError::file(beside))?;
    let summary = Summary { ledger: snapshot.ledger(), head: snapshot.head(), bytes };
    let found = check(beside, progress)?;
    if found == summary { Ok(summary) } else { Err(damaged(beside, "it reads back otherwise than written")) }
}

/// Copies the log, its chain checked on the way. Returns how many bytes the file has.
fn copy(snapshot: &Snapshot, file: &File, path: &Path, progress: Progress<'_>) -> Result<u64, StoreError> {
    let (ledger, head) = (snapshot.ledger(), snapshot.head());
    let total = head.position.number();
    let mut out =
        Hashed { out: BufWriter::with_capacity(1 << 20, file), hash: blake3::Hasher::new(), bytes: 0 };
    let put = |out: &mut Hashed<'_>, bytes: &[u8]| out.put(bytes).map_err(StoreError::file(path));
    put(&mut out, &MAGIC)?;
    put(&mut out, &VERSION.to_le_bytes())?;
    put(&mut out, &ledger.bytes())?;
    put(&mut out, &head.to_bytes())?;
    let mut walk = Walk::begin(ledger);
    progress(Step::Copying, 0, total);
    snapshot.runs(|first, commit| {
        walk.commit(first, commit, |_, _| Ok::<_, StoreError>(()))?;
        let length = u32::try_from(commit.len()).map_err(|_| {
            StoreError::damaged(format!("the commit at position {first} has more than 4 GiB"))
        })?;
        put(&mut out, &first.number().to_le_bytes())?;
        put(&mut out, &length.to_le_bytes())?;
        put(&mut out, commit)?;
        progress(Step::Copying, walk.position().number(), total);
        Ok::<_, StoreError>(())
    })?;
    walk.end(&head)?;
    let hash = out.hash.finalize();
    put(&mut out, hash.as_bytes())?;
    out.out.flush().map_err(StoreError::file(path))?;
    Ok(out.bytes)
}

/// A file together with the hash of what went into it.
struct Hashed<'a> {
    out: BufWriter<&'a File>,
    hash: blake3::Hasher,
    bytes: u64,
}

impl Hashed<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

fn damaged(path: &Path, what: impl ToString) -> StoreError {
    StoreError::Backup { path: path.to_owned(), what: what.to_string() }
}
