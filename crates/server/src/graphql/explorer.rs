//! The published schema, and a page to try the API with. Nothing of it comes from another host.
//!
//! The page holds a key in memory only. Its headers let it load and ask nothing but this server, run no script
//! but its own file, and be framed by nobody.

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::schema::{Introspection, sdl};
use crate::conditional;
use crate::refusal::RestError;
use crate::state::App;

const PAGE: &str = include_str!("explorer/page.html");
const STYLE: &str = include_str!("explorer/style.css");
const PROGRAM: &str = include_str!("explorer/program.js");

/// What the page may do: load its own two files, and talk to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// `GET /graphql` of a browser that asks nothing.
pub(super) fn page(asked: &HeaderMap) -> Response {
    let mut response = file(asked, "text/html; charset=utf-8", PAGE);
    // The same address answers clients of the API, too.
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// `GET /graphql/explorer.css`
pub(crate) async fn style(asked: HeaderMap) -> Response {
    file(&asked, "text/css; charset=utf-8", STYLE)
}

/// `GET /graphql/explorer.js`
pub(crate) async fn program(asked: HeaderMap) -> Response {
    file(&asked, "text/javascript; charset=utf-8", PROGRAM)
}

/// `GET /graphql/schema.graphql`: the schema definition, unless introspection is off.
pub(crate) async fn published_schema(State(app): State<App>, asked: HeaderMap) -> Response {
    match app.introspection {
        Introspection::On => file(&asked, "text/plain; charset=utf-8", sdl()),
        Introspection::Off => {
            let message = "introspection is off on this server, so it does not publish its schema";
            RestError::new(StatusCode::NOT_FOUND, "INTROSPECTION_OFF", message).into_response()
        }
    }
}

/// A file of this server's own. It changes with the server, so it is asked for anew each time.
fn file(
    asked: &HeaderMap,
    content_type: &'static str,
    text: impl AsRef<str> + axum::response::IntoResponse,
) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    conditional::text(asked, headers, text)
}
