//! The edge: HTTP and GraphQL over the authority. The only crate that waits.
//!
//! Nothing is decided here. A request becomes a caller and an input; an answer becomes a status, a code
//! and a body.

pub mod serve;
pub mod router;
pub mod state;
mod whoami;
mod verify;
mod health;
mod oauth;
pub mod graphql;
mod bearer;
mod refusal;
mod body;
mod deadline;
mod request_log;
mod notify;
mod instant;

pub use serve::{ServeError, ServeOptions, serve};
