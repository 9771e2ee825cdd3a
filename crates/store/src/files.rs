//! Files beside the database: written whole or not at all, and read by nobody but their owner.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Writes a new file, never over another.
pub(crate) fn create(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    let write = || {
        let beside = write_beside(path, contents)?;
        // A link, unlike a rename, takes no other file's place.
        let linked = fs::hard_link(&beside, path);
        fs::remove_file(&beside)?;
        linked?;
        sync_folder_of(path)
    };
    write().map_err(StoreError::file(path))
}

/// Puts a file in the place of the one that is there, if there is one.
pub fn replace(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    let write = || {
        fs::rename(write_beside(path, contents)?, path)?;
        sync_folder_of(path)
    };
    write().map_err(StoreError::file(path))
}

/// Makes a folder that only its owner can enter; one that is there stays as it is.
pub fn create_private_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(StoreError::file(path))
}

/// How files are made that only their owner can read.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes the name of a new file in its folder durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The contents under another name, durable, before they get their own.
fn write_beside(path: &Path, contents: &[u8]) -> io::Result<PathBuf> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = private_file().write(true).create(true).truncate(true).open(&beside)?;
    file.write_all(contents)?;
    file.sync_all()?;
    Ok(beside)
}
