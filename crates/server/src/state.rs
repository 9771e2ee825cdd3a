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
    pub(crate) running: Arc<Running>,
}

/// How this server runs: what it measures, and whether it was told to stop. Behind one pointer, because the state
/// is cloned several times a request.
pub(crate) struct Running {
    pub(crate) requests: Requests,
    pub(crate) censuses: Censuses,
    pub(crate) draining: AtomicBool,
    pub(crate) started_at: Timestamp,
}

impl App {
    /// The state of a server for this authority.
    pub fn new(authority: Arc<Authority>) -> Self {
        let running = Running {
            requests: Requests::new(),
            censuses: Censuses::default(),
            draining: AtomicBool::new(false),
            started_at: authority.now(),
        };
        Self { authority, schema: Arc::new(schema()), running: Arc::new(running) }
    }
}
