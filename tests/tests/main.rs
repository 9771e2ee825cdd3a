//! The system from outside: real processes, real sockets, real files.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

mod main_job;
mod backup;
mod tokens;
mod standards;
mod graphql_http;
mod existing_clients;
mod administration;
mod two_tenants;
mod usage;
mod refusals;
mod events;
mod as_of;
mod as_of_oracle;
mod explain_oracle;
mod explain;
mod dry_run;
mod lists;
mod cascade;
mod codes;
mod limits;
mod proof;
mod crash;
mod disk;
mod bad_input;
mod secrecy;
mod metrics;
mod traces;
mod draining;
mod floods;
mod soak;
mod fuzz;
mod intruder;
mod request_log;
mod runbooks;
mod invariants;
mod oracle;
mod properties;
mod differences;
mod histories_in_process;
mod histories_over_http;
mod demo;
mod readme;
