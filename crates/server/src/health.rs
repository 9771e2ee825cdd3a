//! `GET /livez` and `GET /readyz`: whether the process runs, and whether it can do its work.

use std::sync::atomic::Ordering;

use authority::Health;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::refusal::RestError;
use crate::state::App;

/// 200 as long as the process answers.
pub(crate) async fn livez() -> Json<serde_json::Value> {
    Json(json!({"status": "alive"}))
}

/// 200 with the position reached; 503 while changes are not taken after a failure, once they are not taken any more,
/// or when the server was told to stop.
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    if app.running.draining.load(Ordering::Relaxed) {
        let message = "the server was told to stop, and finishes what is under way; ask another";
        return RestError::new(StatusCode::SERVICE_UNAVAILABLE, "DRAINING", message).into_response();
    }
    match app.authority.health() {
        Health::Ready => {
            Json(json!({"status": "ready", "position": app.authority.position().to_string()})).into_response()
        }
        Health::Recovering(trouble) => {
            let message = format!(
                "no changes are taken, because {trouble}; that is tried again every few seconds, and credentials are verified meanwhile"
            );
            RestError::new(StatusCode::SERVICE_UNAVAILABLE, "RECOVERING", message).into_response()
        }
        Health::Stopped(_) => {
            let message = "the ledger takes no changes; the server's log says why";
            RestError::new(StatusCode::SERVICE_UNAVAILABLE, "STOPPED", message).into_response()
        }
    }
}
