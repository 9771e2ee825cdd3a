//! The edge: HTTP and GraphQL over the authority. The only crate that waits.
//!
//! Nothing is decided here. A request becomes a caller and an input; an answer becomes a status, a code
//! and a body.

pub mod serve;
pub(crate) mod connections;
pub mod router;
pub mod state;
pub mod loopback;
mod whoami;
mod verify;
mod forward_auth;
mod api;
mod client_login;
mod health;
mod tlog;
pub mod witness;
pub mod metrics;
pub mod traces;
mod oauth;
mod ui;
pub mod graphql;
mod bearer;
mod visitor;
mod caller_kind;
pub mod client_address;
mod let_in;
mod in_turn;
mod made;
mod held;
mod reached;
mod named;
mod rate;
mod guesses;
mod refusal;
mod interface;
mod host;
mod conditional;
mod body;
mod deadline;
mod request_log;
mod schedule;
mod notify;
mod instant;

pub use authority::sessions::SessionLimits;
pub use graphql::schema::Introspection;
pub use serve::{ServeError, ServeOptions, serve};
pub use state::TlogAccess;
