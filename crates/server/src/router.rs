//! Every route, on one screen.

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::interface::Interface;
use crate::state::App;
use crate::{body, deadline, graphql, health, metrics, oauth, request_log, tlog, verify, whoami};

/// The server's routes over its state.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/graphql", post(graphql::handler::post).get(graphql::handler::get))
        .route("/", post(graphql::handler::post))
        .route("/graphql/schema.graphql", get(graphql::explorer::published_schema))
        .route("/graphql/explorer.css", get(graphql::explorer::style))
        .route("/graphql/explorer.js", get(graphql::explorer::program))
        .route("/v1/whoami", get(whoami::whoami))
        .route("/v1/verify", post(verify::verify))
        .route("/oauth/token", post(oauth::token::token))
        .route("/oauth/introspect", post(oauth::introspect::introspect))
        .route("/oauth/revoke", post(oauth::revoke::revoke))
        .route("/.well-known/oauth-authorization-server", get(oauth::metadata::metadata))
        .route("/.well-known/oauth-authorization-server/{*path}", get(oauth::metadata::metadata_of_path))
        .route("/.well-known/jwks.json", get(oauth::jwks))
        .route("/tlog/checkpoint", get(tlog::checkpoint))
        .route("/tlog/verifier-key", get(tlog::verifier_key))
        .route("/tlog/tile/{*path}", get(tlog::tile))
        .route("/tlog/proof/{position}", get(tlog::proof))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    layered(routes, app)
}

/// What every request passes through, put around routes. Apart from them, so that a bench can put it around a route
/// that does nothing.
pub fn layered(routes: Router<App>, app: App) -> Router {
    routes
        .layer(DefaultBodyLimit::max(body::BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), body::read_whole))
        .layer(middleware::from_fn_with_state(app.clone(), deadline::keep))
        .layer(middleware::from_fn_with_state(app.clone(), request_log::log))
        .with_state(app)
}

pub(crate) async fn not_found(interface: Interface) -> Response {
    interface.refuse(StatusCode::NOT_FOUND, "NO_SUCH_ROUTE", "there is nothing at this address")
}

async fn method_not_allowed(interface: Interface) -> Response {
    let message = "this address does not take this method";
    interface.refuse(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
}

/// A JSON body that must not be kept by caches.
pub(crate) type Uncached<T> = ([(axum::http::HeaderName, &'static str); 1], Json<T>);

/// Wraps a body that must not be kept by caches.
pub(crate) fn uncached<T>(body: T) -> Uncached<T> {
    ([(axum::http::header::CACHE_CONTROL, "no-store")], Json(body))
}
