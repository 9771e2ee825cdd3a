//! Work that reads the ledger or waits for a commit: on a thread that may wait, and a few at a time.

use std::sync::Arc;

use authority::Authority;
use axum::http::StatusCode;

use crate::graphql::gate;
use crate::refusal::RestError;
use crate::state::App;

/// Runs it when its turn has come, which it shares with the operations of GraphQL.
pub(crate) async fn in_turn<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Authority) -> T + Send + 'static,
) -> Result<T, RestError> {
    let turn = app.running.operations.turn().await.map_err(|gate::Busy| {
        let message = "too many operations are under way; nothing was carried out, so try again";
        RestError::busy(message, gate::RETRY_AFTER_SECONDS)
    })?;
    let (authority, span) = (Arc::clone(&app.authority), tracing::Span::current());
    let run = move || {
        // To the end of the work, also if nobody waits for it any more.
        let _turn = turn;
        span.in_scope(|| work(&authority))
    };
    tokio::task::spawn_blocking(run).await.map_err(|_| {
        RestError::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the server failed; its log says why")
    })
}
