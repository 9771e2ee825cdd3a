//! The address that serves nothing but metrics, to whoever reaches it.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics_for_anyone;
use crate::serve::ServeError;
use crate::state::App;

/// Binds the address, and serves metrics there until the process ends: also while it drains.
pub(crate) async fn listen(listen: SocketAddr, app: App) -> Result<(), ServeError> {
    let bind = |error| ServeError::BindMetrics { listen, error };
    let listener = TcpListener::bind(listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let router = Router::new().route("/metrics", get(metrics_for_anyone)).with_state(app);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "metrics are served no more");
        }
    });
    tracing::info!(%address, "metrics are served to everyone who reaches this address");
    Ok(())
}
