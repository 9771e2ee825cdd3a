//! The offline audit tool: reads a log, also beside a running server, and changes nothing of it.
//!
//! [`Source::open`] opens a data folder, a backup or an export; all that follows is the same for each. [`show()`] lists
//! events as a table for people or as JSON for programs, [`follow`] goes on with what comes; [`state()`] lists the rows as
//! of a moment, [`diff()`] what differs between two, [`timeline()`] the life of a key, [`stats()`] what there is how often.
//! [`verify()`] reads the whole log, checks its chain and holds every row of the views to what `domain` makes of it; [`rebuild::check`] projects them anew beside the live ones. [`export()`] writes a log out, and
//! [`import()`] makes a ledger of that; [`rebuild()`] is the one that writes into a ledger: it projects the views anew.
//!
//! [`prove::Prover`] proves single events, [`bundle`] hands such proofs to third parties, and [`check_proof`] checks them
//! without a data folder.
//!
//! Never links the server or the authority: what they do wrong must not be what checks them. Nothing here
//! reads a clock; instants arrive as arguments. No rule lives here either: what an event means is said by
//! `domain::evolve`, whether a key is accepted by `domain::status`, and what befell it by `domain::life`.

pub mod error;
mod ahead;
mod behind;
pub mod source;
pub mod rows;
pub mod open;
pub mod as_of;
mod of_tenant;
pub mod filter;
pub mod sought;
pub mod show;
pub mod state;
pub mod diff;
mod life;
pub mod timeline;
pub mod stats;
pub mod export;
pub mod ocsf;
pub mod import;
mod pass;
mod fold;
mod sum;
mod remembered;
mod induction;
mod found;
pub mod listing;
mod columns;
pub mod json;
pub mod names;
pub mod print;
pub mod rebuild;
pub mod report;
pub mod subjects;
pub mod summary;
pub mod table;
mod tree;
pub mod cosigned;
pub mod prove;
pub mod bundle;
pub mod verify;
mod views;

pub use as_of::{AsOf, AsOfError, Basis, Past, Window};
pub use bundle::scope::{About, Scope};
pub use bundle::{Bundled, Later, check_bundle, write_bundle};
pub use cosigned::{Cosigned, Seen};
pub use diff::{DiffFilter, Which, diff};
pub use error::{ReplayError, reading};
pub use export::export;
pub use filter::{ActorFilter, Filter, parse_event_type};
pub use import::{import, import_stream};
pub use listing::Format;
pub use names::Names;
pub use ocsf::ocsf;
pub use open::{Audit, Repair, is_export, kept_checkpoint};
pub use pass::Depth;
pub use prove::{ProofError, Proved, Prover, Signed, check_proof};
pub use rebuild::rebuild;
pub use report::{Check, Outcome, Problem, Report};
pub use show::{Shown, Wait, follow, show};
pub use sought::Unknown;
pub use source::Source;
pub use state::{Ended, RowFilter, state};
pub use stats::{Stats, stats};
pub use subjects::concerns_tenant;
pub use timeline::timeline;
pub use verify::verify;
