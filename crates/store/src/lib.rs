//! The data folder: the ledger, its views, usage, secrets and the guard against rollback.
//!
//! The log is the truth; everything else here is projected from it or guards it. No rule lives here:
//! what an event means is said by `domain::evolve`, and this crate only stores what comes of it.

pub mod folder;
pub mod tables;
pub mod ledger;
pub mod sizes;
mod compact;
pub mod storage;
pub mod transaction;
pub mod snapshot;
pub mod end_to_end;
pub mod history;
mod forward;
mod lifetimes;
pub mod rows;
mod projection;
pub mod rebuilt;
pub mod anew;
mod pages;
pub mod scan;
pub mod head;
pub mod envelope;
mod attempts;
pub mod chain;
pub mod tree;
pub mod checkpoint;
pub mod tlog_proof;
pub mod codec;
pub mod backup;
pub mod guard;
pub mod usage;
pub mod secrets;
pub mod set_up;
pub mod files;
pub mod unfinished_file;
pub mod unfinished_folder;
pub mod error;

pub use attempts::Attempt;
pub use error::StoreError;
pub use folder::DataFolder;
pub use ledger::{Committed, Ledger, OpenOptions, Pages, ReadOnlyLedger, Sharing, TransactError};
pub use projection::attempt;
pub use snapshot::Snapshot;
pub use storage::Storage;
pub use transaction::{Origin, Transaction};
