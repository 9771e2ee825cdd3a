//! Stopping from outside: not ready at once, requests under way are finished, and nothing is lost.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, init};

/// A request whose body comes slowly.
struct Slow {
    stream: TcpStream,
    rest: &'static str,
}

impl Slow {
    /// Sends all but the end, and gives the server time to begin.
    fn begin(server: &Server, key: &str) -> Self {
        let (sent, rest) = (r#"{"query": "{ user "#, r#"{ id } }"}"#);
        let mut stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap()).unwrap();
        write!(
            stream,
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             authorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{sent}",
            sent.len() + rest.len()
        )
        .unwrap();
        std::thread::sleep(Duration::from_millis(300));
        Self { stream, rest }
    }

    /// Sends the end. Gives the answer.
    fn end(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).unwrap();
        let mut answer = vec![];
        self.stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut part = [0; 4096];
        // Until the answer is whole or the connection ends.
        while !String::from_utf8_lossy(&answer).ends_with("}}") {
            match self.stream.read(&mut part) {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(&part[..read]),
            }
        }
        String::from_utf8(answer).unwrap()
    }
}

#[test]
fn readiness_ends_as_draining_begins_and_a_slow_request_is_finished() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start_with(&data, &["--drain-delay", "3s"]);
    let client = Client::holding(server.url(), &made.key);
    assert_eq!(client.get("/readyz").status, 200);
    let slow = Slow::begin(&server, &made.key);
    server.ask_to_stop();
    let since = Instant::now();
    let told = loop {
        let answer = Client::anonymous(server.url()).get("/readyz");
        if answer.status != 200 {
            break answer;
        }
        assert!(since.elapsed() < Duration::from_secs(2), "it goes on saying that it is ready");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!((told.status, told.code().as_deref()), (503, Some("DRAINING")));
    // Whoever comes nevertheless is served, as long as the delay lasts.
    assert_eq!(Client::holding(server.url(), &made.key).whoami().status, 200);
    assert_eq!(client.get("/livez").status, 200);
    // The delay ends while the slow request is still under way; new connections are refused, and it is answered.
    while Client::anonymous(server.url()).try_get("/livez").is_ok() {
        assert!(since.elapsed() < Duration::from_secs(20), "it goes on taking connections");
        std::thread::sleep(Duration::from_millis(50));
    }
    let answer = slow.end();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(&made.user_id), "{answer}");
    assert_eq!(server.stop(), Some(0));
}

/// Without a delay, which is how it is unless asked for, a second signal is not needed.
#[test]
fn a_slow_request_is_finished_without_a_delay_too() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let slow = Slow::begin(&server, &made.key);
    server.ask_to_stop();
    std::thread::sleep(Duration::from_millis(500));
    let answer = slow.end();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(&made.user_id), "{answer}");
    assert_eq!(server.stop(), Some(0));
}
