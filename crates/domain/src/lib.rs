//! The rules of Keyledger: pure functions over events and rows.
//!
//! `decide` turns a command into events or a [`Rejection`]; `evolve` turns a recorded event into the
//! new rows of what it touched; `status` says whether a key is accepted. Nothing here reads a clock,
//! draws a random number, touches a disk or knows a cipher: whatever is needed arrives as a value.

pub mod event;
pub mod effect;
pub mod command;
pub mod rejection;
pub mod decide;
pub mod evolve;
pub mod status;
pub mod past;
pub mod explain;
pub mod life;
pub mod token_life;
pub mod subjects;
pub mod concern;
pub mod facts;
pub mod telling;
pub mod difference;
pub mod model;
pub mod overlay;
pub mod lookup;
pub mod row;
pub mod actor;
pub mod role;
pub mod key;
pub mod limits;
pub mod network;
pub mod sealed;
pub mod names;
pub mod origin;
pub mod ids;
pub mod time;

pub use command::Command;
pub use decide::decide;
pub use event::{Event, Recorded};
pub use evolve::evolve;
pub use lookup::Lookup;
pub use model::Model;
pub use rejection::{Refusal, Rejection};
pub use row::Change;
