//! What is told by status and headers whatever the interface: every 401 has a challenge.

use keyledger_tests::client::{Client, encoded};
use serde_json::Value;

use crate::ui::{FORM, World};

const NEWER: &str = "application/graphql-response+json";

#[test]
fn every_401_says_how_to_authenticate() {
    let world = World::with(&["--guesses-per-minute", "1"]);
    let url = world.server.url();
    let nobody = || Client::anonymous(url).with("origin", url).with("sec-fetch-site", "same-origin");
    let login = [("callback", "http://localhost:4321"), ("decision", "agree")];
    let foreign = Client::holding(url, &world.made.key.replace("klu_", "kls_")).with("accept", NEWER);
    let unauthenticated = [
        nobody().get("/v1/whoami"),
        nobody().with("accept", NEWER).graphql("{ hello }", &Value::Null),
        nobody().post("/auth/client", FORM, &encoded(&login)),
        nobody().post("/ui/sign-in", FORM, ""),
        nobody().get("/forward-auth"),
        nobody().get("/api/me"),
        foreign.graphql("{ hello }", &Value::Null),
        foreign.graphql("{ hello }", &Value::Null),
    ];
    for (number, answer) in unauthenticated.iter().enumerate() {
        assert_eq!(answer.status, 401, "{number}: {}", answer.text);
        let challenge = answer.header("www-authenticate").unwrap_or_else(|| panic!("{number}"));
        assert!(challenge.starts_with("Bearer realm=\"keyledger\""), "{number}: {challenge}");
    }
    let slowed = unauthenticated.last().unwrap();
    let extensions = &slowed.json()["errors"][0]["extensions"];
    assert_eq!(extensions["reason"], "TOO_MANY_GUESSES", "{}", slowed.text);
    let seconds = extensions["retry_after_seconds"].as_u64().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    assert_eq!(slowed.header("retry-after"), Some(seconds.to_string().as_str()));
}
