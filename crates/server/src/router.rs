//! Every route, on one screen.

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Json, Router};

use crate::interface::Interface;
use crate::state::App;
use crate::{
    api, body, client_login, deadline, forward_auth, graphql, health, host, metrics, oauth, refusal,
    request_log, tlog, ui, verify, whoami,
};

/// The server's routes over its state.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/graphql", post(graphql::handler::post).get(graphql::handler::get))
        .route("/", post(graphql::handler::post).get(ui::home))
        .route("/graphql/schema.graphql", get(graphql::explorer::published_schema))
        .route("/graphql/explorer.css", get(graphql::explorer::style))
        .route("/graphql/explorer.js", get(graphql::explorer::program))
        .route("/v1/whoami", get(whoami::whoami))
        .route("/v1/verify", post(verify::verify))
        .route("/forward-auth", get(forward_auth::forward_auth))
        .merge(api_routes())
        .route("/auth/client", get(client_login::ask).post(client_login::answer))
        .route("/auth/client.css", get(client_login::style))
        .route("/auth/client.js", get(client_login::program))
        .route("/oauth/token", post(oauth::token::token))
        .route("/oauth/introspect", post(oauth::introspect::introspect))
        .route("/oauth/revoke", post(oauth::revoke::revoke))
        .route("/.well-known/oauth-authorization-server", get(oauth::metadata::metadata))
        .route("/.well-known/oauth-authorization-server/{*path}", get(oauth::metadata::metadata_of_path))
        .route("/.well-known/jwks.json", get(oauth::jwks))
        .route("/tlog/checkpoint", get(tlog::checkpoint))
        .route("/tlog/checkpoint/cosigned", get(tlog::cosigned_checkpoint))
        .route("/tlog/verifier-key", get(tlog::verifier_key))
        .route("/tlog/tile/{*path}", get(tlog::tile))
        .route("/tlog/proof/{position}", get(tlog::proof))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .merge(ui::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    layered(routes, app)
}

/// Those of clients that come with paths of their own. Some write a closing slash and follow no redirect.
fn api_routes() -> Router<App> {
    let keys = post(api::keys::create).get(api::keys::list);
    let bots = post(api::bots::create);
    let bot = get(api::bots::show).patch(api::bots::change).delete(api::bots::delete);
    let not_ours = any(api::elsewhere::not_ours);
    Router::new()
        .route("/api/me", get(api::me::me))
        .route("/api/me/", get(api::me::me))
        .route("/api/me/accounts", get(api::me::accounts))
        .route("/api/me/accounts/", get(api::me::accounts))
        .route("/api/me/workspaces", get(api::me::workspaces))
        .route("/api/me/workspaces/", get(api::me::workspaces))
        .route("/api/users/{user}/api_keys", keys.clone())
        .route("/api/users/{user}/api_keys/", keys)
        .route("/api/users/{user}/api_keys/{key}", get(api::keys::show).delete(api::keys::delete))
        .route("/api/accounts/{account}/bots", bots.clone())
        .route("/api/accounts/{account}/bots/", bots)
        .route("/api/accounts/{account}/bots/filter", post(api::bots::filter))
        .route("/api/accounts/{account}/bots/{bot}", bot)
        .route("/api/accounts/{account}/bots/{bot}/rotate_api_key", post(api::bots::rotate))
        .route("/api/accounts/{account}/account_roles/filter", post(api::roles::filter))
        .route("/api/accounts/{account}/account_roles/{role}", get(api::roles::show))
        .route("/api/accounts/{account}/workspaces/{workspace}", not_ours.clone())
        .route("/api/accounts/{account}/workspaces/{workspace}/{*rest}", not_ours)
        .route("/api/{*rest}", any(api::elsewhere::not_found_here))
}

/// What every request passes through, put around routes. Apart from them, so that a bench can put it around a route
/// that does nothing.
pub fn layered(routes: Router<App>, app: App) -> Router {
    routes
        .layer(DefaultBodyLimit::max(body::BODY_BYTES_MAX))
        .layer(middleware::from_fn(host::is_named))
        .layer(middleware::from_fn_with_state(app.clone(), body::read_whole))
        .layer(middleware::map_response(refusal::challenged))
        .layer(middleware::from_fn_with_state(app.clone(), deadline::keep))
        .layer(middleware::from_fn_with_state(app.clone(), request_log::log))
        .with_state(app)
}

pub(crate) async fn not_found(interface: Interface) -> Response {
    interface.refuse(StatusCode::NOT_FOUND, "NO_SUCH_ROUTE", "there is nothing at this address")
}

pub(crate) async fn method_not_allowed(interface: Interface) -> Response {
    let message = "this address does not take this method";
    interface.refuse(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
}

/// A JSON body that must not be kept by caches.
pub(crate) type Uncached<T> = ([(axum::http::HeaderName, &'static str); 1], Json<T>);

/// Wraps a body that must not be kept by caches.
pub(crate) fn uncached<T>(body: T) -> Uncached<T> {
    ([(axum::http::header::CACHE_CONTROL, "no-store")], Json(body))
}
