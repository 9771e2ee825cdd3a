//! A real server whose files may not grow: it says so, goes on verifying, and takes changes again when they may.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::Event;
use keyledger_tests::client::{Answer, Client};
use keyledger_tests::server::{Initialised, Server, events_of, init, keyledger};
use serde_json::{Value, json};

const CREATE: &str = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id key } }";

fn create(client: &Client, admin: &Initialised, name: &str) -> Answer {
    let input = json!({"user_id": admin.user_id, "name": name, "expires_at": null, "idempotency_key": name});
    client.graphql(CREATE, &json!({"input": input}))
}

/// The id and secret of a key that must come about.
fn created(client: &Client, admin: &Initialised, name: &str) -> (String, String) {
    let answer = create(client, admin, name);
    let made = &answer.json()["data"]["create_api_key"];
    let text = |field: &str| made[field].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
    (text("id"), text("key"))
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it did not come about: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn verify(data: &Path) -> bool {
    keyledger(["audit", "verify", "--full", "--data", data.to_str().unwrap()]).status.success()
}

/// How often each key was made, by the name under which it was asked for.
fn made(data: &Path) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for event in events_of(data) {
        if let (Event::KeyCreated(_), Some(attempt)) = (event.event, event.metadata.idempotency) {
            *made.entry(attempt.key.as_str().to_owned()).or_default() += 1;
        }
    }
    made
}

/// Where the limit lies: below what the ledger is already, so that every write fails; or at what it is, so that it
/// can be written to but not grow.
#[derive(Clone, Copy, Debug)]
enum Limit {
    Below,
    AtItsLength,
}

/// Writes until it is refused. The names that were acknowledged, and how the last one was refused.
fn fill(client: &Client, admin: &Initialised) -> (Vec<String>, String) {
    let mut acknowledged = vec![];
    for number in 0..20_000 {
        let name = format!("key-{number}");
        let answer = create(client, admin, &name);
        match answer.code() {
            None => acknowledged.push(name),
            Some(code) => return (acknowledged, code),
        }
    }
    panic!("there is room for everything");
}

fn a_server_without_room(limit: Limit) {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start_limited(&data, &[]);
    let url = server.url().to_owned();
    let client = Client::holding(&url, &admin.key);
    let (_, living) = created(&client, &admin, "living");
    let (dead_id, dead) = created(&client, &admin, "dead");
    client.mutate("delete_api_key", &json!({"key_id": dead_id}), "success").unwrap();
    let token = client.token(&living);
    let stands = || {
        assert_eq!(Client::holding(&url, &living).whoami().status, 200);
        assert_eq!(Client::holding(&url, &token).whoami().status, 200);
        assert_eq!(Client::holding(&url, &dead).whoami().code().as_deref(), Some("KEY_REVOKED"));
        client.token(&living);
    };

    let length = std::fs::metadata(data.join("ledger.redb")).unwrap().len();
    server.limit_files(Some(match limit {
        Limit::Below => 64 << 10,
        Limit::AtItsLength => length,
    }));
    let (acknowledged, code) = fill(&client, &admin);
    assert!(matches!(code.as_str(), "RECOVERING" | "UNKNOWN_OUTCOME"), "{code}");
    let unknown = format!("key-{}", acknowledged.len());
    stands();
    if matches!(limit, Limit::Below) {
        // Nothing can be written at all, so this lasts as long as the limit does.
        for _ in 0..20 {
            stands();
            let answer = create(&client, &admin, "refused");
            assert_eq!(answer.code().as_deref(), Some("RECOVERING"), "{}", answer.text);
            assert!(answer.text.contains("nothing was changed, ask again"), "{}", answer.text);
            let ready = client.get("/readyz");
            assert_eq!((ready.status, ready.code().as_deref()), (503, Some("RECOVERING")), "{}", ready.text);
            assert_eq!(client.get("/livez").status, 200);
        }
        until("it says why", || client.get("/readyz").text.contains("no room on the disk").then_some(()));
        // It can be read while it cannot be written to.
        until("it can be read", || client.query("keys", "{ keys { edges { node { id } } } }").ok());
        let metrics = until("metrics", || Some(client.get("/metrics")).filter(|answer| answer.status == 200));
        assert!(metrics.text.contains("\nkeyledger_ready 0\n"), "{}", metrics.text);
        assert!(!metrics.text.contains("\nkeyledger_ledger_reopenings_total 0\n"), "{}", metrics.text);
        until("an audit beside it", || verify(&data).then_some(()));
        assert!(server.log().contains(r#""code":"RECOVERING""#), "{}", server.log());
    }

    server.limit_files(None);
    until("ready again", || (client.get("/readyz").status == 200).then_some(()));
    stands();
    // Whoever does not know asks again.
    let again = create(&client, &admin, &unknown);
    assert_eq!(again.code(), None, "{}", again.text);
    let (_, last) = created(&client, &admin, "goes-on");
    assert_eq!(Client::holding(&url, &last).whoami().status, 200);
    let made = made(&data);
    for name in acknowledged.iter().chain([&unknown]) {
        assert_eq!(made.get(name), Some(&1), "{name}");
    }
    assert_eq!(made.get("refused"), None);
    assert!(verify(&data));
    assert!(server.log().contains("the ledger is open again"), "{}", server.log());
    assert_eq!(server.stop(), Some(0));
    assert!(verify(&data), "closed cleanly, it needs no repair");
    assert!(!data.join("ledger.probe").exists());
}

#[test]
fn without_room_for_any_write_changes_are_refused_and_verification_goes_on_until_there_is_room() {
    a_server_without_room(Limit::Below);
}

#[test]
fn a_ledger_that_cannot_grow_takes_what_fits_and_goes_on_when_it_can() {
    a_server_without_room(Limit::AtItsLength);
}

#[test]
fn a_server_told_to_stop_while_it_waits_for_room_stops() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start_limited(&data, &[]);
    let client = Client::holding(server.url(), &admin.key);
    server.limit_files(Some(64 << 10));
    fill(&client, &admin);
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&data);
    assert_eq!(Client::holding(server.url(), &admin.key).whoami().status, 200);
}

/// Its lock is given up with the handle that failed, and taken again with the next.
#[test]
fn an_exclusive_server_recovers_and_is_exclusive_still() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start_limited(&data, &["--exclusive"]);
    let client = Client::holding(server.url(), &admin.key);
    server.limit_files(Some(64 << 10));
    let (acknowledged, _) = fill(&client, &admin);
    server.limit_files(None);
    until("ready again", || (client.get("/readyz").status == 200).then_some(()));
    created(&client, &admin, "goes-on");
    assert!(!verify(&data), "nobody else may read it");
    assert!(Server::try_start(&data, &[]).is_err(), "nor write it");
    assert_eq!(server.stop(), Some(0));
    assert!(verify(&data));
    assert!(made(&data).len() > acknowledged.len());
}

#[test]
fn a_ledger_that_cannot_be_opened_again_ends_the_process_with_the_reason() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start_limited(&data, &["-o", "json"]);
    let client = Client::holding(server.url(), &admin.key);
    let (_, living) = created(&client, &admin, "living");
    // The process has it open still.
    let (ledger, away) = (data.join("ledger.redb"), scratch.path().join("away"));
    std::fs::rename(&ledger, &away).unwrap();
    server.limit_files(Some(64 << 10));
    let answer = create(&client, &admin, "unknown");
    assert!(matches!(answer.code().as_deref(), Some("RECOVERING" | "UNKNOWN_OUTCOME")), "{}", answer.text);
    let log = data.with_extension("log");
    assert_eq!(server.ended(), Some(1), "systemd starts it again");
    let log = std::fs::read_to_string(log).unwrap();
    let told = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let why: Vec<_> = told.filter(|line| line.to_string().contains("there is no ledger")).collect();
    assert!(!why.is_empty(), "{log}");
    assert!(log.contains("WRITER_STOPPED"), "{log}");

    std::fs::rename(&away, &ledger).unwrap();
    let server = Server::start(&data);
    assert_eq!(Client::holding(server.url(), &living).whoami().status, 200);
    let client = Client::holding(server.url(), &admin.key);
    assert_eq!(create(&client, &admin, "unknown").code(), None);
    assert_eq!(made(&data).get("unknown"), Some(&1));
}
