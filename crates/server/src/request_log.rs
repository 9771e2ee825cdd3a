//! One log line a request: id, route, status, code, who, how long. Never a header, a body or a query string.

use std::borrow::Cow;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use domain::actor::Way;
use domain::ids::{KeyId, RequestId};
use domain::key::Owner;

use crate::state::App;

/// The header of every response by which its log line is found.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The server's id of a request, as handlers find it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) RequestId);

/// What a handler leaves for the log line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// The stable code of a refusal.
    pub(crate) code: Option<Cow<'static, str>>,
    /// The key used, if it is known.
    pub(crate) key: Option<KeyId>,
    /// Whose it is.
    pub(crate) actor: Option<Owner>,
}

impl Id {
    /// The request as the authority records it.
    pub(crate) fn by(self, way: Way) -> authority::Request {
        authority::Request { way, id: self.0, idempotency_key: None }
    }
}

/// Gives each request an id, and writes its line when it is answered.
pub(crate) async fn log(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = app.authority.request_id();
    request.extensions_mut().insert(Id(id));
    let method = request.method().clone();
    // The route, not the path: a path is a stranger's text.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    let noted = response.extensions().get::<Noted>().cloned().unwrap_or_default();
    let actor = noted.actor.map(|actor| match actor {
        Owner::User(id) => format!("user:{id}"),
        Owner::ServiceAccount(id) => format!("service_account:{id}"),
    });
    tracing::info!(
        target: "request",
        request_id = %id,
        method = %method,
        route = route.as_deref().unwrap_or("none"),
        status = response.status().as_u16(),
        code = noted.code.as_deref(),
        actor,
        key_id = noted.key.map(|key| key.to_string()),
        microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    );
    let value = HeaderValue::from_str(&id.to_string()).expect("an id is visible ASCII");
    response.headers_mut().insert(REQUEST_ID, value);
    response
}
