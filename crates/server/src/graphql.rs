//! The GraphQL API, at `/graphql` and `/`. Names are snake_case; those of existing clients are kept.

pub mod schema;
mod query;
mod mutation;
mod inputs;
mod limits;
mod types;
mod signing_keys;
mod token_target;
mod events;
mod inclusion;
mod refusals;
mod usage;
mod filters;
mod connection;
mod scalars;
mod context;
mod errors;
pub(crate) mod handler;
pub(crate) mod media;
mod answer;
mod progress;
pub(crate) mod explorer;
mod asked;
mod variable_types;
mod budget;
pub(crate) mod gate;
