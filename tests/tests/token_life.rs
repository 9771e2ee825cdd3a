//! The life of tokens from outside: a setting of the server that the log knows, and by which it bounds what may still live.

use std::path::Path;

use domain::Event;
use domain::actor::{ActorId, Way};
use jiff::Timestamp;
use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, events_of, init};
use serde_json::{Value, json};

use crate::two_tenants::{Shown, key_for, listed};

const BLAST_RADIUS: &str = "query ($key: key_named_input!) { blast_radius(key: $key) { tokens_dead_at } }";

/// The lives that the log says, the first first, each recorded by the server itself.
fn said(data: &Path) -> Vec<u32> {
    let mut lives = vec![];
    for recorded in events_of(data) {
        if let Event::TokenLifeChanged { life } = recorded.event {
            assert_eq!((recorded.metadata.actor, recorded.metadata.way), (ActorId::Server, Way::Schedule));
            lives.push(life.seconds());
        }
    }
    lives
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("{value} is no instant")).parse().unwrap()
}

/// Until when tokens may live, if the key were revoked now: seconds from now, at least and at most.
fn bound_of(client: &Client, key: &str) -> (f64, f64) {
    let before = Timestamp::now();
    let input = json!({"key_id": key, "dry_run": true});
    let told =
        client.mutate("delete_api_key", &input, "dry_run { tokens_live_until keys { tokens_live_until } }");
    let told = told.unwrap()["dry_run"].clone();
    assert_eq!(told["tokens_live_until"], told["keys"][0]["tokens_live_until"]);
    let until = instant(&told["tokens_live_until"]);
    let seconds = |since: Timestamp| (until - since).total(jiff::Unit::Second).unwrap();
    (seconds(Timestamp::now()), seconds(before))
}

#[track_caller]
fn bounded_by(client: &Client, key: &str, seconds: f64) {
    let (least, most) = bound_of(client, key);
    assert!(least <= seconds && seconds <= most + 0.001, "{seconds} is not between {least} and {most}");
}

/// Revokes the key: when is its last token dead, by the blast radius?
fn dead_after_revocation(client: &Client, key: &Shown) -> Timestamp {
    client.mutate("delete_api_key", &json!({"key_id": key.id}), "success").unwrap();
    let told = client.graphql(BLAST_RADIUS, &json!({"key": {"id": key.id}})).json();
    instant(&told["data"]["blast_radius"]["tokens_dead_at"])
}

/// Exchanges the key: how long does the token say that it lives?
fn life_of_token(server: &Server, key: &Shown) -> i64 {
    Client::anonymous(server.url()).exchange(&key.secret, &[]).json()["expires_in"].as_i64().unwrap()
}

/// `serve --token-life`
#[test]
fn the_log_knows_it_and_bounds_by_it() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    assert_eq!(said(&data), Vec::<u32>::new());

    let server = Server::start_with(&data, &["--token-life", "300"]);
    assert_eq!(said(&data), [300], "before the first request");
    let ada = Client::holding(server.url(), &made.key);
    let [first, second] = ["first", "second"].map(|name| key_for(&ada, &made.user_id, name));
    assert_eq!(life_of_token(&server, &first), 300);
    bounded_by(&ada, &first.id, 300.0);
    let dead = dead_after_revocation(&ada, &first);
    let revoked = events_of(&data).into_iter().next_back().unwrap();
    assert!(matches!(revoked.event, Event::KeyRevoked { .. }));
    assert_eq!(dead.as_millisecond(), revoked.recorded_at.unix_ms() + 300_000);
    // A key from before the first event: nobody knows how long its tokens lived.
    assert!(bound_of(&ada, &made.key_id).1 > 300.0);
    assert_eq!(server.stop(), Some(0));

    let server = Server::start_with(&data, &["--token-life", "120"]);
    assert_eq!(said(&data), [300, 120]);
    let shortened = events_of(&data).into_iter().next_back().unwrap();
    let ada = Client::holding(server.url(), &made.key);
    let third = key_for(&ada, &made.user_id, "third");
    assert_eq!(life_of_token(&server, &second), 120);
    bounded_by(&ada, &third.id, 120.0);
    // Tokens from before the restart live on.
    let dead = dead_after_revocation(&ada, &second);
    assert_eq!(dead.as_millisecond(), shortened.recorded_at.unix_ms() + 300_000);
    let told = listed(&ada, "events", "all: true, first: 100", "type summary").unwrap();
    let told: Vec<_> = told.iter().filter(|event| event["type"] == "TokenLifeChanged").collect();
    assert_eq!(told.len(), 2, "operators see it");
    assert_eq!(server.stop(), Some(0));

    let before = events_of(&data).len();
    let server = Server::start_with(&data, &["--token-life", "2m"]);
    assert_eq!((said(&data), events_of(&data).len()), (vec![300, 120], before), "it is said once");
    assert_eq!(life_of_token(&server, &third), 120);
    server.kill();
    // Longer: the first token that lives so long is minted after it was recorded.
    let server = Server::start_with(&data, &["--token-life", "15m"]);
    assert_eq!(said(&data), [300, 120, 900]);
    assert_eq!(life_of_token(&server, &third), 900);
    bounded_by(&Client::holding(server.url(), &made.key), &third.id, 900.0);
}
