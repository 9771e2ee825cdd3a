//! A disk in memory that fails when told to, and forgets what was not synced when the power is cut.
#![allow(dead_code, reason = "each test binary takes what it needs")]

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use redb::{BackendError, StorageBackend};

use super::ledgers::Dice;
use super::locks::{Hold, Locks, Range};

/// One opening of the disk. A clone is another opening of the same disk: the same bytes, and locks of its own.
#[derive(Debug)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    opening: u64,
    /// What happens each time this opening is about to read the first byte.
    meanwhile: Option<Meanwhile>,
}

type Happening = dyn Fn() + Send + Sync;

struct Meanwhile(Box<Happening>);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What survives a power cut in any case.
    synced: Vec<u8>,
    /// What may or may not, in order.
    unsynced: Vec<Change>,
    /// The sectors of which something was ever written: those take up room.
    filled: BTreeSet<usize>,
    locks: Locks,
    /// How many openings there were, and how many of them are dead.
    openings: u64,
    dead: u64,
    off: bool,
    counts: Counts,
    fault: Option<Fault>,
    struck: Option<Operation>,
    syncs_lie: bool,
    trace: DefaultHasher,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Changes and syncs.
    operations: u64,
    syncs: u64,
    reads: u64,
    locks: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

/// What the database asks of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    Write,
    SetLen,
    Sync,
    Read,
    Lock,
}

/// An operation that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which one, counted from when the fault was set.
    pub operation: u64,
    /// In what way.
    pub kind: Kind,
}

/// In what way an operation fails. Those of changes and syncs are counted together, others among their like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The change or sync reports an error, and nothing happened.
    NotDone,
    /// The change or sync reports an error, and everything happened.
    DoneAllTheSame,
    /// The power is cut while it is done. Nothing works from here on.
    PowerCut,
    /// The power is cut while the length of the file is changed next.
    PowerCutGrowing,
    /// The next sync fails and lets go of what it should have written; what was written is still seen.
    SyncDrops,
    /// The same, and what is seen is what the disk has.
    SyncReverts,
    /// From here on there is no more room: the file does not grow.
    Full,
    /// From here on there is no more room, of which the file system tells late: the file grows, but a first
    /// write to a place in it fails.
    FullLate,
    /// A read fails.
    Read,
    /// A lock cannot be had, for a reason other than another's lock.
    Lock,
}

/// What becomes of the changes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// None lasts.
    Lost,
    /// All last.
    Kept,
    /// The first few last.
    UpTo(u64),
    /// Some last, by chance: a disk reorders.
    Reordered(u64),
    /// Some of the sectors of each last, by chance.
    Sectors(u64),
    /// Some last, and others up to a byte or from a byte on, by chance.
    Bytes(u64),
}

const SECTOR: usize = 512;

impl Default for Disk {
    fn default() -> Self {
        Self::holding(vec![])
    }
}

impl Clone for Disk {
    fn clone(&self) -> Self {
        let mut state = self.state();
        state.openings += 1;
        Self { state: self.state.clone(), opening: state.openings - 1, meanwhile: None }
    }
}

impl Disk {
    /// A disk with these bytes.
    pub fn holding(bytes: Vec<u8>) -> Self {
        let filled = (0..bytes.len().div_ceil(SECTOR)).filter(|n| {
            let end = bytes.len().min((n + 1) * SECTOR);
            bytes[n * SECTOR..end].iter().any(|byte| *byte != 0)
        });
        let filled = filled.collect();
        let state = State { seen: bytes.clone(), synced: bytes, filled, openings: 1, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), opening: 0, meanwhile: None }
    }

    /// Another opening, with what happens each time it is about to read the first byte.
    pub fn meanwhile(&self, happens: impl Fn() + Send + Sync + 'static) -> Self {
        Self { meanwhile: Some(Meanwhile(Box::new(happens))), ..self.clone() }
    }

    /// What a reader sees.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().seen.clone()
    }

    /// From now on syncs say that they were done, and do nothing.
    pub fn let_syncs_lie(&self) {
        self.state().syncs_lie = true;
    }

    /// Lets an operation fail; counting begins now.
    pub fn fail(&self, fault: Fault) {
        let mut state = self.state();
        (state.counts, state.fault, state.struck) = (Counts::default(), Some(fault), None);
    }

    /// Forgets the fault, and begins to count.
    pub fn count(&self) {
        let mut state = self.state();
        (state.counts, state.fault, state.struck) = (Counts::default(), None, None);
    }

    /// How many changes and syncs there were since counting began.
    pub fn operations(&self) -> u64 {
        self.state().counts.operations
    }

    /// How many syncs there were since counting began.
    pub fn syncs(&self) -> u64 {
        self.state().counts.syncs
    }

    /// What the fault met, if it met anything.
    pub fn struck(&self) -> Option<Operation> {
        self.state().struck
    }

    /// Whether something did not find room, and there is still none.
    pub fn is_full(&self) -> bool {
        let state = self.state();
        let full = state.fault.is_some_and(|fault| matches!(fault.kind, Kind::Full | Kind::FullLate));
        full && state.struck.is_some()
    }

    /// Whether the power was cut.
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// What was asked of the disk so far, as a number: two runs that differ have different ones.
    pub fn trace(&self) -> u64 {
        self.state().trace.finish()
    }

    /// Ends every process that has the disk open. The machine goes on: what was written is still seen, and may
    /// still reach the disk.
    pub fn kill(&self) {
        let mut state = self.state();
        state.dead = state.openings;
        state.locks.release_all();
    }

    /// Cuts the power, if that was not done yet, and gives it back.
    pub fn lose_power(&self, cut: Cut) {
        self.kill();
        let mut state = self.state();
        let bytes = state.after(cut);
        (state.seen, state.synced, state.off) = (bytes.clone(), bytes, false);
        state.unsynced.clear();
    }

    /// Another disk, as this one would come back if its power were cut now.
    pub fn cut(&self, cut: Cut) -> Self {
        Self::holding(self.state().after(cut))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The state for whoever is alive and under power.
    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        let dead = state.off || self.opening < state.dead;
        if dead { Err(io::Error::other("there is no such process, or no power")) } else { Ok(state) }
    }

    fn lock(&self, start: Bound<u64>, end: Bound<u64>, kind: Hold) -> Result<bool, BackendError> {
        let mut state = self.alive()?;
        state.lock_fails()?;
        Ok(state.locks.try_lock(self.opening, Range::of(start, end), kind))
    }

    /// Waits for another's lock; where there is but one thread, that would be for ever.
    fn lock_at_last(&self, start: Bound<u64>, end: Bound<u64>, kind: Hold) -> Result<(), BackendError> {
        let since = Instant::now();
        while !self.lock(start, end, kind)? {
            assert!(since.elapsed() < Duration::from_secs(60), "this waits for ever");
            std::thread::yield_now();
        }
        Ok(())
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::SetLen(len) => bytes.resize(*len, 0),
        Change::Write(offset, data) => put(bytes, *offset, data),
    }
}

/// What lies beyond the end of the file is lost with the length that did not last.
fn put(bytes: &mut [u8], offset: usize, data: &[u8]) {
    if let Some(place) = bytes.get_mut(offset..offset + data.len()) {
        place.copy_from_slice(data);
    }
}

impl State {
    fn after(&self, cut: Cut) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let mut dice = Dice(match cut {
            Cut::Lost | Cut::Kept => 0,
            Cut::UpTo(seed) | Cut::Reordered(seed) | Cut::Sectors(seed) | Cut::Bytes(seed) => seed,
        });
        let last = dice.below(self.unsynced.len() as u64 + 1) as usize;
        for (n, change) in self.unsynced.iter().enumerate() {
            match (cut, change) {
                (Cut::Lost, _) => {}
                (Cut::Kept, change) => apply(&mut bytes, change),
                (Cut::UpTo(_), change) if n < last => apply(&mut bytes, change),
                (Cut::UpTo(_), _) => {}
                // Lengths are kept in a file system's own journal; they last or not, as a whole.
                (Cut::Reordered(_), _) | (_, Change::SetLen(_)) => {
                    if dice.below(2) == 0 {
                        apply(&mut bytes, change);
                    }
                }
                (Cut::Sectors(_), Change::Write(offset, data)) => {
                    for (n, sector) in data.chunks(SECTOR).enumerate() {
                        if dice.below(2) == 0 {
                            put(&mut bytes, offset + n * SECTOR, sector);
                        }
                    }
                }
                (Cut::Bytes(_), Change::Write(offset, data)) => {
                    let at = dice.below(data.len() as u64 + 1) as usize;
                    match dice.below(4) {
                        0 => put(&mut bytes, *offset, data),
                        1 => put(&mut bytes, *offset, &data[..at]),
                        2 => put(&mut bytes, offset + at, &data[at..]),
                        _ => {}
                    }
                }
            }
        }
        bytes
    }

    fn change(&mut self, operation: Operation, change: Change) -> io::Result<()> {
        if let Change::Write(offset, data) = &change {
            (offset, data.len()).hash(&mut self.trace);
        }
        let full =
            self.fault.filter(|fault| fault.operation <= self.counts.operations).map(|fault| fault.kind);
        if full.is_some_and(|kind| self.lacks_room(kind, &change)) {
            self.counts.operations += 1;
            self.struck = Some(operation);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.operate(operation, |state| {
            if let Change::Write(offset, data) = &change {
                state.filled.extend(offset / SECTOR..(offset + data.len()).div_ceil(SECTOR));
            }
            apply(&mut state.seen, &change);
            state.unsynced.push(change);
        })
    }

    fn lacks_room(&self, kind: Kind, change: &Change) -> bool {
        match (kind, change) {
            (Kind::Full, Change::SetLen(len)) => *len > self.seen.len(),
            (Kind::FullLate, Change::Write(offset, data)) => {
                let mut sectors = offset / SECTOR..(offset + data.len()).div_ceil(SECTOR);
                sectors.any(|sector| !self.filled.contains(&sector))
            }
            _ => false,
        }
    }

    /// Does the operation, or fails as told.
    fn operate(&mut self, operation: Operation, act: impl FnOnce(&mut Self)) -> io::Result<()> {
        operation.hash(&mut self.trace);
        let now = self.counts.operations;
        self.counts.operations += 1;
        let strikes = |fault: &Fault| match fault.kind {
            Kind::NotDone | Kind::DoneAllTheSame | Kind::PowerCut => fault.operation == now,
            Kind::PowerCutGrowing => fault.operation <= now && operation == Operation::SetLen,
            Kind::SyncDrops | Kind::SyncReverts => fault.operation <= now && operation == Operation::Sync,
            // These are met elsewhere.
            Kind::Full | Kind::FullLate | Kind::Read | Kind::Lock => false,
        };
        let Some(fault) = self.fault.filter(strikes) else {
            act(self);
            return Ok(());
        };
        match fault.kind {
            Kind::DoneAllTheSame => act(self),
            Kind::PowerCut | Kind::PowerCutGrowing => {
                // What was begun may last or not, like everything that is not synced. No sync is known to be done.
                if operation != Operation::Sync {
                    act(self);
                }
                self.off = true;
            }
            Kind::SyncDrops | Kind::SyncReverts => {
                if fault.kind == Kind::SyncReverts {
                    let len = self.seen.len();
                    self.seen = self.synced.clone();
                    self.seen.resize(len, 0);
                }
                self.synced.resize(self.seen.len(), 0);
                self.unsynced.clear();
                self.fault = None;
            }
            Kind::NotDone | Kind::Full | Kind::FullLate | Kind::Read | Kind::Lock => {}
        }
        self.struck = Some(operation);
        Err(io::Error::other(format!("told to fail: {fault:?}")))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.counts.syncs += 1;
        self.operate(Operation::Sync, |state| {
            if state.syncs_lie {
                return;
            }
            for change in std::mem::take(&mut state.unsynced) {
                apply(&mut state.synced, &change);
            }
        })
    }

    fn read_fails(&mut self) -> io::Result<()> {
        self.counts.reads += 1;
        let due = Fault { operation: self.counts.reads - 1, kind: Kind::Read };
        self.fails_if(self.fault == Some(due), Operation::Read)
    }

    fn lock_fails(&mut self) -> io::Result<()> {
        self.counts.locks += 1;
        let due = Fault { operation: self.counts.locks - 1, kind: Kind::Lock };
        self.fails_if(self.fault == Some(due), Operation::Lock)
    }

    fn fails_if(&mut self, due: bool, operation: Operation) -> io::Result<()> {
        if !due {
            return Ok(());
        }
        self.struck = Some(operation);
        Err(io::Error::other("told to fail"))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.alive()?;
        state.read_fails()?;
        Ok(state.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if let Some(Meanwhile(happens)) = self.meanwhile.as_ref().filter(|_| offset == 0) {
            happens();
        }
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let mut state = self.alive()?;
        state.read_fails()?;
        let end = offset.checked_add(out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        let bytes = state.seen.get(offset..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::StorageFull)?;
        if len > 1 << 30 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.alive()?.change(Operation::SetLen, Change::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.alive()?.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::StorageFull)?;
        let mut state = self.alive()?;
        if offset + data.len() > state.seen.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        state.change(Operation::Write, Change::Write(offset, data.to_vec()))
    }

    fn close(&self) -> io::Result<()> {
        self.state().locks.release(self.opening);
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.lock(start, end, Hold::Exclusive)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.lock(start, end, Hold::Shared)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.lock_at_last(start, end, Hold::Exclusive)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.lock_at_last(start, end, Hold::Shared)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.alive()?.locks.unlock(self.opening, Range::of(start, end));
        Ok(())
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        Ok(self.alive()?.locks.conflicts(self.opening, Range::of(start, end), Hold::Exclusive))
    }
}
