//! The real binary, run as people and scripts run it.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

mod support;
mod server;
mod scene;
mod help;
mod usage;
mod explain;
mod init;
mod audit;
mod audit_past;
mod serve;
mod set_up;
mod handing_over;
mod logins;
mod keys;
mod time;
mod limits;
mod accounts;
mod tokens;
mod unreachable;
mod https;
mod shell;
mod recover;
mod backup;
mod settings;
mod doctor;
