//! Traces from outside: what a collector gets, what it never gets, and that nobody waits for it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, init};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};

/// A collector that keeps what it is sent.
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { url, bodies }
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        let requests = bodies.iter().map(|body| ExportTraceServiceRequest::decode(&body[..]).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// Everything that it was sent, as text where it is text.
    fn text(&self) -> String {
        self.bodies.lock().unwrap().iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

/// Takes one request of a connection, and answers it.
fn take(stream: &TcpStream, kept: &Mutex<Vec<Vec<u8>>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    kept.lock().unwrap().push(body);
    (&*stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}

fn attributes(span: &Span) -> Value {
    let values = span.attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|value| value.value.clone());
        (attribute.key.clone(), json!(format!("{value:?}")))
    });
    Value::Object(values.collect())
}

/// What an agent and an administrator do in a minute. Gives every secret and every id that was in it.
fn play(server: &Server, key: &str) -> Vec<String> {
    let client = Client::holding(server.url(), key);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let account = client.mutate("create_service_account", &json!({"name": "zephyr-agent"}), "id").unwrap();
    let input = json!({"user_id": account["id"], "name": "zephyr key"});
    let made = client.mutate("create_api_key", &input, "id key").unwrap();
    let agent = text(&made["key"]);
    let token = Client::anonymous(server.url()).token(&agent);
    assert_eq!(Client::holding(server.url(), &token).whoami().status, 200);
    let traced = client.with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let revoked =
        traced.mutate("delete_api_key", &json!({"key_id": made["id"], "note": "zephyr note"}), "success");
    revoked.unwrap();
    assert_eq!(Client::holding(server.url(), &agent).whoami().status, 401);
    vec![key.to_owned(), agent, token, text(&made["id"]), text(&account["id"])]
}

#[test]
fn a_collector_gets_spans_without_anybody_or_any_secret_in_them() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let collector = Collector::start();
    let server = Server::start_with(&data, &["--otlp-endpoint", &collector.url]);
    let mut never = play(&server, &made.key);
    never.extend([made.key_id, made.user_id, made.tenant_id, "zephyr".into(), "ada@".into()]);
    // What was not sent yet is, at the end.
    assert_eq!(server.stop(), Some(0));

    let spans = collector.spans();
    let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(
        names,
        ["GET /v1/whoami", "POST /graphql", "POST /oauth/token", "writer commit", "writer queue"].into()
    );
    let known = ["http.request.method", "http.route", "http.response.status_code", "request_id", "code"];
    for span in &spans {
        for attribute in &span.attributes {
            assert!(known.contains(&attribute.key.as_str()), "{} of {}", attribute.key, span.name);
        }
        assert!(span.events.is_empty(), "what happens is in the log, not in spans");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    let text = collector.text();
    for secret in never {
        assert!(!text.contains(&secret), "{secret} was sent");
    }

    // The request that said in which trace it is, and below it what the writer did for it.
    let trace: [u8; 16] =
        [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c];
    let within: Vec<_> = spans.iter().filter(|span| span.trace_id == trace).collect();
    let request = within.iter().find(|span| span.name == "POST /graphql").unwrap();
    let parent: [u8; 8] = [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31];
    assert_eq!(request.parent_span_id, parent);
    for part in ["writer queue", "writer commit"] {
        let part = within.iter().find(|span| span.name == part).unwrap_or_else(|| panic!("no {part}"));
        assert_eq!(part.parent_span_id, request.span_id);
        assert!(part.start_time_unix_nano >= request.start_time_unix_nano);
        assert!(part.end_time_unix_nano <= request.end_time_unix_nano);
    }
    assert_eq!(within.len(), 3);
    let refused =
        spans.iter().map(attributes).find(|it| it["code"].to_string().contains("KEY_REVOKED")).unwrap();
    assert!(refused["http.response.status_code"].to_string().contains("401"), "{refused}");
    assert!(refused["http.route"].to_string().contains("/v1/whoami"), "{refused}");
}

/// How long the story takes on a server, and its log.
fn timed(data: &Path, more: &[&str]) -> (Duration, String) {
    let made = init(data, "acme", "ada@example.com");
    let server = Server::start_with(data, more);
    let began = Instant::now();
    play(&server, &made.key);
    let client = Client::holding(server.url(), &made.key);
    // More spans than the exporter keeps.
    (0..3_000).for_each(|_| assert_eq!(client.whoami().status, 200));
    let took = began.elapsed();
    let log = data.with_extension("log");
    let stopping = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(15), "it waits for a collector as it stops");
    (took, std::fs::read_to_string(log).unwrap())
}

#[test]
fn a_collector_that_is_down_or_never_answers_changes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (plain, log) = timed(&scratch.path().join("plain"), &[]);
    assert!(!log.contains("traces"), "{log}");
    for (name, address) in [("down", down), ("silent", silent.local_addr().unwrap())] {
        let endpoint = format!("http://{address}");
        let (took, log) = timed(&scratch.path().join(name), &["--otlp-endpoint", &endpoint]);
        // Generous: the machine has other work. One that waited for each delivery would take minutes.
        assert!(took < plain * 4 + Duration::from_secs(5), "{name}: {took:?} instead of {plain:?}");
        let told = log.lines().filter(|line| line.contains("traces cannot be delivered")).count();
        assert_eq!(told, 1, "told once, and not for every batch: {log}");
    }
}
