//! Errors of the OAuth endpoints: RFC 6749, section 5.2, with our stable code beside them as `code`.

use authority::Failure;
use axum::Json;
use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::TenantId;

use crate::let_in::NotLetIn;
use crate::reached::NotReached;
use crate::refusal::status_of;
use crate::request_log::Noted;

/// An error of RFC 6749, section 5.2.
#[derive(Debug)]
pub(crate) struct OAuthError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) code: &'static str,
    pub(super) description: String,
    pub(super) noted: Box<Noted>,
    pub(super) retry_after_seconds: Option<u64>,
}

pub(super) fn invalid_request(description: &str) -> OAuthError {
    OAuthError::new(StatusCode::BAD_REQUEST, "invalid_request", "INVALID_REQUEST", description)
}

pub(super) fn invalid_client(code: &'static str, description: &str) -> OAuthError {
    OAuthError::new(StatusCode::UNAUTHORIZED, "invalid_client", code, description)
}

pub(super) fn client_mismatch() -> OAuthError {
    invalid_client("CLIENT_MISMATCH", "client_id is not the id of this key")
}

pub(super) fn invalid_scope(code: &'static str, description: &str) -> OAuthError {
    OAuthError::new(StatusCode::BAD_REQUEST, "invalid_scope", code, description)
}

pub(super) fn invalid_target(description: &str) -> OAuthError {
    OAuthError::new(StatusCode::BAD_REQUEST, "invalid_target", "INVALID_TARGET", description)
}

impl OAuthError {
    pub(crate) fn new(
        status: StatusCode,
        error: &'static str,
        code: &'static str,
        description: &str,
    ) -> Self {
        // RFC 6749, section 5.2, admits few characters here.
        let admitted = |c: char| matches!(c, '\x20'..='\x7E') && c != '"' && c != '\\';
        let description = description.chars().map(|c| if admitted(c) { c } else { '\'' }).collect();
        Self { status, error, code, description, noted: Box::default(), retry_after_seconds: None }
    }

    /// Whoever presents itself is not let in to the tenant that it asked for. If that is the tenant's doing, it is
    /// the target that cannot be (RFC 8693, section 2.2.2), and not the client.
    pub(super) fn at(refused: NotLetIn, asked: Option<TenantId>) -> Self {
        let of_the_tenant = matches!(&refused, NotLetIn::Denied(denial) if denial.denied.is_of_the_tenant());
        let refusal = Self::from(refused);
        if asked.is_some() && of_the_tenant {
            Self { status: StatusCode::BAD_REQUEST, error: "invalid_target", ..refusal }
        } else {
            refusal
        }
    }
}

impl From<NotReached> for OAuthError {
    fn from(_: NotReached) -> Self {
        Self::new(NotReached::STATUS, "temporarily_unavailable", NotReached::CODE, NotReached::MESSAGE)
    }
}

/// Whoever presents itself as a client is not let in.
impl From<NotLetIn> for OAuthError {
    fn from(refused: NotLetIn) -> Self {
        let (code, message) = (refused.code(), refused.message());
        let retry_after_seconds = refused.retry_after_seconds();
        let noted = Box::new(Noted::refused(&refused));
        let refusal = match refused {
            NotLetIn::Denied(_) => invalid_client(code, &message),
            NotLetIn::TooManyGuesses { .. } | NotLetIn::RateLimited { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", code, &message)
            }
        };
        Self { noted, retry_after_seconds, ..refusal }
    }
}

impl From<Failure> for OAuthError {
    fn from(failure: Failure) -> Self {
        let status = status_of(&failure);
        let error = match status {
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            StatusCode::UNAUTHORIZED => "invalid_client",
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => "unauthorized_client",
            _ => "invalid_request",
        };
        Self::new(status, error, failure.code(), &failure.to_string())
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "error": self.error,
            "error_description": self.description,
            "code": self.code,
        });
        let uncached = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
        let mut response = (self.status, uncached, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge =
                format!(r#"Basic realm="keyledger", error="{}", code="{}""#, self.error, self.code);
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            // RFC 7009, section 2.2.1.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        let code = Some(self.code.into());
        response.extensions_mut().insert(Noted { code, ..*self.noted });
        response
    }
}
