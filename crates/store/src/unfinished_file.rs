//! A file that is written whole beside its place, and only then gets its name: who is killed on the way leaves none of that name.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::files::{private_file, sync_folder_of};

/// A file of our own, beside the place that it is to take. It goes unless it is finished.
pub struct UnfinishedFile {
    path: PathBuf,
    to: PathBuf,
    file: File,
    finished: bool,
}

impl UnfinishedFile {
    /// An empty one, for its owner alone. What an attempt that broke off left is taken over; never what somebody planted, nor
    /// one that is being written. `what` it is, is for whoever is told so.
    pub fn begin(to: &Path, what: &'static str) -> Result<Self, StoreError> {
        let mut path = to.as_os_str().to_owned();
        path.push(".unfinished");
        let path = PathBuf::from(path);
        let file = own(&path, what).map_err(StoreError::file(&path))?;
        Ok(Self { path, to: to.to_owned(), file, finished: false })
    }

    /// Where it is until it is finished.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is to be written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name, durably. [`ErrorKind::AlreadyExists`] if there is a file of that name: it takes no other's place.
    pub fn finish(mut self) -> io::Result<()> {
        // A link, unlike a rename, takes no other file's place. Storage without links has to do with a look.
        match fs::hard_link(&self.path, &self.to) {
            Ok(()) => fs::remove_file(&self.path)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            Err(_) if self.to.symlink_metadata().is_err() => fs::rename(&self.path, &self.to)?,
            Err(error) => return Err(error),
        }
        self.finished = true;
        sync_folder_of(&self.to)
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        if !self.finished {
            // What went wrong is told; that a leftover stays would hide it. The next attempt takes its place.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn own(path: &Path, what: &str) -> io::Result<File> {
    let file = match private_file().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => left_behind(path, what),
        opened => opened,
    }?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let error = format!("another {what} is being written there; choose another name");
            return Err(io::Error::other(error));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// The file of an attempt that broke off; never what somebody planted in its place to have it overwritten or read.
fn left_behind(path: &Path, what: &str) -> io::Result<File> {
    let planted = || {
        let error = format!("this is no unfinished {what} of yours; look at it, then remove it");
        io::Error::other(error)
    };
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Err(planted());
    }
    let file = File::options().write(true).open(path)?;
    let opened = file.metadata()?;
    let same = (opened.dev(), opened.ino()) == (seen.dev(), seen.ino());
    let ours = opened.uid() == rustix::process::geteuid().as_raw();
    if same && ours && opened.nlink() == 1 { Ok(file) } else { Err(planted()) }
}
