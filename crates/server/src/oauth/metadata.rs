//! `GET /.well-known/oauth-authorization-server`: the metadata of RFC 8414. True statements only.
//!
//! `response_types_supported` is required, and empty: there is no authorization endpoint. Section 3.2 also says that
//! empty lists are left out; libraries look for the required member.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderName};
use domain::role::Permission;
use serde_json::{Value, json};

use crate::interface::Interface;
use crate::named::Named;
use crate::router::not_found;
use crate::state::App;

/// The same for an issuer with a path: the path comes after the well-known one (section 3.1).
pub(crate) async fn metadata_of_path(
    app: State<App>,
    interface: Interface,
    Named(path): Named<String>,
) -> Response {
    let issuer = app.authority.issuer().as_str();
    let after_scheme = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    match after_scheme.split_once('/') {
        Some((_, ours)) if ours == path => metadata(app).await.into_response(),
        Some(_) | None => not_found(interface).await,
    }
}

/// Where the endpoints are and what they take.
pub(crate) async fn metadata(State(app): State<App>) -> impl IntoResponse {
    let issuer = app.authority.issuer().as_str();
    let base = issuer.trim_end_matches('/');
    let methods = ["client_secret_basic", "client_secret_post"];
    // An exchange needs no client: whoever holds the subject token holds the key.
    let token_methods = ["client_secret_basic", "client_secret_post", "none"];
    let scopes: Vec<_> = Permission::ALL.iter().map(|permission| permission.scope()).collect();
    let headers: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=300")];
    let body: Json<Value> = Json(json!({
        "issuer": issuer,
        "token_endpoint": format!("{base}/oauth/token"),
        "introspection_endpoint": format!("{base}/oauth/introspect"),
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": token_methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "scopes_supported": scopes,
    }));
    (headers, body)
}
