//! The system from outside: real processes, real sockets, real files.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

mod main_job;
mod backup;
mod tokens;
mod administration;
mod cascade;
mod crash;
mod bad_input;
mod secrecy;
mod invariants;
mod oracle;
mod properties;
mod demo;
