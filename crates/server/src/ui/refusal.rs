//! What a page says instead of what was asked for: what is wrong, what to do next, and the stable code.

use askama::Template;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::headers;
use super::root::Root;
use crate::graphql::in_process::Refused;
use crate::let_in::{NotLetIn, RATE_LIMITED, TOO_MANY_GUESSES};
use crate::request_log::Noted;

/// A refusal as a page.
#[derive(Debug)]
pub(crate) struct Refusal {
    root: Root,
    status: StatusCode,
    code: String,
    message: String,
    retry_after_seconds: Option<u64>,
    /// To somebody who is signed in, and may want to be somebody else.
    signed_in: bool,
    /// The tenant in which it would be done.
    switch: Option<Box<Switch>>,
    noted: Box<Noted>,
}

/// A tenant of the reader's to go to, and the page that is shown there.
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) tenant: String,
    pub(super) name: String,
    pub(super) then: String,
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct Page<'a> {
    root: Root,
    heading: &'a str,
    code: &'a str,
    message: &'a str,
    signed_in: bool,
    switch: Option<&'a Switch>,
}

impl Refusal {
    /// At a page that is so far from the root.
    pub(crate) fn new(root: Root, status: StatusCode, code: &str, message: &str) -> Self {
        let noted = Box::new(Noted { code: Some(code.to_owned().into()), ..Noted::default() });
        let (code, message) = (code.to_owned(), message.to_owned());
        let (retry_after_seconds, switch) = (None, None);
        Self { root, status, code, message, retry_after_seconds, signed_in: false, switch, noted }
    }

    /// The same to somebody who is signed in.
    pub(super) fn signed_in(self) -> Self {
        Self { signed_in: true, ..self }
    }

    /// The same with the way to another tenant.
    pub(super) fn offering(self, switch: Switch) -> Self {
        Self { switch: Some(Box::new(switch)), ..self }
    }

    /// What the API refused.
    pub(super) fn of(root: Root, refused: &Refused) -> Self {
        let retry_after_seconds = refused.retry_after_seconds;
        Self {
            retry_after_seconds,
            ..Self::new(root, status(&refused.code), &refused.code, &refused.message)
        }
    }

    /// An address that shows too much that nobody has.
    pub(super) fn too_many_guesses(root: Root, retry_after_seconds: u64) -> Self {
        Self::not_let_in(root, &NotLetIn::TooManyGuesses { retry_after_seconds })
    }

    /// Somebody who was not let in.
    pub(super) fn not_let_in(root: Root, refused: &NotLetIn) -> Self {
        let status = match refused {
            NotLetIn::Denied(_) => StatusCode::UNAUTHORIZED,
            NotLetIn::TooManyGuesses { .. } | NotLetIn::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        };
        Self {
            retry_after_seconds: refused.retry_after_seconds(),
            noted: Box::new(Noted::refused(refused)),
            ..Self::new(root, status, refused.code(), &refused.message())
        }
    }
}

/// The status that goes with a code of the API.
pub(super) fn status(code: &str) -> StatusCode {
    match code {
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "FORBIDDEN" => StatusCode::FORBIDDEN,
        "BUSY" | "TIMEOUT" | "UNKNOWN_OUTCOME" | "RECOVERING" => StatusCode::SERVICE_UNAVAILABLE,
        TOO_MANY_GUESSES | RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
        "INTERNAL" => StatusCode::INTERNAL_SERVER_ERROR,
        "VARIABLES_MALFORMED" => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let heading = match self.status {
            StatusCode::NOT_FOUND => "There is nothing here",
            StatusCode::FORBIDDEN => "You may not do this",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "Not just now",
            _ => "This did not work",
        };
        let Self { root, signed_in, .. } = self;
        let (message, switch) = (self.message.as_str(), self.switch.as_deref());
        let page = Page { root, heading, code: &self.code, message, signed_in, switch };
        let text = page.render().expect("a page of texts can be written out");
        let mut response = (self.status, [(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers::dress(response.headers_mut());
        response.extensions_mut().insert(*self.noted);
        response
    }
}
