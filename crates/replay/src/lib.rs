//! The offline audit tool: reads a data folder, also beside a running server, and changes nothing in it.
//!
//! [`Audit::open`] opens the folder. [`show()`] lists events as a table for people or as JSON for programs;
//! [`verify()`] reads the whole log, checks its chain, folds it with `domain` alone and compares every row
//! of the views with the fold. [`rebuild()`] is the one that writes: it projects the views anew.
//!
//! [`prove::Prover`] proves single events, [`bundle`] hands such proofs to third parties, and [`check_proof`] checks them
//! without a data folder.
//!
//! Never links the server or the authority: what they do wrong must not be what checks them. Nothing here
//! reads a clock; instants arrive as arguments. No rule lives here either: what an event means is said by
//! `domain::evolve`, and whether a key is accepted by `domain::status`.

pub mod error;
pub mod filter;
mod fold;
pub mod json;
pub mod names;
pub mod open;
pub mod print;
pub mod rebuild;
pub mod report;
pub mod show;
pub mod subjects;
pub mod summary;
pub mod table;
mod tree;
pub mod prove;
pub mod bundle;
pub mod verify;
mod views;

pub use bundle::{Bundled, check_bundle, write_bundle};
pub use error::{ReplayError, reading};
pub use filter::{ActorFilter, Filter, parse_event_type};
pub use names::Names;
pub use open::{Audit, Repair};
pub use prove::{ProofError, Proved, Prover, Signed, check_proof};
pub use rebuild::rebuild;
pub use report::{Check, Outcome, Problem, Report};
pub use show::{Format, Shown, show};
pub use subjects::concerns_tenant;
pub use verify::verify;
