//! `GET /`: a browser is led to the pages. Everything else that asks here is told to POST, as ever.

use axum::extract::{OriginalUri, Request};
use axum::http::header::{ALLOW, LOCATION, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::root::Root;
use super::visit::see_other;
use crate::graphql::media::names_html;
use crate::interface::Interface;
use crate::router::method_not_allowed;

/// The front door.
pub(crate) async fn home(interface: Interface, request: Request) -> Response {
    let mut response = if names_html(request.headers()) {
        (StatusCode::SEE_OTHER, [(LOCATION, "./ui/keys")]).into_response()
    } else {
        let mut refusal = method_not_allowed(interface).await;
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        refusal
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// `GET /ui` and `GET /ui/`: where the pages begin.
pub(super) async fn pages(OriginalUri(address): OriginalUri) -> Response {
    see_other(&format!("{}ui/keys", Root::of(address.path())))
}
