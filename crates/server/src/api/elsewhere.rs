//! `/api/accounts/…/workspaces/…`: what an orchestrator serves, asked of Keyledger by mistake.

use axum::http::StatusCode;
use axum::response::Response;

use super::asker::Asker;
use crate::refusal::RestError;

/// 404 that says where to ask. Whoever is not let in hears that first.
pub(crate) async fn not_ours(asker: Asker) -> Response {
    let message = "Keyledger keeps keys, and no flows, work pools or runs: set PREFECT_API_URL to your orchestrator's own address for this";
    asker.refuse(RestError::new(StatusCode::NOT_FOUND, "NOT_AN_ORCHESTRATOR", message))
}
