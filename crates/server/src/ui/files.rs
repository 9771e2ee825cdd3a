//! The style, the scripts and the mark of the pages: in the binary, from nowhere else.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use rust_embed::Embed;

use super::refusal::Refusal;
use super::root::Root;
use crate::conditional;
use crate::named::Named;

#[derive(Embed)]
#[folder = "static/"]
struct Files;

/// `GET /ui/static/NAME`. Asked for anew each time, and answered with 304 if the browser has it: the files change with
/// the server, and a page with last week's style would be worse than a round trip.
pub(super) async fn file(Named(name): Named<String>, asked: HeaderMap) -> Response {
    let found = Files::get(&name).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
    let (Some(text), Some(content_type)) = (found, content_type(&name)) else {
        let message = "there is no such file";
        return Refusal::new(Root::of("/ui/static/x"), StatusCode::NOT_FOUND, "NO_SUCH_ROUTE", message)
            .into_response();
    };
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")];
    conditional::text(&asked, headers, text)
}

fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}
