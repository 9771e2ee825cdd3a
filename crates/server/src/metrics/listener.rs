//! The address that serves nothing but metrics, to whoever reaches it.

use std::net::SocketAddr;

use axum::routing::get;
use axum::{Router, middleware};
use tokio::sync::watch;

use super::metrics_for_anyone;
use crate::connections::{self, Connections};
use crate::host;
use crate::serve::ServeError;
use crate::state::App;

/// More collectors than anybody has.
const CONNECTIONS_MAX: u32 = 64;

/// Binds the address, and serves metrics there until the process ends: also while it drains.
pub(crate) async fn listen(listen: SocketAddr, app: App) -> Result<(), ServeError> {
    let bind = |error| ServeError::BindMetrics { listen, error };
    let listener = connections::bind(listen).map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let router = Router::new()
        .route("/metrics", get(metrics_for_anyone))
        .layer(middleware::from_fn(host::is_named))
        .with_state(app);
    // Nobody tells it to stop: the sender lives as long as the task.
    let (never, stopping) = watch::channel(false);
    tokio::spawn(async move {
        Connections::new(CONNECTIONS_MAX).serve(listener, router, stopping).await;
        drop(never);
    });
    tracing::info!(%address, "metrics are served to everyone who reaches this address");
    Ok(())
}
