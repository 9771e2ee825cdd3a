//! A connection's marks: what was heard, what is under way, and whether the other side takes its answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a connection left since it began. One task writes and reads them, so their order is that of the program.
#[derive(Debug, Default)]
pub(super) struct Marks {
    requests: AtomicU32,
    under_way: AtomicBool,
    heard: AtomicBool,
    blocked: AtomicBool,
}

/// The marks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// How many requests have begun, round and round.
    pub(super) requests: u32,
    /// Whether one of them is not answered yet.
    pub(super) under_way: bool,
    /// Whether something came since the last one began.
    pub(super) heard: bool,
    /// Whether an answer waits to be taken.
    pub(super) blocked: bool,
}

impl Marks {
    /// A request begins.
    pub(super) fn begin(&self) {
        self.requests.store(self.requests.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.heard.store(false, Ordering::Relaxed);
        self.under_way.store(true, Ordering::Relaxed);
    }

    /// Its answer is there. What came until now was its body.
    pub(super) fn end(&self) {
        self.heard.store(false, Ordering::Relaxed);
        self.under_way.store(false, Ordering::Relaxed);
    }

    pub(super) fn look(&self) -> Look {
        Look {
            requests: self.requests.load(Ordering::Relaxed),
            under_way: self.under_way.load(Ordering::Relaxed),
            heard: self.heard.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
        }
    }
}

/// A stream that leaves marks.
pub(super) struct Watched {
    stream: TcpStream,
    marks: Arc<Marks>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, marks: Arc<Marks>) -> Self {
        Self { stream, marks }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// An answer waits from the first write that is not taken whole until one is.
    fn mark(&self, written: &Poll<io::Result<usize>>, whole: usize) {
        let taken = matches!(written, Poll::Ready(Ok(taken)) if *taken == whole);
        if self.marks.blocked.load(Ordering::Relaxed) == taken {
            self.marks.blocked.store(!taken, Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.marks.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.mark(&written, bytes.len());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.mark(&written, bytes.iter().map(|slice| slice.len()).sum());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
