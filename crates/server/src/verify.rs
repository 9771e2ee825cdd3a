//! `POST /v1/verify`: a caller that may verify shows somebody's key or token, and learns what it is worth.
//!
//! The answer is 200 whether or not it is valid: the question was. It is about the caller's own tenant, or the
//! one named, in which the caller must be able to verify.

use std::net::IpAddr;
use std::time::Duration;

use authority::usage::UseWay;
use authority::{Authority, Caller, Shown};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::TenantId;
use domain::role::{Permission, Scope, Scopes};
use domain::time::Position;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bearer;
use crate::held::holds;
use crate::refusal::RestError;
use crate::request_log::Noted;
use crate::router::uncached;
use crate::state::App;
use crate::visitor::Visitor;
use crate::whoami;

/// How long a request waits for a position that is not reached yet.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The key or token that was shown to the caller.
    credential: String,
    /// In which tenant; absent: the caller's.
    tenant_id: Option<String>,
    /// Scopes that it must include.
    #[serde(default)]
    scopes: Vec<String>,
    /// From which address it was shown to the caller; without it a key that lists its addresses is not valid.
    client_address: Option<String>,
    /// Answer only as of this position or a later one.
    min_position: Option<String>,
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
    let question: Question = serde_json::from_slice(&body)
        .map_err(|error| malformed(&format!("the body must be a JSON object with a credential: {error}")))?;
    let tenant = question.tenant_id.as_deref().map(TenantId::parse).transpose();
    let tenant = tenant.map_err(|error| malformed(&format!("tenant_id: {error}")))?;
    let scopes: Result<Vec<_>, _> = question.scopes.iter().map(|scope| Scope::parse(scope)).collect();
    let scopes = scopes.and_then(Scopes::only).map_err(|error| malformed(&format!("scopes: {error}")))?;
    let client = question.client_address.as_deref().map(str::parse).transpose();
    let client: Option<IpAddr> =
        client.map_err(|_| malformed("client_address: give an IPv4 or IPv6 address"))?;
    let wanted = question.min_position.as_deref().map(str::parse).transpose();
    let wanted = wanted.map_err(|_| malformed("min_position: give the decimal digits of a position"))?;

    let let_in = bearer::authenticate_in(&app, &headers, visitor, tenant)?;
    let caller = &let_in.caller;
    let Some(tenant) = caller.tenant.filter(|_| may(caller, Permission::Verify)) else {
        let message =
            "this credential may not verify what others show: it needs the permission keyledger:verify";
        return Err(RestError::insufficient(Permission::Verify, message));
    };
    if let Some(number) = wanted {
        reached(&app.authority, Position::new(number)).await?;
    }
    let mut code = None;
    let mut invalid = |why: &'static str| {
        code = Some(why.into());
        why
    };
    let verdict =
        app.authority.verify(Shown { credential: &question.credential, from: client }, Some(tenant));
    let answer = match verdict {
        Ok(shown) if holds(&shown, &scopes) => {
            let position = shown.position.to_string();
            match app.within_rate(shown) {
                Ok(shown) => {
                    // What kind of program showed it, only the service knows to which it was shown.
                    app.authority.used(&shown.caller, None, UseWay::Shown);
                    let answer = serde_json::from_slice(&whoami::json(&shown.caller));
                    let mut answer: Value = answer.expect("it was just written as JSON");
                    answer["valid"] = json!(true);
                    if let Some(standing) = shown.rate {
                        answer["requests_left"] = json!(standing.left());
                    }
                    answer
                }
                Err(limited) => json!({
                    "valid": false,
                    "code": invalid(limited.code()),
                    "message": limited.message(),
                    "retry_after_seconds": limited.retry_after_seconds(),
                    "position": position,
                }),
            }
        }
        Ok(shown) => json!({
            "valid": false,
            "code": invalid("SCOPES_NOT_HELD"),
            "message": "the credential is accepted, but does not include all of these scopes",
            "position": shown.position.to_string(),
        }),
        Err(denial) => json!({
            "valid": false,
            "code": invalid(denial.denied.code()),
            "message": denial.denied.to_string(),
            "position": app.authority.position().to_string(),
        }),
    };
    let mut response = uncached(answer).into_response();
    response.extensions_mut().insert(Noted { code, ..Noted::of(&let_in) });
    Ok(response)
}

/// Whether a caller's role and credential both include the permission.
pub(crate) fn may(caller: &Caller, permission: Permission) -> bool {
    caller.role.is_some_and(|role| role.permits(permission)) && caller.scopes.permit(permission)
}

/// Waits until the index has reached the position, but not long.
async fn reached(authority: &Authority, position: Position) -> Result<(), RestError> {
    let wait = async {
        while authority.position() < position {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, wait).await.map_err(|_| {
        let message = "this server has not reached the position asked for; ask again";
        RestError::new(StatusCode::SERVICE_UNAVAILABLE, "POSITION_NOT_REACHED", message)
    })
}

fn malformed(message: &str) -> RestError {
    RestError::new(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", message)
}
