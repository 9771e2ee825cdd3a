//! Answers that caches may keep: an entity tag, and 304 to whoever has the same already (RFC 9110, section 13.1.2).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// The text with its tag and these headers; without the text if `If-None-Match` names its tag.
pub(crate) fn text<const N: usize>(
    asked: &HeaderMap,
    headers: [(HeaderName, &'static str); N],
    text: impl AsRef<str> + IntoResponse,
) -> Response {
    let mut hasher = DefaultHasher::new();
    text.as_ref().hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let same = known.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    });
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes are visible ASCII");
    if same {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)], headers).into_response();
    }
    let mut response = (headers, text).into_response();
    response.headers_mut().insert(ETAG, tag);
    response
}
