//! The OAuth endpoints: keys exchanged for tokens, both looked at and ended, and the key set to check tokens with.

pub(crate) mod token;
pub(crate) mod introspect;
pub(crate) mod revoke;
pub(crate) mod metadata;
mod client;
pub(crate) mod form;
pub(crate) mod error;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;

use crate::conditional;
use crate::state::App;

/// How long anyone may keep the key set. A key is published longer than this before it signs, unless an operator wants it to
/// sign at once: whoever keeps the set then refuses its tokens for so long.
const JWKS_CACHE: &str = "public, max-age=60";

/// `GET /.well-known/jwks.json`: the key set of RFC 7517. With `If-None-Match` of the same set, 304.
pub(crate) async fn jwks(State(app): State<App>, headers: HeaderMap) -> Response {
    let kept = [(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, JWKS_CACHE)];
    conditional::text(&headers, kept, app.authority.jwks())
}
