//! The last words to a connection: an answer where no request was read, and a close that does not destroy it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;

/// An answer to what was not read.
pub(super) struct Answer {
    status: &'static str,
    code: &'static str,
    message: &'static str,
    more: &'static str,
}

/// There is no room for one more.
pub(super) const NO_ROOM: Answer = Answer {
    status: "503 Service Unavailable",
    code: "TOO_MANY_CONNECTIONS",
    message: "there are too many connections; try again in a while",
    more: "retry-after: 5\r\n",
};

/// The head of the request did not come in time.
pub(super) const TOO_SLOW: Answer = Answer {
    status: "408 Request Timeout",
    code: "TIMEOUT",
    message: "the request did not come in time; nothing was carried out",
    more: "",
};

impl Answer {
    fn written(&self) -> String {
        let Self { status, code, message, more } = self;
        let body = json!({"error": {"code": code, "message": message}}).to_string();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n{more}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// How long, and how much, is still read of whoever goes on sending.
const LAST_TIME_MAX: Duration = Duration::from_secs(1);
const LAST_BYTES_MAX: usize = 1 << 20;

/// Says it. Nothing was said on the connection before, or all of it was taken, so there is room for this; if there
/// is none, nobody is waiting for it either.
pub(super) fn answer(stream: &TcpStream, answer: &Answer) {
    let _ = stream.try_write(answer.written().as_bytes());
}

/// Closes. Whoever still sends would find the connection reset, and the answer lost, if what it sent was not read.
pub(super) async fn part(mut stream: TcpStream) {
    let read_to_its_end = async {
        poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await?;
        // On the heap, and only now: what a task holds across a wait, each connection has from its beginning.
        let (mut buffer, mut left) = (vec![0; 4096], LAST_BYTES_MAX);
        while left > 0 {
            stream.readable().await?;
            match stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => left = left.saturating_sub(read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    // Too long, or broken: it is closed all the same.
    let _ = tokio::time::timeout(LAST_TIME_MAX, read_to_its_end).await;
}
