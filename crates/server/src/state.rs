//! What every handler is given: the authority, and the GraphQL schema built once.

use std::sync::Arc;

use authority::Authority;

use crate::graphql::schema::{Schema, schema};

/// The shared state of the server.
#[derive(Clone)]
pub struct App {
    pub(crate) authority: Arc<Authority>,
    pub(crate) schema: Arc<Schema>,
}

impl App {
    /// The state of a server for this authority.
    pub fn new(authority: Arc<Authority>) -> Self {
        Self { authority, schema: Arc::new(schema()) }
    }
}
