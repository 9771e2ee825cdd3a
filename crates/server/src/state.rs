//! What every handler is given: the authority, and the GraphQL schema built once.

use std::sync::Arc;
use std::time::Duration;

use authority::Authority;

use crate::client_address::TrustedProxies;
use crate::deadline::REQUEST_TIME_MAX;
use crate::graphql::schema::{Introspection, Schema, schema};
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
    pub(crate) introspection: Introspection,
    pub(crate) request_time_max: Duration,
}

impl App {
    /// The state of a server for this authority.
    pub fn new(authority: Arc<Authority>, options: &ServeOptions) -> Self {
        let introspection = options.introspection;
        let schema = match introspection {
            Introspection::On => schema(),
            Introspection::Off => schema().disable_introspection(),
        };
        Self {
            authority,
            schema: Arc::new(schema),
            introspection,
            proxies: options.trusted_proxies.clone(),
            rates: Arc::default(),
            guesses: Arc::new(Guesses::new(options.guesses_per_minute_max)),
            request_time_max: REQUEST_TIME_MAX,
        }
    }

    /// The same, with another longest time for one request.
    #[must_use]
    pub fn with_request_time_max(self, request_time_max: Duration) -> Self {
        Self { request_time_max, ..self }
    }
}
