//! One log line a request: id, route, status, code, who, how long. Never a body, a query string or a header, but for
//! the caller's own `X-Request-Id` if it is harmless.
//! An accepted verification is routine, and told at the level debug only.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use domain::actor::Way;
use domain::ids::{KeyId, RequestId, TEXT_BYTES};
use domain::key::Owner;
use tracing::field::display;
use tracing::{Instrument as _, Level};

use crate::let_in::{LetIn, NotLetIn};
use crate::metrics::requests::method_word;
use crate::rate::Standing;
use crate::state::App;
use crate::traces;

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

    /// Leaves it with the answer to a request by a [`ROUTINE`] route that was not refused, unless nobody would read it: every
    /// verification would pay for it.
    pub(crate) fn routine(let_in: &LetIn, response: &mut Response) {
        if let_in.rate.is_some() || tracing::enabled!(target: "request", Level::DEBUG) {
            response.extensions_mut().insert(Self::of(let_in));
        }
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
const ROUTINE: [&str; 5] = ["/v1/whoami", "/v1/verify", "/forward-auth", "/livez", "/readyz"];

/// The line of one request.
struct Line<'a> {
    id: RequestId,
    method: &'static str,
    route: &'a str,
    noted: Noted,
    client_request_id: Option<HeaderValue>,
    microseconds: u64,
}

impl Line<'_> {
    fn write(&self, response: &Response) {
        let Self { id, method, route, noted, client_request_id, microseconds } = self;
        let status = response.status().as_u16();
        let client_request_id = client_request_id.as_ref().and_then(harmless);
        let code = noted.code.as_deref();
        let (actor, key_id) = (noted.actor.map(|owner| display(ActorName(owner))), noted.key.map(display));
        if ROUTINE.contains(route) && code.is_none() {
            tracing::debug!(target: "request", request_id = %id, method, route, status, code, actor, key_id, client_request_id, microseconds);
        } else {
            tracing::info!(target: "request", request_id = %id, method, route, status, code, actor, key_id, client_request_id, microseconds);
        }
    }
}

/// The most characters of a caller's own id that are repeated in the log.
const CLIENT_REQUEST_ID_CHARS_MAX: usize = 64;

/// The id that the caller gave the request, if it looks like one and like nothing else. It is only repeated: what
/// the server knows the request by is its own id. Underscores and dots are not admitted, because keys and tokens
/// have them, and a misplaced secret must not get into the log.
fn harmless(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && (1..=CLIENT_REQUEST_ID_CHARS_MAX).contains(&text.len())).then_some(text)
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
    let under_way = app.running.requests.begin();
    let method = request.method().clone();
    let client_request_id = request.headers().get(&REQUEST_ID).cloned();
    // The route, not the path: a path is a stranger's text.
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let span = traces::request(id, method_word(&method), route, request.headers());
    let mut response = next.run(request).instrument(span.clone()).await;
    let noted = response.extensions_mut().remove::<Noted>().unwrap_or_default();
    let took = started.elapsed();
    traces::answered(&span, response.status(), noted.code.as_deref());
    under_way.answered(route, &method, response.status(), took);
    if let Some(standing) = &noted.rate {
        standing.tell(response.headers_mut());
    }
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let method = method_word(&method);
    Line { id, method, route, noted, client_request_id, microseconds }.write(&response);
    let value = HeaderValue::from_str(id.text(&mut [0; TEXT_BYTES]));
    let value = value.expect("an id is visible ASCII");
    response.headers_mut().insert(REQUEST_ID, value);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_repeated_only_if_it_cannot_be_anything_else() {
        let admitted = |text: &str| HeaderValue::from_str(text).ok().as_ref().and_then(harmless).is_some();
        for good in ["01890a5d-ac96-774b-bcce-b302099a8057", "1", "Root-1-67891233-abcdef012345678912345678"]
        {
            assert!(admitted(good), "{good}");
        }
        let key = format!("klu_{}_{}", "0".repeat(22), "s".repeat(49));
        let long = "a".repeat(65);
        for bad in ["", " ", "a b", "a\"b", "{}", "a=b", "é", "eyJh.eyJz.c2ln", "pnu_0123456789", &key, &long]
        {
            assert!(!admitted(bad), "{bad}");
        }
    }
}
