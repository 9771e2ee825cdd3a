//! The schema, as the server runs it and as `schema.graphql` publishes it.

use juniper::{EmptySubscription, RootNode};

use super::context::Context;
use super::mutation::Mutation;
use super::query::Query;

/// The schema with its roots.
pub type Schema = RootNode<Query, Mutation, EmptySubscription<Context>>;

/// How deep a document may nest.
const DEPTH_MAX: usize = 24;
/// How many tokens a document may have.
const TOKENS_MAX: usize = 4_000;
/// How many fields a document may ask for, its fragments spread.
const FIELDS_MAX: usize = 1_000;

/// The schema with its limits.
pub fn schema() -> Schema {
    Schema::new(Query, Mutation, EmptySubscription::new())
        .limit_depth(DEPTH_MAX)
        .limit_tokens(TOKENS_MAX)
        .limit_fields(FIELDS_MAX)
}

/// The schema definition, as published.
pub fn sdl() -> String {
    schema().as_sdl()
}
