//! What every handler is given: the authority, and the GraphQL schema built once.

use std::sync::Arc;
use std::time::Duration;

use authority::Authority;

use crate::deadline::REQUEST_TIME_MAX;
use crate::graphql::schema::{Introspection, Schema, schema};

/// The shared state of the server.
#[derive(Clone)]
pub struct App {
    pub(crate) authority: Arc<Authority>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) introspection: Introspection,
    pub(crate) request_time_max: Duration,
}

impl App {
    /// The state of a server for this authority.
    pub fn new(authority: Arc<Authority>) -> Self {
        Self {
            authority,
            schema: Arc::new(schema()),
            introspection: Introspection::On,
            request_time_max: REQUEST_TIME_MAX,
        }
    }

    /// The same, with the schema shown or not.
    #[must_use]
    pub fn with_introspection(self, introspection: Introspection) -> Self {
        let schema = match introspection {
            Introspection::On => schema(),
            Introspection::Off => schema().disable_introspection(),
        };
        Self { schema: Arc::new(schema), introspection, ..self }
    }

    /// The same, with another longest time for one request.
    #[must_use]
    pub fn with_request_time_max(self, request_time_max: Duration) -> Self {
        Self { request_time_max, ..self }
    }
}
