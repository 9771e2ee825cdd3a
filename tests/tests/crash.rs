//! Crashes, restarts and restored copies: nothing acknowledged is lost, nothing happens twice.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::Event;
use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, events_of, init, keyledger};
use serde_json::{Value, json};

const ROUNDS: usize = 6;
const WRITERS: usize = 4;

/// What its writer knows of a key that it asked for.
#[derive(Clone, Debug)]
struct Asked {
    /// The key's name, and its attempt's.
    name: String,
    /// Its id and secret, if the creation was acknowledged.
    made: Option<(String, String)>,
    revocation: Revocation,
}

/// What a writer knows of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Revocation {
    NotAsked,
    /// No answer came.
    Unknown,
    Acknowledged,
}

impl Asked {
    fn creation(&self, user: &str) -> Value {
        json!({"user_id": user, "name": self.name, "expires_at": null, "idempotency_key": self.name})
    }

    fn revocation(&self, id: &str) -> Value {
        json!({"key_id": id, "reason": "superseded", "idempotency_key": format!("{}-revoked", self.name)})
    }
}

const CREATE: &str = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id key } }";
const REVOKE: &str = "mutation($input: delete_api_key_input!) { delete_api_key(input: $input) { success } }";

/// Makes keys and revokes every third, until the server is gone. What is acknowledged acts at the next request.
fn write_until_the_end(
    url: &str,
    admin: &Initialised,
    round: usize,
    writer: usize,
    acks: &AtomicUsize,
) -> Vec<Asked> {
    let client = Client::holding(url, &admin.key);
    let mut asked = vec![];
    for number in 0.. {
        let name = format!("round-{round}-writer-{writer}-key-{number}");
        let mut key = Asked { name, made: None, revocation: Revocation::NotAsked };
        let Ok(answer) = client.try_graphql(CREATE, &json!({"input": key.creation(&admin.user_id)})) else {
            asked.push(key);
            break;
        };
        let made = &answer.json()["data"]["create_api_key"];
        let text = |field: &str| made[field].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
        let (id, secret) = (text("id"), text("key"));
        key.made = Some((id.clone(), secret.clone()));
        acks.fetch_add(1, Ordering::Relaxed);
        asked.push(key.clone());
        let holder = Client::holding(url, &secret);
        match holder.try_get("/v1/whoami") {
            Ok(answer) => assert_eq!(answer.status, 200, "just acknowledged: {}", answer.text),
            Err(_) => break,
        }
        if number % 3 != 0 {
            continue;
        }
        let last = asked.last_mut().expect("one was pushed");
        last.revocation = Revocation::Unknown;
        let Ok(answer) = client.try_graphql(REVOKE, &json!({"input": key.revocation(&id)})) else { break };
        assert_eq!(answer.json()["data"]["delete_api_key"]["success"], true, "{}", answer.text);
        last.revocation = Revocation::Acknowledged;
        match holder.try_get("/v1/whoami") {
            Ok(answer) => assert_eq!(answer.code().as_deref(), Some("KEY_REVOKED"), "{}", answer.text),
            Err(_) => break,
        }
    }
    asked
}

/// Until so many creations were acknowledged.
fn wait_for_load(acks: &AtomicUsize, wanted: usize) {
    let since = Instant::now();
    while acks.load(Ordering::Relaxed) < wanted {
        assert!(since.elapsed() < Duration::from_secs(60), "no load came about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Several writers, and SIGKILL while all of them wait for answers.
fn a_round(server: Server, admin: &Initialised, round: usize) -> Vec<Asked> {
    let acks = AtomicUsize::new(0);
    let url = server.url().to_owned();
    std::thread::scope(|scope| {
        let (acks, url) = (&acks, &url);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write_until_the_end(url, admin, round, writer, acks)))
            .collect();
        wait_for_load(acks, 8 + 5 * round);
        server.kill();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("no writer saw a broken promise"))
            .collect()
    })
}

/// `GET /v1/whoami` of every key that is known: as acknowledged, whatever came after.
fn check_what_was_acknowledged(url: &str, asked: &[Asked]) {
    for key in asked {
        let Some((id, secret)) = &key.made else { continue };
        let answer = Client::holding(url, secret).whoami();
        match key.revocation {
            Revocation::NotAsked => {
                assert_eq!(answer.status, 200, "{} is lost: {}", key.name, answer.text);
                assert_eq!(answer.json()["key_id"], id.as_str());
            }
            Revocation::Acknowledged => {
                assert_eq!(answer.code().as_deref(), Some("KEY_REVOKED"), "{}: {}", key.name, answer.text);
            }
            Revocation::Unknown => {
                let known = answer.status == 200 || answer.code().as_deref() == Some("KEY_REVOKED");
                assert!(known, "{}: {}", key.name, answer.text);
            }
        }
    }
}

/// Whoever got no answer asks again, with the same idempotency key.
fn ask_again(url: &str, admin: &Initialised, asked: &mut [Asked]) {
    let client = Client::holding(url, &admin.key);
    for key in asked {
        let id = match &key.made {
            Some((id, _)) => id.clone(),
            None => {
                let made = client.mutate("create_api_key", &key.creation(&admin.user_id), "id key").unwrap();
                let id = made["id"].as_str().unwrap().to_owned();
                if let Some(secret) = made["key"].as_str() {
                    key.made = Some((id.clone(), secret.to_owned()));
                }
                id
            }
        };
        if key.revocation == Revocation::Unknown {
            let revoked = client.mutate("delete_api_key", &key.revocation(&id), "success").unwrap();
            assert_eq!(revoked["success"], true);
            key.revocation = Revocation::Acknowledged;
        }
    }
}

/// By the log: every attempt made one key, every revocation asked for is one event.
fn check_that_each_happened_once(data: &Path, asked: &[Asked]) {
    let mut made = BTreeMap::<String, Vec<String>>::new();
    let mut revoked = BTreeMap::<String, usize>::new();
    for recorded in events_of(data) {
        let attempt = recorded.metadata.idempotency.map(|attempt| attempt.key.as_str().to_owned());
        match (recorded.event, attempt) {
            (Event::KeyCreated(key), Some(attempt)) => {
                made.entry(attempt).or_default().push(key.key.to_string());
            }
            (Event::KeyRevoked { key, .. }, _) => *revoked.entry(key.to_string()).or_default() += 1,
            _ => {}
        }
    }
    let attempts: BTreeSet<_> = asked.iter().map(|key| key.name.clone()).collect();
    assert_eq!(made.keys().cloned().collect::<BTreeSet<_>>(), attempts);
    for key in asked {
        let ids = &made[&key.name];
        assert_eq!(ids.len(), 1, "{} was made more than once: {ids:?}", key.name);
        if let Some((id, _)) = &key.made {
            assert_eq!(id, &ids[0]);
        }
        let wanted = usize::from(key.revocation != Revocation::NotAsked);
        assert_eq!(revoked.get(&ids[0]).copied().unwrap_or(0), wanted, "revocations of {}", key.name);
    }
}

/// `keyledger audit verify`: its exit code, and what it said.
fn verify(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let data = data.to_str().expect("scratch paths are text");
    let output = keyledger(["audit", "verify", "-o", "json", "--data", data].iter().chain(more));
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// `kill -9` under load, six times over.
#[test]
fn killed_under_load_it_loses_nothing_that_it_acknowledged_and_does_nothing_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let mut asked = vec![];
    let mut server = Server::start(&data);
    for round in 0..ROUNDS {
        let mut of_this_round = a_round(server, &admin, round);
        assert!(
            of_this_round.iter().any(|key| key.made.is_some()),
            "round {round}: nothing was acknowledged"
        );
        if round % 2 == 0 {
            // The server is down: reading alone changes nothing, and says so if a repair is due.
            let (code, said) = verify(&data, &[]);
            assert!(code == Some(0) || said.contains("LEDGER_NEEDS_REPAIR"), "{said}");
            assert_eq!(verify(&data, &["--repair"]).0, Some(0), "round {round}");
        }
        server = Server::start(&data);
        check_what_was_acknowledged(server.url(), &of_this_round);
        ask_again(server.url(), &admin, &mut of_this_round);
        check_what_was_acknowledged(server.url(), &of_this_round);
        let (code, said) = verify(&data, &[]);
        assert_eq!(code, Some(0), "beside the running server, round {round}: {said}");
        asked.extend(of_this_round);
        check_that_each_happened_once(&data, &asked);
    }
    assert!(asked.iter().any(|key| key.revocation == Revocation::Acknowledged));
    // Asking again for what was acknowledged long ago changes nothing either.
    let before = events_of(&data).len();
    let again = Client::holding(server.url(), &admin.key);
    let made = again.mutate("create_api_key", &asked[0].creation(&admin.user_id), "id key").unwrap();
    assert_eq!((&made["id"], &made["key"]), (&json!(asked[0].made.as_ref().unwrap().0), &Value::Null));
    assert_eq!(events_of(&data).len(), before);
    check_what_was_acknowledged(server.url(), &asked);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(verify(&data, &[]).0, Some(0), "closed cleanly, it needs no repair");
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
