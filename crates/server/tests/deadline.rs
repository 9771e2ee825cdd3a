//! Requests that take too long: answered in time, in the form of their interface, with what is known of the outcome.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use authority::compose::{TenantInput, UserInput};
use authority::{Authority, Options, Request, Shown};
use credentials::claims::Issuer;
use domain::actor::Way;
use domain::event::TenantPolicy;
use domain::names::{Email, Name, Slug};
use domain::role::Role;
use keyledger_server::ServeOptions;
use keyledger_server::router::router;
use keyledger_server::state::App;
use serde_json::{Value, json};
use store::DataFolder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A server in this process, with another longest time for a request.
struct Stage {
    authority: Arc<Authority>,
    key: String,
    address: SocketAddr,
    _runtime: Runtime,
    _scratch: TempDir,
}

impl Stage {
    fn new(request_time_max: Duration) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let issuer = Issuer::parse("https://keys.example.com").unwrap();
        let options = Options::new(DataFolder::at(scratch.path().join("data")), issuer);
        let (slug, name) = (Slug::parse("acme").unwrap(), Name::parse("acme").unwrap());
        let tenant = TenantInput { slug, name, policy: TenantPolicy::default() };
        let user = UserInput { email: Email::parse("ada@example.com").unwrap(), name: None };
        let made = Authority::initialise(options.clone(), &tenant, &user).unwrap();
        let authority = Arc::new(Authority::open(options).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = App::new(Arc::clone(&authority), &ServeOptions::new(address));
        let app = app.with_request_time_max(request_time_max);
        runtime.spawn(async move { axum::serve(listener, router(app)).await });
        let key = made.key_string.expose().to_owned();
        Self { authority, key, address, _runtime: runtime, _scratch: scratch }
    }

    /// Sends just this, and reads until the server closes; the status and the body.
    fn exchange(&self, request: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")))
    }

    fn head(&self, method: &str, path: &str, accept: &str, length: usize) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nAccept: {accept}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
            self.key
        )
    }

    fn graphql(&self, accept: &str, query: &str) -> (u16, Value) {
        let body = json!({"query": query}).to_string();
        self.exchange(&(self.head("POST", "/graphql", accept, body.len()) + &body))
    }

    /// How many service accounts there are; none on a machine that was too slow to say.
    fn accounts(&self) -> Option<usize> {
        let (_, answer) = self.graphql("*/*", "{ service_accounts(first: 100) { edges { cursor } } }");
        answer["data"]["service_accounts"]["edges"].as_array().map(Vec::len)
    }

    /// Keeps the writer from answering until the sender is dropped.
    fn hold_the_writer(&self) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let caller = self.authority.authenticate(Shown::from_nowhere(&self.key), None).unwrap();
        let request = Request { way: Way::Rest, id: self.authority.request_id(), idempotency_key: None };
        let name = Name::parse("holder").unwrap();
        let command = self.authority.create_service_account(caller.tenant.unwrap(), &name, Role::Runner);
        self.authority.submit(&caller.actor, &request, command, move |_| {
            begin.send(()).unwrap();
            let _ = held.recv();
        });
        begun.recv().unwrap();
        release
    }
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_mutation_under_way_has_an_unknown_outcome_and_may_yet_be_carried_out() {
    let stage = Stage::new(Duration::from_millis(300));
    let release = stage.hold_the_writer();
    let create =
        |name: &str| format!("mutation {{ create_service_account(input: {{name: \"{name}\"}}) {{ id }} }}");
    // Existing clients send again what is answered 503: they are told in the errors.
    for (accept, status, name) in [
        ("*/*", 200, "one"),
        ("application/json", 200, "two"),
        ("application/graphql-response+json", 503, "three"),
    ] {
        let (told, answer) = stage.graphql(accept, &create(name));
        assert_eq!((told, code(&answer)), (status, "UNKNOWN_OUTCOME"), "{accept}: {answer}");
        assert!(answer.get("data").is_none(), "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("idempotency key"), "{answer}");
    }
    drop(release);
    let waited = std::time::Instant::now();
    while stage.accounts() != Some(4) {
        assert!(waited.elapsed() < Duration::from_secs(20), "they are carried out in the end");
    }
}

/// So many run at once; the next wait, but not for long, and have changed nothing when they are sent away.
#[test]
fn more_operations_than_there_is_room_for_are_told_to_come_back() {
    let stage = Stage::new(Duration::from_secs(30));
    let release = stage.hold_the_writer();
    let begin = |number: usize| {
        let query = format!("mutation {{ create_service_account(input: {{name: \"n{number}\"}}) {{ id }} }}");
        let body = json!({"query": query}).to_string();
        let mut stream = TcpStream::connect(stage.address).unwrap();
        stream.write_all((stage.head("POST", "/graphql", "*/*", body.len()) + &body).as_bytes()).unwrap();
        stream
    };
    // 64 run, 256 wait, and the others are told at once.
    let mut streams: Vec<_> = (0..340).map(begin).collect();
    let whoami = stage.exchange(&stage.head("GET", "/v1/whoami", "*/*", 0));
    assert_eq!(whoami.0, 200, "who only shows a key waits for nobody");
    let told = |stream: &mut TcpStream, patience: Duration| {
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok().map(|_| answer)
    };
    let busy = |answer: &str| {
        answer.starts_with("HTTP/1.1 503 ")
            && answer.contains("\r\nretry-after: 1\r\n")
            && answer.contains("\"BUSY\"")
    };
    // Five seconds later only those that run are left.
    std::thread::sleep(Duration::from_secs(6));
    let answers: Vec<_> = streams.iter_mut().map(|it| told(it, Duration::from_millis(20))).collect();
    let refused = answers.iter().flatten().filter(|answer| busy(answer)).count();
    assert_eq!(refused, 340 - 64, "{answers:?}");
    assert_eq!(answers.iter().flatten().count(), refused, "the others are not answered yet");
    drop(release);
    let running = streams.iter_mut().zip(&answers).filter(|(_, answer)| answer.is_none());
    for (stream, _) in running {
        let answer = told(stream, Duration::from_secs(20)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"id\""), "{answer}");
    }
    assert_eq!(stage.accounts(), Some(1 + 64), "what was refused was not carried out");
}

#[test]
fn a_query_that_is_given_up_changed_nothing() {
    let stage = Stage::new(Duration::ZERO);
    for (accept, status) in [("*/*", 200), ("application/graphql-response+json", 503)] {
        let (told, answer) = stage.exchange(&stage.head("GET", "/graphql?query=%7Bhello%7D", accept, 0));
        assert_eq!((told, code(&answer)), (status, "TIMEOUT"), "{answer}");
    }
}

#[test]
fn a_body_that_does_not_come_is_given_up_in_the_form_of_each_interface() {
    let stage = Stage::new(Duration::from_millis(200));
    let before = stage.authority.position();
    for path in ["/graphql", "/"] {
        let (status, answer) = stage.exchange(&(stage.head("POST", path, "*/*", 100) + "{\"query\":"));
        assert_eq!((status, code(&answer)), (408, "TIMEOUT"), "{path}: {answer}");
    }
    let (status, answer) = stage.exchange(&(stage.head("POST", "/v1/verify", "*/*", 100) + "{"));
    assert_eq!((status, &answer["error"]["code"]), (408, &json!("TIMEOUT")), "{answer}");
    let (status, answer) = stage.exchange(&(stage.head("POST", "/oauth/token", "*/*", 100) + "grant_type="));
    assert_eq!((status, &answer["code"]), (408, &json!("TIMEOUT")), "{answer}");
    assert_eq!(answer["error"], "invalid_request");
    assert_eq!(stage.authority.position(), before);
}
