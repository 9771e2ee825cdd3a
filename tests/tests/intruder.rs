//! The system as an intruder would try it, who has a key of their own. docs/threat-model.md lists each attempt.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keyledger_tests::client::{Answer, Client};
use keyledger_tests::server::{events_of, keyledger};
use serde_json::{Value, json};

use crate::two_tenants::{Shown, TwoTenants, key_for, listed, text};

const ONE_OF_NONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const FORM: &str = "application/x-www-form-urlencoded";

/// Everything of Acme that an intruder from Globex might know or guess.
fn known_of(world: &TwoTenants) -> Vec<String> {
    let ada = &world.ada;
    let ids = [&ada.tenant_id, &ada.user_id, &ada.key_id, &world.bob_id, &world.bob.id, &world.account_id];
    let names = ["ada@example.com", "bob@example.com", "etl-key", "\"etl\""].map(str::to_owned);
    ids.into_iter().chain([&world.agent.id]).cloned().chain(names).collect()
}

fn user_of(client: &Client) -> String {
    text(&client.query("auth_info", "{ auth_info { user_id } }").unwrap()["user_id"])
}

fn tells_nothing(world: &TwoTenants, what: &str, told: &str) {
    // An id that was asked about may be repeated in a message, but nothing else.
    for secret in known_of(world).iter().filter(|secret| !what.contains(secret.as_str())) {
        assert!(!told.contains(secret), "{what} tells {secret}: {told:.500}");
    }
}

/// Ids of another tenant in every filter: the answer is that of ids of nothing.
#[test]
fn filters_by_what_belongs_to_others_find_nothing() {
    let world = TwoTenants::new();
    let eve = world.eve();
    let (bob, key, account) = (&world.bob_id, &world.agent.id, &world.account_id);
    for (what, document) in [
        (
            "keys of a user",
            format!(
                "{{ keys(all: true, filter: {{user_id: \"{bob}\"}}) {{ edges {{ node {{ id name }} }} }} }}"
            ),
        ),
        (
            "keys of an account",
            format!(
                "{{ keys(all: true, filter: {{user_id: \"{account}\"}}) {{ edges {{ node {{ id name }} }} }} }}"
            ),
        ),
        (
            "keys by name",
            "{ keys(all: true, filter: {name_contains: \"etl\"}) { edges { node { id name } } } }".to_owned(),
        ),
        (
            "a key by its id",
            format!("{{ auth_api_key(where: {{id: {{_eq: \"{key}\"}}}}) {{ id name last_four }} }}"),
        ),
        (
            "keys by their user",
            format!("{{ auth_api_key(where: {{user_id: {{_eq: \"{bob}\"}}}}) {{ id name }} }}"),
        ),
        (
            "events about a key",
            format!("{{ events(filter: {{key_id: \"{key}\"}}) {{ edges {{ node {{ position }} }} }} }}"),
        ),
        (
            "events about a user",
            format!("{{ events(filter: {{user_id: \"{bob}\"}}) {{ edges {{ node {{ position }} }} }} }}"),
        ),
        (
            "events about an account",
            format!(
                "{{ events(filter: {{service_account_id: \"{account}\"}}) {{ edges {{ node {{ position }} }} }} }}"
            ),
        ),
        (
            "events by an actor",
            format!("{{ events(filter: {{actor_id: \"{bob}\"}}) {{ edges {{ node {{ position }} }} }} }}"),
        ),
        (
            "accounts by name",
            "{ service_accounts(filter: {name_contains: \"etl\"}) { edges { node { id name } } } }"
                .to_owned(),
        ),
        (
            "members by name",
            "{ members(filter: {name_contains: \"bob\"}) { edges { node { user_id email } } } }".to_owned(),
        ),
    ] {
        let nothing =
            [bob, key, account].iter().fold(document.clone(), |text, id| text.replace(*id, ONE_OF_NONE));
        let (told, expected) = (eve.graphql(&document, &Value::Null), eve.graphql(&nothing, &Value::Null));
        assert_eq!((told.status, told.code()), (200, None), "{what}: {}", told.text);
        assert_eq!(told.text, expected.text, "{what}: what is there is told from what is not");
        tells_nothing(&world, &document, &told.text);
    }
    for field in ["events", "refusals", "keys"] {
        let arguments = if field == "keys" {
            "all: true".to_owned()
        } else {
            format!("tenant_id: \"{}\"", world.ada.tenant_id)
        };
        let document = format!("{{ {field}({arguments}, first: 100) {{ edges {{ cursor }} }} }}");
        tells_nothing(&world, &document, &eve.graphql(&document, &Value::Null).text);
    }
}

/// A cursor is an entry's id: with those of others one gets one's own entries, and with nonsense a refusal.
#[test]
fn cursors_of_others_lead_nowhere() {
    let world = TwoTenants::new();
    let (ada, eve) = (world.ada(), world.eve());
    let own = key_for(&eve, &user_of(&eve), "own");
    let cursors = |client: &Client, field: &str, more: &str| -> Vec<String> {
        let document = format!("{{ {field}({more}first: 100) {{ edges {{ cursor }} }} }}");
        let page = client.query(field, &document).unwrap();
        page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["cursor"])).collect()
    };
    let fields = [
        ("keys", "all: true, "),
        ("members", ""),
        ("service_accounts", ""),
        ("tenants", ""),
        ("events", ""),
        ("refusals", ""),
    ];
    let theirs: BTreeSet<String> =
        fields.iter().flat_map(|(field, more)| cursors(&ada, field, more)).collect();
    assert!(theirs.len() > 8, "{theirs:?}");
    for (field, more) in fields {
        let mine: BTreeSet<String> = cursors(&eve, field, more).into_iter().collect();
        for cursor in &theirs {
            let document = format!(
                "{{ {field}({more}first: 100, after: \"{cursor}\") {{ edges {{ cursor node {{ __typename }} }} page_info {{ start_cursor end_cursor }} }} }}"
            );
            let answer = eve.graphql(&document, &Value::Null);
            tells_nothing(&world, &document, &answer.text);
            let page = answer.json();
            for edge in page["data"][field]["edges"].as_array().into_iter().flatten() {
                assert!(mine.contains(edge["cursor"].as_str().unwrap()), "{field} after {cursor}: {edge}");
            }
        }
        for forged in ["", "x", "-1", "0", "18446744073709551616", "'; --", "%00", "\\u0000", "AAAA=="] {
            let document = format!("{{ {field}({more}after: \"{forged}\") {{ edges {{ cursor }} }} }}");
            let answer = eve.graphql(&document, &Value::Null);
            let told = answer.json();
            let edges = told["data"][field]["edges"].as_array().cloned().unwrap_or_default();
            assert!(
                answer.code().is_some()
                    || edges.iter().all(|edge| mine.contains(edge["cursor"].as_str().unwrap())),
                "{field} after {forged:?}: {}",
                answer.text
            );
            assert_ne!(answer.code().as_deref(), Some("INTERNAL"), "{field} after {forged:?}");
        }
    }
    assert_eq!(eve.whoami().status, 200);
    assert!(!own.secret.is_empty());
}

/// `create_api_key` makes keys for whom it is told to: for oneself and for service accounts that one administers.
#[test]
fn nobody_makes_a_key_in_the_name_of_another() {
    let world = TwoTenants::new();
    let (ada, bob) = (world.ada(), world.bob());
    let member = |email: &str, role: &str| {
        let input = json!({"email": email, "role": role, "first_key": true});
        let made = ada.mutate("add_member", &input, "user_id key").unwrap();
        (text(&made["user_id"]), text(&made["key"]))
    };
    let (carol_id, carol) = member("carol@example.com", "administrator");
    let (_, rita) = member("rita@example.com", "read_only");
    let narrow = |client: &Client, owner: &str, scopes: &[&str]| {
        let input = json!({"user_id": owner, "name": "narrow", "scopes": scopes});
        text(&client.mutate("create_api_key", &input, "key").unwrap()["key"])
    };
    let readonly_key = narrow(&ada, &world.ada.user_id, &["keyledger:read"]);
    let foreign_scope = narrow(&bob, &world.bob_id, &["jobs:read"]);
    let confined =
        json!({"user_id": world.ada.user_id, "name": "confined", "tenant_id": world.ada.tenant_id});
    let confined = text(&ada.mutate("create_api_key", &confined, "key").unwrap()["key"]);
    let token = Client::anonymous(world.server.url()).token(&world.bob.secret);
    let eve_id = user_of(&world.eve());

    let before = events_of(&world.data).len();
    for (who, credential, for_whom, more, code) in [
        ("an operator for a member", &world.ada.key, &world.bob_id, json!({}), "FORBIDDEN"),
        ("an operator for another administrator", &world.ada.key, &carol_id, json!({}), "FORBIDDEN"),
        ("an operator for one of another tenant", &world.ada.key, &eve_id, json!({}), "FORBIDDEN"),
        ("an administrator for the operator", &carol, &world.ada.user_id, json!({}), "FORBIDDEN"),
        ("an administrator for a member", &carol, &world.bob_id, json!({}), "FORBIDDEN"),
        ("a member for the operator", &world.bob.secret, &world.ada.user_id, json!({}), "FORBIDDEN"),
        ("a member for an account", &world.bob.secret, &world.account_id, json!({}), "FORBIDDEN"),
        ("a member's token for an account", &token, &world.account_id, json!({}), "FORBIDDEN"),
        ("one who only reads, for an account", &rita, &world.account_id, json!({}), "FORBIDDEN"),
        ("an account for a member", &world.agent.secret, &world.bob_id, json!({}), "FORBIDDEN"),
        ("an account for the operator", &world.agent.secret, &world.ada.user_id, json!({}), "FORBIDDEN"),
        ("another tenant for a member", &world.eve.secret, &world.bob_id, json!({}), "NOT_FOUND"),
        ("another tenant for an account", &world.eve.secret, &world.account_id, json!({}), "NOT_FOUND"),
        (
            "another tenant, which it names",
            &world.eve.secret,
            &eve_id,
            json!({"tenant_id": world.ada.tenant_id}),
            "NOT_FOUND",
        ),
        ("a key that only reads, for its owner", &readonly_key, &world.ada.user_id, json!({}), "FORBIDDEN"),
        (
            "a key of other scopes, for its owner",
            &foreign_scope,
            &world.bob_id,
            json!({"scopes": ["jobs:read"]}),
            "FORBIDDEN",
        ),
        (
            "a confined key for more tenants",
            &confined,
            &world.ada.user_id,
            json!({"tenant_id": world.globex_id}),
            "REACH_NOT_HELD",
        ),
    ] {
        let mut input = json!({"user_id": for_whom, "name": "stolen"});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let refused = world.holding(credential).mutate("create_api_key", &input, "id key");
        let told = refused.as_ref().err().map(String::as_str);
        // What one may not see does not exist, and where one may not act one is told so; never a key.
        let equal = told == Some(code) || (code == "FORBIDDEN" && told == Some("NOT_FOUND"));
        assert!(equal, "{who}: {refused:?} instead of {code}");
    }
    assert_eq!(events_of(&world.data).len(), before, "nothing was written");
    // What may be: for oneself, and for an account that one administers.
    for (credential, owner) in [
        (&world.bob.secret, &world.bob_id),
        (&carol, &world.account_id),
        (&world.agent.secret, &world.account_id),
    ] {
        key_for(&world.holding(credential), owner, "own");
    }
}

/// A token where a key belongs, a key where a token does, and ids where either does.
#[test]
fn keys_tokens_and_ids_do_not_stand_for_each_other() {
    let world = TwoTenants::new();
    let anyone = Client::anonymous(world.server.url());
    let Shown { id, secret } = &world.bob;
    let token = anyone.token(secret);
    let whole = anyone.exchange(secret, &[]).json();
    assert!(whole.get("refresh_token").is_none());
    let claims: Vec<&str> = token.split('.').collect();
    let form =
        |pairs: &[(&str, &str)]| anyone.post("/oauth/token", FORM, &keyledger_tests::client::encoded(pairs));
    let refused = |what: &str, answer: Answer| {
        let gained = answer.json();
        assert!(gained["access_token"].is_null() && gained["active"] != true, "{what}: {}", answer.text);
        assert!((400..=401).contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
    };
    let grant = ("grant_type", "client_credentials");
    refused("a token as the secret", form(&[grant, ("client_id", id), ("client_secret", &token)]));
    refused("an id as the secret", form(&[grant, ("client_id", id), ("client_secret", id)]));
    refused("the key as the id", form(&[grant, ("client_id", secret), ("client_secret", secret)]));
    refused(
        "another's id with one's key",
        form(&[grant, ("client_id", &world.eve.id), ("client_secret", secret)]),
    );
    refused("a token as the subject", anyone.exchange(&token, &[]));
    refused("an id as the subject", anyone.exchange(id, &[]));
    let exchange = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    for kind in [
        "urn:ietf:params:oauth:token-type:jwt",
        "urn:ietf:params:oauth:token-type:id_token",
        "urn:ietf:params:oauth:token-type:refresh_token",
        "",
    ] {
        refused(kind, form(&[exchange, ("subject_token", secret), ("subject_token_type", kind)]));
    }
    refused(
        "a token said to be a key",
        form(&[
            exchange,
            ("subject_token", &token),
            ("subject_token_type", "urn:keyledger:params:oauth:token-type:api-key"),
        ]),
    );
    // Basic is for clients, and Bearer for callers.
    let basic = format!("Basic {}", crate::bad_input::base64(format!("{id}:{secret}").as_bytes()));
    let told = anyone.with("authorization", &basic).whoami();
    assert_eq!((told.status, told.code().as_deref()), (400, Some("CREDENTIAL_MALFORMED")));
    for (what, shown) in [
        ("the key's id", id.clone()),
        ("the token's payload", claims[1].to_owned()),
        ("the token without its signature", format!("{}.{}.", claims[0], claims[1])),
        ("two tokens", format!("{token},{token}")),
        ("a key and a token", format!("{secret} {token}")),
        ("the key with a dot", format!("{secret}.")),
        ("the key as a header", format!("eyJ{secret}.{}.{}", claims[1], claims[2])),
        ("the key, quoted", format!("\"{secret}\"")),
        ("the key in capitals", secret.to_uppercase()),
    ] {
        let told = world.holding(&shown).whoami();
        assert!(matches!(told.status, 400 | 401), "{what}: {}", told.text);
        let asked = json!({"credential": shown});
        let told = world.ada().post("/v1/verify", "application/json", &asked.to_string());
        assert_eq!(told.json()["valid"], false, "{what}: {}", told.text);
    }
    // A token of one tenant opens no other, whichever way that is asked for.
    for tenant in [&world.globex_id, ONE_OF_NONE] {
        let told = world.holding(&token).in_tenant(tenant).whoami();
        assert_eq!(told.status, 401, "{}", told.text);
    }
    assert_eq!(world.holding(&token).whoami().status, 200);
}

/// Variables, operations and their names, sent so that two readers might see two requests.
#[test]
fn no_operation_is_smuggled_in_beside_another() {
    let world = TwoTenants::new();
    let bob = world.bob();
    let create = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id } }";
    let own = json!({"input": {"user_id": world.bob_id, "name": "own"}}).to_string();
    let theirs = json!({"input": {"user_id": world.ada.user_id, "name": "stolen"}}).to_string();
    let inner = |text: &str| text[1..text.len() - 1].to_owned();
    let before = events_of(&world.data).len();
    let post = |body: &str| bob.post("/graphql", "application/json", body);
    let escaped = |text: &str| json!(text).to_string();
    let twice = format!("{{{},{}}}", inner(&own), inner(&theirs));
    for (what, body) in [
        (
            "the query twice",
            format!("{{\"query\":\"{{ hello }}\",\"query\":{},\"variables\":{own}}}", escaped(create)),
        ),
        (
            "the query twice, once escaped",
            format!("{{\"query\":\"{{ hello }}\",\"qu\\u0065ry\":{},\"variables\":{own}}}", escaped(create)),
        ),
        (
            "variables twice",
            format!("{{\"query\":{},\"variables\":{own},\"variables\":{theirs}}}", escaped(create)),
        ),
        (
            "variables twice, once escaped",
            format!("{{\"query\":{},\"variables\":{theirs},\"v\\u0061riables\":{own}}}", escaped(create)),
        ),
        (
            "the name twice",
            format!(
                "{{\"query\":\"query a {{ hello }} {}\",\"operationName\":\"a\",\"operationName\":\"b\"}}",
                "mutation b { delete_tenant { id } }"
            ),
        ),
        (
            "variables in a string in a string",
            format!("{{\"query\":{},\"variables\":{}}}", escaped(create), escaped(&escaped(&own))),
        ),
        ("variables in a list", format!("{{\"query\":{},\"variables\":[{own}]}}", escaped(create))),
        (
            "variables with a tail",
            format!(
                "{{\"query\":{},\"variables\":{}}}",
                escaped(create),
                escaped(&format!("{own} {theirs}"))
            ),
        ),
        ("two documents", format!("{{\"query\":\"{{ hello }}\"}}{{\"query\":{}}}", escaped(create))),
        ("a batch of one", format!("[{{\"query\":{},\"variables\":{own}}}]", escaped(create))),
        ("a byte order mark", format!("\u{feff}{{\"query\":{},\"variables\":{own}}}", escaped(create))),
        ("a NUL after it", format!("{{\"query\":{},\"variables\":{own}}}\0", escaped(create))),
        (
            "half a surrogate",
            format!(
                "{{\"query\":{},\"variables\":{{\"input\":{{\"user_id\":\"{}\",\"name\":\"\\ud800\"}}}}}}",
                escaped(create),
                world.bob_id
            ),
        ),
        (
            "a number too large",
            format!(
                "{{\"query\":{},\"variables\":{{\"input\":{{\"user_id\":1e999,\"name\":\"x\"}}}}}}",
                escaped(create)
            ),
        ),
        (
            "a name of another operation",
            format!(
                "{{\"query\":\"query a {{ hello }}\",\"operationName\":\"__proto__\",\"variables\":{own}}}"
            ),
        ),
        (
            "no name of two",
            format!(
                "{{\"query\":{}}}",
                escaped(&format!("query a {{ hello }} {}", create.replace("mutation(", "mutation b(")))
            ),
        ),
        (
            "a variable that is not there",
            format!(
                "{{\"query\":{},\"variables\":{{\"Input\":{}}}}}",
                escaped(create),
                &own[9..own.len() - 1]
            ),
        ),
        (
            "a list where one is wanted",
            format!(
                "{{\"query\":{},\"variables\":{{\"input\":[{}, {}]}}}}",
                escaped(create),
                &own[9..own.len() - 1],
                &own[9..own.len() - 1]
            ),
        ),
        (
            "a member that is unknown",
            format!(
                "{{\"query\":{},\"variables\":{{\"input\":{{\"user_id\":\"{}\",\"name\":\"x\",\"role\":\"administrator\"}}}}}}",
                escaped(create),
                world.bob_id
            ),
        ),
        (
            "a NUL in a name",
            format!(
                "{{\"query\":{},\"variables\":{{\"input\":{{\"user_id\":\"{}\",\"name\":\"a\\u0000b\"}}}}}}",
                escaped(create),
                world.bob_id
            ),
        ),
    ] {
        let answer = post(&body);
        assert!(answer.code().is_some() && answer.status < 500, "{what}: {} {}", answer.status, answer.text);
        assert_eq!(events_of(&world.data).len(), before, "{what} changed something: {}", answer.text);
    }
    // In a string that holds JSON, as existing clients send it, the last of two members counts, and is what is asked
    // for and what is decided: there is no second reader.
    let answer = post(&json!({"query": create, "variables": twice}).to_string());
    assert!(answer.code().is_some(), "{}", answer.text);
    assert_eq!(events_of(&world.data).len(), before, "{}", answer.text);
    // By GET, whatever the spelling.
    for query in [
        "mutation%7Bcreate_service_account(input:%7Bname:%22x%22%7D)%7Bid%7D%7D",
        "%6dutation%7Bcreate_service_account(input:%7Bname:%22x%22%7D)%7Bid%7D%7D",
        "%7Bhello%7D&query=mutation%7Bcreate_service_account(input:%7Bname:%22x%22%7D)%7Bid%7D%7D",
    ] {
        let _ = world.ada().get(&format!("/graphql?query={query}"));
        let _ = world.ada().with("x-http-method-override", "POST").get(&format!("/graphql?query={query}"));
        assert_eq!(events_of(&world.data).len(), before, "{query}");
    }
}

/// The name of an attempt is its actor's: with another's one repeats nothing and learns nothing.
#[test]
fn anothers_idempotency_key_is_just_a_name() {
    let world = TwoTenants::new();
    let create = |client: &Client, owner: &str| {
        let input = json!({"user_id": owner, "name": "same", "idempotency_key": "deploy-2026-11-25"});
        client.mutate("create_api_key", &input, "id key position").unwrap()
    };
    let eve_id = user_of(&world.eve());
    let first = create(&world.ada(), &world.ada.user_id);
    for (client, owner) in
        [(world.eve(), &eve_id), (world.bob(), &world.bob_id), (world.agent(), &world.account_id)]
    {
        let made = create(&client, owner);
        assert!(made["key"].is_string() && made["id"] != first["id"], "{made}: a key of its own");
    }
    let again = create(&world.ada(), &world.ada.user_id);
    assert_eq!(
        (&again["id"], &again["key"]),
        (&first["id"], &Value::Null),
        "and the first is still the first"
    );
    // Nor does one account's name stand for another's request.
    let other = json!({"name": "other", "idempotency_key": "deploy-2026-11-25"});
    assert_eq!(
        world.ada().mutate("create_service_account", &other, "id"),
        Err("IDEMPOTENCY_CONFLICT".into())
    );
}

/// Numbers at and beyond every limit, and JSON as deep as can be sent.
#[test]
fn numbers_and_depths_have_ends() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let before = events_of(&world.data).len();
    for number in
        ["-1", "0", "101", "2147483647", "2147483648", "-2147483649", "99999999999999999999", "1e3", "1.5"]
    {
        for field in ["keys", "members", "events", "tenants", "service_accounts", "refusals"] {
            let answer = ada
                .graphql(&format!("{{ {field}(first: {number}) {{ edges {{ cursor }} }} }}"), &Value::Null);
            assert!(answer.code().is_some() && answer.status < 500, "{field} {number}: {}", answer.text);
        }
        let answer = ada.graphql(
            &format!("{{ auth_api_key(limit: {number}, offset: {number}) {{ id }} }}"),
            &Value::Null,
        );
        assert!(
            answer.status < 500 && answer.code().as_deref() != Some("INTERNAL"),
            "{number}: {}",
            answer.text
        );
    }
    for position in ["-1", "1e3", "0x1", "18446744073709551616", " 1", ""] {
        let document = format!("{{ events(filter: {{from: \"{position}\"}}) {{ edges {{ cursor }} }} }}");
        assert!(ada.graphql(&document, &Value::Null).code().is_some(), "{position:?}");
        let question = json!({"credential": "x", "min_position": position}).to_string();
        assert_eq!(ada.post("/v1/verify", "application/json", &question).status, 400, "{position:?}");
    }
    let last = json!({"credential": "x", "min_position": u64::MAX.to_string()}).to_string();
    assert_eq!(ada.post("/v1/verify", "application/json", &last).status, 503, "it will not come");
    for end in [
        "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
        "+292277026596-12-04T15:30:07Z",
        "-0001-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
    ] {
        let input =
            json!({"user_id": world.ada.user_id, "name": "x", "expires_at": end, "idempotency_key": end});
        let made = ada.mutate("create_api_key", &input, "id");
        assert!(made.is_err() || end.starts_with("9999"), "{end}: {made:?}");
    }
    let after_end = events_of(&world.data).len();
    assert!(after_end <= before + 1, "at most the one with a good end");
    for depth in [200, 20_000, 120_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!(
                "{}1{}",
                open.repeat(depth.min(250_000 / (open.len() + 1))),
                close.repeat(depth.min(250_000 / (open.len() + 1)))
            );
            for body in [
                deep.clone(),
                format!("{{\"query\":\"{{ hello }}\",\"variables\":{{\"x\":{deep}}}}}"),
                json!({"query": "{ hello }", "variables": deep}).to_string(),
            ] {
                for path in ["/graphql", "/v1/verify"] {
                    let answer = ada.post(path, "application/json", &body);
                    assert!(
                        matches!(answer.status, 400 | 413),
                        "{path} {depth}: {} {:.200}",
                        answer.status,
                        answer.text
                    );
                }
            }
        }
    }
    assert_eq!((ada.whoami().status, events_of(&world.data).len()), (200, after_end));
}

/// Whoever names something may write what they like: a listing shows it on its line, and a log does not show it.
#[test]
fn names_forge_no_line_of_a_log_a_listing_or_an_audit() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let hostile = [
        "x\n2026-11-25 KeyRevoked forged",
        "x\r\nforged",
        "\u{1b}[2J\u{1b}]0;forged\u{7}",
        "a\u{202e}forged",
        "a\u{2028}forged",
        "a\u{9b}31mforged",
        "\u{0}forged",
        "forged\",\"level\":\"ERROR\",\"x\":\"",
        "{{forged}} %s %n ${jndi:ldap://forged}",
        "| forged | forged |",
        "=cmd|' /C calc'!forged",
        "--forged",
    ];
    let mut kept = 0;
    for name in hostile {
        let account = ada.mutate("create_service_account", &json!({"name": name}), "id");
        let key = json!({"user_id": world.ada.user_id, "name": name, "idempotency_key": name});
        let key = ada.mutate("create_api_key", &key, "id");
        let _ = ada
            .with("user-agent", "forged")
            .with("referer", "forged")
            .with("x-request-id", "forged{}")
            .whoami();
        let deceives = name.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}'));
        assert!(!deceives || (account.is_err() && key.is_err()), "{name:?} is no name");
        kept += usize::from(account.is_ok()) + usize::from(key.is_ok());
    }
    assert!(kept >= 5, "names may have quotes and braces");
    let events = events_of(&world.data).len();
    let log = world.server.log();
    assert!(!log.contains("forged") && !log.contains('\u{1b}'), "{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line["level"] != "ERROR"), "{line}");
    }
    let data = world.data.to_str().unwrap();
    let shown = keyledger(["audit", "show", "--data", data]);
    assert!(shown.status.success());
    let table = String::from_utf8(shown.stdout).unwrap();
    assert!(!table.contains(|c: char| c.is_control() && c != '\n'), "{table}");
    assert!(table.lines().all(|line| !line.starts_with("2026-11-25 KeyRevoked")), "{table}");
    let shown = keyledger(["audit", "show", "-o", "json", "--data", data]);
    let json = String::from_utf8(shown.stdout).unwrap();
    assert!(!json.contains(|c: char| c.is_control() && c != '\n'), "{json}");
    let lines: Vec<Value> = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(lines.len(), events, "one entry for each event, whatever its names say");
}

/// What is looked up is the digest of the whole key: its id chooses nothing, so an id that exists and one that does
/// not are told apart neither by the answer nor by the time that it takes.
#[test]
fn a_wrong_secret_is_no_different_from_an_unknown_id() {
    let world = TwoTenants::new();
    // Good checksums, other secrets: with an id that exists and with one that does not.
    let made = |id: &str| {
        let id = domain::ids::KeyId::parse(id).unwrap();
        let prefix = domain::key::KeyPrefix::parse("klu").unwrap();
        credentials::key_string::KeyString::make(prefix, id, [7; 32]).expose().to_owned()
    };
    let (wrong, unknown) = (made(&world.bob.id), made(ONE_OF_NONE));
    let server = crate::two_tenants::TwoTenants::restarted_with(world, |_| {});
    let ask = |shown: &str| {
        let client = Client::holding(server.server.url(), shown);
        let began = Instant::now();
        let answer = client.whoami();
        (answer, began.elapsed())
    };
    let anonymous = |answer: &Answer| {
        let headers =
            answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"));
        (answer.status, headers.cloned().collect::<Vec<_>>(), answer.text.clone())
    };
    let (of_wrong, of_unknown) = (ask(&wrong).0, ask(&unknown).0);
    assert_eq!(anonymous(&of_wrong), anonymous(&of_unknown));
    assert_eq!(of_wrong.code().as_deref(), Some("KEY_UNKNOWN"));
    // Coarse on purpose: the best of many, interleaved, are alike. A look-up by id with a comparison after it would
    // not be seen here; that there is none is what docs/threat-model.md argues from the code.
    let mut best = [Duration::MAX; 2];
    for _ in 0..25 {
        for (best, shown) in best.iter_mut().zip([&wrong, &unknown]) {
            *best = (*best).min(ask(shown).1);
        }
    }
    assert!(best[0] < best[1] * 5 && best[1] < best[0] * 5, "{best:?}");
    // And neither is counted, logged or listed under the key whose id it named.
    let log = server.server.log();
    let lines = log.lines().filter(|line| line.contains("KEY_UNKNOWN"));
    assert!(
        lines.clone().count() > 2 && lines.clone().all(|line| !line.contains(&server.bob.id)),
        "{log:.2000}"
    );
    let usage = listed(&server.bob(), "keys", "first: 100", "id usage { count }").unwrap();
    let of_bob = usage.iter().find(|key| key["id"] == json!(server.bob.id)).unwrap();
    assert!(of_bob["usage"]["count"].as_i64().unwrap_or(0) <= 5, "{of_bob}");
}

/// An administrator of one tenant adds somebody of another, removes them and adds them again: their keys for any tenant are from before.
#[test]
fn whoever_is_put_into_a_tenant_against_their_will_leaves_it_and_goes_on() {
    let world = TwoTenants::new();
    let (ada, eve) = (world.ada(), world.eve());
    let user = world.ada.user_id.clone();
    let put =
        || eve.mutate("add_member", &json!({"email": "ada@example.com", "role": "read_only"}), "user_id");
    put().unwrap();
    eve.mutate("remove_member", &json!({"user_id": user}), "success").unwrap();
    put().unwrap();
    let rotate = || {
        let document = "mutation($input: rotate_api_key_input!) { rotate_api_key(input: $input) { id } }";
        ada.graphql(document, &json!({"input": {"key_id": world.ada.key_id}}))
    };
    let refused = rotate();
    assert_eq!(refused.code().as_deref(), Some("REACH_NOT_HELD"));
    assert!(refused.text.contains(&world.globex_id), "it names the tenant: {}", refused.text);
    let leave = json!({"tenant_id": world.globex_id, "user_id": user});
    // The tenant may be suspended in the incident: that is in nobody's way.
    ada.mutate("suspend_tenant", &json!({"tenant_id": world.globex_id}), "success").unwrap();
    ada.mutate("remove_member", &leave, "success").unwrap();
    assert_eq!(rotate().code(), None);
}
