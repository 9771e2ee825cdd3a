//! What every handler is given: the authority, and the GraphQL schema built once.

use std::sync::Arc;

use authority::Authority;

use crate::client_address::TrustedProxies;
use crate::graphql::schema::{Schema, schema};
use crate::guesses::Guesses;
use crate::rate::Rates;
use crate::serve::ServeOptions;

/// The shared state of the server.
#[derive(Clone)]
pub struct App {
    pub(crate) authority: Arc<Authority>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) rates: Arc<Rates>,
    pub(crate) guesses: Arc<Guesses>,
}

impl App {
    /// The state of a server for this authority.
    pub fn new(authority: Arc<Authority>, options: &ServeOptions) -> Self {
        Self {
            authority,
            schema: Arc::new(schema()),
            proxies: options.trusted_proxies.clone(),
            rates: Arc::default(),
            guesses: Arc::new(Guesses::new(options.guesses_per_minute_max)),
        }
    }
}
