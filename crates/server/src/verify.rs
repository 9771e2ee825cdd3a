//! `POST /v1/verify`: a caller that may verify shows somebody's key or token, and learns what it is worth.
//!
//! The answer is 200 whether or not it is valid: the question was. It is about the caller's own tenant, or the
//! one named, in which the caller must be able to verify. A token must be for the service that asks (RFC 9068, section 4;
//! RFC 8725, section 3.9): else whoever is shown one could use it at every other service.

use std::net::IpAddr;

use authority::usage::UseWay;
use authority::{Caller, Credential, CredentialKind, Shown};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use credentials::claims::Audience;
use domain::ids::TenantId;
use domain::role::{Permission, Scope, Scopes};
use domain::time::Position;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bearer;
use crate::held::holds;
use crate::let_in::LetIn;
use crate::reached::reached;
use crate::refusal::RestError;
use crate::request_log::Noted;
use crate::router::uncached;
use crate::state::App;
use crate::visitor::Visitor;
use crate::whoami;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The key or token that was shown to the caller.
    credential: String,
    /// In which tenant; absent: the caller's.
    tenant_id: Option<String>,
    /// What the service is called that asks: a token must be for it; absent: for Keyledger itself. A key is for any.
    audience: Option<String>,
    /// Scopes that it must include.
    #[serde(default)]
    scopes: Vec<String>,
    /// From which address it was shown to the caller; without it a key that lists its addresses is not valid.
    client_address: Option<String>,
    /// Answer only as of this position or a later one.
    min_position: Option<String>,
}

/// The same, understood.
struct Asked {
    credential: String,
    tenant: Option<TenantId>,
    audience: Option<Audience>,
    scopes: Scopes,
    client: Option<IpAddr>,
    min_position: Option<Position>,
}

impl Asked {
    fn parse(body: &[u8]) -> Result<Self, RestError> {
        let question: Question = serde_json::from_slice(body).map_err(|error| {
            malformed(&format!("the body must be a JSON object with a credential: {error}"))
        })?;
        let tenant = question.tenant_id.as_deref().map(TenantId::parse).transpose();
        let audience = question.audience.as_deref().map(Audience::parse).transpose();
        let scopes: Result<Vec<_>, _> = question.scopes.iter().map(|scope| Scope::parse(scope)).collect();
        let client = question.client_address.as_deref().map(str::parse).transpose();
        let wanted = question.min_position.as_deref().map(str::parse).transpose();
        Ok(Self {
            credential: question.credential,
            tenant: tenant.map_err(|error| malformed(&format!("tenant_id: {error}")))?,
            audience: audience.map_err(|error| malformed(&format!("audience: {error}")))?,
            scopes: scopes.and_then(Scopes::only).map_err(|error| malformed(&format!("scopes: {error}")))?,
            client: client.map_err(|_| malformed("client_address: give an IPv4 or IPv6 address"))?,
            min_position: wanted
                .map_err(|_| malformed("min_position: give the decimal digits of a position"))?
                .map(Position::new),
        })
    }
}

/// Answers `{"valid":true, …}` with the identity, or `{"valid":false,"code","message"}`.
pub(crate) async fn verify(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, RestError> {
    let body = body.map_err(|rejection| {
        RestError::new(rejection.status(), "PAYLOAD_TOO_LARGE", "the body could not be read, or is too large")
    })?;
    let asked = Asked::parse(&body)?;
    let let_in = bearer::authenticate_in(&app, &headers, visitor, asked.tenant)?;
    let caller = &let_in.caller;
    let Some(tenant) = caller.tenant.filter(|_| may(caller, Permission::Verify)) else {
        let message =
            "this credential may not verify what others show: it needs the permission keyledger:verify";
        return Err(RestError::insufficient(Permission::Verify, message));
    };
    if let Some(position) = asked.min_position {
        reached(&app.authority, position).await?;
    }
    let (answer, code) = match worth(&app, &asked, tenant) {
        Ok(shown) => (accepted(&shown), None),
        Err(NotValid { code, answer }) => (answer, Some(code.into())),
    };
    let mut response = uncached(answer).into_response();
    response.extensions_mut().insert(Noted { code, ..Noted::of(&let_in) });
    Ok(response)
}

/// A credential that is not good for what was asked.
struct NotValid {
    code: &'static str,
    answer: Value,
}

impl NotValid {
    fn new(code: &'static str, message: String, position: Position) -> Self {
        let position = position.to_string();
        Self { code, answer: json!({"valid": false, "code": code, "message": message, "position": position}) }
    }
}

/// Lets in whoever showed the credential to the service that asks.
fn worth(app: &App, asked: &Asked, tenant: TenantId) -> Result<LetIn, NotValid> {
    let shown = Shown { credential: &asked.credential, from: asked.client };
    let shown = app.authority.verify(shown, Some(tenant), asked.audience.as_ref()).map_err(|denial| {
        NotValid::new(denial.denied.code(), denial.denied.to_string(), app.authority.position())
    })?;
    let position = shown.position;
    if !holds(&shown, &asked.scopes) {
        let message = "the credential is accepted, but does not include all of these scopes";
        return Err(NotValid::new("SCOPES_NOT_HELD", message.to_owned(), position));
    }
    let shown = app.within_rate(shown).map_err(|limited| {
        let mut refused = NotValid::new(limited.code(), limited.message(), position);
        refused.answer["retry_after_seconds"] = json!(limited.retry_after_seconds());
        refused
    })?;
    // What kind of program showed it, only the service knows to which it was shown.
    app.authority.used(&shown.caller, None, UseWay::Shown);
    Ok(shown)
}

/// The identity as `whoami` tells it, whether a key or a token was shown, and for whom the token is.
fn accepted(shown: &LetIn) -> Value {
    let answer = serde_json::from_slice(&whoami::json(&shown.caller));
    let mut answer: Value = answer.expect("it was just written as JSON");
    answer["valid"] = json!(true);
    let (kind, audience) = match &shown.caller.credential {
        Credential::Key => (CredentialKind::Key, Value::Null),
        Credential::Token(claims) | Credential::Refresh(claims) => {
            (CredentialKind::Token, json!(claims.audience.as_slice()))
        }
    };
    answer["credential_kind"] = json!(kind.as_str());
    answer["audience"] = audience;
    if let Some(standing) = shown.rate {
        answer["requests_left"] = json!(standing.left());
    }
    answer
}

/// Whether a caller's role and credential both include the permission.
pub(crate) fn may(caller: &Caller, permission: Permission) -> bool {
    caller.role.is_some_and(|role| role.permits(permission)) && caller.scopes.permit(permission)
}

fn malformed(message: &str) -> RestError {
    RestError::new(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", message)
}
