//! What every handler is given: the authority, the GraphQL schema built once, and the state of this server.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use authority::sessions::SessionLimits;
use authority::{Authority, SigningKeyPolicy};
use domain::time::Timestamp;

use crate::body::LargeBodies;
use crate::client_address::TrustedProxies;
use crate::connections::Connections;
use crate::deadline::REQUEST_TIME_MAX;
use crate::graphql::gate::Gate;
use crate::graphql::schema::{Introspection, Schema, schema};
use crate::guesses::Guesses;
use crate::metrics::censuses::Censuses;
use crate::metrics::requests::Requests;
use crate::rate::Rates;
use crate::serve::ServeOptions;
use crate::ui::Notices;

/// The shared state of the server. Behind one pointer, because it is cloned several times a request.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What there is in the state, for the routes of this room.
#[derive(Clone)]
pub struct Parts {
    pub(crate) authority: Arc<Authority>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) introspection: Introspection,
    pub(crate) tlog_access: TlogAccess,
    pub(crate) request_time_max: Duration,
    pub(crate) sessions: SessionLimits,
    /// How long a signing key is published before it signs, unless it must at once.
    pub(crate) prepublish_seconds: u64,
    pub(crate) running: Arc<Running>,
}

/// Who may read checkpoints and the hashes of the log. Hashes tell nothing of events; their number can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlogAccess {
    /// Everybody.
    Open,
    /// Whoever shows a key or token that is accepted.
    #[default]
    Restricted,
}

/// How this server runs: whom it believes and holds to what, what it measures, and whether it was told to stop.
pub(crate) struct Running {
    pub(crate) proxies: TrustedProxies,
    pub(crate) address: Option<String>,
    pub(crate) rates: Rates,
    pub(crate) guesses: Guesses,
    pub(crate) notices: Notices,
    pub(crate) requests: Requests,
    pub(crate) censuses: Censuses,
    pub(crate) connections: Arc<Connections>,
    pub(crate) large_bodies: LargeBodies,
    pub(crate) operations: Gate,
    pub(crate) draining: AtomicBool,
    pub(crate) started_at: Timestamp,
}

impl App {
    /// The state of a server for this authority.
    pub fn new(authority: Arc<Authority>, options: &ServeOptions) -> Self {
        let (introspection, tlog_access) = (options.introspection, options.tlog_access);
        let schema = match introspection {
            Introspection::On => schema(),
            Introspection::Off => schema().disable_introspection(),
        };
        let running = Running {
            proxies: options.trusted_proxies.clone(),
            address: options.address.clone(),
            rates: Rates::default(),
            guesses: Guesses::new(options.guesses_per_minute_max),
            notices: Notices::default(),
            requests: Requests::new(),
            censuses: Censuses::default(),
            connections: Connections::new(options.connections_max),
            large_bodies: LargeBodies::default(),
            operations: Gate::default(),
            draining: AtomicBool::new(false),
            started_at: authority.now(),
        };
        let (request_time_max, sessions) = (REQUEST_TIME_MAX, options.sessions);
        let prepublish_seconds = options
            .signing_keys
            .map_or(SigningKeyPolicy::PREPUBLISH_SECONDS, |policy| policy.prepublish_seconds());
        let (schema, running) = (Arc::new(schema), Arc::new(running));
        Self(Arc::new(Parts {
            authority,
            schema,
            introspection,
            tlog_access,
            request_time_max,
            sessions,
            prepublish_seconds,
            running,
        }))
    }

    /// The same, with another longest time for one request.
    #[must_use]
    pub fn with_request_time_max(self, request_time_max: Duration) -> Self {
        Self(Arc::new(Parts { request_time_max, ..Arc::unwrap_or_clone(self.0) }))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
