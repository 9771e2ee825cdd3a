//! `GET /forward-auth`, as a proxy asks it about each request: who it comes from, or why it is not passed on.

use keyledger_tests::client::{Answer, Client};
use serde_json::json;

use crate::two_tenants::{TwoTenants, key_for, text};

const ONE_OF_NONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const IDENTITY: [&str; 8] = ["subject", "kind", "tenant", "role", "key-id", "narrowed", "scopes", "position"];

/// The identity that an answer tells, name by name.
fn identity(answer: &Answer) -> Vec<(&'static str, String)> {
    let told = |name: &'static str| {
        let value = answer.header(&format!("x-keyledger-{name}"))?;
        Some((name, value.to_owned()))
    };
    IDENTITY.into_iter().filter_map(told).collect()
}

fn refused(answer: &Answer) -> (u16, Option<String>) {
    assert!(identity(answer).is_empty(), "a refusal names nobody: {answer:?}");
    assert_eq!(answer.header("x-keyledger-code").map(str::to_owned), answer.code(), "{answer:?}");
    (answer.status, answer.code())
}

fn with(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

#[test]
fn whoever_is_let_in_is_named_in_headers() {
    let world = TwoTenants::new();
    let answer = world.agent().get("/forward-auth");
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let position = world.position().to_string();
    let expected = [
        ("subject", world.account_id.as_str()),
        ("kind", "service_account"),
        ("tenant", &world.ada.tenant_id),
        ("role", "administrator"),
        ("key-id", &world.agent.id),
        ("narrowed", "no"),
        ("position", &position),
    ];
    assert_eq!(identity(&answer), expected.map(|(name, value)| (name, value.to_owned())));
    let token = Client::anonymous(world.server.url()).token(&world.bob.secret);
    let by_token = world.holding(&token).get("/forward-auth");
    assert_eq!(by_token.header("x-keyledger-subject"), Some(world.bob_id.as_str()));
    assert_eq!(by_token.header("x-keyledger-kind"), Some("user"));
    assert_eq!(by_token.header("x-keyledger-key-id"), Some(world.bob.id.as_str()));
}

#[test]
fn what_a_request_claims_of_itself_counts_for_nothing() {
    let world = TwoTenants::new();
    let honest = identity(&world.bob().get("/forward-auth"));
    let mut forged = world.bob();
    for (header, value) in [
        ("x-keyledger-subject", world.ada.user_id.as_str()),
        ("x-keyledger-kind", "service_account"),
        ("x-keyledger-tenant", world.globex_id.as_str()),
        ("x-keyledger-role", "administrator"),
        ("x-keyledger-key-id", world.ada.key_id.as_str()),
        ("x-keyledger-narrowed", "no"),
        ("x-keyledger-scopes", "everything"),
        ("x-keyledger-position", "999999"),
    ] {
        forged = forged.with(header, value);
    }
    assert_eq!(identity(&forged.get("/forward-auth")), honest);
    let mut nobody = Client::anonymous(world.server.url());
    for name in ["x-keyledger-subject", "x-forwarded-user", "remote-user"] {
        nobody = nobody.with(name, &world.ada.user_id);
    }
    assert_eq!(refused(&nobody.get("/forward-auth")), with(401, "CREDENTIAL_MISSING"));
}

#[test]
fn a_revoked_key_is_refused_at_the_very_next_request() {
    let world = TwoTenants::new();
    let key = key_for(&world.ada(), &world.account_id, "worker");
    let (by_key, token) = (world.holding(&key.secret), world.holding(&key.secret).token(&key.secret));
    assert_eq!(by_key.get("/forward-auth").status, 204);
    world.ada().mutate("delete_api_key", &json!({"key_id": key.id}), "success").unwrap();
    let answer = by_key.get("/forward-auth");
    assert_eq!(refused(&answer), with(401, "KEY_REVOKED"));
    assert!(answer.header("www-authenticate").unwrap().contains("code=\"KEY_REVOKED\""));
    assert_eq!(refused(&world.holding(&token).get("/forward-auth")), with(401, "KEY_REVOKED"));
}

/// nginx takes nothing but 2xx, 401 and 403 for an answer, and gives its own client a 500 for all else.
#[test]
fn every_refusal_is_401_or_403_and_has_a_challenge() {
    let world = TwoTenants::new();
    let anonymous = || Client::anonymous(world.server.url());
    let malformed = anonymous().with("authorization", "Basic eDp5");
    let input = json!({"user_id": world.bob_id, "name": "slow", "rate_limit": {"requests": 1, "period_seconds": 3600}});
    let slow = text(&world.bob().mutate("create_api_key", &input, "key").unwrap()["key"]);
    assert_eq!(world.holding(&slow).get("/forward-auth").status, 204);
    for (client, status, code) in [
        (anonymous(), 401, "CREDENTIAL_MISSING"),
        (malformed, 401, "CREDENTIAL_MALFORMED"),
        (world.holding("unknown"), 401, "KEY_UNKNOWN"),
        (world.holding(&slow), 403, "RATE_LIMITED"),
    ] {
        let answer = client.get("/forward-auth");
        assert_eq!(refused(&answer), with(status, code));
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{code}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{code}");
    }
    // Whoever guesses is slowed down, in a status that a proxy understands.
    let guesses = (0..100).map(|n| world.holding(&format!("guess-{n}")).get("/forward-auth"));
    let slowed =
        guesses.map(|answer| refused(&answer)).find(|told| told.1.as_deref() == Some("TOO_MANY_GUESSES"));
    assert_eq!(slowed, Some(with(401, "TOO_MANY_GUESSES")));
    assert_eq!(world.bob().get("/forward-auth").status, 204, "and nobody else is");
}

#[test]
fn a_proxy_names_the_tenant_that_it_guards() {
    let world = TwoTenants::new();
    let at = |tenant: &str| format!("/forward-auth?tenant={tenant}");
    assert_eq!(world.bob().get(&at(&world.ada.tenant_id)).status, 204);
    let (eve, nowhere) = (world.eve().get(&at(&world.ada.tenant_id)), world.eve().get(&at(ONE_OF_NONE)));
    assert_eq!(refused(&eve), with(401, "NOT_A_MEMBER"));
    assert_eq!(eve.text, nowhere.text, "a tenant of others is told from none by nobody");
    assert_eq!(refused(&world.agent().get(&at(&world.globex_id))), with(401, "OTHER_TENANT"));
    // The proxy's word goes before the request's.
    let elsewhere = world.bob().in_tenant(&world.globex_id);
    assert_eq!(elsewhere.get(&at(&world.ada.tenant_id)).status, 204);
    assert_eq!(refused(&elsewhere.get("/forward-auth")), with(401, "NOT_A_MEMBER"));
}

/// `POST /v1/verify`
#[test]
fn a_service_is_told_of_the_scopes_what_a_proxy_is_told() {
    let world = TwoTenants::new();
    let verdict = |credential: &str, scopes: &[&str]| {
        let body = json!({"credential": credential, "scopes": scopes}).to_string();
        let told = world.ada().post("/v1/verify", "application/json", &body).json();
        (told["valid"].as_bool().unwrap(), told["code"].as_str().map(str::to_owned))
    };
    let lacking = || (false, Some("SCOPES_NOT_HELD".to_owned()));
    let (ada, bob) = (world.ada.key.as_str(), world.bob.secret.as_str());
    assert_eq!(verdict(bob, &["keyledger:verify", "flows:run"]), (true, None));
    // Neither key is narrowed; a member does not administer, and an administrator does.
    assert_eq!(verdict(bob, &["keyledger:admin"]), lacking());
    assert_eq!(verdict(ada, &["keyledger:admin"]), (true, None));
    let token = world.bob().token(bob);
    assert_eq!(verdict(&token, &["keyledger:admin"]), lacking());
    for (credential, scope) in [(bob, "keyledger:admin"), (bob, "keyledger:verify"), (ada, "keyledger:audit")]
    {
        let proxy = world.holding(credential).get(&format!("/forward-auth?scope={scope}")).status == 204;
        assert_eq!(verdict(credential, &[scope]).0, proxy, "{scope}");
    }
}

#[test]
fn a_proxy_names_the_scopes_that_it_needs() {
    let world = TwoTenants::new();
    let narrow = |scopes: serde_json::Value| {
        let input = json!({"user_id": world.bob_id, "name": "narrow", "scopes": scopes});
        world.holding(&text(&world.bob().mutate("create_api_key", &input, "key").unwrap()["key"]))
    };
    let runs = narrow(json!(["flows:run", "flows:read"]));
    let answer = runs.get("/forward-auth?scope=flows:read+flows:run");
    assert_eq!((answer.status, answer.header("x-keyledger-scopes")), (204, Some("flows:read flows:run")));
    assert_eq!(answer.header("x-keyledger-narrowed"), Some("yes"));
    let lacking = runs.get("/forward-auth?scope=flows:run%20flows:delete");
    assert_eq!(refused(&lacking), with(403, "SCOPES_NOT_HELD"));
    let challenge = lacking.header("www-authenticate").unwrap();
    assert!(
        challenge.contains("error=\"insufficient_scope\", scope=\"flows:delete flows:run\""),
        "{challenge}"
    );
    let nothing = narrow(json!([]));
    let empty = nothing.get("/forward-auth");
    assert_eq!((empty.status, empty.header("x-keyledger-scopes")), (204, None), "narrowed to nothing");
    assert_eq!(empty.header("x-keyledger-narrowed"), Some("yes"), "which is told apart from not narrowed");
    // A key that is not narrowed includes every scope of others, and of ours those of its owner's role.
    assert_eq!(world.bob().get("/forward-auth?scope=flows:delete+keyledger:verify").status, 204);
    assert_eq!(
        refused(&world.bob().get("/forward-auth?scope=keyledger:admin")),
        with(403, "SCOPES_NOT_HELD")
    );
    assert_eq!(world.agent().get("/forward-auth?scope=keyledger:admin").status, 204);
}

#[test]
fn a_proxy_that_asks_nonsense_is_told_so_and_passes_nothing_on() {
    let world = TwoTenants::new();
    for query in [
        "tenant=acme",
        "tenant=",
        "scope=%22",
        "scope=keyledger:root",
        "role=administrator",
        "x",
        "scope=a&scope=b",
        &format!("tenant={ONE_OF_NONE}&tenant={ONE_OF_NONE}"),
    ] {
        let answer = world.bob().get(&format!("/forward-auth?{query}"));
        assert_eq!((answer.status, answer.code().as_deref()), (400, Some("REQUEST_MALFORMED")), "{query}");
        assert!(identity(&answer).is_empty());
    }
    assert_eq!(world.bob().get("/forward-auth?").status, 204);
    let posted = world.bob().ask("POST", "/forward-auth");
    assert_eq!((posted.status, posted.code().as_deref()), (405, Some("METHOD_NOT_ALLOWED")));
}

#[test]
fn use_behind_a_proxy_is_counted_as_shown_to_another() {
    let world = TwoTenants::new();
    let key = key_for(&world.ada(), &world.account_id, "worker");
    let worker = world.holding(&key.secret).with("user-agent", "prefect/3.9.0 (API 0.8.4)");
    for _ in 0..3 {
        assert_eq!(worker.get("/forward-auth").status, 204);
    }
    let document = "{ keys { edges { node { id usage { count last_way callers } } } } }";
    let page = world.ada().query("keys", document).unwrap();
    let used =
        page["edges"].as_array().unwrap().iter().find(|edge| edge["node"]["id"] == json!(key.id)).unwrap();
    let usage = &used["node"]["usage"];
    assert_eq!((&usage["count"], &usage["last_way"]), (&json!(3), &json!("shown")), "{usage}");
    assert_eq!(usage["callers"], json!(["prefect"]), "{usage}");
}
