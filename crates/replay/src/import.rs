//! `audit import`: an export becomes the ledger of a data folder that has none, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use store::backup::{Restored, Step, Summary, restore_from};
use store::{DataFolder, StoreError};

use crate::error::ReplayError;
use crate::open::Repair;
use crate::source::Source;

/// Makes a ledger from an export that comes as a stream, such as standard input. What comes is kept in a file of its owner's
/// alone under `scratch` until it is done, for it is read twice: nothing is made of what is not whole.
pub fn import_stream(
    mut from: impl Read,
    scratch: &Path,
    folder: &DataFolder,
    progress: &mut dyn FnMut(Step, u64, u64),
) -> Result<Restored, ReplayError> {
    folder.require_vacant()?;
    let failed = |error| ReplayError::from(StoreError::File { path: scratch.to_owned(), error });
    let mut kept = Kept::under(scratch).map_err(failed)?;
    io::copy(&mut from, &mut kept.file).map_err(failed)?;
    import(&kept.path, folder, progress).map_err(|error| of_the_stream(error, &kept.path))
}

/// A file that goes when it was read, and where that can be, when this process ends, however it does.
struct Kept {
    path: PathBuf,
    file: File,
    named: bool,
}

impl Kept {
    /// Without a name where the system lets it be opened by its descriptor (proc(5)).
    fn under(scratch: &Path) -> io::Result<Self> {
        let path = scratch.join(format!("keyledger-import-{}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut kept = Self { path, file, named: true };
        let descriptor = PathBuf::from(format!("/proc/self/fd/{}", kept.file.as_raw_fd()));
        let (opened, named) = (kept.file.metadata()?, fs::metadata(&descriptor));
        if named.is_ok_and(|named| (named.dev(), named.ino()) == (opened.dev(), opened.ino())) {
            fs::remove_file(&kept.path)?;
            (kept.path, kept.named) = (descriptor, false);
        }
        Ok(kept)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.named {
            // If it cannot be removed, that changes nothing of what was made.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Nobody knows the file by its name.
fn of_the_stream(mut error: ReplayError, kept: &Path) -> ReplayError {
    if let ReplayError::Export { path, .. }
    | ReplayError::Store(StoreError::Newer { path, .. } | StoreError::Backup { path, .. }) = &mut error
        && path == kept
    {
        *path = PathBuf::from("what came by standard input");
    }
    error
}

/// Makes a ledger from an export. It is read whole and checked before anything is made; the folder may hold secrets and
/// a guard, as for a restored backup, and the guard is left as it is.
pub fn import(
    from: &Path,
    folder: &DataFolder,
    progress: &mut dyn FnMut(Step, u64, u64),
) -> Result<Restored, ReplayError> {
    folder.require_vacant()?;
    let useless = |kind, what| {
        let error = io::Error::new(kind, what);
        Err(StoreError::File { path: from.to_owned(), error }.into())
    };
    if !from.exists() {
        return useless(io::ErrorKind::NotFound, "there is no such file; name that of an export");
    }
    if from.is_dir() && !DataFolder::at(from).has_ledger()? {
        let what = "a folder without a ledger; name the file of an export";
        return useless(io::ErrorKind::IsADirectory, what);
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
        read.map_err(|error| {
            if let ReplayError::Store(error) = error {
                return error;
            }
            // It changed since it was checked: told below.
            let what = error.to_string();
            failed = Some(error);
            StoreError::Damaged { what }
        })
    });
    match (restored, failed) {
        (_, Some(error)) => Err(error),
        (restored, None) => Ok(restored?),
    }
}
