//! What every handler is given: the authority, the GraphQL schema built once, and the state of this server.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use authority::Authority;
use domain::time::Timestamp;

use crate::graphql::schema::{Schema, schema};
use crate::metrics::censuses::Censuses;
use crate::metrics::requests::Requests;

/// The shared state of the server.
#[derive(Clone)]
pub struct App {
    pub(crate) authority: Arc<Authority>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) censuses: Censuses,
    /// Set once the server was told to stop.
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) started_at: Timestamp,
}

impl App {
    /// The state of a server for this authority.
    pub fn new(authority: Arc<Authority>) -> Self {
        Self {
            schema: Arc::new(schema()),
            requests: Arc::new(Requests::new()),
            censuses: Censuses::default(),
            draining: Arc::default(),
            started_at: authority.now(),
            authority,
        }
    }
}
