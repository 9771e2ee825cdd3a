//! The ledger: the one file whose log is the truth. Opening, transacting, taking snapshots, rebuilding.

use std::fs::File;
use std::io::ErrorKind;
use std::mem;
use std::path::Path;

use domain::Recorded;
use domain::ids::LedgerId;
use domain::row::Change;
use domain::time::Position;
use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase,
    ReadableTable, StorageBackend, WriteTransaction,
};

use crate::compact::compact;
use crate::error::{StoreError, caught, database};
use crate::files::{like_its_surroundings, private_file};
use crate::head::Head;
use crate::pages::{self, Backend, Checked, Source};
use crate::projection::Projected;
use crate::sizes::{TableSize, table_sizes};
use crate::snapshot::{Log, Snapshot};
use crate::tables::{
    ATTEMPTS, HEAD, HISTORIES, LEDGER, LIFETIMES, LINKS, LOG, META, OF_ROWS, PROBE, TREE, VIEW_ROWS, VIEWS,
    VIEWS_VERSION,
};
use crate::transaction::Transaction;
use crate::tree::TreeHash;

/// What a probe writes: about as much as a full batch does.
pub(crate) const PROBE_BYTES: usize = 1 << 20;

/// How many leaves a rebuild adds to the tree together.
const LEAVES_AT_ONCE: usize = 4_096;

/// Whether other processes may read the ledger while this one writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// One writer; the audit tool may read beside it. Needs byte-range locks.
    #[default]
    SingleWriter,
    /// Nobody else, by a lock on the whole file.
    Exclusive,
}

/// How to open a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Whether other processes may read it.
    pub sharing: Sharing,
    /// Memory for pages of the file. Reading the log at the start fills it; the inner pages of the trees, and the
    /// last leaves, are all that writing comes back to.
    pub cache_bytes: usize,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { sharing: Sharing::default(), cache_bytes: 64 << 20 }
    }
}

impl OpenOptions {
    pub(crate) fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes);
        builder.set_concurrency_mode(match self.sharing {
            Sharing::SingleWriter => ConcurrencyMode::SingleWriter,
            Sharing::Exclusive => ConcurrencyMode::ExclusiveWriter,
        });
        builder
    }

    /// Opens for writing what was found to be so. Where anything is in doubt, the database checks all of it
    /// once more, which takes longer: it alone knows whether somebody else was writing.
    fn open(
        &self,
        checked: Checked,
        open: impl FnOnce(Builder) -> Result<Database, DatabaseError>,
    ) -> Result<Database, StoreError> {
        if let Checked::Endless(found) = checked {
            return Err(found);
        }
        let mut builder = self.builder();
        builder.set_check_integrity_on_open(!matches!(checked, Checked::Sound));
        caught(|| open(builder).map_err(database)).map_err(|error| match (checked, error) {
            (Checked::Wrong(found), StoreError::Damaged { .. }) => found,
            (_, error) => error,
        })
    }
}

/// A ledger, open for writing. There is one such handle to a ledger at a time.
pub struct Ledger {
    database: Database,
}

/// What a committed transaction did.
#[derive(Debug)]
pub struct Committed {
    /// The events, in order.
    pub recorded: Vec<Recorded>,
    /// The rows they changed, in order.
    pub changes: Vec<Change>,
    /// The end of the log now.
    pub head: Head,
}

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// Nothing of it lasts.
    #[error(transparent)]
    Aborted(#[from] StoreError),
    /// The commit was begun and failed: it may last or not. Open the ledger again to find out.
    #[error("the outcome of a commit is unknown: {0}")]
    Unknown(StoreError),
}

impl Ledger {
    /// Makes a ledger without events at a path where there is nothing.
    pub fn create(path: &Path, ledger: LedgerId, options: &OpenOptions) -> Result<Self, StoreError> {
        if path.exists() {
            return Err(StoreError::LedgerExists(path.parent().unwrap_or(path).to_owned()));
        }
        // The database takes an empty file for a new one; it must be its owner's alone from the first byte on.
        let file = private_file().write(true).create_new(true).open(path).map_err(StoreError::file(path))?;
        like_its_surroundings(&file, path.parent().unwrap_or(path)).map_err(StoreError::file(path))?;
        let database = options.builder().create(path).map_err(database)?;
        Self { database }.initialised(ledger)
    }

    /// The same on any storage: how faults are tested.
    pub fn create_on(
        backend: impl StorageBackend,
        ledger: LedgerId,
        options: &OpenOptions,
    ) -> Result<Self, StoreError> {
        let database = options.builder().create_with_backend(backend).map_err(database)?;
        Self { database }.initialised(ledger)
    }

    /// Opens a ledger for writing; repairs the file after a crash; rebuilds views of another version.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        let checked = pages::check_closed(&opened_file(path)?)?;
        let database = options.open(checked, |builder| builder.open(path))?;
        caught(|| Self { database }.opened())
    }

    /// The same on any storage.
    pub fn open_on(backend: impl StorageBackend, options: &OpenOptions) -> Result<Self, StoreError> {
        let storage = Backend(backend);
        let checked = pages::check_closed(&storage)?;
        let database = options.open(checked, |builder| builder.create_with_backend(storage.0))?;
        caught(|| Self { database }.opened())
    }

    /// What is committed now.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::take(&self.database.begin_read().map_err(database)?)
    }

    /// Runs the work on one write transaction and commits what it appended; nothing, if it fails.
    ///
    /// Before the commit returns, nothing happened; after it, the events are facts.
    pub fn transact<R>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<R, StoreError>,
    ) -> Result<(R, Committed), TransactError> {
        let (txn, result, committed) = caught(|| self.append(work))?;
        if committed.recorded.is_empty() {
            txn.abort().map_err(database)?;
        } else {
            caught(|| txn.commit().map_err(database)).map_err(TransactError::Unknown)?;
        }
        Ok((result, committed))
    }

    /// Runs the work on a write transaction, and writes down what it appended.
    fn append<R>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<R, StoreError>,
    ) -> Result<(WriteTransaction, R, Committed), StoreError> {
        let txn = self.begin()?;
        let (result, committed) = {
            let mut meta = txn.open_table(META).map_err(database)?;
            let head = head(&meta)?;
            let mut transaction = Transaction {
                log: txn.open_table(LOG).map_err(database)?,
                projected: projected(&txn)?,
                before: head,
                head,
                runs: vec![],
                changes: vec![],
                leaves: vec![],
                pending: vec![],
            };
            let result = work(&mut transaction)?;
            let Transaction { mut log, mut projected, before, head, runs, changes, leaves, pending } =
                transaction;
            for run in &runs {
                log.insert(run.first.number(), run.envelopes.as_slice()).map_err(database)?;
            }
            if !pending.is_empty() {
                projected.grow(before.position, leaves)?;
                meta.insert(HEAD, head.to_bytes().as_slice()).map_err(database)?;
            }
            (result, Committed { recorded: pending, changes, head })
        };
        Ok((txn, result, committed))
    }

    /// Throws the views away and projects them anew from the log, in one transaction.
    pub fn rebuild(&self) -> Result<(), StoreError> {
        self.rebuild_watched(&mut |_, _| {})
    }

    /// The same; tells now and then how many events are projected, and how many there are.
    pub fn rebuild_watched(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let log = Log::take(&self.database.begin_read().map_err(database)?)?;
        let total = log.head().position.number();
        let txn = self.begin()?;
        txn.delete_table(VIEW_ROWS).map_err(database)?;
        txn.delete_table(LINKS).map_err(database)?;
        txn.delete_table(LIFETIMES).map_err(database)?;
        txn.delete_table(HISTORIES).map_err(database)?;
        txn.delete_table(TREE).map_err(database)?;
        txn.delete_table(ATTEMPTS).map_err(database)?;
        {
            let mut projected = projected(&txn)?;
            let (mut grown, mut leaves) = (Position::START, vec![]);
            log.scan_envelopes(|scanned, envelope| {
                progress(scanned.recorded.position.number(), total);
                leaves.push(TreeHash::of_leaf(envelope));
                if leaves.len() == LEAVES_AT_ONCE {
                    projected.grow(grown, mem::take(&mut leaves))?;
                    grown = scanned.recorded.position;
                }
                projected.project(&scanned.recorded).map(drop)
            })?;
            projected.grow(grown, leaves)?;
            let mut meta = txn.open_table(META).map_err(database)?;
            meta.insert(VIEWS, VIEWS_VERSION.to_le_bytes().as_slice()).map_err(database)?;
        }
        txn.commit().map_err(database)
    }

    /// Takes in commits of a backup as they are, and what the head is after them; views are rebuilt later.
    /// Only for a ledger that has no name yet, so that nobody sees it half filled.
    pub(crate) fn take_in(&self, commits: &[(u64, Vec<u8>)], head: &Head) -> Result<(), StoreError> {
        let txn = self.begin()?;
        {
            let mut log = txn.open_table(LOG).map_err(database)?;
            for (first, envelopes) in commits {
                log.insert(*first, envelopes.as_slice()).map_err(database)?;
            }
            let mut meta = txn.open_table(META).map_err(database)?;
            meta.insert(HEAD, head.to_bytes().as_slice()).map_err(database)?;
        }
        txn.commit().map_err(database)
    }

    /// How many bytes each table takes.
    pub fn table_sizes(&self) -> Result<Vec<TableSize>, StoreError> {
        table_sizes(&self.database.begin_read().map_err(database)?)
    }

    /// Writes every table anew with full pages and gives the rest of the file back. Nobody else may read meanwhile; it
    /// takes as much room again until it is done.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        let txn = self.begin()?;
        compact(&mut self.database, txn)
    }

    /// Whether this handle can be written through. One that failed once, be it under a reader, cannot.
    pub fn check_handle(&self) -> Result<(), StoreError> {
        self.begin()?.abort().map_err(database)
    }

    /// Commits as many bytes as a large batch has, and takes them back: whether there is room, and a disk that takes
    /// them. No event comes of it.
    pub fn probe(&self) -> Result<(), StoreError> {
        let txn = self.begin()?;
        txn.open_table(META)
            .map_err(database)?
            .insert(PROBE, vec![0; PROBE_BYTES].as_slice())
            .map_err(database)?;
        txn.commit().map_err(database)?;
        let txn = self.begin()?;
        txn.open_table(META).map_err(database)?.remove(PROBE).map_err(database)?;
        txn.commit().map_err(database)
    }

    /// Closes the file; the next opening need not repair it.
    pub fn close(self) -> Result<(), StoreError> {
        self.database.close().map_err(database)
    }

    fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut txn = self.database.begin_write().map_err(database)?;
        // Names are chosen by strangers, and the file's own checksum is no cryptographic one.
        txn.set_two_phase_commit(true);
        Ok(txn)
    }

    fn initialised(self, ledger: LedgerId) -> Result<Self, StoreError> {
        let txn = self.begin()?;
        {
            let mut meta = txn.open_table(META).map_err(database)?;
            meta.insert(LEDGER, ledger.bytes().as_slice()).map_err(database)?;
            meta.insert(HEAD, Head::genesis(ledger).to_bytes().as_slice()).map_err(database)?;
            meta.insert(VIEWS, VIEWS_VERSION.to_le_bytes().as_slice()).map_err(database)?;
            txn.open_table(LOG).map_err(database)?;
            projected(&txn)?;
        }
        txn.commit().map_err(database)?;
        Ok(self)
    }

    /// The views must be of our version, and the head what the log ends with.
    fn opened(self) -> Result<Self, StoreError> {
        let version = views_version(&self.database.begin_read().map_err(database)?)?;
        if version.is_some_and(|version| version > VIEWS_VERSION) {
            return Err(other_views(version));
        }
        if version != Some(VIEWS_VERSION) {
            self.rebuild()?;
        }
        check_head(&self.snapshot()?)?;
        Ok(self)
    }
}

/// A ledger opened for reading only, beside a running server or alone.
pub struct ReadOnlyLedger {
    database: ReadOnlyDatabase,
    source: Box<dyn Source>,
}

impl ReadOnlyLedger {
    /// Opens without changing anything, and checks every page of what is committed. After a crash the server must
    /// have opened the file first.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        let ledger = Self::open_unchecked(path, options)?;
        ledger.checked_snapshot(Pages::All)?;
        Ok(ledger)
    }

    /// The same without looking at the pages: for whoever reads the log alone, whose chain is checked on the way,
    /// or compares everything with it. Rows and lists may lie, where a page was changed behind the database's back.
    pub fn open_unchecked(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        let source = opened_file(path)?;
        let database = caught(|| options.builder().open_read_only(path).map_err(database))?;
        Self { database, source: Box::new(source) }.of_our_version()
    }

    /// The same as [`ReadOnlyLedger::open`] on any storage, of which the two are openings.
    pub fn open_on<B: StorageBackend>(backends: [B; 2], options: &OpenOptions) -> Result<Self, StoreError> {
        let ledger = Self::open_unchecked_on(backends, options)?;
        ledger.checked_snapshot(Pages::All)?;
        Ok(ledger)
    }

    /// The same as [`ReadOnlyLedger::open_unchecked`] on any storage.
    pub fn open_unchecked_on<B: StorageBackend>(
        backends: [B; 2],
        options: &OpenOptions,
    ) -> Result<Self, StoreError> {
        let [backend, source] = backends;
        let opened = caught(|| options.builder().open_read_only_with_backend(backend).map_err(database));
        Self { database: opened?, source: Box::new(Backend(source)) }.of_our_version()
    }

    /// Views of another version cannot be read, and reading alone cannot rebuild them.
    fn of_our_version(self) -> Result<Self, StoreError> {
        match caught(|| views_version(&self.database.begin_read().map_err(database)?))? {
            Some(VIEWS_VERSION) => Ok(self),
            other => Err(other_views(other)),
        }
    }

    /// What is committed now.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        caught(|| self.held())
    }

    /// The same once its pages were checked, beside a writer, too.
    pub fn checked_snapshot(&self, pages: Pages) -> Result<Snapshot, StoreError> {
        caught(|| {
            let mut damage = None;
            for _ in 0..HEADER_READS {
                // While a state is held, none of its pages is written over.
                let (held, committed) = self.held_and_read()?;
                let checked = match pages {
                    Pages::All => committed.check_all(self.source.as_ref()),
                    Pages::OfRows => committed.check(self.source.as_ref(), &|name| OF_ROWS.contains(&name)),
                };
                damage = match checked {
                    Ok(Checked::Sound) => return Ok(held),
                    // There is no other check that does not write.
                    Ok(Checked::Unknown) => Some(pages::unknown()),
                    Ok(Checked::Wrong(error) | Checked::Endless(error)) | Err(error) => Some(error),
                };
            }
            Err(damage.unwrap_or_else(pages::unknown))
        })
    }

    /// A state, and where the file says that its pages are: the same before it was held and after. Beside a busy writer that takes
    /// more than one look; the last is taken as it is, and may be a little older than what is checked.
    fn held_and_read(&self) -> Result<(Snapshot, pages::Committed), StoreError> {
        let read = || pages::Committed::read(self.source.as_ref());
        let (mut before, mut looks) = (read()?, 0);
        loop {
            let (held, after) = (self.held()?, read()?);
            looks += 1;
            if after == before || looks == LOOKS_MAX {
                return Ok((held, after));
            }
            before = after;
        }
    }

    fn held(&self) -> Result<Snapshot, StoreError> {
        Snapshot::take(&self.database.begin_read().map_err(database)?)
    }
}

/// Which pages are looked at before what they say is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Those of the log and of everything that is derived from it.
    All,
    /// Those of rows, and of lists of them: for whoever looks these up, and of the log reads only what its chain proves.
    OfRows,
}

/// How often damage must be seen. A writer may write the header just while it is read; not so often in a row.
const HEADER_READS: usize = 3;
/// How many states in a row may each be followed by another before it was held.
const LOOKS_MAX: usize = 1_000;

pub(crate) fn opened_file(path: &Path) -> Result<File, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(no_ledger(path)),
        Err(error) => Err(StoreError::file(path)(error)),
    }
}

fn no_ledger(path: &Path) -> StoreError {
    StoreError::NoLedger(path.parent().unwrap_or(path).to_owned())
}

fn projected(txn: &WriteTransaction) -> Result<Projected<'_>, StoreError> {
    Ok(Projected {
        views: txn.open_table(VIEW_ROWS).map_err(database)?,
        links: txn.open_table(LINKS).map_err(database)?,
        lifetimes: txn.open_table(LIFETIMES).map_err(database)?,
        histories: txn.open_table(HISTORIES).map_err(database)?,
        tree: txn.open_table(TREE).map_err(database)?,
        attempts: txn.open_table(ATTEMPTS).map_err(database)?,
    })
}

fn head(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Head, StoreError> {
    let head = meta.get(HEAD).map_err(database)?;
    Head::from_bytes(head.ok_or_else(|| StoreError::damaged("the file names no head"))?.value())
}

/// The version of the views in the file; none, if they were never finished.
fn views_version(txn: &ReadTransaction) -> Result<Option<u32>, StoreError> {
    let meta = txn.open_table(META).map_err(database)?;
    let version = meta.get(VIEWS).map_err(database)?;
    Ok(version.and_then(|bytes| bytes.value().try_into().ok()).map(u32::from_le_bytes))
}

fn other_views(found: Option<u32>) -> StoreError {
    StoreError::OtherViews { found, known: VIEWS_VERSION }
}

fn check_head(snapshot: &Snapshot) -> Result<(), StoreError> {
    let head = snapshot.head();
    let found = snapshot.hash_at(head.position)?;
    if found != Some(head.hash) {
        let what =
            format!("the event at its head, position {}, is not the one that was committed", head.position);
        return Err(StoreError::damaged(what));
    }
    Ok(())
}
