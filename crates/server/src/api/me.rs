//! `/api/me`: who asks, and the accounts and workspaces in which the credential acts.

use authority::queries::{ServiceAccountView, TenantView, UserView};
use authority::{AsOf, Failure};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::asker::{Asked, Asker, answered};

/// `GET /api/me`, with or without a closing slash. Every member is a text, as clients want it: what is not known is empty.
pub(crate) async fn me(asker: Asker) -> Response {
    asker
        .answer(|asked| {
            let user = asked.authority.own_user(&asked.caller, AsOf::Now)?.value;
            let account = asked.authority.own_service_account(&asked.caller)?;
            let body = match (user, account) {
                (Some(user), _) => person(&user),
                (None, Some(account)) => machine(&account),
                // Removed between being let in and being looked for: a row is never taken away.
                (None, None) => Value::Null,
            };
            Ok(answered(StatusCode::OK, body))
        })
        .await
}

/// `GET /api/me/accounts`.
pub(crate) async fn accounts(asker: Asker) -> Response {
    asker
        .answer(|asked| {
            let account = |tenant: TenantView| {
                json!({
                    "account_id": tenant.id.to_string(),
                    "account_name": tenant.name,
                    "account_handle": tenant.slug,
                })
            };
            let accounts = tenants(asked)?.into_iter().map(account).collect();
            Ok(answered(StatusCode::OK, Value::Array(accounts)))
        })
        .await
}

/// `GET /api/me/workspaces`. A client names one as `account_handle/workspace_handle`: the slug, twice.
pub(crate) async fn workspaces(asker: Asker) -> Response {
    asker
        .answer(|asked| {
            let workspace = |tenant: TenantView| {
                json!({
                    "account_id": tenant.id.to_string(),
                    "account_name": tenant.name,
                    "account_handle": tenant.slug,
                    "workspace_id": tenant.id.to_string(),
                    "workspace_name": tenant.name,
                    "workspace_description": "",
                    "workspace_handle": tenant.slug,
                })
            };
            let workspaces = tenants(asked)?.into_iter().map(workspace).collect();
            Ok(answered(StatusCode::OK, Value::Array(workspaces)))
        })
        .await
}

fn tenants(asked: &Asked) -> Result<Vec<TenantView>, Failure> {
    Ok(asked.authority.own_tenants(&asked.caller, AsOf::Now)?.value)
}

fn person(user: &UserView) -> Value {
    let name = user.name.as_deref().unwrap_or_default();
    // Whoever has one name only, or several, has them all in the first.
    let (first, last) = name.rsplit_once(' ').unwrap_or((name, ""));
    let handle = user.email.split('@').next().unwrap_or_default();
    json!({
        "id": user.id.to_string(),
        "email": user.email,
        "first_name": first,
        "last_name": last,
        "handle": handle,
    })
}

fn machine(account: &ServiceAccountView) -> Value {
    json!({
        "id": account.id.to_string(),
        "email": "",
        "first_name": account.name,
        "last_name": "",
        "handle": account.name,
    })
}
