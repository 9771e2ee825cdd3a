//! The longest time for one request. One that takes longer is answered, and may still be carried out.

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::refusal::RestError;

/// The longest time for one request, its commit included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Answers in time, or says that the outcome is unknown.
pub(crate) async fn keep(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let message = "the request took too long; whether it was carried out is unknown, so ask again \
                           with the same idempotency key";
            RestError::new(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN_OUTCOME", message).into_response()
        }
    }
}
