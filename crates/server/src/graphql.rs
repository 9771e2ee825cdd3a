//! The GraphQL API, at `/graphql` and `/`. Names are snake_case; those of existing clients are kept.

pub mod schema;
mod query;
mod mutation;
mod inputs;
mod types;
mod signing_keys;
mod token_target;
mod events;
mod refusals;
mod usage;
mod filters;
mod connection;
mod scalars;
mod context;
mod errors;
pub(crate) mod handler;
mod root_fields;
