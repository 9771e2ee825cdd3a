//! A disk in memory under an authority: it fails as told, and may keep or lose what was written since it last synced.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{BackendError, StorageBackend};
use store::{Ledger, Storage};

/// The disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    seen: Vec<u8>,
    synced: Vec<u8>,
    fault: Fault,
    opened: usize,
}

/// How it fails from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Never,
    /// After so many syncs, one fails. The kernel forgets what was written since the last, or it lasts all the same.
    OneSync(usize, Unsynced),
    EverySync,
    /// Whatever lies beyond [`ROOM`] cannot be written, for lack of room.
    NoRoom,
    /// Nor can anything else.
    NoRoomAtAll,
    /// One read fails.
    OneRead,
}

/// The header of the file, and a little more.
const ROOM: usize = 64 << 10;

/// What becomes of what was written, and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    Dropped,
    Kept,
}

impl Disk {
    pub fn holding(bytes: Vec<u8>) -> Self {
        let state = State { seen: bytes.clone(), synced: bytes, fault: Fault::Never, opened: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// For the options of an authority.
    pub fn storage(&self) -> Storage {
        let disk = self.clone();
        Storage::Elsewhere(Arc::new(move |options| {
            disk.state().opened += 1;
            Ledger::open_on(disk.clone(), options)
        }))
    }

    pub fn fail(&self, fault: Fault) {
        self.state().fault = fault;
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.state().synced.clone()
    }

    /// Whatever it had, it has these bytes now.
    pub fn put_back(&self, bytes: &[u8]) {
        let mut state = self.state();
        (state.seen, state.synced) = (bytes.to_vec(), bytes.to_vec());
    }

    /// How often a ledger was opened on it.
    pub fn opened(&self) -> usize {
        self.state().opened
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn writing(&self, up_to: usize) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        match state.fault {
            Fault::NoRoom if up_to > ROOM => Err(io::ErrorKind::StorageFull.into()),
            Fault::NoRoomAtAll => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(state),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.fault == Fault::OneRead {
            state.fault = Fault::Never;
            return Err(io::Error::other("a bad sector"));
        }
        let offset = offset as usize;
        let bytes = state.seen.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writing(len as usize)?.seen.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        match state.fault {
            Fault::OneSync(0, unsynced) => {
                state.fault = Fault::Never;
                match unsynced {
                    Unsynced::Dropped => state.seen = state.synced.clone(),
                    Unsynced::Kept => state.synced = state.seen.clone(),
                }
                return Err(io::Error::other("told to fail"));
            }
            Fault::EverySync => return Err(io::Error::other("told to fail")),
            Fault::OneSync(more, unsynced) => state.fault = Fault::OneSync(more - 1, unsynced),
            Fault::Never | Fault::NoRoom | Fault::NoRoomAtAll | Fault::OneRead => {}
        }
        state.synced = state.seen.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        let mut state = self.writing(offset + data.len())?;
        let place = state.seen.get_mut(offset..offset + data.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        place.copy_from_slice(data);
        Ok(())
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
