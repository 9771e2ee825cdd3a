//! Connections: how many there may be, for how long each may keep the server waiting, and how they end.
//!
//! Requests cost nothing for it: a connection leaves marks as it goes, and looks at them every two seconds.

mod farewell;
mod patience;
mod watched;

use std::convert::Infallible;
use std::io;
use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior};

use patience::{Patience, TICK, Verdict};
use watched::{Marks, Watched};

/// How many connections there may be at once, if nothing else was said.
pub const CONNECTIONS_MAX: u32 = 16_384;

/// The most bytes of a request's head, and of what is read ahead of a body.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// How many of those for whom there is no room are told so at once; the others are just closed.
const TOLD_AT_ONCE_MAX: usize = 256;
/// How long nothing is accepted after the machine refused a connection, such as for want of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the log says that there is no room.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// How many connections may wait to be accepted, as far as the kernel lets them (`net.core.somaxconn`). Of more that come at once,
/// such as all agents after a restart, the kernel drops the first packet, and they try again after a second.
const WAITING_MAX: u32 = 4096;

/// Listens at an address. To be called within the runtime.
pub(crate) fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that was stopped a moment ago leaves connections behind, and is nobody else.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(WAITING_MAX)
}

/// The room for connections, and what became of those for whom there was none.
pub(crate) struct Connections {
    max: u32,
    room: Arc<Semaphore>,
    told: Arc<Semaphore>,
    refused: AtomicU64,
}

impl Connections {
    /// Room for so many.
    pub(crate) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self {
            max,
            room: Arc::new(Semaphore::new(max as usize)),
            told: Arc::new(Semaphore::new(TOLD_AT_ONCE_MAX)),
            refused: AtomicU64::new(0),
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        (self.max as usize).saturating_sub(self.room.available_permits())
    }

    /// How many found no room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether those who keep a connection without using it should make room.
    fn crowded(&self) -> bool {
        self.room.available_permits() < self.max as usize / 4
    }

    /// Takes connections until told to stop, then returns once all of them have ended. Those that are idle by then
    /// are closed; the others finish their request.
    pub(crate) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        router: Router,
        mut stopping: watch::Receiver<bool>,
    ) {
        let told = stopping.clone();
        // An error means that the sender is gone: stop as well.
        let mut stop = pin!(stopping.wait_for(|stop| *stop));
        let mut warned = Warned::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = &mut stop => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                // That one is gone; the next may be well.
                Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset) => continue,
                Err(error) => {
                    if warned.again() {
                        tracing::warn!(%error, "a connection could not be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Ok(place) = Arc::clone(&self.room).try_acquire_owned() {
                let attended = attend(stream, peer, router.clone(), place, told.clone(), Arc::clone(&self));
                tokio::spawn(attended);
                continue;
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            if warned.again() {
                tracing::warn!(
                    max = self.max,
                    "there is no room for another connection; see --connections-max"
                );
            }
            if let Ok(told) = Arc::clone(&self.told).try_acquire_owned() {
                tokio::spawn(async move {
                    farewell::answer(&stream, &farewell::NO_ROOM);
                    farewell::part(stream).await;
                    drop(told);
                });
            }
        }
        drop(listener);
        // Whoever has all of the room is alone. It is an error only if the room is closed, which nobody does.
        let _ = self.room.acquire_many(self.max).await;
    }
}

/// When the log last said that connections are turned away: a flood of them must not be one of lines.
#[derive(Default)]
struct Warned(Option<Instant>);

impl Warned {
    /// Whether it is time to say so again.
    fn again(&mut self) -> bool {
        let due = self.0.is_none_or(|warned| warned.elapsed() >= WARN_EVERY);
        if due {
            self.0 = Some(Instant::now());
        }
        due
    }
}

/// Why a connection is at its end.
enum End {
    /// Both sides are done with it, or it broke.
    Done,
    /// It kept the server waiting.
    Given(Verdict),
}

async fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    place: OwnedSemaphorePermit,
    mut stopping: watch::Receiver<bool>,
    connections: Arc<Connections>,
) {
    // Answers are written whole, so there is nothing to gather. One that fails is only slower.
    let _ = stream.set_nodelay(true);
    let marks = Arc::new(Marks::default());
    let routes = TowerToHyperService::new(router);
    let marked = Arc::clone(&marks);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let chunked = request.body().size_hint().exact().is_none();
        marked.begin();
        let (answer, marked) = (routes.call(request), Arc::clone(&marked));
        async move {
            let mut answer = answer.await?;
            marked.end();
            if chunked {
                // A body framed in two ways ends elsewhere for whoever reads it otherwise; what follows it may be
                // somebody's request or a part of it, and is not looked at (RFC 9112, section 6.1).
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&marks)));
    let mut connection = http1::Builder::new()
        // What follows keeps the time, without a timer for each request.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(io, service);

    let mut every = tokio::time::interval_at(Instant::now() + TICK, TICK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut patience = Patience::default();
    let mut stop = pin!(stopping.wait_for(|stop| *stop));
    let mut told = false;
    let end = loop {
        tokio::select! {
            biased;
            // How it went is the client's affair: what was asked has its own line in the log.
            _ = &mut connection => break End::Done,
            _ = every.tick() => match patience.judge(marks.look(), connections.crowded()) {
                Verdict::GoOn => {}
                verdict => break End::Given(verdict),
            },
            _ = &mut stop, if !told => {
                told = true;
                // One that is idle ends with that.
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let stream = connection.into_parts().io.into_inner().into_stream();
    match end {
        End::Done => farewell::part(stream).await,
        End::Given(Verdict::HeadTooSlow) => {
            farewell::answer(&stream, &farewell::TOO_SLOW);
            farewell::part(stream).await;
        }
        // What nobody takes is not kept for them.
        End::Given(Verdict::AnswerNotTaken) => drop(stream.set_zero_linger()),
        End::Given(Verdict::Idle | Verdict::GoOn) => {}
    }
    drop(place);
}
