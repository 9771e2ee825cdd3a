//! Serving: from a bound socket to the last drained request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use authority::sessions::SessionLimits;
use authority::{Authority, SigningKeyPolicy};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::client_address::TrustedProxies;
use crate::connections;
pub use crate::connections::CONNECTIONS_MAX;
use crate::graphql::schema::Introspection;
use crate::metrics;
use crate::notify;
use crate::router::router;
use crate::schedule;
use crate::state::{App, TlogAccess};
use crate::witness::{self, Witness};

/// How many unknown credentials an address may show in a minute, if nothing else was said.
pub const GUESSES_PER_MINUTE_MAX: u32 = 60;

/// What Linux sends whoever writes beyond the limit on the size of files.
const SIGXFSZ: i32 = 25;

/// How the server is reached.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// How many connections there may be at once.
    pub connections_max: u32,
    /// How long requests that are under way may take after a signal to stop.
    pub drain: Duration,
    /// The address by which clients reach this server, if somebody said so; none: as each of them asks for it.
    pub address: Option<String>,
    /// The proxies whose word is taken for who asks.
    pub trusted_proxies: TrustedProxies,
    /// How many unknown credentials an address may show in a minute; 0: as many as it likes.
    pub guesses_per_minute_max: u32,
    /// Whether clients may ask for the GraphQL schema.
    pub introspection: Introspection,
    /// How long sessions of the web UI last.
    pub sessions: SessionLimits,
    /// Who may read checkpoints and the hashes of the log.
    pub tlog_access: TlogAccess,
    /// Who is shown each new checkpoint, to sign it.
    pub witnesses: Vec<Witness>,
    /// How signing keys change by themselves; none: only by hand.
    pub signing_keys: Option<SigningKeyPolicy>,
    /// How long, before that, requests are still taken while `/readyz` says that the server is about to stop.
    pub drain_delay: Duration,
    /// The address that serves metrics to everyone who reaches it; none: there is none.
    pub metrics_listen: Option<SocketAddr>,
}

impl ServeOptions {
    /// Listens there, trusts no proxy, and gives requests under way ten seconds.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            address: None,
            connections_max: CONNECTIONS_MAX,
            drain: Duration::from_secs(10),
            trusted_proxies: TrustedProxies::default(),
            guesses_per_minute_max: GUESSES_PER_MINUTE_MAX,
            introspection: Introspection::On,
            sessions: SessionLimits::default(),
            tlog_access: TlogAccess::default(),
            witnesses: vec![],
            signing_keys: None,
            drain_delay: Duration::ZERO,
            metrics_listen: None,
        }
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
    /// The address for metrics is taken, or not ours.
    #[error("cannot listen on {listen} for metrics: {error}; choose another with --metrics-listen")]
    BindMetrics {
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

/// Serves until SIGTERM, SIGINT or SIGHUP, then drains: not ready from then on; after a delay, if one is set, no new
/// connections; requests under way are finished, the ledger is closed. `ready` is called with the bound address once requests are taken.
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

/// Whether whoever started this process has it ignore a signal; where that is not told, it does not.
fn is_ignored(signal: SignalKind) -> bool {
    let told = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = told.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default();
    set >> (signal.as_raw_value() - 1) & 1 == 1
}

/// Waits until the terminal is gone; false: nobody wants to know.
async fn hung_up(signal: Option<&mut Signal>) -> bool {
    match signal {
        Some(signal) => signal.recv().await.is_some(),
        None => false,
    }
}

async fn run(
    authority: Arc<Authority>,
    options: &ServeOptions,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let listen = options.listen;
    let bind = |error| ServeError::Bind { listen, error };
    let listener = connections::bind(listen).map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Runtime)?;
    // Whoever has it ignored, as nohup does, wants to be left alone when the terminal goes.
    let mut hang_up = match is_ignored(SignalKind::hangup()) {
        true => None,
        false => Some(signal(SignalKind::hangup()).map_err(ServeError::Runtime)?),
    };
    // A limit on the size of files then is lack of room, which is waited for, and does not end the process.
    let _file_too_large = signal(SignalKind::from_raw(SIGXFSZ)).map_err(ServeError::Runtime)?;
    // Before the first request: a token that is minted for it lives as long as was set.
    let recording = Arc::clone(&authority);
    let recorded = tokio::task::spawn_blocking(move || schedule::keep_token_life(&recording));
    recorded.await.map_err(|error| ServeError::Runtime(std::io::Error::other(error)))?;
    let (stop, stopping) = watch::channel(false);
    let app = App::new(Arc::clone(&authority), options);
    if let Some(listen) = options.metrics_listen {
        metrics::listen(listen, app.clone()).await?;
    }
    tokio::spawn(metrics::upkeep());
    let running = Arc::clone(&app.running);
    let connections = Arc::clone(&running.connections);
    let mut server = tokio::spawn(connections.serve(listener, router(app), stopping));
    tracing::info!(%address, position = %authority.position(), keys = authority.keys_known(), "listening");
    ready(address);
    let schedule = Some(tokio::spawn(schedule::keep(Arc::clone(&authority), options.signing_keys)));
    let witnesses = (!options.witnesses.is_empty())
        .then(|| tokio::spawn(witness::keep_cosigned(Arc::clone(&authority), options.witnesses.clone())));
    notify::tell(notify::State::Ready);

    let watched = Arc::clone(&authority);
    let signs_of_life = tokio::spawn(async move { notify::keep_alive(&watched).await });
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        true = hung_up(hang_up.as_mut()) => Ok(()),
        why = writer_stopped(&authority) => Err(ServeError::WriterStopped(why)),
    };
    // Whoever asks whether to send more is told not to, from here on.
    running.draining.store(true, Ordering::Relaxed);
    notify::tell(notify::State::Stopping);
    tracing::info!("draining");
    for task in [schedule, witnesses].into_iter().flatten() {
        task.abort();
    }
    if outcome.is_ok() && !options.drain_delay.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(options.drain_delay) => {}
            // Told again: at once.
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
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
