//! Crashes, restarts and restored copies: nothing acknowledged is lost, nothing happens twice.

mod auditor;
mod load;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::Event;
use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, events_of, init, keyledger};
use serde_json::{Value, json};

use auditor::{audit_until, verify};
use load::{
    Asked, End, WRITERS, ask_again, check_that_each_happened_once, check_what_was_acknowledged,
    read_until_the_end, wait_for_load, write_until_the_end,
};

const CREATE: &str = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id key } }";

/// How often the server is killed; more of it with `KEYLEDGER_KILLS`.
fn kills() -> usize {
    std::env::var("KEYLEDGER_KILLS").map_or(50, |kills| kills.parse().expect("KEYLEDGER_KILLS is a number"))
}

/// In the middle of what it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// While all its clients wait for answers.
    Load,
    /// While it is told to stop, and its clients still wait.
    Draining,
    /// So many milliseconds after it was started, and then again under load.
    Starting(u64),
}

impl Moment {
    fn of(round: usize) -> Self {
        match round % 5 {
            3 => Self::Draining,
            // Through all of a start, which opens, repairs, reads the log and binds.
            4 => Self::Starting(1 + 7 * (round as u64 / 5) % 60),
            _ => Self::Load,
        }
    }
}

/// Several writers and readers, and SIGKILL in the middle. What the writers know, and how often was read.
fn a_round(server: Server, admin: &Initialised, known: &[Asked], round: usize) -> (Vec<Asked>, usize) {
    let acks = AtomicUsize::new(0);
    let url = server.url().to_owned();
    std::thread::scope(|scope| {
        let (acks, url) = (&acks, &url);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write_until_the_end(url, admin, round, writer, acks)))
            .collect();
        let reader = (!known.is_empty()).then(|| scope.spawn(move || read_until_the_end(url, known)));
        wait_for_load(acks, 4 + round % 13);
        if Moment::of(round) == Moment::Draining {
            server.ask_to_stop();
            std::thread::sleep(Duration::from_micros(700 * (round as u64 % 30)));
        }
        server.kill();
        let asked = writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("no writer saw a broken promise"))
            .collect();
        let read = reader.map_or(0, |reader| reader.join().expect("no reader saw a broken promise"));
        (asked, read)
    })
}

/// Ends the auditor, also when the test fails in the middle.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `kill -9` under load, while it stops and while it starts, with the audit tool reading beside it all the time.
#[test]
fn killed_at_any_moment_it_loses_nothing_that_it_acknowledged_and_does_nothing_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let auditor = scope.spawn(|| audit_until(&done, &data));
        let stop = Stop(&done);
        let asked = killed_again_and_again(&data, &admin);
        drop(stop);
        let seen = auditor.join().expect("the auditor saw nothing wrong");
        assert!(seen.held >= kills() / 2, "{seen:?}");
        assert!(asked.iter().any(|key| key.end == End::Acknowledged));
    });
    assert_eq!(verify(&data, &[]).0, Some(0), "closed cleanly, it needs no repair");
}

fn killed_again_and_again(data: &Path, admin: &Initialised) -> Vec<Asked> {
    let (mut asked, mut read, mut killed) = (vec![], 0, 0);
    let mut server = Server::start(data);
    for round in 0.. {
        let (mut of_this_round, read_now) = a_round(server, admin, &asked, round);
        (read, killed) = (read + read_now, killed + 1);
        assert!(
            of_this_round.iter().any(|key| key.made.is_some()),
            "round {round}: nothing was acknowledged"
        );
        if let Moment::Starting(after_ms) = Moment::of(round) {
            Server::kill_while_starting(data, Duration::from_millis(after_ms));
            killed += 1;
        }
        if round % 10 == 0 {
            assert_eq!(verify(data, &["--repair"]).0, Some(0), "round {round}");
        }
        server = Server::start(data);
        check_what_was_acknowledged(server.url(), &of_this_round);
        ask_again(server.url(), admin, &mut of_this_round);
        check_what_was_acknowledged(server.url(), &of_this_round);
        let (code, said) = verify(data, &[]);
        assert_eq!(code, Some(0), "beside the running server, round {round}: {said}");
        asked.extend(of_this_round);
        check_that_each_happened_once(data, &asked);
        if killed >= kills() {
            break;
        }
    }
    assert!(read > 10 * kills(), "only {read} keys of before were shown while others wrote");
    // Asking again for what was acknowledged long ago changes nothing either.
    let before = events_of(data).len();
    let again = Client::holding(server.url(), &admin.key);
    let first = asked.iter().find(|key| key.made.is_some()).unwrap();
    let made = again.mutate("create_api_key", &first.creation(admin), "id key").unwrap();
    assert_eq!((&made["id"], &made["key"]), (&json!(first.made.as_ref().unwrap().0), &Value::Null));
    assert_eq!(events_of(data).len(), before);
    check_what_was_acknowledged(server.url(), &asked);
    assert_eq!(server.stop(), Some(0));
    asked
}

/// A request of which the head and half of the body were sent before SIGTERM, the rest after it.
#[test]
fn a_signal_to_stop_lets_requests_under_way_finish_and_takes_no_new_ones() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    let input = json!({"user_id": admin.user_id, "name": "made while draining", "expires_at": null});
    let body = json!({"query": CREATE, "variables": {"input": input}}).to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let mut under_way = TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        admin.key,
        body.len()
    );
    under_way.write_all(format!("{head}{first}").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));

    server.ask_to_stop();
    let since = Instant::now();
    while TcpStream::connect(&address).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(5), "it still takes connections");
        std::thread::sleep(Duration::from_millis(10));
    }
    under_way.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let key = body["data"]["create_api_key"]["key"].as_str().expect("an acknowledged key").to_owned();
    assert_eq!(server.stop(), Some(0));

    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(0), "closed cleanly, it needs no repair: {said}");
    let server = Server::start(&data);
    assert_eq!(Client::holding(server.url(), &key).whoami().status, 200);
}

/// Writers who are cut off by SIGTERM know of each answer, or can ask again.
#[test]
fn stopped_under_load_it_keeps_what_it_acknowledged() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let (url, acks) = (server.url().to_owned(), AtomicUsize::new(0));
    let mut asked: Vec<Asked> = std::thread::scope(|scope| {
        let (url, admin, acks) = (&url, &admin, &acks);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write_until_the_end(url, admin, 0, writer, acks)))
            .collect();
        wait_for_load(acks, 20);
        assert_eq!(server.stop(), Some(0));
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let server = Server::start(&data);
    check_what_was_acknowledged(server.url(), &asked);
    ask_again(server.url(), &admin, &mut asked);
    check_that_each_happened_once(&data, &asked);
}

#[test]
fn a_second_server_or_init_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    for more in [&[][..], &["--exclusive"], &["--accept-rollback"]] {
        let why = Server::try_start(&data, more).err().expect("only one server can write a ledger");
        assert!(why.contains("exit status: 6") && why.contains("in use by another process"), "{why}");
    }
    let folder = data.to_str().unwrap();
    let output = keyledger(["init", "--data", folder, "--tenant", "x", "--admin", "x@x", "-o", "json"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("LEDGER_EXISTS"));
    assert_eq!(Client::holding(server.url(), &admin.key).whoami().status, 200);
    assert_eq!(verify(&data, &[]).0, Some(0));
    assert_eq!(server.stop(), Some(0));

    let server = Server::start_with(&data, &["--exclusive"]);
    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("LEDGER_IN_USE"), "{said}");
    assert_eq!(Client::holding(server.url(), &admin.key).whoami().status, 200);
}

#[test]
fn an_older_copy_of_the_ledger_is_refused_until_the_rollback_is_accepted_and_recorded() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let issuer = ["--issuer", "https://keys.example.com"];
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start_with(&data, &issuer);
    let client = Client::holding(server.url(), &admin.key);
    let input = json!({"user_id": admin.user_id, "name": "to be revoked", "expires_at": null});
    let key = client.mutate("create_api_key", &input, "id key").unwrap();
    let secret = key["key"].as_str().unwrap();
    let before_the_copy = client.token(secret);
    assert_eq!(server.stop(), Some(0));
    let (ledger, copy) = (data.join("ledger.redb"), scratch.path().join("copy.redb"));
    std::fs::copy(&ledger, &copy).unwrap();
    let events_then = events_of(&data);

    let server = Server::start_with(&data, &issuer);
    let client = Client::holding(server.url(), &admin.key);
    let kid = client.get("/.well-known/jwks.json").json()["keys"][0]["kid"].clone();
    let after_the_copy = client.token(&admin.key);
    client.mutate("delete_api_key", &json!({"key_id": key["id"]}), "success").unwrap();
    for token in [&before_the_copy, &after_the_copy] {
        let expected = if token == &before_the_copy { Some("KEY_REVOKED") } else { None };
        assert_eq!(Client::holding(server.url(), token).whoami().code().as_deref(), expected);
    }
    assert_eq!(server.stop(), Some(0));

    std::fs::copy(&copy, &ledger).unwrap();
    let why = Server::try_start(&data, &issuer).err().expect("a rolled back ledger is refused");
    assert!(why.contains("rolled back") && why.contains("--accept-rollback"), "{why}");
    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(1), "the audit sees it too: {said}");
    assert_eq!(events_of(&data), events_then, "a refused start records nothing");

    let server = Server::start_with(&data, &["--accept-rollback", issuer[0], issuer[1]]);
    let client = Client::holding(server.url(), &admin.key);
    assert_eq!(client.whoami().status, 200);
    assert_eq!(Client::holding(server.url(), secret).whoami().status, 200, "the revocation was lost with it");
    for token in [&before_the_copy, &after_the_copy] {
        let refused = Client::holding(server.url(), token).whoami();
        assert_eq!((refused.status, refused.code().as_deref()), (401, Some("SIGNING_KEY_REFUSED")));
    }
    let keys = client.get("/.well-known/jwks.json").json();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
    assert_ne!(keys["keys"][0]["kid"], kid, "every signing key was replaced");
    assert_eq!(Client::holding(server.url(), &client.token(&admin.key)).whoami().status, 200);
    assert!(server.log().contains("THE LEDGER WAS ROLLED BACK"));
    let accepted = |data: &Path| {
        let accepted = |event: &Event| matches!(event, Event::RollbackAccepted { .. });
        events_of(data).iter().filter(|recorded| accepted(&recorded.event)).count()
    };
    assert_eq!(accepted(&data), 1);
    assert_eq!(server.stop(), Some(0));

    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(0), "{said}");
    let server = Server::start_with(&data, &issuer);
    assert_eq!(Client::holding(server.url(), &admin.key).whoami().status, 200);
    assert_eq!(accepted(&data), 1);
}
