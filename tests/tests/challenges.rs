//! What is told by status and headers whatever the interface: every 401 has a challenge, every path is answered with a code.

use keyledger_tests::client::{Client, encoded};
use serde_json::{Value, json};

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

/// Whoever shows nothing, or what is over, must learn that first, whatever else is wrong.
#[test]
fn the_credential_is_judged_before_the_tenant_that_a_header_names() {
    let world = World::new();
    let (url, bare) = (world.server.url(), r#"Bearer realm="keyledger""#);
    let account = world.account("etl", "runner");
    let (id, revoked) = world.key(&account, "etl");
    world.admin().mutate("delete_api_key", &json!({"key_id": id}), "success").unwrap();
    for header in ["x-keyledger-tenant-id", "x-prefect-tenant-id"] {
        let astray = |client: Client| client.with(header, "no id of a tenant");
        for path in ["/v1/whoami", "/forward-auth", "/api/me"] {
            let nothing = astray(Client::anonymous(url)).get(path);
            assert_eq!((nothing.status, nothing.header("www-authenticate")), (401, Some(bare)), "{path}");
            assert!(nothing.text.contains("CREDENTIAL_MISSING"), "{path}: {}", nothing.text);
            for (shown, code) in [(&revoked, "KEY_REVOKED"), (&world.made.key, "NOT_A_MEMBER")] {
                let refused = astray(Client::holding(url, shown)).get(path);
                assert_eq!((refused.status, refused.code().as_deref()), (401, Some(code)), "{path}");
            }
        }
        for (client, reason) in [
            (Client::anonymous(url), "CREDENTIAL_MISSING"),
            (Client::holding(url, &revoked), "KEY_REVOKED"),
            (Client::holding(url, &world.made.key), "NOT_A_MEMBER"),
        ] {
            let answer = astray(client).graphql("{ hello }", &Value::Null).json();
            assert_eq!(answer["errors"][0]["extensions"]["reason"], reason, "{answer}");
        }
    }
    // Two of them that differ are malformed, to whoever has a key.
    let both = |client: Client| client.with("x-keyledger-tenant-id", "1").with("x-prefect-tenant-id", "2");
    assert_eq!(both(Client::anonymous(url)).whoami().code().as_deref(), Some("CREDENTIAL_MISSING"));
    let told = both(Client::holding(url, &world.made.key)).whoami();
    assert_eq!((told.status, told.code().as_deref()), (400, Some("CREDENTIAL_MALFORMED")));
}

#[test]
fn a_path_that_is_no_text_is_refused_with_a_code() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    for path in [
        "/ui/keys/%FF",
        "/ui/members/%FF/remove",
        "/ui/accounts/%FF/remove",
        "/ui/signing-keys/%FF/retire",
        "/ui/deployment/people/%FF/erase",
        "/ui/static/%FF",
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{path}");
        assert!(answer.text.contains("INVALID"), "{path}: {}", answer.text);
    }
    for path in [
        "/tlog/tile/%FF",
        "/tlog/proof/%FF",
        "/.well-known/oauth-authorization-server/%FF",
        "/api/users/%FF/api_keys",
    ] {
        let answer = world.admin().get(path);
        assert_eq!((answer.status, answer.code().as_deref()), (400, Some("INVALID")), "{path}");
    }
}
