//! A disk whose syncs take a known time and are counted: the file below, and a wait.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// The disk.
#[derive(Debug)]
pub struct SlowDisk {
    below: FileBackend,
    sync: Duration,
    syncs: Arc<AtomicU64>,
}

impl SlowDisk {
    /// Over a file; each sync takes at least so long.
    pub fn over(file: File, sync: Duration, syncs: Arc<AtomicU64>) -> Result<Self, redb::DatabaseError> {
        Ok(Self { below: FileBackend::new(file)?, sync, syncs })
    }
}

impl StorageBackend for SlowDisk {
    fn len(&self) -> io::Result<u64> {
        self.below.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.below.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.below.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let until = Instant::now() + self.sync;
        self.below.sync_data()?;
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.below.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }

    fn try_lock_range(&self, first: Bound<u64>, last: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_range(first, last)
    }

    fn try_lock_shared_range(&self, first: Bound<u64>, last: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(first, last)
    }

    fn lock_range(&self, first: Bound<u64>, last: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_range(first, last)
    }

    fn lock_shared_range(&self, first: Bound<u64>, last: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_shared_range(first, last)
    }

    fn unlock_range(&self, first: Bound<u64>, last: Bound<u64>) -> Result<(), BackendError> {
        self.below.unlock_range(first, last)
    }

    fn query_lock_range(&self, first: Bound<u64>, last: Bound<u64>) -> Result<bool, BackendError> {
        self.below.query_lock_range(first, last)
    }
}
