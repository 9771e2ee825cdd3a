//! A disk in memory that fails when told to, and forgets what was not synced when the power is cut.
#![allow(dead_code, reason = "each test binary takes what it needs")]

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use redb::{BackendError, StorageBackend};

use super::ledgers::Dice;

/// The disk; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What survives a power cut in any case.
    synced: Vec<u8>,
    /// What may or may not, in order.
    unsynced: Vec<Change>,
    /// How many changes and syncs there were.
    operations: u64,
    syncs: u64,
    fault: Option<Fault>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

/// An operation that fails, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which one, counted from when the fault was set.
    pub operation: u64,
    /// Whether it had an effect all the same.
    pub kind: Kind,
}

/// What an operation that reports a failure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    NotDone,
    /// Everything.
    DoneAllTheSame,
}

/// What becomes of the changes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// None lasts.
    Lost,
    /// All last.
    Kept,
    /// Some last, by chance: a disk reorders, and tears long writes at its blocks.
    Torn(u64),
}

const BLOCK: usize = 512;

impl Disk {
    /// A disk with these bytes.
    pub fn holding(bytes: Vec<u8>) -> Self {
        let state = State { seen: bytes.clone(), synced: bytes, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// What a reader sees.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().seen.clone()
    }

    /// Lets an operation fail; counting begins now.
    pub fn fail(&self, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.operations = 0;
        state.fault = Some(fault);
    }

    /// Forgets the fault, and begins to count.
    pub fn count(&self) {
        let mut state = self.0.lock().unwrap();
        (state.operations, state.syncs, state.fault) = (0, 0, None);
    }

    /// How many changes and syncs there were since counting began.
    pub fn operations(&self) -> u64 {
        self.0.lock().unwrap().operations
    }

    /// How many syncs there were since counting began.
    pub fn syncs(&self) -> u64 {
        self.0.lock().unwrap().syncs
    }

    /// The disk as it comes back after its power was cut now.
    pub fn cut(&self, cut: Cut) -> Self {
        let state = self.0.lock().unwrap();
        let mut bytes = state.synced.clone();
        let mut dice = Dice(if let Cut::Torn(seed) = cut { seed } else { 0 });
        for change in &state.unsynced {
            match (cut, change) {
                (Cut::Lost, _) => {}
                (Cut::Kept, change) => apply(&mut bytes, change),
                (Cut::Torn(_), Change::SetLen(_)) => {
                    // Lengths are kept in a file system's own journal; they last or not, as a whole.
                    if dice.below(2) == 0 {
                        apply(&mut bytes, change);
                    }
                }
                (Cut::Torn(_), Change::Write(offset, data)) => {
                    for (n, block) in data.chunks(BLOCK).enumerate() {
                        let end = offset + n * BLOCK + block.len();
                        if dice.below(2) == 0 && end <= bytes.len() {
                            apply(&mut bytes, &Change::Write(offset + n * BLOCK, block.to_vec()));
                        }
                    }
                }
            }
        }
        Self::holding(bytes)
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::SetLen(len) => bytes.resize(*len, 0),
        Change::Write(offset, data) => bytes[*offset..offset + data.len()].copy_from_slice(data),
    }
}

impl State {
    /// Does the operation, or fails as told.
    fn operate(&mut self, act: impl FnOnce(&mut Self)) -> io::Result<()> {
        let fault = self.fault.filter(|fault| fault.operation == self.operations);
        self.operations += 1;
        match fault {
            None => act(self),
            Some(Fault { kind: Kind::NotDone, .. }) => return Err(io::Error::other("told to fail")),
            Some(Fault { kind: Kind::DoneAllTheSame, .. }) => {
                act(self);
                return Err(io::Error::other("told to fail, after it was done"));
            }
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.operate(|state| {
            apply(&mut state.seen, &change);
            state.unsynced.push(change);
        })
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let state = self.0.lock().unwrap();
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
        self.0.lock().unwrap().change(Change::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.syncs += 1;
        state.operate(|state| {
            state.synced = state.seen.clone();
            state.unsynced.clear();
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::StorageFull)?;
        let mut state = self.0.lock().unwrap();
        if offset + data.len() > state.seen.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        state.change(Change::Write(offset, data.to_vec()))
    }

    // Nobody else has this disk: every lock is granted.

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}
