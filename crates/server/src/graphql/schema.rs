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

/// Whether clients may ask for the schema itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Introspection {
    /// They may, and `GET /graphql/schema.graphql` shows it.
    #[default]
    On,
    /// `__schema` and `__type` are refused.
    Off,
}

/// How every message of validation about introspection begins, when it is off.
pub(super) const INTROSPECTION_REFUSED: &str = "GraphQL introspection is not allowed";

/// The schema definition, as published.
pub fn sdl() -> String {
    schema().as_sdl()
}
