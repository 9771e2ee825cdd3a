//! Every route, on one screen.

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::refusal::RestError;
use crate::state::App;
use crate::{body, deadline, graphql, health, metrics, oauth, request_log, verify, whoami};

/// The server's routes over its state.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/graphql", post(graphql::handler::post).get(graphql::handler::get))
        .route("/", post(graphql::handler::post))
        .route("/v1/whoami", get(whoami::whoami))
        .route("/v1/verify", post(verify::verify))
        .route("/oauth/token", post(oauth::token::token))
        .route("/oauth/introspect", post(oauth::introspect::introspect))
        .route("/oauth/revoke", post(oauth::revoke::revoke))
        .route("/.well-known/oauth-authorization-server", get(oauth::metadata::metadata))
        .route("/.well-known/jwks.json", get(oauth::jwks))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(body::BODY_BYTES_MAX))
        .layer(middleware::from_fn(body::read_whole))
        .layer(middleware::from_fn(deadline::keep))
        .layer(middleware::from_fn_with_state(app.clone(), request_log::log))
        .with_state(app)
}

async fn not_found() -> RestError {
    RestError::new(StatusCode::NOT_FOUND, "NO_SUCH_ROUTE", "there is nothing at this address")
}

async fn method_not_allowed() -> RestError {
    let message = "this address does not take this method";
    RestError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
}

/// A JSON body that must not be kept by caches.
pub(crate) type Uncached<T> = ([(axum::http::HeaderName, &'static str); 1], Json<T>);

/// Wraps a body that must not be kept by caches.
pub(crate) fn uncached<T>(body: T) -> Uncached<T> {
    ([(axum::http::header::CACHE_CONTROL, "no-store")], Json(body))
}
