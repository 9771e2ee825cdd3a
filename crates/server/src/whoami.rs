//! `GET /v1/whoami`: as whom, where and until when the credential shown is accepted.

use authority::Caller;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::key::Owner;
use domain::role::Scopes;
use serde::Serialize;

use crate::bearer;
use crate::instant::rfc3339;
use crate::refusal::RestError;
use crate::request_log::Noted;
use crate::router::uncached;
use crate::state::App;
use crate::visitor::Visitor;

/// The answer. Ids are UUIDs, instants RFC 3339, the position a decimal string.
#[derive(Serialize)]
pub(crate) struct Whoami {
    kind: &'static str,
    id: String,
    key_id: String,
    /// Null for an operator without a living membership.
    tenant_id: Option<String>,
    role: Option<&'static str>,
    /// Null: not narrowed.
    scopes: Option<Vec<String>>,
    /// Null: without end.
    expires_at: Option<String>,
    position: String,
}

impl Whoami {
    /// The answer about an accepted credential.
    pub(crate) fn of(caller: &Caller) -> Self {
        let (kind, id) = match caller.owner {
            Owner::User(id) => ("user", id.to_string()),
            Owner::ServiceAccount(id) => ("service_account", id.to_string()),
        };
        Self {
            kind,
            id,
            key_id: caller.key.to_string(),
            tenant_id: caller.tenant.map(|tenant| tenant.to_string()),
            role: caller.role.map(domain::role::Role::as_str),
            scopes: match &caller.scopes {
                Scopes::All => None,
                Scopes::Only(list) => {
                    Some(list.as_slice().iter().map(|scope| scope.as_str().to_owned()).collect())
                }
            },
            expires_at: caller.expires_at.map(rfc3339),
            position: caller.position.to_string(),
        }
    }
}

/// 200 with the identity, or 401 with the code in the body and in `WWW-Authenticate`.
pub(crate) async fn whoami(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, RestError> {
    let let_in = bearer::authenticate(&app, &headers, visitor)?;
    let mut response = uncached(Whoami::of(&let_in.caller)).into_response();
    response.extensions_mut().insert(Noted::of(&let_in));
    Ok(response)
}
