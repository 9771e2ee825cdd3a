//! `POST /oauth/introspect`: RFC 7662, for keys and tokens.
//!
//! The caller is a client that may verify, and sees what acts in its own tenant. Everything else, be it dead,
//! unknown or somebody else's, is exactly `{"active":false}`. Beyond the RFC it takes `client_address` and `min_position`,
//! as `/v1/verify` does; for whom a token is, the client reads in `aud`.

use authority::usage::UseWay;
use authority::{Caller, Credential, Shown};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::key::Owner;
use domain::role::{Permission, Scopes};
use domain::time::Position;
use serde_json::{Value, json};

use super::client::Client;
use super::error::{OAuthError, invalid_request};
use super::form::Form;
use crate::reached::reached;
use crate::request_log::Noted;
use crate::router::uncached;
use crate::state::App;
use crate::verify::may;
use crate::visitor::Visitor;

/// Says what a key or token is worth in the caller's tenant.
pub(crate) async fn introspect(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OAuthError> {
    let form = Form::of(&headers, body)?;
    let let_in = Client::let_in(&app, visitor, &headers, &form, None)?;
    let noted = Noted::of(&let_in);
    let client = let_in.caller;
    let Some(tenant) = client.tenant.filter(|_| may(&client, Permission::Verify)) else {
        let message = "this client may not verify what others show";
        return Err(OAuthError::new(StatusCode::FORBIDDEN, "unauthorized_client", "FORBIDDEN", message));
    };
    let shown = form.get("token").ok_or(invalid_request("token is missing"))?;
    // Without it a key that lists its addresses is not active.
    let client_address = form.get("client_address").map(str::parse).transpose();
    let client_address = client_address.map_err(|_| invalid_request("client_address is no IP address"))?;
    let min_position = form.get("min_position").map(str::parse).transpose();
    let min_position =
        min_position.map_err(|_| invalid_request("min_position must be the decimal digits of a position"))?;
    if let Some(number) = min_position {
        reached(&app.authority, Position::new(number)).await?;
    }
    let verdict = app.authority.introspect(Shown { credential: shown, from: client_address }, Some(tenant));
    let answer = match verdict {
        Ok(caller) => match app.within_rate(caller) {
            Ok(shown) => {
                app.authority.used(&shown.caller, None, UseWay::Shown);
                active(&app, &shown.caller)
            }
            // Held to its rate wherever it is shown, as by `/v1/verify`.
            Err(_) => json!({"active": false}),
        },
        Err(_) => json!({"active": false}),
    };
    let mut response = uncached(answer).into_response();
    response.extensions_mut().insert(noted);
    Ok(response)
}

fn active(app: &App, caller: &Caller) -> Value {
    let (kind, subject) = match caller.owner {
        Owner::User(id) => ("user", id.to_string()),
        Owner::ServiceAccount(id) => ("service_account", id.to_string()),
    };
    let mut answer = json!({
        "active": true,
        "token_type": "Bearer",
        "client_id": caller.key.to_string(),
        "sub": subject,
        "sub_kind": kind,
        "iss": app.authority.issuer().as_str(),
        "tenant": caller.tenant.map(|tenant| tenant.to_string()),
        "role": caller.role.map(domain::role::Role::as_str),
        "position": caller.position.to_string(),
    });
    if let Scopes::Only(list) = &caller.scopes {
        let scopes: Vec<_> = list.as_slice().iter().map(|scope| scope.as_str()).collect();
        answer["scope"] = json!(scopes.join(" "));
    }
    if let Some(end) = caller.expires_at {
        answer["exp"] = json!(end.unix_seconds());
    }
    if let Credential::Token(claims) = &caller.credential {
        answer["iat"] = json!(claims.issued_at.unix_seconds());
        answer["nbf"] = json!(claims.not_before.unix_seconds());
        answer["aud"] = json!(claims.audience.as_slice());
        answer["jti"] = json!(claims.token.to_string());
    }
    answer
}
