//! What every page's headers say: run and load nothing but our own files, be framed by nobody, be kept by no cache.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tower_http::csrf::ProtectionError;

use super::refusal::Refusal;
use super::root::Root;

/// No script or style stands in a page itself, so neither can one that a name smuggles in.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Sent to this site only. To send none at all would make a browser say `Origin: null` to our own forms.
const REFERRER: &str = "same-origin";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Puts the headers on, and words the refusal of what another site sent.
pub(super) async fn put(request: Request, next: Next) -> Response {
    let root = Root::of(request.uri().path());
    let mut response = next.run(request).await;
    if response.extensions().get::<ProtectionError>().is_some() {
        let message = "this came from a page of another site, so nothing was done; if it was you, start from a page here";
        response = Refusal::new(root, StatusCode::FORBIDDEN, "CROSS_SITE", message).into_response();
    }
    dress(response.headers_mut());
    response
}

/// Puts them on one answer: of a page, or of a refusal that never came to the pages.
pub(super) fn dress(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, REFERRER),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
