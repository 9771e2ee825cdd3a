//! The OAuth endpoints held to their RFCs, one requirement after the other.

use domain::actor::Way;
use domain::{Event, Recorded};
use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, events_of, init};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bad_input::base64;

const FORM: &str = "application/x-www-form-urlencoded";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

struct Stage {
    server: Server,
    made: Initialised,
    scratch: TempDir,
}

impl Stage {
    fn new(more: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let made = init(&data, "acme", "ada@example.com");
        Self { server: Server::start_with(&data, more), made, scratch }
    }

    fn anonymous(&self) -> Client {
        Client::anonymous(self.server.url())
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.anonymous().post(path, FORM, &encoded(form))
    }

    /// The client's own form, with more.
    fn as_client(&self, path: &str, more: &[(&str, &str)]) -> Answer {
        let own = [("client_id", self.made.key_id.as_str()), ("client_secret", self.made.key.as_str())];
        self.post(path, &[&own, more].concat())
    }

    fn exchange(&self, more: &[(&str, &str)]) -> Answer {
        let subject = [
            ("grant_type", EXCHANGE),
            ("subject_token", &self.made.key),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        self.post("/oauth/token", &[&subject, more].concat())
    }

    /// What the server itself says of the audience of a token.
    fn audience(&self, minted: &Answer) -> Value {
        let token =
            minted.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", minted.text)).to_owned();
        self.as_client("/oauth/introspect", &[("token", &token)]).json()["aud"].clone()
    }
}

fn members(value: &Value) -> Vec<&str> {
    let mut members: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

/// RFC 6749, sections 5.1 and 5.2; RFC 8693, section 2.2.1.
#[test]
fn tokens_and_errors_are_kept_by_no_cache_and_have_the_members_that_they_must() {
    let stage = Stage::new(&[]);
    let minted = stage.as_client("/oauth/token", &[("grant_type", "client_credentials")]);
    assert_eq!(members(&minted.json()), ["access_token", "expires_in", "token_type"]);
    let narrowed = stage.as_client("/oauth/token", &[("grant_type", "client_credentials"), ("scope", "b a")]);
    assert_eq!(members(&narrowed.json()), ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!(narrowed.json()["scope"], "a b");
    let exchanged = stage.exchange(&[]);
    assert_eq!(members(&exchanged.json()), ["access_token", "expires_in", "issued_token_type", "token_type"]);
    for wanted in [ACCESS_TOKEN, JWT] {
        let exchanged = stage.exchange(&[("requested_token_type", wanted)]);
        assert_eq!(exchanged.json()["issued_token_type"], wanted);
        assert_eq!(exchanged.json()["token_type"], "Bearer");
    }
    let refused = stage.post("/oauth/token", &[("grant_type", "password")]);
    assert_eq!(members(&refused.json()), ["code", "error", "error_description"]);
    let unknown = stage.post("/oauth/token", &[("grant_type", "client_credentials")]);
    assert_eq!((unknown.status, unknown.header("www-authenticate").is_some()), (401, true));
    let elsewhere = stage.post("/oauth/revoke", &[]);
    for (what, answer) in [
        ("minted", &minted),
        ("exchanged", &exchanged),
        ("refused", &refused),
        ("unknown", &unknown),
        ("revoke", &elsewhere),
    ] {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(answer.header("pragma"), Some("no-cache"), "{what}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
        assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{what}");
    }
}

/// RFC 8693, section 2.1, and RFC 8707, section 2: targets become the audience, or `invalid_target`.
#[test]
fn targets_become_the_audience() {
    let stage = Stage::new(&["--issuer", "https://keys.example.com"]);
    let audience = |more: &[(&str, &str)]| stage.audience(&stage.exchange(more));
    assert_eq!(audience(&[]), json!(["https://keys.example.com"]));
    assert_eq!(audience(&[("resource", "https://a.example/x?y=1")]), json!(["https://a.example/x?y=1"]));
    assert_eq!(audience(&[("audience", "flows")]), json!(["flows"]));
    assert_eq!(
        audience(&[("resource", "urn:a"), ("resource", "urn:b"), ("audience", "c")]),
        json!(["urn:a", "urn:b", "c"])
    );
    let by_client = stage.as_client(
        "/oauth/token",
        &[("grant_type", "client_credentials"), ("resource", "https://a.example")],
    );
    assert_eq!(stage.audience(&by_client), json!(["https://a.example"]));
    for bad in [
        "flows",
        "/flows",
        "//a.example",
        ":x",
        "1a:b",
        "a b:c",
        "urn:",
        "https://a.example/#x",
        "https://a.example/#",
    ] {
        let refused = stage.exchange(&[("resource", bad)]);
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (400, Some("invalid_target")),
            "{bad}"
        );
    }
}

/// RFC 6749, section 3.2.1: a client that presents itself must be one, also where it need not.
#[test]
fn an_exchange_needs_no_client_and_takes_no_false_one() {
    let stage = Stage::new(&[]);
    let own = [("client_id", stage.made.key_id.as_str()), ("client_secret", stage.made.key.as_str())];
    assert_eq!(stage.exchange(&own).status, 200);
    let (id, wrong) = (stage.made.key_id.as_str(), "wrong");
    let refused = stage.exchange(&[("client_id", id), ("client_secret", wrong)]);
    assert_eq!((refused.status, refused.json()["error"].as_str()), (401, Some("invalid_client")));
    let form = encoded(&[
        ("grant_type", EXCHANGE),
        ("subject_token", &stage.made.key),
        ("subject_token_type", ACCESS_TOKEN),
    ]);
    let by = |header: &str| stage.anonymous().with("authorization", header).post("/oauth/token", FORM, &form);
    let refused = by("Basic eDp5");
    assert_eq!((refused.status, refused.json()["error"].as_str()), (401, Some("invalid_client")));
    assert!(refused.header("www-authenticate").unwrap().starts_with("Basic "));
    assert_eq!(by("Bearer x").status, 200, "a bearer's header presents no client");
}

/// RFC 7662, section 2.1, and RFC 7009, section 2.1: a hint helps, or is passed over.
#[test]
fn hints_never_change_an_answer() {
    let stage = Stage::new(&[]);
    let mint = || stage.exchange(&[]).json()["access_token"].as_str().unwrap().to_owned();
    let token = mint();
    for hint in ["access_token", "refresh_token", "urn:example:unknown"] {
        for (shown, active) in [(token.as_str(), true), (stage.made.key.as_str(), true), ("unknown", false)] {
            let form = [("token", shown), ("token_type_hint", hint)];
            let answer = stage.as_client("/oauth/introspect", &form);
            assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(active)), "{hint} {active}");
        }
        let ended = mint();
        let form = [("token", ended.as_str()), ("token_type_hint", hint)];
        assert_eq!(stage.as_client("/oauth/revoke", &form).status, 200, "{hint}");
        let answer = stage.as_client("/oauth/introspect", &[("token", &ended)]);
        assert_eq!(answer.text, r#"{"active":false}"#, "{hint}");
    }
    // Twice is no hint but a mistake.
    let twice = stage.as_client("/oauth/revoke", &[("token", "a"), ("token", "b")]);
    assert_eq!(twice.json()["error"], "invalid_request");
}

/// RFC 6750, section 3: bare when nothing was shown; with the scope when it does not suffice.
#[test]
fn challenges_say_what_is_wrong_and_what_would_do() {
    let stage = Stage::new(&[]);
    let challenge = |client: Client| {
        let answer = client.post("/v1/verify", "application/json", r#"{"credential":"x"}"#);
        (answer.status, answer.header("www-authenticate").unwrap_or_default().to_owned())
    };
    let nothing = challenge(stage.anonymous());
    assert_eq!(nothing, (401, r#"Bearer realm="keyledger""#.to_owned()));
    let malformed = challenge(stage.anonymous().with("authorization", "Bearer"));
    assert!(malformed.0 == 400 && malformed.1.contains(r#"error="invalid_request""#), "{malformed:?}");
    let unknown = challenge(Client::holding(stage.server.url(), "unknown"));
    assert!(unknown.0 == 401 && unknown.1.contains(r#"error="invalid_token""#), "{unknown:?}");
    let narrow = json!({"user_id": stage.made.user_id, "name": "narrow", "scopes": ["keyledger:read"]});
    let admin = Client::holding(stage.server.url(), &stage.made.key);
    let narrow = admin.mutate("create_api_key", &narrow, "key").unwrap();
    let narrow = challenge(Client::holding(stage.server.url(), narrow["key"].as_str().unwrap()));
    assert_eq!(narrow.0, 403);
    for part in [r#"error="insufficient_scope""#, r#"scope="keyledger:verify""#] {
        assert!(narrow.1.starts_with("Bearer ") && narrow.1.contains(part), "{narrow:?}");
    }
}

/// RFC 9110, sections 9.1 and 15.5.6.
#[test]
fn methods_that_are_not_taken_are_answered_with_those_that_are() {
    let stage = Stage::new(&[]);
    for path in
        ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/graphql/schema.graphql"]
    {
        let (head, get) = (stage.anonymous().ask("HEAD", path), stage.anonymous().get(path));
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        for header in ["content-type", "cache-control", "etag"] {
            assert_eq!(head.header(header), get.header(header), "{path}");
        }
        let refused = stage.anonymous().ask("DELETE", path);
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")), "{path}");
    }
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
            let refused = stage.anonymous().ask(method, path);
            assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")), "{method} {path}");
            if method != "HEAD" {
                assert_eq!(
                    refused.json()["error"],
                    "invalid_request",
                    "{method} {path}: as OAuth clients read it"
                );
            }
        }
    }
}

/// RFC 8414, sections 2 and 3.
#[test]
fn the_metadata_is_true_and_found_where_the_issuer_says() {
    let stage = Stage::new(&["--issuer", "https://example.com/keys/eu"]);
    const PATH: &str = "/.well-known/oauth-authorization-server";
    let metadata = stage.anonymous().get(PATH);
    assert_eq!(metadata.header("content-type"), Some("application/json"));
    let with_path = stage.anonymous().get(&format!("{PATH}/keys/eu"));
    assert_eq!((with_path.status, &with_path.text), (200, &metadata.text));
    for other in ["/keys", "/keys/eu/", "/keys/us", "/t/acme"] {
        assert_eq!(stage.anonymous().get(&format!("{PATH}{other}")).status, 404, "{other}");
    }
    let metadata = metadata.json();
    assert_eq!(metadata["issuer"], "https://example.com/keys/eu");
    let path = |name: &str| {
        metadata[name].as_str().unwrap().strip_prefix("https://example.com/keys/eu").unwrap().to_owned()
    };
    let client = [("client_id", stage.made.key_id.as_str()), ("client_secret", stage.made.key.as_str())];
    let basic = format!("Basic {}", base64(format!("{}:{}", stage.made.key_id, stage.made.key).as_bytes()));
    for (endpoint, more) in [
        ("token_endpoint", vec![("grant_type", "client_credentials")]),
        ("introspection_endpoint", vec![("token", "x")]),
        ("revocation_endpoint", vec![("token", "x")]),
    ] {
        let methods = &metadata[format!("{endpoint}_auth_methods_supported")];
        assert!(methods.as_array().unwrap().contains(&json!("client_secret_basic")), "{endpoint}");
        assert!(methods.as_array().unwrap().contains(&json!("client_secret_post")), "{endpoint}");
        let by_header =
            stage.anonymous().with("authorization", &basic).post(&path(endpoint), FORM, &encoded(&more));
        assert_eq!(by_header.status, 200, "{endpoint}: {}", by_header.text);
        let by_form = stage.post(&path(endpoint), &[&client[..], &more].concat());
        assert_eq!(by_form.status, 200, "{endpoint}: {}", by_form.text);
        let none = stage.post(&path(endpoint), &more);
        assert_eq!(none.status, 401, "{endpoint}");
        assert_eq!(methods.as_array().unwrap().contains(&json!("none")), endpoint == "token_endpoint");
    }
    for grant in metadata["grant_types_supported"].as_array().unwrap() {
        let answer = stage.post("/oauth/token", &[("grant_type", grant.as_str().unwrap())]);
        assert_ne!(answer.json()["error"], "unsupported_grant_type", "{grant}");
    }
    for scope in metadata["scopes_supported"].as_array().unwrap() {
        let scope = scope.as_str().unwrap();
        let answer =
            stage.as_client("/oauth/token", &[("grant_type", "client_credentials"), ("scope", scope)]);
        // The first administrator's key is an operator's; no role in a tenant includes what an operator does.
        let expected = if ["keyledger:operate", "keyledger:metrics"].contains(&scope) { 400 } else { 200 };
        assert_eq!(answer.status, expected, "{scope}: {}", answer.text);
    }
    // RFC 7517, RFC 8037, section 2, and RFC 7638.
    let keys = stage.anonymous().get(&path("jwks_uri")).json();
    let key = &keys["keys"][0];
    assert_eq!(members(key), ["alg", "crv", "kid", "kty", "use", "x"]);
    let told = |name: &str| key[name].as_str().unwrap();
    assert_eq!((told("kty"), told("crv"), told("use"), told("alg")), ("OKP", "Ed25519", "sig", "EdDSA"));
    assert_eq!((told("x").len(), told("kid").len()), (43, 43));
}

/// `keyledger serve --signing-key-rotation`: the next key is published before it signs, once.
#[test]
fn signing_keys_change_on_a_schedule() {
    let mut stage = Stage::new(&["--signing-key-rotation", "1h", "--signing-key-prepublish", "1h"]);
    let data = stage.scratch.path().join("data");
    let published = |stage: &Stage| {
        stage.anonymous().get("/.well-known/jwks.json").json()["keys"].as_array().unwrap().len()
    };
    let patience = std::time::Instant::now();
    while published(&stage) < 2 {
        assert!(patience.elapsed().as_secs() < 30, "the next key is not published");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let kid = |stage: &Stage| {
        let token = stage.exchange(&[]).json()["access_token"].as_str().unwrap().to_owned();
        token.split('.').next().unwrap().to_owned()
    };
    let signs_now = kid(&stage);
    let by_schedule = || {
        let events = events_of(&data);
        let added = |it: &&Recorded| matches!(it.event, Event::SigningKeyAdded { .. });
        events.iter().filter(added).filter(|it| it.metadata.way == Way::Schedule).count()
    };
    assert_eq!(by_schedule(), 1);
    assert_eq!(stage.server.stop(), Some(0));
    stage.server =
        Server::start_with(&data, &["--signing-key-rotation", "1h", "--signing-key-prepublish", "1h"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!((by_schedule(), published(&stage)), (1, 2), "a restart repeats nothing");
    assert_ne!(kid(&stage), "", "it signs");
    assert_eq!(stage.server.stop(), Some(0));
    stage.server = Server::start_with(&data, &["--signing-key-rotation", "off"]);
    assert_eq!(by_schedule(), 1);
    assert_eq!(kid(&stage), signs_now, "the next one has not taken over yet");
    drop(stage.server);
    for (rotation, prepublish) in [("59m", "10m"), ("1h", "9m"), ("1h", "2h"), ("soon", "1d")] {
        let why = Server::try_start(
            &data,
            &["--signing-key-rotation", rotation, "--signing-key-prepublish", prepublish],
        );
        let why = why.err().unwrap();
        assert!(why.contains("exit status: 2"), "{rotation} {prepublish}: {why}");
    }
}
