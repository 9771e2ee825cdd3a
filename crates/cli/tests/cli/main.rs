//! The real binary, run as people and scripts run it.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

mod support;
mod help;
mod usage;
mod init;
mod audit;
mod serve;
mod backup;
mod settings;
mod doctor;
