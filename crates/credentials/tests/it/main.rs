//! The crate from outside: golden vectors, hostile tokens, and another library's opinion.

mod golden;
mod hostile;
mod oracle;
mod samples;
