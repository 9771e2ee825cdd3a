//! Bytes on a connection, as somebody sends them who does not care for the protocol.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// A connection, and what came back on it.
pub struct Wire {
    stream: TcpStream,
    heard: Vec<u8>,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// The server may still answer.
    Open,
    /// The server closed it, in order or not.
    Closed,
}

impl Wire {
    /// Connects to a server.
    pub fn to(url: &str) -> Self {
        Self::try_to(url).expect("the server takes connections")
    }

    /// The same, of a server that may not.
    pub fn try_to(url: &str) -> std::io::Result<Self> {
        let address = url.strip_prefix("http://").expect("a server's URL");
        Ok(Self { stream: TcpStream::connect(address)?, heard: vec![] })
    }

    /// Sends, as far as the server takes it. Whoever is closed on while sending has an answer to read all the same.
    pub fn send(&mut self, bytes: &[u8]) -> Stand {
        match self.stream.write_all(bytes) {
            Ok(()) => Stand::Open,
            Err(_) => Stand::Closed,
        }
    }

    /// Gives up sending after that time.
    pub fn send_within(&mut self, bytes: &[u8], patience: Duration) -> Stand {
        self.stream.set_write_timeout(Some(patience)).expect("it is not zero");
        self.send(bytes)
    }

    /// Says that nothing more will come.
    pub fn half_close(&self) {
        // The server may have closed it already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads until the server closes, or for so long.
    pub fn listen(&mut self, patience: Duration) -> Stand {
        let since = Instant::now();
        let mut part = [0; 16_384];
        while let Some(left) = patience.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
            self.stream.set_read_timeout(Some(left)).expect("it is not zero");
            match self.stream.read(&mut part) {
                Ok(0) => return Stand::Closed,
                Ok(read) => self.heard.extend_from_slice(&part[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Stand::Closed,
            }
        }
        Stand::Open
    }

    /// Everything that came back.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// The statuses of the answers that came back, in order.
    pub fn statuses(&self) -> Vec<u16> {
        let heard = self.heard();
        let answers = heard.split("HTTP/1.1 ").skip(1);
        answers.filter_map(|answer| answer.get(..3)?.parse().ok()).collect()
    }

    /// Sends, and reads until the server closes or says nothing for a while.
    pub fn exchange(url: &str, bytes: &[u8], patience: Duration) -> (Self, Stand) {
        let mut wire = Self::to(url);
        wire.send_within(bytes, Duration::from_secs(10));
        let stand = wire.listen(patience);
        (wire, stand)
    }
}
