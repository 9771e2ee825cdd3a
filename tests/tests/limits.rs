//! Limits and addresses: keys that list their networks, keys with a rate, addresses that guess, trusted proxies.

use std::path::PathBuf;

use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, events_of, init};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server behind a proxy that it trusts: who asks is whoever `X-Forwarded-For` names.
struct Stage {
    server: Server,
    made: Initialised,
    data: PathBuf,
    _scratch: TempDir,
}

/// A service account's key.
struct Key {
    id: String,
    secret: String,
}

const FORM: &str = "application/x-www-form-urlencoded";
const INSIDE: &str = "10.1.2.3";
const OUTSIDE: &str = "192.0.2.9";

impl Stage {
    fn new() -> Self {
        Self::with(&["--trusted-proxy", "127.0.0.0/8,::1/128"])
    }

    fn with(arguments: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let made = init(&data, "acme", "ada@example.com");
        let server = Server::start_with(&data, arguments);
        Self { server, made, data, _scratch: scratch }
    }

    fn from(&self, address: &str, credential: &str) -> Client {
        Client::holding(self.server.url(), credential).with("x-forwarded-for", address)
    }

    fn anyone(&self, address: &str) -> Client {
        Client::anonymous(self.server.url()).with("x-forwarded-for", address)
    }

    fn admin(&self) -> Client {
        self.from(OUTSIDE, &self.made.key)
    }

    /// A service account with a key that has these limits.
    fn agent(&self, name: &str, limits: &Value) -> Key {
        let account = self.admin().mutate("create_service_account", &json!({"name": name}), "id").unwrap();
        let mut input = json!({"user_id": account["id"], "name": name});
        for (field, value) in limits.as_object().unwrap() {
            input[field] = value.clone();
        }
        let made = self.admin().mutate("create_api_key", &input, "id key").unwrap();
        Key { id: text(&made["id"]), secret: text(&made["key"]) }
    }

    /// `POST /v1/verify`.
    fn ask(&self, question: &Value) -> Answer {
        self.admin().post("/v1/verify", "application/json", &question.to_string())
    }

    fn told(&self, address: &str, credential: &str) -> String {
        code(&self.from(address, credential).whoami())
    }

    fn events(&self, name: &str) -> usize {
        events_of(&self.data).iter().filter(|recorded| recorded.event.name() == name).count()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn code(answer: &Answer) -> String {
    if answer.status == 200 && answer.code().is_none() { "ACTIVE".into() } else { answer.code().unwrap() }
}

#[test]
fn a_key_is_accepted_from_its_networks_and_from_nowhere_else_on_every_interface() {
    let stage = Stage::new();
    let agent = stage.agent("etl", &json!({"allowed_addresses": ["10.0.0.0/8", "2001:db8::/32"]}));
    for (address, expected) in [
        (INSIDE, "ACTIVE"),
        ("2001:db8::7", "ACTIVE"),
        ("::ffff:10.0.0.1", "ACTIVE"),
        (OUTSIDE, "ADDRESS_NOT_ALLOWED"),
        ("11.0.0.1", "ADDRESS_NOT_ALLOWED"),
        ("2001:db9::1", "ADDRESS_NOT_ALLOWED"),
        ("unknown", "ADDRESS_NOT_ALLOWED"),
    ] {
        assert_eq!(stage.told(address, &agent.secret), expected, "{address}");
        let hello = stage.from(address, &agent.secret).query("hello", "{ hello }");
        assert_eq!(hello.err().unwrap_or("ACTIVE".into()), expected, "{address}");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", agent.id.as_str()),
            ("client_secret", agent.secret.as_str()),
        ];
        let minted = stage.anyone(address).post("/oauth/token", FORM, &encoded(&form));
        assert_eq!(code(&minted), expected, "{address}");
        assert_eq!(code(&stage.anyone(address).exchange(&agent.secret, &[])), expected, "{address}");
    }
    // The token carries the list of its key with it.
    let token = text(&stage.anyone(INSIDE).exchange(&agent.secret, &[]).json()["access_token"]);
    assert_eq!(stage.told(INSIDE, &token), "ACTIVE");
    assert_eq!(stage.told(OUTSIDE, &token), "ADDRESS_NOT_ALLOWED");
    let challenge = stage.from(OUTSIDE, &agent.secret).whoami();
    assert!(challenge.header("www-authenticate").unwrap().contains("ADDRESS_NOT_ALLOWED"));
}

#[test]
fn a_service_that_asks_names_the_address_that_it_saw() {
    let stage = Stage::new();
    let agent = stage.agent("etl", &json!({"allowed_addresses": ["10.0.0.0/8"]}));
    let ask = |address: Option<&str>| {
        let question = json!({"credential": agent.secret, "client_address": address});
        stage.ask(&question)
    };
    assert_eq!(ask(Some(INSIDE)).json()["valid"], json!(true));
    for elsewhere in [Some(OUTSIDE), None] {
        let answer = ask(elsewhere).json();
        assert_eq!((&answer["valid"], &answer["code"]), (&json!(false), &json!("ADDRESS_NOT_ALLOWED")));
    }
    let malformed = ask(Some("10.0.0.0/8"));
    assert_eq!((malformed.status, malformed.code().as_deref()), (400, Some("REQUEST_MALFORMED")));
}

#[test]
fn a_list_is_changed_at_once_and_nobody_locks_the_key_in_hand_out() {
    let stage = Stage::new();
    let agent = stage.agent("etl", &json!({}));
    let change = |client: &Client, key: &str, list: Value| {
        let input = json!({"key_id": key, "allowed_addresses": list});
        client.mutate("change_api_key_addresses", &input, "success")
    };
    assert!(change(&stage.admin(), &agent.id, json!(["10.0.0.0/8"])).is_ok());
    assert_eq!(stage.told(OUTSIDE, &agent.secret), "ADDRESS_NOT_ALLOWED");
    assert!(change(&stage.admin(), &agent.id, Value::Null).is_ok());
    assert_eq!(stage.told(OUTSIDE, &agent.secret), "ACTIVE");
    assert_eq!(stage.events("KeyAddressesChanged"), 2);

    let own = &stage.made.key_id;
    let refused = change(&stage.admin(), own, json!(["10.0.0.0/8"])).unwrap_err();
    assert_eq!(refused, "WOULD_LOCK_OUT");
    assert_eq!(stage.told(OUTSIDE, &stage.made.key), "ACTIVE");
    assert!(change(&stage.admin(), own, json!(["192.0.2.0/24"])).is_ok());
    // A narrowed key neither widens itself nor makes a wider one.
    assert_eq!(change(&stage.admin(), own, Value::Null).unwrap_err(), "ADDRESSES_NOT_HELD");
    let input = json!({"user_id": stage.made.user_id, "name": "wide", "allowed_addresses": ["0.0.0.0/0"]});
    assert_eq!(stage.admin().mutate("create_api_key", &input, "id").unwrap_err(), "ADDRESSES_NOT_HELD");
    let input = json!({"user_id": stage.made.user_id, "name": "as narrow"});
    let made = stage.admin().mutate("create_api_key", &input, "key").unwrap();
    assert_eq!(stage.told(INSIDE, &text(&made["key"])), "ADDRESS_NOT_ALLOWED");
}

#[test]
fn bad_networks_and_rates_say_what_is_wrong_and_change_nothing() {
    let stage = Stage::new();
    let agent = stage.agent("etl", &json!({}));
    let before = events_of(&stage.data).len();
    let many: Vec<_> = (0..33).map(|n| format!("10.0.{n}.0/24")).collect();
    for list in [json!([]), json!(["10.0.0.1/8"]), json!(["ten"]), json!(["10.0.0.0/33"]), json!(many)] {
        let input = json!({"key_id": agent.id, "allowed_addresses": list});
        let refused = stage.admin().mutate("change_api_key_addresses", &input, "success").unwrap_err();
        assert_eq!(refused, "NETWORK_INVALID", "{list}");
    }
    for (requests, seconds) in [(0, 60), (-1, 60), (1_000_001, 60), (1, 0), (1, 86_401)] {
        let rate = json!({"requests": requests, "period_seconds": seconds});
        let input = json!({"key_id": agent.id, "rate_limit": rate});
        let refused = stage.admin().mutate("change_api_key_rate", &input, "success").unwrap_err();
        assert_eq!(refused, "INVALID", "{rate}");
    }
    assert_eq!(events_of(&stage.data).len(), before);
}

#[test]
fn lists_show_the_limits_of_a_key_and_callers_their_address() {
    let stage = Stage::new();
    let rate = json!({"requests": 100, "period_seconds": 60});
    stage.agent("etl", &json!({"allowed_addresses": ["10.2.0.0/16", "10.1.0.0/16"], "rate_limit": rate}));
    let document = "{ auth_api_key { name allowed_addresses rate_limit { requests period_seconds } } }";
    let keys = stage.admin().query("auth_api_key", document).unwrap();
    let shown = keys.as_array().unwrap().iter().find(|key| key["name"] == "etl").unwrap();
    assert_eq!(shown["allowed_addresses"], json!(["10.1.0.0/16", "10.2.0.0/16"]));
    assert_eq!(shown["rate_limit"], rate);
    let unlimited = keys.as_array().unwrap().iter().find(|key| key["name"] == "first key").unwrap();
    assert_eq!((&unlimited["allowed_addresses"], &unlimited["rate_limit"]), (&Value::Null, &Value::Null));
    let info = stage.admin().query("auth_info", "{ auth_info { address } }").unwrap();
    assert_eq!(info["address"], json!(OUTSIDE));
}

#[test]
fn a_rate_is_held_with_the_standard_headers_and_never_as_429_to_existing_clients() {
    let stage = Stage::new();
    let rate = json!({"requests": 3, "period_seconds": 3600});
    let agent = stage.agent("etl", &json!({"rate_limit": rate}));
    let client = stage.from(OUTSIDE, &agent.secret);
    for left in ["2", "1", "0"] {
        let answer = client.whoami();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""default";q=3;w=3600"#));
        assert_eq!(answer.header("ratelimit"), Some(format!(r#""default";r={left}"#).as_str()));
        assert_eq!(answer.header("retry-after"), None);
    }
    let refused = client.whoami();
    assert_eq!((refused.status, refused.code().as_deref()), (429, Some("RATE_LIMITED")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit"), Some(format!(r#""default";r=0;t={wait}"#).as_str()));

    let graphql = client.graphql("{ hello }", &Value::Null);
    assert_eq!((graphql.status, graphql.code().as_deref()), (200, Some("RATE_LIMITED")));
    assert!(!graphql.text.contains("UNAUTHENTICATED"), "{}", graphql.text);
    let oauth = stage.anyone(OUTSIDE).exchange(&agent.secret, &[]);
    assert_eq!((oauth.status, oauth.code().as_deref()), (429, Some("RATE_LIMITED")));
    assert!(oauth.header("retry-after").is_some());
    let asked = stage.ask(&json!({"credential": agent.secret}));
    let verdict = asked.json();
    assert_eq!(
        (asked.status, &verdict["valid"], &verdict["code"]),
        (200, &json!(false), &json!("RATE_LIMITED"))
    );
    assert!(verdict["retry_after_seconds"].as_u64().unwrap() > 0);

    // Others go on, and a new rate holds at once.
    assert_eq!(stage.told(OUTSIDE, &stage.made.key), "ACTIVE");
    let lift = json!({"key_id": agent.id, "rate_limit": null});
    stage.admin().mutate("change_api_key_rate", &lift, "success").unwrap();
    assert_eq!(stage.told(OUTSIDE, &agent.secret), "ACTIVE");
    assert_eq!(client.whoami().header("ratelimit"), None);
}

#[test]
fn a_key_that_is_client_and_subject_at_once_is_used_once() {
    let stage = Stage::new();
    let rate = json!({"rate_limit": {"requests": 1, "period_seconds": 86_400}});
    for (name, own) in [("itself", true), ("another", false)] {
        let client = stage.agent(&format!("client-{name}"), &rate);
        let subject = if own { &client.secret } else { &stage.made.key };
        let presented = [("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())];
        let minted = stage.anyone(OUTSIDE).exchange(subject, &presented);
        assert_eq!(minted.status, 200, "{name}: {}", minted.text);
        let again = stage.anyone(OUTSIDE).exchange(subject, &presented);
        assert_eq!((again.status, again.code().as_deref()), (429, Some("RATE_LIMITED")), "{name}");
    }
    let agent = stage.agent("agent", &json!({}));
    let posing = [("client_id", stage.made.key_id.as_str()), ("client_secret", agent.secret.as_str())];
    let refused = stage.anyone(OUTSIDE).exchange(&agent.secret, &posing);
    assert_eq!((refused.status, refused.code().as_deref()), (401, Some("CLIENT_MISMATCH")));
}

#[test]
fn verifications_for_services_are_counted_too() {
    let stage = Stage::new();
    let agent = stage.agent("etl", &json!({"rate_limit": {"requests": 2, "period_seconds": 3600}}));
    let ask = || stage.ask(&json!({"credential": agent.secret})).json();
    assert_eq!(ask()["requests_left"], json!(1));
    assert_eq!(ask()["requests_left"], json!(0));
    assert_eq!(ask()["code"], json!("RATE_LIMITED"));
    assert_eq!(stage.from(OUTSIDE, &agent.secret).whoami().status, 429);
}

#[test]
fn an_address_that_guesses_is_slowed_down_and_locks_nobody_out() {
    let stage = Stage::with(&["--trusted-proxy", "127.0.0.1/32", "--guesses-per-minute", "5"]);
    let guess = |number: usize| stage.from(OUTSIDE, &format!("no-such-key-{number:04}-abcdefghijkl"));
    for number in 0..5 {
        assert_eq!(code(&guess(number).whoami()), "KEY_UNKNOWN");
    }
    let slowed = guess(5).whoami();
    assert_eq!((slowed.status, slowed.code().as_deref()), (429, Some("TOO_MANY_GUESSES")));
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=13).contains(&wait), "{wait}");
    // Existing clients see a refusal as ever, and never 429.
    let graphql = guess(6).graphql("{ hello }", &Value::Null);
    assert_eq!((graphql.status, graphql.code().as_deref()), (200, Some("TOO_MANY_GUESSES")));
    assert!(graphql.text.contains("UNAUTHENTICATED"));
    let oauth = stage.anyone(OUTSIDE).exchange("no-such-key-7-abcdefghijklmnop", &[]);
    assert_eq!((oauth.status, oauth.code().as_deref()), (429, Some("TOO_MANY_GUESSES")));
    // Their REST clients try again at 429, for minutes.
    let rest = guess(8).get("/api/me");
    assert_eq!((rest.status, rest.code().as_deref()), (401, Some("TOO_MANY_GUESSES")));
    assert!(rest.header("www-authenticate").is_some() && rest.header("retry-after").is_some());
    // From the same address a good key is let in, a revoked one is told so, and others may still guess.
    assert_eq!(stage.told(OUTSIDE, &stage.made.key), "ACTIVE");
    let agent = stage.agent("etl", &json!({}));
    stage.admin().mutate("delete_api_key", &json!({"key_id": agent.id}), "success").unwrap();
    for _ in 0..10 {
        assert_eq!(stage.told(OUTSIDE, &agent.secret), "KEY_REVOKED");
    }
    assert_eq!(stage.told(INSIDE, "no-such-key-8-abcdefghijklmnop"), "KEY_UNKNOWN");
}

#[test]
fn without_a_trusted_proxy_nobody_chooses_their_address() {
    let stage = Stage::with(&[]);
    let agent = stage.agent("etl", &json!({"allowed_addresses": ["10.0.0.0/8"]}));
    assert_eq!(stage.told(INSIDE, &agent.secret), "ADDRESS_NOT_ALLOWED");
    let here = stage.agent("here", &json!({"allowed_addresses": ["127.0.0.1"]}));
    assert_eq!(stage.told(INSIDE, &here.secret), "ACTIVE");
}

/// A thief who uses a key up must not keep its holder from ending it.
#[test]
fn a_used_up_key_can_still_be_ended_and_is_active_nowhere() {
    let stage = Stage::new();
    let agent = stage.agent("etl", &json!({"rate_limit": {"requests": 1, "period_seconds": 86_400}}));
    let client = stage.from(OUTSIDE, &agent.secret);
    assert_eq!((client.whoami().status, client.whoami().status), (200, 429));
    let shown = encoded(&[
        ("token", &agent.secret),
        ("client_id", &key_id_of(&stage)),
        ("client_secret", &stage.made.key),
    ]);
    let introspected = stage.anyone(OUTSIDE).post("/oauth/introspect", FORM, &shown);
    assert_eq!((introspected.status, introspected.json()), (200, json!({"active": false})));
    let own =
        encoded(&[("token", &agent.secret), ("client_id", &agent.id), ("client_secret", &agent.secret)]);
    let revoked = stage.anyone(OUTSIDE).post("/oauth/revoke", FORM, &own);
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    assert_eq!(stage.told(OUTSIDE, &agent.secret), "KEY_REVOKED");
}

#[test]
fn whoever_guesses_at_revocation_is_counted_too() {
    let stage = Stage::with(&["--trusted-proxy", "127.0.0.1/32", "--guesses-per-minute", "3"]);
    let agent = stage.agent("etl", &json!({}));
    let guess = |number: usize| {
        let guessed = format!("no-such-key-{number:04}-abcdefghijkl");
        let form = [("token", guessed.as_str()), ("client_id", &agent.id), ("client_secret", &agent.secret)];
        stage.anyone(OUTSIDE).post("/oauth/revoke", FORM, &encoded(&form))
    };
    for number in 0..3 {
        assert_eq!(guess(number).status, 200);
    }
    let slowed = guess(3);
    assert_eq!((slowed.status, slowed.code().as_deref()), (429, Some("TOO_MANY_GUESSES")));
}

/// No resolver of ours answers what is asked of the schema, and nothing counts it.
#[test]
fn the_schema_is_told_once_and_without_aliases() {
    let stage = Stage::new();
    let ask = |document: &str| stage.admin().graphql(document, &Value::Null);
    let aliases: String = (0..900).map(|n| format!("a{n}: description ")).collect();
    for below in [aliases.as_str(), "type { fields { type { fields { name } } } }"] {
        let refused = ask(&format!("{{ __schema {{ types {{ fields {{ {below} }} }} }} }}"));
        assert_eq!(refused.code().as_deref(), Some("ANSWER_TOO_LARGE"), "{:.300}", refused.text);
    }
    let told =
        ask("{ __schema { types { name fields { name args { name } type { name ofType { name } } } } } }");
    assert_eq!(told.code(), None);
    assert!(told.text.contains("\"rotate_api_key\""), "{:.300}", told.text);
    // What answers carry beside their values counts, too.
    let long: String = (0..400).map(|n| format!("a{n}{}: id ", "x".repeat(240))).collect();
    let account = stage.admin().mutate("create_service_account", &json!({"name": "many"}), "id").unwrap();
    for number in 0..200 {
        let input = json!({"user_id": account["id"], "name": format!("k{number}")});
        stage.admin().mutate("create_api_key", &input, "id").unwrap();
    }
    let refused = ask(&format!("{{ auth_api_key {{ {long} }} }}"));
    assert_eq!(refused.code().as_deref(), Some("ANSWER_TOO_LARGE"), "{:.300}", refused.text);
}

/// The limits of a document bound no answer: lists within lists, times the aliases.
#[test]
fn one_answer_holds_only_so_many_values() {
    let stage = Stage::new();
    let networks: Vec<_> = (0..32).map(|number| format!("192.0.2.{number}")).collect();
    let account = stage.admin().mutate("create_service_account", &json!({"name": "many"}), "id").unwrap();
    for number in 0..40 {
        let input =
            json!({"user_id": account["id"], "name": format!("k{number}"), "allowed_addresses": networks});
        stage.admin().mutate("create_api_key", &input, "id").unwrap();
    }
    let aliases =
        |count: usize| -> String { (0..count).map(|n| format!("a{n}: allowed_addresses ")).collect() };
    let lists = ["auth_api_key { FIELDS }", "keys(first: 100) { edges { node { FIELDS } } }"];
    for list in lists {
        let asked = |fields: &str| {
            let document = format!("{{ {} }}", list.replace("FIELDS", fields));
            stage.admin().graphql(&document, &Value::Null)
        };
        let usual = asked("id name allowed_addresses scopes");
        assert_eq!(usual.code(), None, "{}", usual.text);
        assert!(usual.text.contains("192.0.2.31/32"), "{}", usual.text);
        let refused = asked(&aliases(900));
        assert_eq!(refused.code().as_deref(), Some("ANSWER_TOO_LARGE"), "{}", &refused.text[..200]);
        // One request has one budget, however it is spread over its lists.
        let half = aliases(250);
        assert_eq!(asked(&half).code(), None);
        let split = list.replace("FIELDS", "...F");
        let split = format!("{{ x: {split} y: {split} }} fragment F on auth_api_key {{ {half} }}");
        assert_eq!(stage.admin().graphql(&split, &Value::Null).code().as_deref(), Some("ANSWER_TOO_LARGE"));
    }
}

/// What is known of a key's use is a list as well.
#[test]
fn the_callers_of_a_key_count_for_its_answer() {
    let stage = Stage::new();
    let account = stage.admin().mutate("create_service_account", &json!({"name": "many"}), "id").unwrap();
    let programs =
        ["keyledger/1", "prefect/3", "curl/8", "Mozilla/5.0", "python-requests/2", "Go-http-client/2"];
    for number in 0..80 {
        let input = json!({"user_id": account["id"], "name": format!("k{number}")});
        let made = stage.admin().mutate("create_api_key", &input, "key").unwrap();
        for program in programs {
            let used = stage.from(OUTSIDE, &text(&made["key"])).with("user-agent", program).whoami();
            assert_eq!(used.status, 200);
        }
    }
    for list in
        ["auth_api_key { usage { FIELDS } }", "keys(first: 100) { edges { node { usage { FIELDS } } } }"]
    {
        let asked = |count: usize| {
            let aliases: String = (0..count).map(|n| format!("a{n}: callers ")).collect();
            stage.admin().graphql(&format!("{{ {} }}", list.replace("FIELDS", &aliases)), &Value::Null)
        };
        let usual = asked(10);
        assert_eq!(usual.code(), None, "{}", usual.text);
        assert_eq!(usual.text.matches("\"python\"").count(), 800, "ten times for each of eighty keys");
        // As fields alone these would be 76,000 values.
        let refused = asked(950);
        assert_eq!(refused.code().as_deref(), Some("ANSWER_TOO_LARGE"), "{:.200}", refused.text);
    }
}

fn key_id_of(stage: &Stage) -> String {
    text(&stage.admin().query("auth_info", "{ auth_info { key_id } }").unwrap()["key_id"])
}
