//! What an orchestrator serves, asked of Keyledger by mistake: under `/api/accounts/…/workspaces/…`, or, by clients that were
//! given `…/api` as the orchestrator's own address, right under `/api`.

use axum::extract::FromRequestParts as _;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::asker::Asker;
use crate::interface::Interface;
use crate::refusal::RestError;
use crate::router::not_found;
use crate::state::App;

/// Below these there is what is served here, and nothing of an orchestrator's but workspaces.
const OURS: [&str; 3] = ["me", "users", "accounts"];

/// 404 that says where to ask. Whoever is not let in hears that first.
pub(crate) async fn not_ours(asker: Asker) -> Response {
    let message = "Keyledger keeps keys, and no flows, work pools or runs: set PREFECT_API_URL to your orchestrator's own address for this";
    asker.refuse(RestError::new(StatusCode::NOT_FOUND, "NOT_AN_ORCHESTRATOR", message))
}

/// A path under `/api` that is no route: an orchestrator's, unless it is beside one of ours.
pub(crate) async fn not_found_here(
    State(app): State<App>,
    interface: Interface,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let first = parts.uri.path().trim_start_matches("/api/").split('/').next().unwrap_or_default();
    if OURS.contains(&first) {
        return not_found(interface).await;
    }
    match Asker::from_request_parts(&mut parts, &app).await {
        Ok(asker) => not_ours(asker).await,
        Err(refused) => refused.into_response(),
    }
}
