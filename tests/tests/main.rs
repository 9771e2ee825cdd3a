//! The system from outside: real processes, real sockets, real files.

mod main_job;
mod cascade;
mod crash;
mod bad_input;
mod secrecy;
mod invariants;
mod oracle;
mod properties;
mod demo;
