//! Recorded histories of concurrent use, and a checker that knows nothing of how the product decides.
//!
//! Threads record what they asked and were told, each with a ticket drawn before the call and one drawn after
//! its return. Afterwards the checker asks of every verification whether the changes that were acknowledged
//! before it started, and those that overlap it, explain the answer. What overlaps may go either way.

mod operation;
mod credential;
mod recorder;
mod timeline;
mod checker;
mod violation;
mod tally;
mod household;
mod wish;
mod street;

pub use checker::check;
pub use credential::{Credential, Facet, Reason, Register, TokenMinted};
pub use household::{Held, Household, Shown};
pub use operation::{
    Change, Clock, CredentialNumber, Kind, Operation, Outcome, Stamp, Value, Verdict, What, Write,
};
pub use recorder::{Began, Book, History, Recorder, Thread};
pub use street::{Door, Street};
pub use tally::Tally;
pub use violation::{Rule, Violation, Violations};
pub use wish::{Asker, Wish};
