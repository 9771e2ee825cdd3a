//! The data folder: the catalogue of everything that is kept outside the ledger's tables.
//!
//! | path | contents | writer | durability | if it is lost | in a backup |
//! |---|---|---|---|---|---|
//! | `ledger.redb` | the log, its views ([`crate::tables`]) | the server's one writer thread | fsync before every reply | everything; restore a backup | yes |
//! | `guard` | ledger id, last position, its chain hash | the same, at most a second behind | replaced by rename, where a link leads | the server refuses to start without `--accept-rollback` | no: best on other storage |
//! | `guard.checkpoint` | the highest signed checkpoint, beside the guard wherever that is ([`crate::checkpoint`]) | whoever signs, before the signature leaves | replaced by rename, fsync | no more checkpoints are signed until a start with `--accept-rollback`, which makes a new key for them | no: best on other storage |
//! | `guard.checkpoint.cosigned` | the latest checkpoint that witnesses signed, beside it | the server, after a round of its witnesses | replaced by rename, fsync | the next round of witnesses makes another | no |
//! | `ledger.redb.damaged` | what `ledger.redb` was before `audit rebuild` wrote it anew ([`crate::anew`]), because pages of its views were damaged | `audit rebuild` | as it was | nothing; it is kept to be looked at | no |
//! | `ledger.probe` | zeros, for a moment | the writer, after a failure | none | nothing | no |
//! | `usage.redb` | how keys are used, refused commands, and sessions of the web UI ([`crate::usage`]) | a thread of the server, every few seconds | fsync each time; a crash loses the last seconds | past use and refusals are forgotten, and everybody signs in anew; one that is damaged is moved aside | no |
//! | a backup ([`crate::backup`]) | the log as stored, anywhere but here | `keyledger backup` | fsync, read back, then named | that backup | it is one |
//! | `secrets/pepper` | under which keys and names are digested | `init`, once | fsync | every key is refused for good | apart from the ledger |
//! | `secrets/master.key` | what private signing keys are encrypted under | `init`, once | fsync | tokens cannot be signed until a signing key is added | apart from the ledger |
//! | `secrets/subjects` | one key per subject, for its sealed texts | the writer, before the commit that needs it | fsync | the server does not start; names whose line is missing stay unreadable, and their owners get no more keys | apart from the ledger |
//! | `secrets/signing/ID` | private signing keys, encrypted | whoever adds one, before its event | fsync | tokens cannot be signed until a signing key is added | apart from the ledger |
//! | `secrets/note.key` | the key that signs checkpoints: public half, private half encrypted; `.retired` behind it, one that a rollback ended, and `.retired.2` the next | `init`, or the first start | fsync | a start warns and makes a new key, which auditors and witnesses must be told | apart from the ledger |
//! | `secrets/set-up` | the digest of the set-up link's code, and its end ([`crate::set_up`]) | a server without a tenant when it starts, and `keyledger set-up-link` | replaced by rename, fsync | the link does not work; `keyledger set-up-link` prints another | no |

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use domain::ids::SigningKeyId;
use rustix::io::Errno;

use crate::error::StoreError;
use crate::files::{create_private_folder, sync_folder_of, try_room};
use crate::guard::Guard;
use crate::ledger::{Ledger, OpenOptions, PROBE_BYTES};

/// The right to write a data folder; given up when it is dropped.
///
/// It is a lock on the folder and not on a file in it: whoever moves the ledger away under a server does not thereby take the
/// folder from it.
pub struct FolderLock {
    folder: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing alone would leave it to whatever process is just being started, and holds our files until it runs.
        let _ = self.folder.unlock();
    }
}

/// Where things are in a data folder.
#[derive(Clone, Debug)]
pub struct DataFolder {
    root: PathBuf,
    guard: Option<PathBuf>,
}

impl DataFolder {
    /// The data folder at this path, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), guard: None }
    }

    /// The same, with its guard on other storage.
    #[must_use]
    pub fn with_guard(self, guard: Option<PathBuf>) -> Self {
        Self { guard, ..self }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ledger's database file.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.redb")
    }

    /// Whether it has a ledger. Who may not look there is told so: that there is none would be a reason to make one.
    pub fn has_ledger(&self) -> Result<bool, StoreError> {
        let path = self.ledger();
        match path.metadata() {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(StoreError::File { path, error }),
        }
    }

    /// Refuses a folder that holds a ledger, and a file where a folder should be.
    pub fn require_vacant(&self) -> Result<(), StoreError> {
        if self.root.is_file() {
            let what = "a file has this name; a data folder needs another";
            return Err(StoreError::file(&self.root)(io::Error::new(ErrorKind::NotADirectory, what)));
        }
        if self.ledger().exists() { Err(StoreError::LedgerExists(self.root.clone())) } else { Ok(()) }
    }

    /// Begins to fill a new data folder: nobody else may while the lock that is returned lives. Refuses a
    /// folder that holds a ledger, or the guard of one. What an interrupted attempt left of one was never answered for, and goes.
    pub fn begin(&self) -> Result<FolderLock, StoreError> {
        let lock = self.lock_vacant()?;
        if self.has_a_guard_of_no_ledger()? {
            // First: an attempt that breaks off later must not leave the guard of a ledger that is gone.
            let guard = self.guard();
            fs::remove_file(&guard).map_err(StoreError::file(&guard))?;
        }
        self.clear_unfinished()?;
        self.close_to_others();
        Ok(lock)
    }

    /// The same for a ledger that comes from a backup: a guard may be there, and is what tells that it is older.
    pub(crate) fn begin_restore(&self) -> Result<FolderLock, StoreError> {
        let lock = self.lock_vacant()?;
        self.clear_unfinished()?;
        Ok(lock)
    }

    fn lock_vacant(&self) -> Result<FolderLock, StoreError> {
        self.require_vacant()?;
        create_private_folder(&self.root)?;
        let lock = self.lock()?;
        // Somebody else may have filled it meanwhile.
        self.require_vacant()?;
        Ok(lock)
    }

    /// Whether there is the guard of an attempt that broke off before its ledger got a name. Refuses one that may be a ledger's: one that
    /// was moved away, or is kept elsewhere, could not be started any more, and what it lost would go unnoticed.
    fn has_a_guard_of_no_ledger(&self) -> Result<bool, StoreError> {
        let path = self.guard();
        if !path.exists() {
            return Ok(false);
        }
        let ours = Guard::read(&path).is_ok_and(|guard| {
            let unfinished = Ledger::open(&self.unfinished_ledger(), &OpenOptions::default());
            let snapshot = unfinished.and_then(|unfinished| unfinished.snapshot());
            // That of a restore that broke off is a ledger's: it knows more than the backup has.
            snapshot.is_ok_and(|snapshot| Guard::of(&snapshot) == guard)
        });
        if ours { Ok(true) } else { Err(StoreError::GuardExists(path)) }
    }

    /// Begins to make the ledger's file anew, beside the one that is there.
    pub(crate) fn begin_anew(&self) -> Result<FolderLock, StoreError> {
        let lock = self.lock()?;
        self.clear_unfinished()?;
        Ok(lock)
    }

    /// Takes the folder for one process that writes it, for as long as what is returned lives. Who only reads needs no lock.
    pub fn lock(&self) -> Result<FolderLock, StoreError> {
        let folder = File::open(&self.root).map_err(StoreError::file(&self.root))?;
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse),
            // Network storage may not lock folders: the database's lock on its own file has to do.
            Err(TryLockError::Error(error)) if cannot_lock_folders(&error) => {}
            Err(TryLockError::Error(error)) => return Err(StoreError::file(&self.root)(error)),
        }
        // Another folder may have taken its place meanwhile, and a lock on the old one keeps nobody out.
        let inode = |file: io::Result<fs::Metadata>| file.map(|file| (file.dev(), file.ino())).ok();
        if inode(fs::metadata(&self.root)) != inode(folder.metadata()) {
            return Err(StoreError::InUse);
        }
        Ok(FolderLock { folder })
    }

    /// Makes a folder that was there before its owner's alone. Where we may not, the doctor tells of it.
    fn close_to_others(&self) {
        if let Ok(folder) = fs::metadata(&self.root)
            && folder.mode() & 0o077 != 0
        {
            let _ = fs::set_permissions(&self.root, Permissions::from_mode(0o700));
        }
    }

    fn clear_unfinished(&self) -> Result<(), StoreError> {
        let unfinished = self.unfinished_ledger();
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::file(unfinished)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes away what was made of a ledger that is not to be. An error that led here is worth more than ours.
    pub(crate) fn abandon(&self, lock: FolderLock) {
        let _ = fs::remove_file(self.unfinished_ledger());
        drop(lock);
    }

    /// Where a new ledger is made, before [`DataFolder::finish_ledger`] gives it its name.
    pub fn unfinished_ledger(&self) -> PathBuf {
        self.root.join("ledger.redb.unfinished")
    }

    /// Gives a new ledger its name, durably. Before this line there is none.
    pub fn finish_ledger(&self, lock: FolderLock) -> Result<(), StoreError> {
        let (unfinished, ledger) = (self.unfinished_ledger(), self.ledger());
        let rename = || {
            fs::rename(&unfinished, &ledger)?;
            sync_folder_of(&ledger)
        };
        let renamed = rename().map_err(StoreError::file(&ledger));
        drop(lock);
        renamed
    }

    /// Gives the ledger's file, whose views are damaged, a second name that is free, and tells it: whatever takes its
    /// place, it is not lost.
    pub(crate) fn set_aside(&self) -> Result<PathBuf, StoreError> {
        let ledger = self.ledger();
        for number in 1.. {
            let aside = self.root.join(match number {
                1 => "ledger.redb.damaged".to_owned(),
                number => format!("ledger.redb.damaged.{number}"),
            });
            match fs::hard_link(&ledger, &aside) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let inode = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
                    // A crash came between the two names.
                    if inode(&aside).map_err(StoreError::file(&aside))?
                        == inode(&ledger).map_err(StoreError::file(&ledger))?
                    {
                        return Ok(aside);
                    }
                }
                linked => return linked.map(|()| aside.clone()).map_err(StoreError::file(aside)),
            }
        }
        unreachable!("there are more numbers than files")
    }

    /// Whether there is room beside the ledger for what a large batch writes.
    pub fn try_room(&self) -> Result<(), StoreError> {
        try_room(&self.root.join("ledger.probe"), PROBE_BYTES)
    }

    /// The guard's file.
    pub fn guard(&self) -> PathBuf {
        self.guard.clone().unwrap_or_else(|| self.root.join("guard"))
    }

    /// The file of the highest signed checkpoint, beside the guard.
    pub fn checkpoint(&self) -> PathBuf {
        let mut path = self.guard().into_os_string();
        path.push(".checkpoint");
        path.into()
    }

    /// The file of the latest checkpoint that witnesses signed, beside it.
    pub fn cosigned_checkpoint(&self) -> PathBuf {
        let mut path = self.checkpoint().into_os_string();
        path.push(".cosigned");
        path.into()
    }

    /// The file of use and refusals.
    pub fn usage(&self) -> PathBuf {
        self.root.join("usage.redb")
    }

    /// The folder of secrets; readable by its owner only.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The pepper's file.
    pub fn pepper(&self) -> PathBuf {
        self.secrets().join("pepper")
    }

    /// The master key's file.
    pub fn master_key(&self) -> PathBuf {
        self.secrets().join("master.key")
    }

    /// The file of the key that signs checkpoints.
    pub fn note_key(&self) -> PathBuf {
        self.secrets().join("note.key")
    }

    /// The file of the set-up link's code.
    pub fn set_up(&self) -> PathBuf {
        self.secrets().join("set-up")
    }

    /// The file of subjects' keys.
    pub fn subjects(&self) -> PathBuf {
        self.secrets().join("subjects")
    }

    /// The file of one private signing key.
    pub fn signing_key(&self, id: SigningKeyId) -> PathBuf {
        self.secrets().join("signing").join(id.to_string())
    }
}

/// As NFS says it, which takes a lock on a file that is open for writing only, and as storage without locks does.
fn cannot_lock_folders(error: &io::Error) -> bool {
    let known = [Errno::BADF, Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL];
    Errno::from_io_error(error).is_some_and(|errno| known.contains(&errno))
}
