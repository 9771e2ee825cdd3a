//! The longest time for one request. One that takes longer is answered, and may still be carried out.

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::interface::Interface;
use crate::state::App;

/// The longest time for one request, its commit included.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// How much longer a handler may take that keeps the deadline itself, to word its answer.
const GRACE: Duration = Duration::from_secs(1);

/// What is said when a change may or may not have been made.
pub(crate) const UNKNOWN_OUTCOME: &str = "the request took too long; whether it was carried out is unknown, \
                                          so ask again with the same idempotency key";
/// What is said when nothing was changed.
pub(crate) const TIMEOUT: &str = "the request took too long and was given up; it changed nothing";

/// By when a request must be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

/// Answers in time, or says what is known of the outcome.
pub(crate) async fn keep(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let deadline = Deadline(Instant::now() + app.request_time_max);
    request.extensions_mut().insert(deadline);
    let interface = Interface::at(request.uri().path(), request.headers());
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match tokio::time::timeout_at((deadline.0 + GRACE).into(), next.run(request)).await {
        Ok(response) => response,
        Err(_) if changes => {
            interface.refuse(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN_OUTCOME", UNKNOWN_OUTCOME)
        }
        Err(_) => interface.refuse(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", TIMEOUT),
    }
}
