//! Files beside the database: written whole or not at all, and read by nobody but their owner.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::error::StoreError;

/// So many links the kernel follows one after the other.
const LINKS_MAX: usize = 40;

/// Writes a new file, never over another. Where a symbolic link leads to nothing yet, it is made there.
pub(crate) fn create(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    let write = || {
        let path = followed(path)?;
        let beside = write_beside(&path, contents)?;
        // A link, unlike a rename, takes no other file's place.
        let linked = fs::hard_link(&beside, &path);
        fs::remove_file(&beside)?;
        linked?;
        sync_folder_of(&path)
    };
    write().map_err(StoreError::file(path))
}

/// Puts a file in the place of the one that is there, if there is one. A link stays, and what it leads to is replaced.
pub fn replace(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    let write = || {
        let path = followed(path)?;
        fs::rename(write_beside(&path, contents)?, &path)?;
        sync_folder_of(&path)
    };
    write().map_err(StoreError::file(path))
}

/// Where a name leads: whoever made a link of it wants the file elsewhere. A link that is somebody else's leads only to
/// what is theirs, so that who may write a folder cannot have others write beyond it.
pub fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        let maker = fs::symlink_metadata(&path)?.uid();
        path = folder_of(&path).join(target);
        let trusted = maker == 0 || maker == geteuid().as_raw() || surroundings(&path)?.uid() == maker;
        if !trusted {
            let why = format!("a link made by user {maker} leads to {}, which is not theirs", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    Err(Errno::LOOP.into())
}

/// Writes so many bytes to a file of this name, durably, and removes it: whether there is room for them.
pub(crate) fn try_room(path: &Path, bytes: usize) -> Result<(), StoreError> {
    let write = || -> io::Result<()> {
        let mut file = new_file(path)?;
        file.write_all(&vec![0; bytes])?;
        file.sync_all()
    };
    let written = write();
    match fs::remove_file(path) {
        // It was never made: why, is told already.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => written.as_ref().map_or(Ok(()), |()| removed).map_err(StoreError::file(path))?,
    }
    written.map_err(StoreError::file(path))
}

/// Opens a file that comes from strangers, to read it. One that is no file has no end, or never begins, as a pipe does:
/// [`io::ErrorKind::InvalidInput`].
pub fn open_regular(path: &Path) -> io::Result<File> {
    // A pipe that nobody writes to would be waited for before it could be looked at.
    let unwaiting = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(unwaiting).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file, but a folder, a pipe or a device"))
}

/// Makes a folder that only its owner can enter, and those above it that are missing; one that is there stays as it is.
pub fn create_private_folder(path: &Path) -> Result<(), StoreError> {
    private_folder(path).map_err(StoreError::file(path))
}

fn private_folder(path: &Path) -> io::Result<()> {
    let make = || DirBuilder::new().mode(0o700).create(path);
    let made = match make() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private_folder(folder_of(path))?;
            make()
        }
        made => made,
    };
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        made => made?,
    }
    // What has the name by now may be a link that somebody put there.
    let unfollowed = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed();
    let folder = OpenOptions::new().read(true).custom_flags(unfollowed).open(path)?;
    give_as(&folder, &fs::metadata(folder_of(path))?)
}

/// How files are made that only their owner can read.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Gives a new file the owner of the one whose place it takes, or else of its folder: who works on a data folder as
/// root must leave nothing there that its server cannot read.
pub(crate) fn like_its_surroundings(file: &File, path: &Path) -> io::Result<()> {
    give_as(file, &surroundings(path)?)
}

fn surroundings(path: &Path) -> io::Result<Metadata> {
    fs::metadata(path).or_else(|_| fs::metadata(folder_of(path)))
}

/// Gives a file or a folder to whoever has the other.
fn give_as(file: &File, like: &Metadata) -> io::Result<()> {
    if file.metadata()?.uid() == like.uid() {
        return Ok(());
    }
    match fchown(file, Some(like.uid()), Some(like.gid())) {
        // Only root gives files away. Somebody else's folder in which we may write is a matter of their own.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        given => given,
    }
}

/// Makes the name of a new file in its folder durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The contents under another name, durable, before they get their own.
fn write_beside(path: &Path, contents: &[u8]) -> io::Result<PathBuf> {
    let target = path;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = new_file(&beside)?;
    like_its_surroundings(&file, target)?;
    file.write_all(contents)?;
    file.sync_all()?;
    Ok(beside)
}

/// A new file of this name. What lies there was left by an attempt that broke off, or planted: a link, or a file that others may
/// read. It goes, and not what it leads to.
fn new_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    private_file().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, at(name)).unwrap();
        fs::create_dir(at("elsewhere")).unwrap();
        link("elsewhere/target", "second");
        link("second", "first");
        // Where there is nothing yet, there is a file then.
        for text in ["one", "another"] {
            replace(&at("first"), text.as_bytes()).unwrap();
            assert!(at("first").is_symlink() && at("second").is_symlink());
            assert_eq!(fs::read_to_string(at("elsewhere/target")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 1);
        link("round", "round");
        replace(&at("round"), b"").unwrap_err();
        link("missing/target", "nowhere");
        replace(&at("nowhere"), b"").unwrap_err();
        assert!(at("nowhere").is_symlink());
    }

    #[test]
    fn what_root_makes_belongs_to_whoever_has_the_folder_and_their_links_lead_to_what_is_theirs() {
        if !geteuid().is_root() {
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let owner = |name: &str| fs::symlink_metadata(at(name)).unwrap().uid();
        fs::create_dir(at("theirs")).unwrap();
        std::os::unix::fs::chown(at("theirs"), Some(12345), Some(12345)).unwrap();
        create_private_folder(&at("theirs/deep/deeper")).unwrap();
        create(&at("theirs/deep/deeper/file"), b"").unwrap();
        for name in ["theirs/deep", "theirs/deep/deeper", "theirs/deep/deeper/file"] {
            assert_eq!(owner(name), 12345, "{name}");
        }
        fs::write(at("ours"), "precious").unwrap();
        for (name, target) in [("link", at("ours")), ("good", at("theirs/kept"))] {
            let link = at("theirs").join(name);
            std::os::unix::fs::symlink(target, &link).unwrap();
            std::os::unix::fs::lchown(&link, Some(12345), Some(12345)).unwrap();
        }
        let error = replace(&at("theirs/link"), b"").unwrap_err();
        assert!(error.to_string().contains("a link made by user 12345"), "{error}");
        assert_eq!(fs::read_to_string(at("ours")).unwrap(), "precious");
        replace(&at("theirs/good"), b"theirs").unwrap();
        assert_eq!((owner("theirs/kept"), at("theirs/good").is_symlink()), (12345, true));
    }

    #[test]
    fn only_a_file_is_opened_and_nothing_is_waited_for() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        for name in ["file", "link"] {
            let mut text = String::new();
            open_regular(&at(name)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "text");
        }
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        for other in [at("pipe"), at(""), "/dev/zero".into()] {
            let error = open_regular(&other).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{}", other.display());
        }
    }
}
