//! Opening a data folder for an audit: for reading only, beside a running server or alone.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use credentials::note::NoteVerifier;
use domain::origin::LogOrigin;
use store::checkpoint::Checkpoint;
use store::{
    DataFolder, Ledger, OpenOptions, Pages, ReadOnlyLedger, Sharing, Snapshot, StoreError, backup, secrets,
};

use crate::error::{FileKind, ReplayError, reading};
use crate::export;
use crate::prove::Signed;

/// How much memory an audit gives the database for pages: it reads most of them once.
const CACHE_BYTES: usize = 8 << 20;

/// Whether a ledger that a crash left behind may be repaired, which writes to its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repair {
    /// Change nothing; say that it needs a repair.
    #[default]
    Forbidden,
    /// Open it for writing once, as the server would; then close it and read.
    Allowed,
}

/// Says what is there instead, where there is no ledger: a file that holds a log, too, must first be made one.
pub(crate) fn require_ledger(folder: &DataFolder) -> Result<(), ReplayError> {
    let root = folder.root();
    if root.is_file() {
        let kind = if backup::is_backup(root)? {
            FileKind::Backup
        } else if is_export(root) {
            FileKind::Export
        } else {
            FileKind::Other
        };
        return Err(ReplayError::NotAFolder { path: root.to_owned(), kind });
    }
    if folder.has_ledger()? {
        return Ok(());
    }
    // The folder is what a person gave, and what `init` wants.
    Err(StoreError::NoLedger(root.to_owned()).into())
}

/// Whether a file begins like an export, of whatever version.
pub fn is_export(path: &Path) -> bool {
    matches!(export::beginning(path), Ok(_) | Err(ReplayError::Store(StoreError::Newer { .. })))
}

/// The device of a file, and its number there.
type FileId = (u64, u64);

/// Which file has this name, if one has.
fn file_id(path: &Path) -> Option<FileId> {
    path.metadata().ok().map(|file| (file.dev(), file.ino()))
}

/// Checkpoints that a log must have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// What is wrong with the one that the server kept, if it cannot be compared.
    pub(crate) unusable: Option<String>,
}

impl Known {
    /// Those that were given.
    pub(crate) fn of(checkpoints: &[Checkpoint]) -> Self {
        Self { checkpoints: checkpoints.to_vec(), unusable: None }
    }
}

/// A data folder opened for an audit.
#[derive(Clone)]
pub struct Audit {
    folder: DataFolder,
    ledger: Arc<ReadOnlyLedger>,
    /// Which file was opened.
    file: Option<FileId>,
    known: Vec<Checkpoint>,
    checking: Option<Pages>,
}

impl Audit {
    /// Opens the ledger of a data folder. Its pages are not looked at: whoever believes rows or lists without
    /// comparing them with the log asks for [`Audit::checking`].
    ///
    /// A server that shares its ledger may go on writing; one that opened it exclusively is
    /// [`StoreError::InUse`].
    pub fn open(folder: &DataFolder, repair: Repair) -> Result<Self, ReplayError> {
        require_ledger(folder)?;
        let path = folder.ledger();
        let options = OpenOptions { sharing: Sharing::SingleWriter, cache_bytes: CACHE_BYTES };
        // Before it is opened: of another one that takes its place in between, too much is said rather than nothing.
        let file = file_id(&path);
        let open = || reading(|| ReadOnlyLedger::open_unchecked(&path, &options).map_err(ReplayError::from));
        let ledger = match (open(), repair) {
            (Err(ReplayError::Store(StoreError::NeedsRepair)), Repair::Allowed) => {
                let _lock = folder.lock()?;
                reading(|| Ledger::open(&path, &options)?.close().map_err(ReplayError::from))?;
                open()?
            }
            (Err(ReplayError::Store(StoreError::NeedsRepair)), Repair::Forbidden) => {
                return Err(ReplayError::NeedsRepair { folder: folder.root().to_owned() });
            }
            (opened, _) => opened?,
        };
        Ok(Self { folder: folder.clone(), ledger: Arc::new(ledger), file, known: vec![], checking: None })
    }

    /// The same, with a checkpoint that somebody kept: a verification holds the log against it.
    #[must_use]
    pub fn against(mut self, checkpoint: Checkpoint) -> Self {
        self.known.push(checkpoint);
        self
    }

    /// The same, which looks at these pages before what is committed is read; none: at none.
    #[must_use]
    pub fn checking(self, pages: Option<Pages>) -> Self {
        Self { checking: pages, ..self }
    }

    /// The checkpoints to hold the log against: those given, and the highest that was signed, if there is one. Read before the
    /// snapshot that is compared with them: what is signed was committed before, but perhaps after an older snapshot.
    pub(crate) fn known(&self) -> Known {
        let mut known = Known::of(&self.known);
        match kept_checkpoint(&self.folder).transpose() {
            Ok(kept) => known.checkpoints.extend(kept),
            Err(what) => known.unusable = Some(what),
        }
        known
    }

    /// Under which name the highest checkpoint was signed.
    pub fn origin(&self) -> Option<LogOrigin> {
        Some(kept_checkpoint(&self.folder)?.ok()?.origin)
    }

    /// The data folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Refuses a folder whose ledger is no longer the file that was opened: nothing is appended to that one any more.
    pub(crate) fn check_same_file(&self) -> Result<(), ReplayError> {
        let path = self.folder.ledger();
        if file_id(&path) == self.file {
            return Ok(());
        }
        let what = "it is no longer the file that was opened: it was moved away, restored or written anew; begin again";
        Err(StoreError::File { path, error: io::Error::other(what) }.into())
    }

    /// Checks every page of the log and the views, as they are committed now.
    pub(crate) fn check_pages(&self) -> Result<(), ReplayError> {
        reading(|| self.ledger.checked_snapshot(Pages::All).map(drop).map_err(ReplayError::from))
    }

    /// What is committed now; a server's later commits are not in it.
    pub fn snapshot(&self) -> Result<Snapshot, ReplayError> {
        let taken = || match self.checking {
            Some(pages) => self.ledger.checked_snapshot(pages),
            None => self.ledger.snapshot(),
        };
        reading(|| taken().map_err(ReplayError::from))
    }
}

/// The highest checkpoint that was signed in a data folder, or what is wrong with its file; none: there is none. Its signature is
/// checked if the folder has the public half of the key.
pub fn kept_checkpoint(folder: &DataFolder) -> Option<Result<Checkpoint, String>> {
    let path = folder.checkpoint();
    let unusable =
        |why: &str| format!("the highest checkpoint that was signed, in {}, {why}", path.display());
    let text = match store::checkpoint::read_kept(&path) {
        Ok(text) => text?,
        Err(error) => return Some(Err(unusable(&format!("cannot be read: {error}")))),
    };
    let Ok(Signed { checkpoint, note }) = Signed::parse(&text, None) else {
        return Some(Err(unusable("is not one that the server wrote: the file was changed or damaged")));
    };
    let public = secrets::read_note_key(folder).ok().and_then(|key| key.public());
    let signed =
        |public| NoteVerifier::of_log(&checkpoint.origin, &public).is_ok_and(|key| note.check(&key).is_ok());
    Some(if public.is_none_or(signed) {
        Ok(checkpoint)
    } else {
        Err(unusable("is not signed by the key in secrets/note.key: one of the two files was changed"))
    })
}
