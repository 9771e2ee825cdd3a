//! `GET /.well-known/oauth-authorization-server`: the metadata of RFC 8414. True statements only.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::{Json, http::HeaderName};
use domain::role::Permission;
use serde_json::{Value, json};

use crate::state::App;

/// Where the endpoints are and what they take.
pub(crate) async fn metadata(State(app): State<App>) -> impl IntoResponse {
    let issuer = app.authority.issuer().as_str();
    let base = issuer.trim_end_matches('/');
    let methods = ["client_secret_basic", "client_secret_post"];
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
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "scopes_supported": scopes,
    }));
    (headers, body)
}
