//! A folder that is made whole beside its place, and only then gets its name: who is killed on the way leaves none of that name.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::files::sync_folder_of;

/// A folder of our own, beside the place that it is to take. It goes with all that is in it unless it is finished.
pub struct UnfinishedFolder {
    path: PathBuf,
    to: PathBuf,
    finished: bool,
    /// Locked as long as it is written.
    folder: File,
}

impl UnfinishedFolder {
    /// An empty one, for its owner alone. What an attempt that broke off left is taken over if it holds nothing but what is
    /// among `contents`; never what somebody planted, nor one that is being written.
    ///
    /// [`ErrorKind::AlreadyExists`] if its place is taken.
    pub fn begin(to: &Path, contents: &[&str]) -> io::Result<Self> {
        if to.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        // Without the slash that may be behind it.
        let to = to.components().as_path().to_owned();
        let mut path = to.clone().into_os_string();
        path.push(".unfinished");
        let path = PathBuf::from(path);
        let lock = match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => left_behind(&path, contents)?,
            made => {
                made?;
                locked(&path)?
            }
        };
        Ok(Self { path, to, finished: false, folder: lock })
    }

    /// Where it is until it is finished.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, durably. What is in its files and folders is for the caller to make so before.
    pub fn finish(mut self) -> io::Result<()> {
        self.folder.sync_all()?;
        fs::rename(&self.path, &self.to).map_err(|error| {
            // Somebody was quicker.
            let taken = matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory);
            if taken { ErrorKind::AlreadyExists.into() } else { error }
        })?;
        self.finished = true;
        sync_folder_of(&self.to)
    }
}

impl Drop for UnfinishedFolder {
    fn drop(&mut self) {
        if !self.finished {
            // What went wrong is told; that a leftover stays would hide it. The next attempt takes it over.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The folder of an attempt that broke off, emptied.
fn left_behind(path: &Path, contents: &[&str]) -> io::Result<File> {
    let other = || {
        let what = format!("{} is none that was left unfinished; look at it, then remove it", path.display());
        io::Error::other(what)
    };
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_dir() || seen.uid() != rustix::process::geteuid().as_raw() {
        return Err(other());
    }
    let folder = locked(path)?;
    let opened = folder.metadata()?;
    if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
        return Err(other());
    }
    folder.set_permissions(Permissions::from_mode(0o700))?;
    let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    if entries.iter().any(|entry| !contents.iter().any(|name| entry.file_name() == *name)) {
        return Err(other());
    }
    for entry in entries {
        // A link is removed, and not what it leads to.
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(folder)
}

/// Held as long as it is written.
fn locked(path: &Path) -> io::Result<File> {
    let folder = File::open(path)?;
    match folder.try_lock() {
        // Storage that locks no folders: two at once would meet each other's files, and fail.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(folder),
        Err(TryLockError::WouldBlock) => {
            let what = format!("{} is being written by another process; choose another name", path.display());
            Err(io::Error::other(what))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const CONTENTS: [&str; 2] = ["note", "parts"];

    fn begin(to: &Path) -> io::Result<UnfinishedFolder> {
        UnfinishedFolder::begin(to, &CONTENTS)
    }

    #[test]
    fn it_has_its_name_when_it_is_finished_and_never_anothers_place() {
        let scratch = tempfile::tempdir().unwrap();
        let to = scratch.path().join("whole");
        let unfinished = begin(&to).unwrap();
        fs::write(unfinished.path().join("note"), "x").unwrap();
        assert!(!to.exists());
        let error = begin(&to).err().expect("one is being written");
        assert!(error.to_string().contains("by another process"), "{error}");
        unfinished.finish().unwrap();
        assert_eq!(fs::read(to.join("note")).unwrap(), b"x");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        let taken = |to: &Path| begin(to).err().map(|error| error.kind());
        assert_eq!(taken(&to), Some(ErrorKind::AlreadyExists));
        symlink("nowhere", scratch.path().join("link")).unwrap();
        assert_eq!(taken(&scratch.path().join("link")), Some(ErrorKind::AlreadyExists));
        drop(begin(&scratch.path().join("given up").join("")));
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2, "what is given up goes");

        // Somebody was quicker.
        let late = scratch.path().join("late");
        let unfinished = begin(&late).unwrap();
        fs::create_dir(&late).unwrap();
        fs::write(late.join("mine"), "x").unwrap();
        assert_eq!(unfinished.finish().unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(&late).unwrap().count(), 1);
    }

    #[test]
    fn what_was_left_is_taken_over_and_what_was_planted_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let (to, beside) = (scratch.path().join("whole"), scratch.path().join("whole.unfinished"));
        let precious = scratch.path().join("precious");
        fs::create_dir_all(precious.join("deep")).unwrap();
        fs::create_dir_all(beside.join("parts/deep")).unwrap();
        symlink(&precious, beside.join("note")).unwrap();
        fs::set_permissions(&beside, Permissions::from_mode(0o755)).unwrap();
        let unfinished = begin(&to).unwrap();
        assert_eq!(fs::read_dir(unfinished.path()).unwrap().count(), 0);
        assert_eq!(fs::metadata(unfinished.path()).unwrap().mode() & 0o777, 0o700);
        drop(unfinished);

        symlink(&precious, &beside).unwrap();
        assert!(begin(&to).err().expect("a link").to_string().contains("look at it"));
        fs::remove_file(&beside).unwrap();
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("thesis"), "mine").unwrap();
        assert!(begin(&to).err().expect("something else").to_string().contains("look at it"));
        assert_eq!(fs::read(beside.join("thesis")).unwrap(), b"mine");
        assert!(precious.join("deep").exists());
    }
}
