//! The data folder: the ledger, its views, secrets and the guard against rollback.
//!
//! The log is the truth; everything else here is projected from it or guards it. No rule lives here:
//! what an event means is said by `domain::evolve`, and this crate only stores what comes of it.

pub mod chain;
pub mod codec;
pub mod envelope;
pub mod error;
pub mod folder;
pub mod guard;
pub mod head;
pub mod ledger;
mod projection;
pub mod rows;
pub mod scan;
pub mod secrets;
pub mod snapshot;
pub mod tables;
pub mod transaction;

pub use error::StoreError;
pub use folder::DataFolder;
pub use ledger::{Committed, Ledger, OpenOptions, ReadOnlyLedger, Sharing, TransactError};
pub use snapshot::Snapshot;
pub use transaction::{Attempt, Origin, Transaction};
