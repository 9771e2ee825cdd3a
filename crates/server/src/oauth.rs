//! The OAuth endpoints: keys exchanged for tokens, both looked at and ended, and the key set to check tokens with.

pub(crate) mod token;
pub(crate) mod introspect;
pub(crate) mod revoke;
pub(crate) mod metadata;
mod client;
mod form;
mod error;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::state::App;

/// `GET /.well-known/jwks.json`: the key set of RFC 7517. With `If-None-Match` of the same set, 304.
pub(crate) async fn jwks(State(app): State<App>, headers: HeaderMap) -> Response {
    let keys = app.authority.jwks();
    let mut hasher = DefaultHasher::new();
    keys.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let same = known.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    });
    let headers = [(ETAG, tag), (CACHE_CONTROL, "public, max-age=60".to_owned())];
    if same {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(CONTENT_TYPE, "application/jwk-set+json")], keys).into_response()
}
