//! Refusals over HTTP: the body, the status and the `WWW-Authenticate` header that go with a code.
//!
//! REST errors are `{"error":{"code","message"}}`. Challenges follow RFC 6750, section 3, with the stable
//! code as a parameter of its own beside `error`.

use authority::{Denial, Denied, Failure};
use axum::Json;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::rejection::RejectionClass;
use domain::role::Permission;
use serde_json::json;

use crate::let_in::NotLetIn;
use crate::request_log::Noted;

/// A refusal of a REST route.
#[derive(Debug)]
pub struct RestError {
    status: StatusCode,
    code: &'static str,
    message: String,
    challenge: Option<HeaderValue>,
    retry_after_seconds: Option<u64>,
    noted: Box<Noted>,
}

impl RestError {
    /// A refusal without a challenge.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let noted = Box::new(Noted { code: Some(code.into()), ..Noted::default() });
        Self { status, code, message: message.into(), challenge: None, retry_after_seconds: None, noted }
    }

    /// A credential that is accepted, and does not include the permission: 403 with the scope that does
    /// (RFC 6750, section 3.1).
    pub fn insufficient(permission: Permission, message: impl Into<String>) -> Self {
        let scope = permission.scope();
        let challenge = format!(
            r#"Bearer realm="keyledger", error="insufficient_scope", scope="{scope}", code="FORBIDDEN""#
        );
        let challenge = HeaderValue::from_str(&challenge).ok();
        Self { challenge, ..Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message) }
    }

    /// A credential that is accepted, and narrowed to less than is needed: 403 with the scopes that would do.
    pub(crate) fn lacking(scopes: &str) -> Self {
        let challenge = format!(
            r#"Bearer realm="keyledger", error="insufficient_scope", scope="{scopes}", code="SCOPES_NOT_HELD""#
        );
        let challenge = HeaderValue::from_str(&challenge).ok();
        let message =
            format!("the credential is accepted, but does not include all of these scopes: {scopes}");
        Self { challenge, ..Self::new(StatusCode::FORBIDDEN, "SCOPES_NOT_HELD", message) }
    }

    /// Somebody who is not let in, for clients that know no other refusal of a credential than 401: what cannot be a
    /// credential is one, too.
    pub(crate) fn unauthorized(refused: NotLetIn) -> Self {
        let error = Self::from(refused);
        if error.status == StatusCode::BAD_REQUEST {
            error.with_status(StatusCode::UNAUTHORIZED)
        } else {
            error
        }
    }

    /// There is too much to do; nothing was carried out.
    pub(crate) fn busy(message: &str, retry_after_seconds: u64) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message);
        Self { retry_after_seconds: Some(retry_after_seconds), ..error }
    }

    /// The same with another status, for callers who know fewer.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, and what to do next.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<NotLetIn> for RestError {
    fn from(refused: NotLetIn) -> Self {
        let status = match &refused {
            NotLetIn::Denied(Denial { denied: Denied::Malformed, .. }) => StatusCode::BAD_REQUEST,
            NotLetIn::Denied(_) => StatusCode::UNAUTHORIZED,
            NotLetIn::TooManyGuesses { .. } | NotLetIn::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        };
        let challenge = match &refused {
            NotLetIn::Denied(denial) => Some(challenge(denial.denied)),
            NotLetIn::TooManyGuesses { .. } | NotLetIn::RateLimited { .. } => None,
        };
        let noted = Box::new(Noted::refused(&refused));
        let (code, message) = (refused.code(), refused.message());
        Self { status, code, message, challenge, retry_after_seconds: refused.retry_after_seconds(), noted }
    }
}

impl From<Failure> for RestError {
    fn from(failure: Failure) -> Self {
        Self::new(status_of(&failure), failure.code(), failure.to_string())
    }
}

/// After how long it is worth asking again what cannot be done now.
const RETRY_AFTER_SECONDS: u64 = 5;

impl RestError {
    /// Gives an answer in another form the status, headers and code of this refusal.
    pub(crate) fn mark(&self, response: &mut Response) {
        *response.status_mut() = self.status;
        if let Some(challenge) = &self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.clone());
        }
        // What cannot be done now can be done later.
        let later = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS);
        if let Some(seconds) = self.retry_after_seconds.or(later) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Noted::clone(&self.noted));
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        let mut response = ([(CACHE_CONTROL, "no-store")], Json(body)).into_response();
        self.mark(&mut response);
        response
    }
}

/// The status that goes with a failure of a command or query.
pub fn status_of(failure: &Failure) -> StatusCode {
    match failure.class() {
        Some(RejectionClass::NotAuthenticated) => StatusCode::UNAUTHORIZED,
        Some(RejectionClass::Forbidden) => StatusCode::FORBIDDEN,
        Some(RejectionClass::NotFound) => StatusCode::NOT_FOUND,
        Some(RejectionClass::Conflict) => StatusCode::CONFLICT,
        Some(RejectionClass::Invalid) => StatusCode::BAD_REQUEST,
        None => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Gives a 401 that has no challenge the bare one (RFC 9110, section 15.5.2).
pub(crate) async fn challenged(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        let bare = HeaderValue::from_static(r#"Bearer realm="keyledger""#);
        response.headers_mut().entry(WWW_AUTHENTICATE).or_insert(bare);
    }
    response
}

/// The challenge of RFC 6750, section 3: bare when nothing was shown, else with the error and our code.
pub fn challenge(denied: Denied) -> HeaderValue {
    let error = match denied {
        Denied::Missing => return HeaderValue::from_static(r#"Bearer realm="keyledger""#),
        Denied::Malformed => "invalid_request",
        Denied::Mistyped | Denied::Token(_) | Denied::Claims(_) | Denied::Refused(_) => "invalid_token",
    };
    let description = denied.to_string().replace(['"', '\\'], "'");
    let visible: String = description.chars().map(|c| if c.is_ascii() { c } else { '.' }).collect();
    let code = denied.code();
    let text =
        format!(r#"Bearer realm="keyledger", error="{error}", error_description="{visible}", code="{code}""#);
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(r#"Bearer realm="keyledger""#))
}
