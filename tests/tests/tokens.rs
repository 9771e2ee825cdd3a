//! Tokens and verification for services: `POST /v1/verify`, `POST /oauth/introspect`, `POST /oauth/revoke`,
//! the metadata of RFC 8414 and the key set.

use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, init};
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";

/// A tenant with an administrator, and service accounts that have a key each.
struct Stage {
    _scratch: tempfile::TempDir,
    server: Server,
    made: Initialised,
    admin: Client,
}

/// A key with its id.
struct Key {
    id: String,
    secret: String,
}

impl Stage {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let made = init(&data, "acme", "ada@example.com");
        let server = Server::start(&data);
        let admin = Client::holding(server.url(), &made.key);
        Self { _scratch: scratch, server, made, admin }
    }

    fn key(&self, account: &str, role: &str, more: &Value) -> Key {
        let input = json!({"tenant_id": self.made.tenant_id, "name": account, "role": role});
        let account = self.admin.mutate("create_service_account", &input, "id").unwrap();
        let mut input = json!({"user_id": account["id"], "name": "key"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let key = self.admin.mutate("create_api_key", &input, "id key").unwrap();
        Key { id: text(&key["id"]), secret: text(&key["key"]) }
    }

    fn anonymous(&self) -> Client {
        Client::anonymous(self.server.url())
    }

    fn verify(&self, by: &str, question: &Value) -> Answer {
        Client::holding(self.server.url(), by).post("/v1/verify", "application/json", &question.to_string())
    }

    fn oauth(&self, path: &str, client: &Key, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())];
        form.extend_from_slice(more);
        self.anonymous().post(path, FORM, &encoded(&form))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn verify_tells_a_service_what_others_show_it_is_worth() {
    let stage = Stage::new();
    let agent = stage.key("agent", "runner", &json!({"scopes": ["flows:run", "keyledger:read"]}));
    let token = stage.anonymous().token(&agent.secret);
    for credential in [&agent.secret, &token] {
        let answer = stage.verify(&stage.made.key, &json!({"credential": credential}));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        assert_eq!(answer["valid"], true);
        assert_eq!(
            (answer["kind"].as_str(), answer["role"].as_str()),
            (Some("service_account"), Some("runner"))
        );
        assert_eq!(
            (&answer["key_id"], &answer["tenant_id"]),
            (&json!(agent.id), &json!(stage.made.tenant_id))
        );
    }
    let asked = |scopes: Value| {
        stage.verify(&stage.made.key, &json!({"credential": agent.secret, "scopes": scopes})).json()
    };
    assert_eq!(asked(json!(["flows:run"]))["valid"], true);
    let beyond = asked(json!(["flows:run", "flows:delete"]));
    assert_eq!((&beyond["valid"], &beyond["code"]), (&json!(false), &json!("SCOPES_NOT_HELD")));

    let revoked = stage.admin.mutate("delete_api_key", &json!({"key_id": agent.id}), "position").unwrap();
    for credential in [&agent.secret, &token] {
        let question = json!({"credential": credential, "min_position": revoked["position"]});
        let answer = stage.verify(&stage.made.key, &question).json();
        assert_eq!((&answer["valid"], &answer["code"]), (&json!(false), &json!("KEY_REVOKED")), "{answer}");
        assert_eq!(answer["position"], revoked["position"]);
    }
    let unknown = stage.verify(&stage.made.key, &json!({"credential": "no-such-key-at-all"})).json();
    assert_eq!(unknown["code"], "KEY_UNKNOWN");
}

/// Whoever is shown a token for another service must not take it (RFC 9068, section 4): it may have come from there.
#[test]
fn a_token_is_worth_nothing_to_a_service_that_it_is_not_for() {
    let stage = Stage::new();
    let agent = stage.key("agent", "runner", &json!({}));
    let minted = |audiences: &[&str]| {
        let wanted: Vec<_> = audiences.iter().map(|audience| ("audience", *audience)).collect();
        text(&stage.anonymous().exchange(&agent.secret, &wanted).json()["access_token"])
    };
    let asked = |credential: &str, audience: &Value| {
        let mut question = json!({"credential": credential});
        if !audience.is_null() {
            question["audience"] = audience.clone();
        }
        let answer = stage.verify(&stage.made.key, &question);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let (flows, jobs) = (json!("https://flows.example.com"), json!("https://jobs.example.com"));
    let metadata = stage.anonymous().get("/.well-known/oauth-authorization-server").json();
    let (ours, unnamed) = (metadata["issuer"].clone(), Value::Null);
    let for_flows = minted(&["https://flows.example.com"]);
    let for_both = minted(&["https://flows.example.com", "https://jobs.example.com"]);
    let for_us = minted(&[]);
    for (token, audience, accepted) in [
        (&for_flows, &flows, true),
        (&for_flows, &jobs, false),
        (&for_flows, &unnamed, false),
        (&for_flows, &ours, false),
        (&for_both, &jobs, true),
        (&for_both, &unnamed, false),
        (&for_us, &unnamed, true),
        (&for_us, &ours, true),
        (&for_us, &flows, false),
    ] {
        let answer = asked(token, audience);
        if accepted {
            assert_eq!(answer["valid"], true, "{audience}: {answer}");
            assert_eq!(answer["credential_kind"], "token");
        } else {
            let told = (&answer["valid"], &answer["code"]);
            assert_eq!(told, (&json!(false), &json!("TOKEN_AUDIENCE")), "{audience}: {answer}");
        }
    }
    assert_eq!(asked(&for_both, &flows)["audience"], json!([flows, jobs]), "it is told for whom");
    for audience in [&unnamed, &flows] {
        let key = asked(&agent.secret, audience);
        let told = (&key["valid"], &key["credential_kind"], &key["audience"]);
        assert_eq!(told, (&json!(true), &json!("key"), &Value::Null), "a key is for no service: {key}");
    }
}

#[test]
fn only_those_who_may_verify_and_only_about_their_own_tenant() {
    let stage = Stage::new();
    let runner = stage.key("runner", "runner", &json!({}));
    let narrowed = stage.key("narrowed", "administrator", &json!({"scopes": ["keyledger:read"]}));
    let verifier = stage.key("verifier", "administrator", &json!({"scopes": ["keyledger:verify"]}));
    let question = json!({"credential": runner.secret});
    for (who, status) in [(&runner, 403), (&narrowed, 403), (&verifier, 200)] {
        assert_eq!(stage.verify(&who.secret, &question).status, status);
    }
    let nobody = stage.anonymous().post("/v1/verify", "application/json", &question.to_string());
    assert_eq!((nobody.status, nobody.code().as_deref()), (401, Some("CREDENTIAL_MISSING")));

    let other = json!({"slug": "globex", "administrator_email": "bob@example.com"});
    let other = stage.admin.mutate("create_tenant", &other, "id key").unwrap();
    let bob = text(&other["key"]);
    let foreign = stage.verify(&bob, &question).json();
    assert_eq!((&foreign["valid"], &foreign["code"]), (&json!(false), &json!("OTHER_TENANT")), "{foreign}");
    let named = json!({"credential": runner.secret, "tenant_id": stage.made.tenant_id});
    assert_eq!(stage.verify(&bob, &named).code().as_deref(), Some("NOT_A_MEMBER"));
}

#[test]
fn bad_questions_are_told_what_is_wrong() {
    let stage = Stage::new();
    let code = |body: &str| {
        let answer = stage.admin.post("/v1/verify", "application/json", body);
        (answer.status, answer.code().unwrap())
    };
    for body in [
        "",
        "[]",
        "{}",
        r#"{"credential":"x","surprise":1}"#,
        r#"{"credential":"x","tenant_id":"x"}"#,
        r#"{"credential":"x","scopes":["a b"]}"#,
        r#"{"credential":"x","audience":""}"#,
        r#"{"credential":"x","audience":["x"]}"#,
        r#"{"credential":"x","min_position":"-1"}"#,
    ] {
        assert_eq!(code(body), (400, "REQUEST_MALFORMED".to_owned()), "{body}");
    }
    let future = r#"{"credential":"x","min_position":"1000000"}"#;
    assert_eq!(code(future), (503, "POSITION_NOT_REACHED".to_owned()));
}

/// Whoever knows of a change asks for an answer that knows of it, too, and waits until there is one.
#[test]
fn an_answer_waits_for_the_position_that_it_is_asked_for() {
    let stage = Stage::new();
    let agent = stage.key("agent", "runner", &json!({}));
    let now = stage.admin.query("position", "{ position }").unwrap();
    let next = (text(&now).parse::<u64>().unwrap() + 1).to_string();
    let question = json!({"credential": agent.secret, "min_position": next});
    let answer = std::thread::scope(|threads| {
        let asked = threads.spawn(|| stage.verify(&stage.made.key, &question));
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!asked.is_finished(), "nothing has happened yet");
        stage.admin.mutate("disable_api_key", &json!({"key_id": agent.id}), "position").unwrap();
        asked.join().unwrap()
    });
    let told = answer.json();
    assert_eq!((answer.status, &told["valid"], &told["code"]), (200, &json!(false), &json!("KEY_DISABLED")));
    assert_eq!(told["position"], json!(next));
}

#[test]
fn introspection_waits_for_that_position_too() {
    let stage = Stage::new();
    let own = Key { id: stage.made.key_id.clone(), secret: stage.made.key.clone() };
    let agent = stage.key("agent", "runner", &json!({}));
    let ask = |position: &str| {
        stage.oauth("/oauth/introspect", &own, &[("token", &agent.secret), ("min_position", position)])
    };
    let now = text(&stage.admin.query("position", "{ position }").unwrap());
    assert_eq!(ask(&now).json()["active"], true);
    for malformed in ["-1", "x", "18446744073709551616"] {
        let refused = ask(malformed);
        assert_eq!((refused.status, refused.code().as_deref()), (400, Some("INVALID_REQUEST")));
    }
    let late = ask("1000000");
    assert_eq!((late.status, late.code().as_deref()), (503, Some("POSITION_NOT_REACHED")));
    assert_eq!(late.json()["error"], "temporarily_unavailable");
    assert!(late.header("retry-after").is_some());

    let next = (now.parse::<u64>().unwrap() + 1).to_string();
    let answer = std::thread::scope(|threads| {
        let asked = threads.spawn(|| ask(&next));
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!asked.is_finished(), "nothing has happened yet");
        stage.admin.mutate("disable_api_key", &json!({"key_id": agent.id}), "position").unwrap();
        asked.join().unwrap()
    });
    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"active":false}"#));
}

#[test]
fn introspection_is_active_or_exactly_inactive() {
    let stage = Stage::new();
    let verifier = stage.key("verifier", "member", &json!({}));
    let agent = stage.key("agent", "runner", &json!({"scopes": ["flows:run"]}));
    let token = {
        let wanted = [("audience", "https://flows.example.com"), ("scope", "flows:run")];
        let answer = stage.anonymous().exchange(&agent.secret, &wanted);
        assert_eq!(answer.status, 200, "{}", answer.text);
        text(&answer.json()["access_token"])
    };
    let introspect =
        |client: &Key, token: &str| stage.oauth("/oauth/introspect", client, &[("token", token)]);

    let key = introspect(&verifier, &agent.secret).json();
    assert_eq!(
        (&key["active"], &key["client_id"], &key["scope"]),
        (&json!(true), &json!(agent.id), &json!("flows:run"))
    );
    assert!(key.get("jti").is_none() && key.get("exp").is_none(), "{key}");
    // It is for another service than this server, and that service may ask.
    let token_answer = introspect(&verifier, &token).json();
    assert_eq!(token_answer["active"], true, "{token_answer}");
    assert_eq!(token_answer["aud"], json!(["https://flows.example.com"]));
    for claim in ["exp", "iat", "nbf", "jti", "sub", "iss", "client_id", "token_type"] {
        assert!(!token_answer[claim].is_null(), "{claim}: {token_answer}");
    }
    let own_use = Client::holding(stage.server.url(), &token).whoami();
    assert_eq!(own_use.code().as_deref(), Some("TOKEN_AUDIENCE"));

    stage.admin.mutate("delete_api_key", &json!({"key_id": agent.id}), "success").unwrap();
    for dead in [agent.secret.as_str(), token.as_str(), "nonsense", "eyJ.x.y"] {
        assert_eq!(introspect(&verifier, dead).text, r#"{"active":false}"#, "{dead}");
    }
    let runner = stage.key("runner", "runner", &json!({}));
    let refused = introspect(&runner, &verifier.secret);
    assert_eq!((refused.status, refused.json()["error"].as_str()), (403, Some("unauthorized_client")));
    let nobody = stage.anonymous().post("/oauth/introspect", FORM, "token=x");
    assert_eq!((nobody.status, nobody.json()["error"].as_str()), (401, Some("invalid_client")));
    assert!(nobody.header("www-authenticate").is_some());
}

#[test]
fn a_client_ends_its_own_token_and_key_and_nobody_elses() {
    let stage = Stage::new();
    let (one, other) = (stage.key("one", "runner", &json!({})), stage.key("other", "runner", &json!({})));
    let revoke = |client: &Key, token: &str| stage.oauth("/oauth/revoke", client, &[("token", token)]);
    let lives = |credential: &str| Client::holding(stage.server.url(), credential).whoami().status == 200;
    let (first, second) = (stage.anonymous().token(&one.secret), stage.anonymous().token(&one.secret));

    for foreign in [&first, &one.secret] {
        let refused = revoke(&other, foreign);
        assert_eq!((refused.status, refused.code().as_deref()), (400, Some("TOKEN_OF_ANOTHER_CLIENT")));
        assert!(lives(foreign));
    }
    assert_eq!(revoke(&one, &first).status, 200);
    let refused = Client::holding(stage.server.url(), &first).whoami();
    assert_eq!(refused.code().as_deref(), Some("TOKEN_REVOKED"));
    assert!(lives(&second) && lives(&one.secret), "only that token");
    let position = || stage.admin.query("position", "{ position }").unwrap();
    let before = position();
    assert_eq!(revoke(&one, &first).status, 200, "twice is no error");
    assert_eq!(position(), before, "and no second event");
    assert_eq!(revoke(&one, "unknown").status, 200, "RFC 7009, section 2.2");
    assert_eq!(stage.oauth("/oauth/revoke", &one, &[]).json()["error"], "invalid_request");

    assert_eq!(revoke(&one, &one.secret).status, 200);
    assert!(!lives(&one.secret) && !lives(&second));
    // A token is no client's secret.
    let token = stage.anonymous().token(&other.secret);
    let posing = Key { id: other.id.clone(), secret: token };
    assert_eq!(revoke(&posing, &other.secret).code().as_deref(), Some("CLIENT_MISMATCH"));
    assert!(lives(&other.secret));
}

#[test]
fn a_token_ended_while_its_tenant_was_suspended_does_not_come_back() {
    let stage = Stage::new();
    let other = json!({"slug": "globex", "administrator_email": "ada@example.com"});
    let other = stage.admin.mutate("create_tenant", &other, "id").unwrap();
    let tenant = text(&other["id"]);
    let own = Key { id: stage.made.key_id.clone(), secret: stage.made.key.clone() };
    let minted = stage.anonymous().exchange(&own.secret, &[("tenant", &tenant)]);
    let token = text(&minted.json()["access_token"]);
    let code = || Client::holding(stage.server.url(), &token).whoami().code();
    assert_eq!(code(), None);
    stage.admin.mutate("suspend_tenant", &json!({"tenant_id": tenant}), "success").unwrap();
    assert_eq!(code().as_deref(), Some("TENANT_SUSPENDED"));
    assert_eq!(stage.oauth("/oauth/revoke", &own, &[("token", &token)]).status, 200);
    stage.admin.mutate("resume_tenant", &json!({"tenant_id": tenant}), "success").unwrap();
    assert_eq!(code().as_deref(), Some("TOKEN_REVOKED"));
}

#[test]
fn the_metadata_names_what_is_there() {
    let stage = Stage::new();
    let metadata = stage.anonymous().get("/.well-known/oauth-authorization-server");
    assert_eq!(metadata.status, 200);
    let metadata = metadata.json();
    assert_eq!(metadata["response_types_supported"], json!([]));
    for endpoint in ["token_endpoint", "introspection_endpoint", "revocation_endpoint"] {
        let url = text(&metadata[endpoint]);
        let path = url.strip_prefix(metadata["issuer"].as_str().unwrap()).unwrap();
        let answer = stage.anonymous().post(path, FORM, "");
        assert!([400, 401].contains(&answer.status), "{path}: {}", answer.text);
    }
    let token = stage.anonymous().token(&stage.made.key);
    let claims = token.split('.').nth(1).unwrap();
    assert!(!claims.is_empty() && metadata["jwks_uri"].as_str().unwrap().ends_with("/.well-known/jwks.json"));
}

#[test]
fn an_unchanged_key_set_is_not_sent_again() {
    let stage = Stage::new();
    let first = stage.anonymous().get("/.well-known/jwks.json");
    let tag = first.header("etag").unwrap().to_owned();
    let again = stage.anonymous().with("if-none-match", &tag).get("/.well-known/jwks.json");
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let other = stage.anonymous().with("if-none-match", "\"other\"").get("/.well-known/jwks.json");
    assert_eq!((other.status, other.text), (200, first.text));
}
