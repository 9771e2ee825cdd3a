//! Serving: from a bound socket to the last drained request.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use authority::Authority;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::notify;
use crate::router::router;
use crate::state::App;

/// How the server is reached.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// How long requests that are under way may take after a signal to stop.
    pub drain: Duration,
}

impl ServeOptions {
    /// Listens there, and gives requests under way ten seconds.
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, drain: Duration::from_secs(10) }
    }
}

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {listen}: {error}; choose another with --listen")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// What happened.
        error: std::io::Error,
    },
    /// The machine has no room for one more server.
    #[error("the server could not be started: {0}")]
    Runtime(std::io::Error),
    /// The ledger takes no more changes. Starting again opens and checks it anew.
    #[error("the server has stopped because the ledger takes no more changes: {0}; start it again")]
    WriterStopped(String),
}

/// Serves until SIGTERM or SIGINT, then drains: no new connections, requests under way are finished, the
/// ledger is closed. `ready` is called with the bound address once requests are taken.
pub fn serve(
    authority: Authority,
    options: ServeOptions,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> Result<(), ServeError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let authority = Arc::new(authority);
    let served = runtime.block_on(run(Arc::clone(&authority), &options, ready));
    // Requests that outlived the drain must not hold the ledger open.
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(authority);
    served
}

async fn run(
    authority: Arc<Authority>,
    options: &ServeOptions,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let listen = options.listen;
    let bind = |error| ServeError::Bind { listen, error };
    let listener = TcpListener::bind(listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Runtime)?;
    let (stop, mut stopping) = watch::channel(false);
    let app = router(App::new(Arc::clone(&authority)));
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        // An error means that the sender is gone: stop as well.
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    let mut server = tokio::spawn(server.into_future());
    tracing::info!(%address, position = %authority.position(), keys = authority.keys_known(), "listening");
    ready(address);
    notify::tell(notify::State::Ready);

    let watched = Arc::clone(&authority);
    let signs_of_life = tokio::spawn(async move { notify::keep_alive(&watched).await });
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        why = writer_stopped(&authority) => Err(ServeError::WriterStopped(why)),
    };
    notify::tell(notify::State::Stopping);
    tracing::info!("draining");
    // The receiver lives as long as the server does.
    let _ = stop.send(true);
    if tokio::time::timeout(options.drain, &mut server).await.is_err() {
        tracing::warn!("requests were still under way when the drain ended");
        server.abort();
    }
    signs_of_life.abort();
    outcome
}

/// Why the writer has stopped, once it has. Its handle is dead by design: only a restart opens the ledger again.
async fn writer_stopped(authority: &Authority) -> String {
    let mut every = tokio::time::interval(Duration::from_millis(200));
    loop {
        every.tick().await;
        if let Some(why) = authority.stopped() {
            return why;
        }
    }
}
