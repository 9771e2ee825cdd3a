//! `GET /livez` and `GET /readyz`: whether the process runs, and whether it can do its work.

use std::sync::atomic::Ordering;

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

/// 200 with the position reached, or 503 when changes are not taken any more, or the server was told to stop.
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    if app.running.draining.load(Ordering::Relaxed) {
        let message = "the server was told to stop, and finishes what is under way; ask another";
        return RestError::new(StatusCode::SERVICE_UNAVAILABLE, "DRAINING", message).into_response();
    }
    match app.authority.stopped() {
        None => {
            Json(json!({"status": "ready", "position": app.authority.position().to_string()})).into_response()
        }
        Some(_) => {
            let message = "the ledger takes no changes; the server's log says why";
            RestError::new(StatusCode::SERVICE_UNAVAILABLE, "STOPPED", message).into_response()
        }
    }
}
