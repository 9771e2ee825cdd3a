//! The rules of Keyledger: pure functions over events and rows.
//!
//! `decide` turns a command into events or a [`Rejection`]; `evolve` turns a recorded event into the
//! new rows of what it touched; `status` says whether a key is accepted. Nothing here reads a clock,
//! draws a random number, touches a disk or knows a cipher: whatever is needed arrives as a value.

pub mod ids;
pub mod time;
pub mod names;
pub mod sealed;
pub mod role;
pub mod key;
pub mod actor;
pub mod event;
pub mod row;
pub mod lookup;
