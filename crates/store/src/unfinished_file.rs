//! A file that is written whole beside its place, and only then gets its name: who is killed on the way leaves none of that name.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

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
        match renameat_with(CWD, &self.path, CWD, &self.to, RenameFlags::NOREPLACE) {
            // Storage that renames only over whatever is there, as NFS does.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => by_a_link(&self.path, &self.to)?,
            renamed => renamed?,
        }
        self.finished = true;
        sync_folder_of(&self.to)
    }
}

/// A link takes no other file's place either, but whoever is killed behind it leaves both names.
fn by_a_link(path: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(path, to) {
        Ok(()) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // Storage without links has to do with a look.
        Err(_) if to.symlink_metadata().is_err() => fs::rename(path, to),
        Err(error) => Err(error),
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn it_has_its_name_when_it_is_finished_and_never_anothers_place() {
        let ways: [fn(UnfinishedFile) -> io::Result<()>; 2] = [
            UnfinishedFile::finish,
            // Where nothing better is to be had; what it leaves behind goes.
            |unfinished| by_a_link(&unfinished.path, &unfinished.to),
        ];
        for finish in ways {
            let scratch = tempfile::tempdir().unwrap();
            let to = scratch.path().join("whole");
            let names = || fs::read_dir(scratch.path()).unwrap().count();
            let unfinished = UnfinishedFile::begin(&to, "export").unwrap();
            unfinished.file().write_all(b"first").unwrap();
            assert!(!to.exists());
            finish(unfinished).unwrap();
            assert_eq!((fs::read(&to).unwrap(), names()), (b"first".to_vec(), 1));

            let late = UnfinishedFile::begin(&to, "export").unwrap();
            assert_eq!(finish(late).unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert_eq!((fs::read(&to).unwrap(), names()), (b"first".to_vec(), 1));

            // A link that leads nowhere is a name that is taken, too.
            fs::remove_file(&to).unwrap();
            std::os::unix::fs::symlink("nowhere", &to).unwrap();
            let late = UnfinishedFile::begin(&to, "export").unwrap();
            assert_eq!(finish(late).unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert_eq!(names(), 1);
        }
    }
}
