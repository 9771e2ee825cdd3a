//! `POST /oauth/revoke`: RFC 7009. A client ends its own key, or a token minted from it.
//!
//! What was revoked, has expired or was never ours, is revoked already: 200. What belongs to another client is an error,
//! and stays as it is.

use authority::compose::Composed;
use authority::{Denied, Shown};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use credentials::claims::ClaimsError;
use domain::actor::Way;
use domain::event::TokenTarget;
use domain::key::RevocationReason;
use domain::{Command, Refusal};

use super::client::Client;
use super::error::{OAuthError, invalid_request};
use super::form::Form;
use crate::let_in::NotLetIn;
use crate::request_log::{Id, Noted};
use crate::state::App;
use crate::visitor::Visitor;

/// Ends the client's own key or token.
pub(crate) async fn revoke(
    State(app): State<App>,
    visitor: Visitor,
    Extension(id): Extension<Id>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OAuthError> {
    let form = Form::of(&headers, body)?;
    let let_in = Client::let_in_to_end(&app, visitor, &headers, &form)?;
    let noted = Noted::of(&let_in);
    let client = let_in.caller;
    let shown = form.get("token").ok_or(invalid_request("token is missing"))?;
    let done = StatusCode::OK.into_response();
    let verdict = app.authority.introspect(Shown { credential: shown, from: visitor.address }, None);
    let verdict = match verdict {
        Ok(bearer) => Ok(bearer),
        // Else this were a place to guess at that nobody counts.
        Err(denial) => match app.counted(denial, visitor.address) {
            NotLetIn::Denied(denial) => Err(denial.denied),
            refused => return Err(refused.into()),
        },
    };
    let over = [Denied::Refused(Refusal::TokenRevoked), Denied::Claims(ClaimsError::Expired)];
    // A token that is refused for now, because its tenant is suspended, must not come back with it.
    let claims = app.authority.claims(shown);
    let of = match (&claims, &verdict) {
        (_, Err(denied)) if over.contains(denied) => return Ok(done),
        (Some(claims), _) => claims.key,
        (None, Ok(bearer)) => bearer.key,
        (None, Err(_)) => return Ok(done),
    };
    if of != client.key {
        let message = "this token belongs to another client";
        let status = StatusCode::BAD_REQUEST;
        return Err(OAuthError::new(status, "unauthorized_client", "TOKEN_OF_ANOTHER_CLIENT", message));
    }
    let command = match &claims {
        None => Command::RevokeKey { key: client.key, reason: RevocationReason::Unspecified, note: None },
        Some(claims) => {
            Command::RevokeTokens { target: TokenTarget::Token { token: claims.token, key: client.key } }
        }
    };
    let request = id.by(Way::OAuth);
    let authority = app.authority.clone();
    // It waits for the commit: not on a thread that other requests wait for.
    let outcome = tokio::task::spawn_blocking(move || {
        authority.execute(&client.actor, &request, Composed::plain(command))
    });
    outcome.await.unwrap_or(Err(authority::Failure::UnknownOutcome))?;
    let mut done = done;
    done.extensions_mut().insert(noted);
    Ok(done)
}
