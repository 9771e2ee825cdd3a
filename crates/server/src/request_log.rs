//! One log line a request: id, route, status, code, who, how long. Never a header, a body or a query string.
//! An accepted verification is routine, and told at the level debug only.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use domain::actor::Way;
use domain::ids::{KeyId, RequestId};
use domain::key::Owner;
use tracing::field::display;

use crate::let_in::{LetIn, NotLetIn};
use crate::rate::Standing;
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
    /// What is left of its rate, to be told in the response's headers.
    pub(crate) rate: Option<Standing>,
}

impl Noted {
    /// About somebody who was let in.
    pub(crate) fn of(let_in: &LetIn) -> Self {
        let LetIn { caller, rate } = let_in;
        Self { code: None, key: Some(caller.key), actor: Some(caller.owner), rate: *rate }
    }

    /// About somebody who was not.
    pub(crate) fn refused(refused: &NotLetIn) -> Self {
        let code = Some(refused.code().into());
        match refused {
            NotLetIn::Denied(denial) => Self { code, key: denial.key, ..Self::default() },
            NotLetIn::TooManyGuesses { .. } => Self { code, ..Self::default() },
            NotLetIn::RateLimited { caller, standing } => {
                Self { code, key: Some(caller.key), actor: Some(caller.owner), rate: Some(*standing) }
            }
        }
    }
}

impl Id {
    /// The request as the authority records it.
    pub(crate) fn by(self, way: Way) -> authority::Request {
        authority::Request { way, id: self.0, idempotency_key: None }
    }
}

/// What happens all the time and changes nothing: told only at the level debug, unless it is refused.
const ROUTINE: [&str; 4] = ["/v1/whoami", "/v1/verify", "/livez", "/readyz"];

/// The line of one request.
struct Line<'a> {
    id: RequestId,
    method: Method,
    route: &'a str,
    noted: Noted,
    started: Instant,
}

impl Line<'_> {
    fn write(&self, response: &Response) {
        let Self { id, method, route, noted, started } = self;
        let status = response.status().as_u16();
        let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let code = noted.code.as_deref();
        let (actor, key_id) = (noted.actor.map(|owner| display(ActorName(owner))), noted.key.map(display));
        if ROUTINE.contains(route) && code.is_none() {
            tracing::debug!(target: "request", request_id = %id, %method, route, status, code, actor, key_id, microseconds);
        } else {
            tracing::info!(target: "request", request_id = %id, %method, route, status, code, actor, key_id, microseconds);
        }
    }
}

/// Who acted, by kind and id.
struct ActorName(Owner);

impl fmt::Display for ActorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Owner::User(id) => write!(f, "user:{id}"),
            Owner::ServiceAccount(id) => write!(f, "service_account:{id}"),
        }
    }
}

/// Gives each request an id, and writes its line when it is answered.
pub(crate) async fn log(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = app.authority.request_id();
    request.extensions_mut().insert(Id(id));
    let method = request.method().clone();
    // The route, not the path: a path is a stranger's text.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let noted = response.extensions().get::<Noted>().cloned().unwrap_or_default();
    let line = Line { id, method, route: route.as_ref().map_or("none", MatchedPath::as_str), noted, started };
    line.write(&response);
    if let Some(standing) = line.noted.rate {
        standing.tell(response.headers_mut());
    }
    let value = HeaderValue::from_str(&id.to_string()).expect("an id is visible ASCII");
    response.headers_mut().insert(REQUEST_ID, value);
    response
}
