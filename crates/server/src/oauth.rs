//! The OAuth endpoints: keys exchanged for tokens, and the key set with which anyone checks them.

pub(crate) mod token;
mod client;
mod form;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::state::App;

/// `GET /.well-known/jwks.json`: the key set of RFC 7517.
pub(crate) async fn jwks(State(app): State<App>) -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, "public, max-age=60")];
    (headers, app.authority.jwks())
}
