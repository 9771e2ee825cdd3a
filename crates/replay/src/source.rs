//! Where a log is read from: a data folder, also beside a running server; a backup; an export.

use std::path::{Path, PathBuf};

use domain::Model;
use domain::ids::LedgerId;
use domain::time::Position;
use store::head::Head;
use store::scan::{FromEnvelope, Gathering, Scanned, Walk};
use store::{DataFolder, Pages, Snapshot, StoreError, backup};

use crate::ahead::{Ended, Hand, read_ahead};
use crate::behind::Behind;
use crate::error::{ReplayError, reading};
use crate::export;
use crate::names::Names;
use crate::open::{Audit, Repair};
use crate::rows::RowsAt;

/// A log that can be read from its beginning, as often as is wanted.
pub struct Source {
    kept: Kept,
    ledger: LedgerId,
    head: Head,
}

/// Takes a run of envelopes, with the position of its first.
type EachRun<'a, E> = &'a mut dyn FnMut(Position, &[u8]) -> Result<(), E>;

/// How a log is kept.
enum Kept {
    Folder(Box<(Audit, Snapshot)>),
    Backup(PathBuf),
    Export(PathBuf),
}

impl Source {
    /// Opens a data folder, or the file of a backup or an export. Of a file, only its beginning is read.
    pub fn open(path: &Path, repair: Repair) -> Result<Self, ReplayError> {
        if path.is_file() {
            Self::of_file(path)
        } else {
            Self::of(Audit::open(&DataFolder::at(path), repair)?)
        }
    }

    /// The same for whoever believes the rows of a data folder, which the log's chain does not prove: the pages that hold them
    /// are checked. A file has no rows.
    pub fn open_with_rows(path: &Path, repair: Repair) -> Result<Self, ReplayError> {
        if path.is_file() {
            return Self::of_file(path);
        }
        Self::of(Audit::open(&DataFolder::at(path), repair)?.checking(Some(Pages::OfRows)))
    }

    fn of_file(path: &Path) -> Result<Self, ReplayError> {
        let path = path.to_owned();
        if backup::is_backup(&path)? {
            let (ledger, head) = backup::beginning(&path)?;
            return Ok(Self { kept: Kept::Backup(path), ledger, head });
        }
        let (ledger, head) = export::beginning(&path)?;
        Ok(Self { kept: Kept::Export(path), ledger, head })
    }

    /// What a data folder holds now; a server's later commits are not in it.
    pub fn of(audit: Audit) -> Result<Self, ReplayError> {
        let snapshot = audit.snapshot()?;
        let (ledger, head) = (snapshot.ledger(), snapshot.head());
        // Once is enough: whoever follows the log looks at it again and again.
        let audit = audit.checking(None);
        Ok(Self { kept: Kept::Folder(Box::new((audit, snapshot))), ledger, head })
    }

    /// The ledger's id.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The end of the log, as it is noted where it is kept. Reading up to there proves it.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The data folder, if it is one.
    pub fn audit(&self) -> Option<&Audit> {
        match &self.kept {
            Kept::Folder(folder) => Some(&folder.0),
            Kept::Backup(_) | Kept::Export(_) => None,
        }
    }

    /// What is read of the data folder, if it is one.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match &self.kept {
            Kept::Folder(folder) => Some(&folder.1),
            Kept::Backup(_) | Kept::Export(_) => None,
        }
    }

    /// The keys of the folder's names. A file holds none: its texts stay sealed.
    pub fn names(&self) -> Names {
        self.audit().map_or_else(Names::sealed, |audit| Names::read(audit.folder()))
    }

    /// Every event in order, its chain checked; ends at the first thing wrong. Each is handed on once the next one, or the end of
    /// the log, has named its hash.
    pub fn scan<E: From<StoreError> + From<ReplayError>>(
        &self,
        mut each: impl FnMut(Scanned) -> Result<(), E>,
    ) -> Result<(), E> {
        self.exactly(|scanned, _| each(scanned))
    }

    /// The same, with the rows after each event.
    pub fn follow_rows<E: From<StoreError> + From<ReplayError>>(
        &self,
        mut each: impl FnMut(Scanned, &RowsAt<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(snapshot) = self.snapshot() {
            return self.scan(|scanned| {
                let rows = RowsAt::Views(snapshot.rows_at(scanned.recorded.position));
                each(scanned, &rows)
            });
        }
        let mut model = Model::default();
        self.scan(|scanned| {
            model.record(&scanned.recorded);
            each(scanned, &RowsAt::Folded(&model))
        })
    }

    /// The same, with the bytes of each envelope as they are kept.
    pub fn exactly<E: From<StoreError> + From<ReplayError>>(
        &self,
        each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.proved(each)
    }

    /// The same, whatever is to be read of each envelope.
    pub(crate) fn proved<R: FromEnvelope + Send, E: From<ReplayError>>(
        &self,
        each: impl FnMut(R, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let read = |hand: Hand<'_, R>| {
            let mut behind = Behind::default();
            self.walk(&mut |one, envelope| behind.take(one, envelope, &mut *hand))?;
            behind.end(hand)
        };
        read_ahead(read, each)
    }

    /// The same as they come: each before the next one has named its hash, for whoever says where something is wrong.
    pub(crate) fn as_they_come<R: FromEnvelope + Send, E: From<ReplayError>>(
        &self,
        each: impl FnMut(R, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        read_ahead(|hand| self.walk(hand), each)
    }

    /// Every event in order, its chain checked, on this thread.
    fn walk<R: FromEnvelope>(&self, hand: Hand<'_, R>) -> Result<(), Ended> {
        let mut gathering = Gathering::of(Walk::begin(self.ledger));
        let read = self.runs(&mut |first, envelopes| gathering.commit(first, envelopes, &mut *hand));
        match read {
            Ok(()) => gathering.end(&self.head, hand),
            // What was read before it may be good.
            Err(error) => gathering.rest(hand).and(Err(error)),
        }
    }

    /// Runs of envelopes with their first positions, as they are kept. Nothing is checked but what the file itself says.
    pub(crate) fn runs<E: From<StoreError> + From<ReplayError>>(&self, run: EachRun<'_, E>) -> Result<(), E> {
        reading(|| match &self.kept {
            Kept::Folder(folder) => folder.1.runs(run),
            Kept::Backup(path) => backup::runs(path, run),
            Kept::Export(path) => export::runs(path, run),
        })
    }
}
