//! In which form a refusal is answered before a handler has the request: each interface has its own.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::graphql::media::Media;
use crate::oauth::error::OAuthError;
use crate::refusal::RestError;
use crate::ui::{Refusal, Root};

/// The interface that a request is for, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    /// `errors` with `extensions.code`.
    GraphQl(Media),
    /// `error` and `error_description` of RFC 6749, with `code`.
    OAuth,
    /// `error` with `code` and `message`.
    Rest,
    /// A page for people, whose links lead back by this many steps.
    Ui(Root),
}

impl Interface {
    /// The interface at a path, in the form that its caller accepts.
    pub(crate) fn at(path: &str, headers: &HeaderMap) -> Self {
        match path {
            "/" | "/graphql" => Self::GraphQl(Media::of(headers).unwrap_or(Media::AnyJson)),
            path if path.starts_with("/oauth/") => Self::OAuth,
            path if path.starts_with("/ui/") => Self::Ui(Root::of(path)),
            _ => Self::Rest,
        }
    }

    /// A refusal in its form.
    pub(crate) fn refuse(self, status: StatusCode, code: &'static str, message: &str) -> Response {
        match self {
            Self::GraphQl(media) => media.refuse(status, code, message),
            Self::OAuth => {
                // Of the errors of RFC 6749, section 5.2, the one that says the least.
                let error =
                    if status.is_server_error() { "temporarily_unavailable" } else { "invalid_request" };
                OAuthError::new(status, error, code, message).into_response()
            }
            Self::Rest => RestError::new(status, code, message).into_response(),
            Self::Ui(root) => Refusal::new(root, status, code, message).into_response(),
        }
    }
}

impl Interface {
    /// There is too much to do. Nothing was carried out, so whoever sends it again does no harm, and is told when.
    pub(crate) fn busy(self, message: &str, retry_after_seconds: u64) -> Response {
        let mut response = self.refuse(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_seconds));
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Interface {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::at(parts.uri.path(), &parts.headers))
    }
}
