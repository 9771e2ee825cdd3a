//! Use of keys: counted by way and by kind of caller, never in the log, and in the way of nothing.

use std::fs;

use keyledger_tests::client::Client;
use keyledger_tests::server::Server;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, listed, text};

const FIELDS: &str = "id usage { first_used_at last_used_at count callers last_way }";

impl TwoTenants {
    /// What the administrator is told of the use of the agent's key.
    fn usage(&self) -> Value {
        let keys = listed(&self.ada(), "keys", "", FIELDS).unwrap();
        keys.iter().find(|key| key["id"] == *self.agent.id).unwrap()["usage"].clone()
    }
}

/// `keys { usage }`
#[test]
fn each_way_and_each_kind_of_caller_is_told_at_once() {
    let world = TwoTenants::new();
    assert_eq!(world.usage()["count"], Value::Null, "made, and not used yet");
    let position = world.position();
    let check = |way: &str, count: u64, callers: &[&str]| {
        let usage = world.usage();
        assert_eq!((&usage["last_way"], &usage["count"]), (&json!(way), &json!(count)), "{usage}");
        assert_eq!(usage["callers"], json!(callers));
        // As instants: as text, a second's tenth would come after its hundredths.
        let at = |field: &str| text(&usage[field]).parse::<jiff::Timestamp>().unwrap();
        assert!(at("first_used_at") <= at("last_used_at"), "{usage}");
        // Of two uses in one millisecond nobody knows which was the last.
        std::thread::sleep(std::time::Duration::from_millis(3));
    };
    let agent = |name: &str| world.agent().with("user-agent", name);
    assert_eq!(agent("curl/8.5.0").whoami().status, 200);
    check("rest", 1, &["curl"]);
    agent("python-requests/2.32.3").query("hello", "{ hello }").unwrap();
    check("graphql", 2, &["curl", "python"]);
    let exchanged = Client::anonymous(world.server.url()).with("user-agent", "Go-http-client/1.1");
    let token = exchanged.token(&world.agent.secret);
    check("oauth", 3, &["curl", "python", "go"]);
    // A token is its key's.
    assert_eq!(world.holding(&token).with("user-agent", "prefect/3.9.0").whoami().status, 200);
    check("rest", 4, &["prefect", "curl", "python", "go"]);
    // Shown to a service that asks: what kind of program showed it there, nobody here knows.
    let question = json!({"credential": world.agent.secret}).to_string();
    let asked = world.ada().with("user-agent", "node").post("/v1/verify", "application/json", &question);
    assert_eq!(asked.json()["valid"], true);
    check("shown", 5, &["prefect", "curl", "python", "go"]);
    let form = [("token", world.agent.secret.as_str()), ("client_id", &world.ada.key_id)];
    let form = form.into_iter().chain([("client_secret", world.ada.key.as_str())]).collect::<Vec<_>>();
    let form = keyledger_tests::client::encoded(&form);
    let asked = Client::anonymous(world.server.url());
    let answer = asked.post("/oauth/introspect", "application/x-www-form-urlencoded", &form);
    assert_eq!(answer.json()["active"], true, "{}", answer.text);
    check("shown", 6, &["prefect", "curl", "python", "go"]);
    assert_eq!(world.position(), position, "a verification is never an event");
}

#[test]
fn what_is_refused_is_no_use() {
    let world = TwoTenants::new();
    assert_eq!(world.agent().whoami().status, 200);
    world.ada().mutate("disable_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    for _ in 0..5 {
        assert_eq!(world.agent().whoami().status, 401);
        assert_eq!(Client::anonymous(world.server.url()).exchange(&world.agent.secret, &[]).status, 400);
    }
    assert_eq!(world.usage()["count"], 1);
}

#[test]
fn a_stop_keeps_it_and_a_crash_loses_the_last_seconds_at_most() {
    let world = TwoTenants::new();
    for _ in 0..3 {
        assert_eq!(world.agent().whoami().status, 200);
    }
    let world = world.restarted(|server| assert_eq!(server.stop(), Some(0)));
    assert_eq!(world.usage()["count"], 3);
    assert_eq!(world.agent().whoami().status, 200);
    let world = world.restarted(Server::kill);
    let count = world.usage()["count"].as_u64().unwrap();
    assert!((3..=4).contains(&count), "{count}");
}

#[test]
fn a_damaged_file_stops_nothing_and_the_log_tells() {
    let world = TwoTenants::new();
    assert_eq!(world.agent().whoami().status, 200);
    let world = world.restarted_with(|data| fs::write(data.join("usage.redb"), vec![7; 10_000]).unwrap());
    assert_eq!(world.usage(), Value::Null, "forgotten");
    assert!(world.server.log().contains("was moved aside"), "{}", world.server.log());
    assert_eq!(fs::read(world.data.join("usage.redb.unusable")).unwrap(), vec![7; 10_000]);
    assert_eq!(world.agent().whoami().status, 200);
    assert_eq!(world.usage()["count"], 1);
}
