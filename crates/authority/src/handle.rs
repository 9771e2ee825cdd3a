//! The one handle to the ledger: after a failure it is closed, and another one takes its place.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use store::{Committed, Ledger, OpenOptions, Snapshot, Storage, StoreError, TransactError, Transaction};

/// The ledger as the writer and the queries share it. Verification asks the index, and never comes here.
pub(crate) struct Handle {
    path: PathBuf,
    storage: Storage,
    options: OpenOptions,
    /// None while it is opened again. Only the writer's thread ever changes it.
    ledger: RwLock<Option<Ledger>>,
}

impl Handle {
    /// The handle to a ledger that was opened so.
    pub(crate) fn new(ledger: Ledger, path: PathBuf, storage: Storage, options: OpenOptions) -> Self {
        Self { path, storage, options, ledger: RwLock::new(Some(ledger)) }
    }

    /// What is committed now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.with(Ledger::snapshot)
    }

    /// One write transaction, as [`Ledger::transact`] has it.
    pub(crate) fn transact<R>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<R, StoreError>,
    ) -> Result<(R, Committed), TransactError> {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        ledger.as_ref().ok_or(StoreError::Closed)?.transact(work)
    }

    /// Whether the ledger is open, and nothing failed since.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.with(Ledger::check_handle)
    }

    /// Whether the ledger can be written to.
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        self.with(Ledger::probe)
    }

    /// Closes the ledger, and opens it again; it is shown to nobody before it was held against what is known of it.
    /// Snapshots of before read nothing any more; new ones wait for nothing, but are refused until then.
    pub(crate) fn open_again<R>(
        &self,
        hold: impl FnOnce(&Snapshot) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let before = self.ledger.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            // It failed; that it does so in closing, too, is no news. Its file and locks are free in any case.
            let _ = before.close();
        }
        let ledger = self.storage.open_again(&self.path, &self.options)?;
        let held = hold(&ledger.snapshot()?)?;
        *self.ledger.write().unwrap_or_else(PoisonError::into_inner) = Some(ledger);
        Ok(held)
    }

    fn with<R>(&self, ask: impl FnOnce(&Ledger) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        ask(ledger.as_ref().ok_or(StoreError::Closed)?)
    }
}
