//! The demo: plays a story against a real server, through the public interfaces only, and checks what comes back.
//!
//! [`story::Story::parse`] reads it, [`fn@play`] plays it, and the [`report::Report`] says what was checked.

pub mod story;
mod names;
pub mod report;
pub mod teller;
mod play;
mod stage;
mod expect;
mod crash;
mod audit;
mod watched;
mod grade;
mod poll;
pub mod agent;

pub use play::{Props, play};
