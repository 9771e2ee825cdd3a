//! Bad input at each interface: a clear error with its code, and nothing changed.

use std::path::PathBuf;

use credentials::claims::{Audience, Claims, Issuer};
use credentials::jws::{Algorithm, Signer};
use credentials::signing_key::{Seed, SigningKeyPair};
use credentials::wrapping::{MasterKey, WrappedKey};
use domain::Event;
use domain::ids::{KeyId, TenantId, TokenId, UserId};
use domain::key::Owner;
use domain::role::{Role, Scopes};
use domain::time::Timestamp;
use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, events_of, init, keyledger};
use serde_json::{Value, json};
use store::{DataFolder, secrets};
use tempfile::TempDir;

const ISSUER: &str = "https://keys.example.com";
const ONE_OF_NONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const FORM: &str = "application/x-www-form-urlencoded";
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

/// A deployment with one tenant.
struct World {
    server: Server,
    admin: Initialised,
    data: PathBuf,
    _scratch: TempDir,
}

impl World {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let admin = init(&data, "acme", "ada@example.com");
        let server = Server::start_with(&data, &["--issuer", ISSUER]);
        Self { server, admin, data, _scratch: scratch }
    }

    fn admin(&self) -> Client {
        self.holding(&self.admin.key)
    }

    fn holding(&self, credential: &str) -> Client {
        Client::holding(self.server.url(), credential)
    }

    fn anonymous(&self) -> Client {
        Client::anonymous(self.server.url())
    }

    /// Does this, which must leave the log as it is.
    fn unchanged<R>(&self, what: &str, act: impl FnOnce() -> R) -> R {
        let position = || self.anonymous().get("/readyz").json()["position"].clone();
        let before = position();
        let result = act();
        assert_eq!(position(), before, "{what} changed something");
        result
    }

    /// This request is refused with this status and code, and changes nothing.
    fn refuses(&self, what: &str, status: u16, code: &str, ask: impl FnOnce() -> Answer) {
        let answer = self.unchanged(what, ask);
        let told = (answer.status, answer.code());
        assert_eq!(told, (status, Some(code.to_owned())), "{what}: {:.500}", answer.text);
        let body = answer.json();
        let said = [&body["errors"][0]["message"], &body["error"]["message"], &body["error_description"]];
        let said = said.into_iter().find_map(Value::as_str).unwrap_or_default();
        assert!(said.len() > 10 && said.len() < 600, "{what}: the message should help: {said:.700}");
    }

    /// The claims of a token minted for the first administrator now, and what signs it.
    fn claims(&self) -> Claims {
        let now = events_of(&self.data).last().unwrap().recorded_at;
        Claims {
            issuer: Issuer::parse(ISSUER).unwrap(),
            audience: Audience::parse(ISSUER).unwrap(),
            owner: Owner::User(UserId::parse(&self.admin.user_id).unwrap()),
            key: KeyId::parse(&self.admin.key_id).unwrap(),
            tenant: TenantId::parse(&self.admin.tenant_id).unwrap(),
            role: Role::Administrator,
            scopes: Scopes::All,
            seq: events_of(&self.data).last().unwrap().position,
            token: TokenId::from_bytes([7; 16]),
            issued_at: now,
            not_before: now,
            expires_at: now.plus_seconds(600),
        }
    }

    /// The server's own private signing key, as whoever steals `secrets/` has it.
    fn signer(&self) -> Signer {
        let id = events_of(&self.data).into_iter().find_map(|recorded| match recorded.event {
            Event::SigningKeyAdded { signing_key, .. } => Some(signing_key),
            _ => None,
        });
        let (id, folder) = (id.unwrap(), DataFolder::at(&self.data));
        let master = MasterKey::from_bytes(*secrets::read_master_key(&folder.master_key()).unwrap());
        let wrapped = secrets::read_signing_key(&folder, id).unwrap().try_into().unwrap();
        let seed = master.unwrap(id, &WrappedKey(wrapped)).unwrap();
        Signer::new(SigningKeyPair::from_seed(&seed), Algorithm::default())
    }
}

const CREATE: &str = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id key } }";

/// `POST /graphql`: inputs that parse as GraphQL and are refused by a resolver or by the rules.
#[test]
fn graphql_refuses_bad_values_with_a_code_of_their_own() {
    let world = World::new();
    let (user, tenant) = (world.admin.user_id.clone(), world.admin.tenant_id.clone());
    let long = "x".repeat(10_240);
    let key = |name: &str| json!({"user_id": user, "name": name});
    let with = |field: &str, value: Value| {
        let mut input = key("fine");
        input[field] = value;
        input
    };
    let member = |email: &str| json!({"email": email});
    let new_tenant = |slug: &str| json!({"slug": slug, "administrator_email": "x@example.com"});
    for (mutation, input, code) in [
        ("create_api_key", key(""), "NAME_INVALID"),
        ("create_api_key", key(" \t "), "NAME_INVALID"),
        ("create_api_key", key(&long), "NAME_TOO_LONG"),
        ("create_api_key", key("two\nlines"), "NAME_INVALID"),
        ("create_api_key", key("evil\u{202E}txt.exe"), "NAME_INVALID"),
        ("create_api_key", with("user_id", json!(ONE_OF_NONE)), "NOT_FOUND"),
        ("create_api_key", with("tenant_id", json!(ONE_OF_NONE)), "NOT_FOUND"),
        ("create_api_key", with("expires_at", json!("2001-01-01T00:00:00Z")), "EXPIRY_IN_PAST"),
        ("create_api_key", with("scopes", json!(["two words"])), "SCOPE_INVALID"),
        ("create_api_key", with("scopes", json!(["keyledger:everything"])), "SCOPE_INVALID"),
        ("create_api_key", with("scopes", json!([""])), "SCOPE_INVALID"),
        ("create_api_key", with("idempotency_key", json!("")), "INVALID"),
        ("create_api_key", with("idempotency_key", json!("x".repeat(129))), "INVALID"),
        ("create_api_key", with("idempotency_key", json!("schlüssel")), "INVALID"),
        ("delete_api_key", json!({"key_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("delete_api_key", json!({"key_id": world.admin.key_id, "note": long}), "NAME_TOO_LONG"),
        ("disable_api_key", json!({"key_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("enable_api_key", json!({"key_id": user}), "NOT_FOUND"),
        ("create_service_account", json!({"name": "etl", "tenant_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("create_service_account", json!({"name": "", "tenant_id": tenant}), "NAME_INVALID"),
        ("create_service_account", json!({"name": ONE_OF_NONE}), "NAME_INVALID"),
        ("create_service_account", json!({"name": "ada@example.com"}), "NAME_INVALID"),
        ("delete_service_account", json!({"service_account_id": user}), "NOT_FOUND"),
        ("add_member", member("no address"), "NAME_INVALID"),
        ("add_member", member(&format!("{long}@example.com")), "NAME_TOO_LONG"),
        ("add_member", json!({"email": "x@example.com", "name": "\u{0}"}), "NAME_INVALID"),
        ("create_tenant", new_tenant("Not A Slug"), "NAME_INVALID"),
        ("create_tenant", new_tenant(ONE_OF_NONE), "NAME_INVALID"),
        ("create_tenant", new_tenant("acme"), "SLUG_TAKEN"),
        ("create_tenant", new_tenant(&long), "NAME_TOO_LONG"),
        ("suspend_tenant", json!({"tenant_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("remove_user", json!({"user_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("change_member_role", json!({"user_id": ONE_OF_NONE, "role": "member"}), "NOT_FOUND"),
        ("remove_member", json!({"user_id": ONE_OF_NONE}), "NOT_FOUND"),
    ] {
        let selection = if mutation.starts_with("create") { "id" } else { "position" };
        let refused = world.unchanged(mutation, || world.admin().mutate(mutation, &input, selection));
        assert_eq!(refused, Err(code.into()), "{mutation} {:.200}", input.to_string());
    }
    for (argument, code) in
        [("first: 0", "INVALID"), ("first: 101", "INVALID"), ("after: \"nothing\"", "INVALID")]
    {
        let document = format!("{{ keys({argument}) {{ edges {{ cursor }} }} }}");
        assert_eq!(world.admin().query("keys", &document), Err(code.into()), "{argument}");
    }
    for policy in [
        json!({"key_life_seconds_max": 0}),
        json!({"key_life_seconds_max": 5, "key_life_seconds_default": 6}),
    ] {
        let mut input = new_tenant("fine");
        input.as_object_mut().unwrap().extend(policy.as_object().unwrap().clone());
        let refused = world.unchanged("a policy", || world.admin().mutate("create_tenant", &input, "id"));
        assert_eq!(refused, Err("POLICY_CONTRADICTS".into()), "{policy}");
    }
}

/// `POST /graphql`: what is refused before anything runs.
#[test]
fn graphql_refuses_malformed_requests_before_anything_runs() {
    let world = World::new();
    let admin = world.admin();
    let user = world.admin.user_id.as_str();
    let create = |alias: usize| {
        format!("k{alias}: create_api_key(input: {{user_id: \"{user}\", name: \"k{alias}\"}}) {{ id }} ")
    };
    let many = |range: std::ops::Range<usize>| range.map(create).collect::<String>();
    let eleven = format!("mutation {{ {} }}", many(0..11));
    let fragments = format!(
        "mutation {{ ...a ...b ... on Mutation {{ {} }} }} fragment a on Mutation {{ {} ...b }} fragment b on Mutation {{ {} }}",
        many(0..2),
        many(2..6),
        many(6..9)
    );
    let deep_selection = format!("{{ user {} }}", "{ default_membership ".repeat(200) + &"}".repeat(200));
    let deep_list = format!("{{ tenant(where: {}{}) {{ id }} }}", "[".repeat(200), "]".repeat(200));
    let deep_fragments: String =
        (0..200).map(|n| format!("fragment f{n} on Query {{ ...f{} }} ", n + 1)).collect::<String>()
            + "fragment f200 on Query { hello } query { ...f0 }";
    let circle = "query { ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    let mutating_circle = "mutation { ...a } fragment a on Mutation { ...b } fragment b on Mutation { ...a }";
    let document = |query: &str| json!({"query": query, "variables": "null"}).to_string();
    let malformed_id =
        json!({"query": CREATE, "variables": {"input": {"user_id": "not-a-uuid", "name": "x"}}});
    let malformed_end = json!({"query": CREATE, "variables": {"input": {"user_id": user, "name": "x", "expires_at": "tomorrow"}}});
    let megabyte =
        json!({"query": CREATE, "variables": {"input": {"user_id": user, "name": "x".repeat(1 << 20)}}});
    let deep_json =
        format!("{{\"query\": \"{{ hello }}\", \"variables\": {}{}}}", "[".repeat(200), "]".repeat(200));
    let deep_string =
        json!({"query": "{ hello }", "variables": format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200))});
    let batch =
        format!("[{}, {}]", document(&format!("mutation {{ {} }}", create(0))), document("{ hello }"));
    for (what, body, status, code) in [
        ("a UUID that is none", malformed_id.to_string(), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("an instant that is none", malformed_end.to_string(), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("a field that does not exist", document("{ nothing }"), 400, "GRAPHQL_VALIDATION_FAILED"),
        (
            "a variable of no type, with a default",
            document("query($x: Nothing = none) { hello }"),
            400,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("a document that does not parse", document("{ hello"), 400, "GRAPHQL_PARSE_FAILED"),
        ("an empty document", document(""), 400, "GRAPHQL_PARSE_FAILED"),
        (
            "two operations and no name",
            document("query a { hello } query b { hello }"),
            400,
            "OPERATION_RESOLUTION_FAILED",
        ),
        ("eleven mutations by aliases", document(&eleven), 400, "TOO_MANY_ROOT_FIELDS"),
        ("twelve mutations by fragments", document(&fragments), 400, "TOO_MANY_ROOT_FIELDS"),
        ("a batch", batch, 400, "REQUEST_MALFORMED"),
        ("no JSON", "query { hello }".into(), 400, "REQUEST_MALFORMED"),
        ("an empty body", String::new(), 400, "REQUEST_MALFORMED"),
        ("no query", "{}".into(), 400, "REQUEST_MALFORMED"),
        ("a query that is no string", "{\"query\": 1}".into(), 400, "REQUEST_MALFORMED"),
        (
            "variables that are no object",
            "{\"query\": \"{ hello }\", \"variables\": 1}".into(),
            400,
            "VARIABLES_MALFORMED",
        ),
        (
            "variables as a string of no JSON",
            "{\"query\": \"{ hello }\", \"variables\": \"{\"}".into(),
            400,
            "VARIABLES_MALFORMED",
        ),
        ("a megabyte", megabyte.to_string(), 413, "PAYLOAD_TOO_LARGE"),
        ("200-deep JSON", deep_json, 400, "REQUEST_MALFORMED"),
        ("200-deep JSON in a string", deep_string.to_string(), 400, "VARIABLES_MALFORMED"),
        ("a 200-deep selection", document(&deep_selection), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("a 200-deep list", document(&deep_list), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("a circle of fragments", document(circle), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("a circle of mutating fragments", document(mutating_circle), 400, "GRAPHQL_VALIDATION_FAILED"),
    ] {
        world.refuses(what, status, code, || admin.post("/graphql", "application/json", &body));
        world.refuses(what, status, code, || admin.post("/", "application/json", &body));
    }
    // 200 fragments within each other: answered or refused, and the server is there for the next.
    let answer = world.unchanged("deep fragments", || {
        admin.post("/graphql", "application/json", &document(&deep_fragments))
    });
    assert!(answer.status == 200 || answer.status == 400, "{:.300}", answer.text);
    for content_type in ["text/plain", FORM, "multipart/form-data", "application/graphql", ""] {
        let body = document(&format!("mutation {{ {} }}", create(0)));
        world.refuses(content_type, 415, "UNSUPPORTED_MEDIA_TYPE", || {
            admin.post("/graphql", content_type, &body)
        });
    }
    let ten = format!("mutation {{ {} }}", many(0..10));
    assert_eq!(admin.post("/", "application/json", &document(&ten)).code(), None, "ten are not too many");
}

/// `GET /graphql`
#[test]
fn no_link_changes_anything() {
    let world = World::new();
    let admin = world.admin();
    let user = &world.admin.user_id;
    let mutation =
        format!("mutation {{ create_api_key(input: {{user_id: \"{user}\", name: \"x\"}}) {{ id }} }}");
    let hidden = format!("query a {{ hello }} {}", mutation.replace("mutation", "mutation b"));
    let get = |parameters: &[(&str, &str)]| admin.get(&format!("/graphql?{}", encoded(parameters)));
    world.refuses("a mutation", 405, "METHOD_NOT_ALLOWED", || {
        let answer = get(&[("query", &mutation)]);
        assert_eq!(answer.header("allow"), Some("POST"));
        answer
    });
    world.refuses("a named one", 405, "METHOD_NOT_ALLOWED", || {
        get(&[("query", &hidden), ("operationName", "b")])
    });
    world.refuses("no query", 400, "REQUEST_MALFORMED", || admin.get("/graphql"));
    world.refuses("the other path", 405, "METHOD_NOT_ALLOWED", || {
        admin.get(&format!("/?{}", encoded(&[("query", &mutation)])))
    });
    assert_eq!(
        get(&[("query", "{ hello }"), ("variables", "null")]).json(),
        json!({"data": {"hello": "Keyledger"}})
    );
    assert_eq!(get(&[("query", &hidden), ("operationName", "a")]).status, 200);
}

/// What existing clients send, and what they must get.
#[test]
fn graphql_takes_and_gives_what_existing_clients_need() {
    let world = World::new();
    let admin = world.admin();
    let ask = |query: &str, variables: Value| {
        let body = json!({"query": query, "variables": variables}).to_string();
        let answer = admin.post("/", "application/json", &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.json().get("errors").is_none(), "no errors member on success: {}", answer.text);
        answer.json()["data"].clone()
    };
    assert_eq!(ask("{ hello }", json!("null"))["hello"], "Keyledger");
    assert_eq!(ask("{ hello }", Value::Null)["hello"], "Keyledger");
    assert_eq!(ask("{ hello }", json!({}))["hello"], "Keyledger");
    let input = json!({"input": {"user_id": world.admin.user_id, "name": "by string", "expires_at": "2131-01-01T00:00:00.000001+00:00"}});
    let made = ask(CREATE, json!(input.to_string()));
    assert_eq!(world.holding(made["create_api_key"]["key"].as_str().unwrap()).whoami().status, 200);
    let found =
        "query($slug: String, $id: uuid) { tenant(where: {slug: { _eq: $slug }, id: { _eq: $id } }) { id } }";
    let mine = json!([{"id": world.admin.tenant_id}]);
    for (variables, expected) in [
        (json!({"slug": null, "id": null}), &mine),
        (json!({"slug": null, "id": world.admin.tenant_id}), &mine),
        (json!({"slug": "acme", "id": null}), &mine),
        (json!({"slug": "globex", "id": null}), &json!([])),
        (json!({"slug": null, "id": ONE_OF_NONE}), &json!([])),
    ] {
        assert_eq!(&ask(found, json!(variables.to_string()))["tenant"], expected, "{variables}");
        assert_eq!(&ask(found, variables)["tenant"], expected);
    }
    let ordered = ask("query { tenant(order_by: {slug: asc}) { id slug name } }", json!("null"));
    assert_eq!(ordered["tenant"], json!([{"id": world.admin.tenant_id, "slug": "acme", "name": "acme"}]));

    for (what, client, reason) in [
        ("nothing", world.anonymous(), "CREDENTIAL_MISSING"),
        ("an unknown key", world.holding("somebody-elses-key"), "KEY_UNKNOWN"),
        ("another tenant", admin.with("x-prefect-tenant-id", ONE_OF_NONE), "NOT_A_MEMBER"),
    ] {
        let body = json!({"query": "query { auth_info { tenant_id } }", "variables": "null"}).to_string();
        for path in ["/", "/graphql"] {
            let answer = client.with("accept", "*/*").post(path, "application/json", &body);
            let extensions = answer.json()["errors"][0]["extensions"].clone();
            assert_eq!(answer.status, 200, "{what}: existing clients look no further than other statuses");
            assert_eq!(extensions, json!({"code": "UNAUTHENTICATED", "reason": reason}), "{what}");
            assert_eq!(answer.json()["data"], Value::Null);
            assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
            let answer = client.with("accept", GRAPHQL_RESPONSE).post(path, "application/json", &body);
            assert_eq!((answer.status, answer.code().as_deref()), (401, Some(reason)), "{what}");
            assert!(answer.header("content-type").unwrap().starts_with(GRAPHQL_RESPONSE));
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        }
    }
}

/// Any script is a name, and comes back as it went in; at its ends, white space does not count.
#[test]
fn names_of_any_script_come_back_intact() {
    let world = World::new();
    let admin = world.admin();
    let names = [
        "Schlüssel für Zoë",
        "エージェント",
        "مفتاح",
        "🔑 key",
        "'; DROP TABLE keys; --",
        "<script>alert(1)</script>",
        "\\u0041 %s {}",
        &"é".repeat(100),
    ];
    for name in names {
        let input = json!({"user_id": world.admin.user_id, "name": format!("  {name} ")});
        admin.mutate("create_api_key", &input, "id").unwrap();
        admin.mutate("create_service_account", &json!({ "name": name }), "id").unwrap();
    }
    let listed = |field: &str, document: &str| {
        let mut found: Vec<String> = vec![];
        for edge in admin.query(field, document).unwrap()["edges"].as_array().unwrap() {
            found.push(edge["node"]["name"].as_str().unwrap().to_owned());
        }
        found
    };
    let keys = listed("keys", "{ keys(first: 100) { edges { node { name } } } }");
    let accounts = listed("service_accounts", "{ service_accounts(first: 100) { edges { node { name } } } }");
    for name in names {
        assert!(keys.iter().any(|known| known == name), "{name}: {keys:?}");
        assert!(accounts.iter().any(|known| known == name), "{name}: {accounts:?}");
    }
    let taken = admin.mutate("create_service_account", &json!({"name": names[0]}), "id");
    assert_eq!(taken, Err("NAME_TAKEN".into()));
}

/// One idempotency key is one command, whatever is asked with it later.
#[test]
fn an_idempotency_key_that_was_used_for_something_else_is_refused() {
    let world = World::new();
    let admin = world.admin();
    let user = world.admin.user_id.as_str();
    let input = json!({"user_id": user, "name": "first", "idempotency_key": "attempt-1"});
    let first = admin.mutate("create_api_key", &input, "id key").unwrap();
    let again = world.unchanged("a repetition", || admin.mutate("create_api_key", &input, "id key").unwrap());
    assert_eq!((&again["id"], &again["key"]), (&first["id"], &Value::Null), "a secret is not shown twice");
    for (mutation, input) in [
        ("create_api_key", json!({"user_id": user, "name": "second", "idempotency_key": "attempt-1"})),
        (
            "create_api_key",
            json!({"user_id": user, "name": "first", "expires_at": "2131-01-01T00:00:00Z", "idempotency_key": "attempt-1"}),
        ),
        ("delete_api_key", json!({"key_id": first["id"], "idempotency_key": "attempt-1"})),
        ("create_service_account", json!({"name": "first", "idempotency_key": "attempt-1"})),
    ] {
        let selection = if mutation == "delete_api_key" { "success" } else { "id" };
        let refused = world.unchanged(mutation, || admin.mutate(mutation, &input, selection));
        assert_eq!(refused, Err("IDEMPOTENCY_CONFLICT".into()), "{mutation} {input}");
    }
    // Another caller's attempts have names of their own.
    let account = admin.mutate("create_service_account", &json!({"name": "provisioner"}), "id").unwrap();
    let key = json!({"user_id": account["id"], "name": "key", "idempotency_key": "attempt-2"});
    let key = admin.mutate("create_api_key", &key, "id key").unwrap();
    let other = world.holding(key["key"].as_str().unwrap());
    let theirs = json!({"user_id": account["id"], "name": "first", "idempotency_key": "attempt-1"});
    let theirs = other.mutate("create_api_key", &theirs, "id key").unwrap();
    assert_ne!(theirs["id"], first["id"]);
    assert!(theirs["key"].is_string());
}

/// `GET /v1/whoami`: what can be wrong with a credential.
#[test]
fn whoami_refuses_every_malformed_credential_with_a_code_and_a_challenge() {
    let world = World::new();
    let key = world.admin.key.as_str();
    let mut wrong = key.as_bytes().to_vec();
    *wrong.last_mut().unwrap() = if wrong.ends_with(b"0") { b"1" } else { b"0" }[0];
    let mistyped = String::from_utf8(wrong).unwrap();
    let bearer = |credential: &str| format!("Bearer {credential}");
    for (what, header, status, code) in [
        ("a wrong checksum", bearer(&mistyped), 401, "KEY_MISTYPED"),
        ("a cut key", bearer(&key[..key.len() - 9]), 401, "KEY_MISTYPED"),
        ("an unknown key", bearer("sk-something-else"), 401, "KEY_UNKNOWN"),
        ("a key in upper case", bearer(&key.to_uppercase()), 401, "KEY_UNKNOWN"),
        ("10 kB", bearer(&"x".repeat(10_240)), 400, "CREDENTIAL_MALFORMED"),
        ("nothing after the scheme", "Bearer ".into(), 400, "CREDENTIAL_MALFORMED"),
        ("no scheme", key.to_owned(), 400, "CREDENTIAL_MALFORMED"),
        ("another scheme", format!("Basic {key}"), 400, "CREDENTIAL_MALFORMED"),
        ("two words", bearer("two words"), 400, "CREDENTIAL_MALFORMED"),
    ] {
        let client = world.anonymous().with("authorization", &header);
        world.refuses(what, status, code, || client.whoami());
        let challenge = client.whoami();
        let challenge = challenge.header("www-authenticate").expect("a refusal has a challenge").to_owned();
        assert!(challenge.contains(code), "{what}: {challenge}");
        let body = client.graphql("{ hello }", &Value::Null).json();
        assert_eq!(
            body["errors"][0]["extensions"],
            json!({"code": "UNAUTHENTICATED", "reason": code}),
            "{what}"
        );
    }
    world.refuses("nothing", 401, "CREDENTIAL_MISSING", || world.anonymous().whoami());
    world.refuses("two credentials", 400, "CREDENTIAL_MALFORMED", || {
        world.admin().with("authorization", &bearer(key)).whoami()
    });
    for good in [
        bearer(key),
        format!("bearer {key}"),
        format!("BEARER  {key}"),
        bearer(&format!("secret-token:{key}")),
    ] {
        assert_eq!(world.anonymous().with("authorization", &good).whoami().status, 200, "{good:.20}");
    }
}

/// Tokens that were tampered with, or that somebody else minted.
#[test]
fn no_token_is_accepted_but_ours_unchanged_for_us_and_in_time() {
    let world = World::new();
    let good = world.anonymous().token(&world.admin.key);
    assert_eq!(world.holding(&good).whoami().status, 200);
    let parts: Vec<&str> = good.split('.').collect();
    let encode = |bytes: &[u8]| base64url(bytes);
    let payload = |change: &dyn Fn(&mut Value)| {
        let mut claims: Value = serde_json::from_slice(&unbase64url(parts[1])).unwrap();
        change(&mut claims);
        encode(claims.to_string().as_bytes())
    };
    let header = |change: &dyn Fn(&mut Value)| {
        let mut header: Value = serde_json::from_slice(&unbase64url(parts[0])).unwrap();
        change(&mut header);
        encode(header.to_string().as_bytes())
    };
    let none = header(&|header| header["alg"] = json!("none"));
    let symmetric = header(&|header| header["alg"] = json!("HS256"));
    let jwk = header(&|header| header["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}));
    let unknown = header(&|header| header["kid"] = json!("A".repeat(43)));
    let later = payload(&|claims| claims["exp"] = json!(4_000_000_000_u64));
    let mut signature = unbase64url(parts[2]);
    signature[10] ^= 1;

    let stranger = Signer::new(SigningKeyPair::from_seed(&Seed::from_bytes([9; 32])), Algorithm::default());
    let (ours, claims) = (world.signer(), world.claims());
    assert_eq!(world.holding(&ours.sign(&claims)).whoami().status, 200, "the forgery itself is sound");
    let long_ago = Timestamp::from_unix_ms(1_600_000_000_000).unwrap();
    let over = Claims {
        issued_at: long_ago,
        not_before: long_ago,
        expires_at: long_ago.plus_seconds(600),
        ..claims.clone()
    };
    let later_on = claims.issued_at.plus_seconds(3_000);
    let early = Claims {
        issued_at: later_on,
        not_before: later_on,
        expires_at: later_on.plus_seconds(600),
        ..claims.clone()
    };
    let elsewhere = Claims { issuer: Issuer::parse("https://other.example.com").unwrap(), ..claims.clone() };
    let for_others =
        Claims { audience: Audience::parse("https://api.example.com").unwrap(), ..claims.clone() };
    let other_key = Claims { key: KeyId::from_bytes([3; 16]), ..claims.clone() };
    let other_owner = Claims { owner: Owner::User(UserId::from_bytes([3; 16])), ..claims.clone() };
    let other_tenant = Claims { tenant: TenantId::from_bytes([3; 16]), ..claims.clone() };
    // A real tenant, of which the key's owner is no member.
    let input = json!({"slug": "globex", "administrator_email": "eve@example.com"});
    let globex = world.admin().mutate("create_tenant", &input, "id").unwrap();
    let globex =
        Claims { tenant: TenantId::parse(globex["id"].as_str().unwrap()).unwrap(), ..claims.clone() };

    for (what, token, code) in [
        ("alg none", format!("{none}.{}.", parts[1]), "TOKEN_MALFORMED"),
        ("alg none, with the signature", format!("{none}.{}.{}", parts[1], parts[2]), "TOKEN_MALFORMED"),
        ("alg HS256", format!("{symmetric}.{}.{}", parts[1], parts[2]), "TOKEN_MALFORMED"),
        ("a key in the header", format!("{jwk}.{}.{}", parts[1], parts[2]), "TOKEN_MALFORMED"),
        ("an unknown kid", format!("{unknown}.{}.{}", parts[1], parts[2]), "TOKEN_SIGNATURE"),
        ("another expiry", format!("{}.{later}.{}", parts[0], parts[2]), "TOKEN_SIGNATURE"),
        ("another signature", format!("{}.{}.{}", parts[0], parts[1], encode(&signature)), "TOKEN_SIGNATURE"),
        // 63 bytes are a signature too short; 85 characters are no base64 at all (RFC 4648, section 4).
        ("a cut signature", good[..good.len() - 2].to_owned(), "TOKEN_SIGNATURE"),
        ("a signature cut within a byte", good[..good.len() - 1].to_owned(), "TOKEN_MALFORMED"),
        ("no signature", format!("{}.{}.", parts[0], parts[1]), "TOKEN_MALFORMED"),
        ("a fourth part", format!("{good}.x"), "TOKEN_MALFORMED"),
        ("10 kB", format!("eyJ.{}", "x".repeat(10_240)), "TOKEN_MALFORMED"),
        ("another's signing key", stranger.sign(&claims), "TOKEN_SIGNATURE"),
        ("over", ours.sign(&over), "TOKEN_EXPIRED"),
        ("not yet", ours.sign(&early), "TOKEN_NOT_YET_VALID"),
        ("another issuer", ours.sign(&elsewhere), "TOKEN_ISSUER"),
        ("another audience", ours.sign(&for_others), "TOKEN_AUDIENCE"),
        ("a key that does not exist", ours.sign(&other_key), "KEY_UNKNOWN"),
        ("a key of somebody else", ours.sign(&other_owner), "KEY_UNKNOWN"),
        ("a tenant that does not exist", ours.sign(&other_tenant), "NOT_A_MEMBER"),
        ("a tenant of others", ours.sign(&globex), "NOT_A_MEMBER"),
    ] {
        world.refuses(what, 401, code, || world.holding(&token).whoami());
        let answer = world.anonymous().exchange(&token, &[]);
        assert_eq!(answer.status, 400, "{what}: no token is had for it");
    }
    let answer = world.anonymous().exchange(&good, &[]);
    assert_eq!(
        (answer.status, answer.code().as_deref()),
        (400, Some("NOT_A_KEY")),
        "tokens are not exchanged again"
    );
}

/// `POST /oauth/token`: each error of RFC 6749, section 5.2, RFC 8693, section 2.2.2, and RFC 8707.
#[test]
fn the_token_endpoint_answers_each_error_as_the_rfcs_say() {
    let world = World::new();
    let (id, key) = (world.admin.key_id.as_str(), world.admin.key.as_str());
    let narrow = json!({"user_id": world.admin.user_id, "name": "narrow", "scopes": ["jobs:read"]});
    let narrow = world.admin().mutate("create_api_key", &narrow, "id key").unwrap();
    let narrow = narrow["key"].as_str().unwrap();
    const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
    const TYPE: &str = "subject_token_type=urn:ietf:params:oauth:token-type:access_token";
    let exchange = format!("{EXCHANGE}&{TYPE}&subject_token={key}");
    let credentials = format!("grant_type=client_credentials&client_id={id}&client_secret={key}");
    for (what, body, status, error, code) in [
        (
            "another grant",
            "grant_type=password&username=a&password=b".to_owned(),
            400,
            "unsupported_grant_type",
            "GRANT_TYPE",
        ),
        ("no grant", String::new(), 400, "invalid_request", "INVALID_REQUEST"),
        ("an empty grant", "grant_type=".into(), 400, "invalid_request", "INVALID_REQUEST"),
        (
            "a grant twice",
            format!("{credentials}&grant_type=client_credentials"),
            400,
            "invalid_request",
            "INVALID_REQUEST",
        ),
        (
            "a secret twice",
            format!("{credentials}&client_secret={key}"),
            400,
            "invalid_request",
            "INVALID_REQUEST",
        ),
        ("a scope twice", format!("{exchange}&scope=a&scope=a"), 400, "invalid_request", "INVALID_REQUEST"),
        ("no client", "grant_type=client_credentials".into(), 401, "invalid_client", "CREDENTIAL_MISSING"),
        (
            "no secret",
            format!("grant_type=client_credentials&client_id={id}"),
            401,
            "invalid_client",
            "CREDENTIAL_MISSING",
        ),
        (
            "an id that is none",
            format!("grant_type=client_credentials&client_id=x&client_secret={key}"),
            401,
            "invalid_client",
            "CREDENTIAL_MALFORMED",
        ),
        (
            "another's id",
            format!("grant_type=client_credentials&client_id={ONE_OF_NONE}&client_secret={key}"),
            401,
            "invalid_client",
            "CLIENT_MISMATCH",
        ),
        (
            "a wrong secret",
            format!("grant_type=client_credentials&client_id={id}&client_secret=wrong"),
            401,
            "invalid_client",
            "KEY_UNKNOWN",
        ),
        ("no subject", format!("{EXCHANGE}&{TYPE}"), 400, "invalid_request", "INVALID_REQUEST"),
        ("no type", format!("{EXCHANGE}&subject_token={key}"), 400, "invalid_request", "INVALID_REQUEST"),
        (
            "another type",
            format!(
                "{EXCHANGE}&subject_token={key}&subject_token_type=urn:ietf:params:oauth:token-type:saml2"
            ),
            400,
            "invalid_request",
            "INVALID_REQUEST",
        ),
        (
            "another type wanted",
            format!("{exchange}&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token"),
            400,
            "invalid_request",
            "INVALID_REQUEST",
        ),
        ("an actor", format!("{exchange}&actor_token=x"), 400, "invalid_request", "INVALID_REQUEST"),
        (
            "an unknown subject",
            format!("{EXCHANGE}&{TYPE}&subject_token=unknown"),
            400,
            "invalid_request",
            "KEY_UNKNOWN",
        ),
        (
            "a scope of ours that is none",
            format!("{exchange}&scope=keyledger:everything"),
            400,
            "invalid_scope",
            "SCOPE_INVALID",
        ),
        ("a malformed scope", format!("{exchange}&scope=%22"), 400, "invalid_scope", "SCOPE_INVALID"),
        (
            "a scope that the key has not",
            format!("{EXCHANGE}&{TYPE}&subject_token={narrow}&scope=jobs:write"),
            400,
            "invalid_scope",
            "SCOPES_NOT_HELD",
        ),
        ("a relative target", format!("{exchange}&resource=api"), 400, "invalid_target", "INVALID_TARGET"),
        (
            "a target with a fragment",
            format!("{exchange}&resource=https://a.example/%23x"),
            400,
            "invalid_target",
            "INVALID_TARGET",
        ),
        (
            "five targets",
            format!("{exchange}{}", "&audience=a".repeat(5)),
            400,
            "invalid_target",
            "INVALID_TARGET",
        ),
        ("a tenant that is none", format!("{exchange}&tenant=acme"), 400, "invalid_target", "INVALID_TARGET"),
        ("another tenant", format!("{exchange}&tenant={ONE_OF_NONE}"), 400, "invalid_target", "NOT_A_MEMBER"),
        (
            "a client for another tenant",
            format!("{credentials}&tenant={ONE_OF_NONE}"),
            400,
            "invalid_target",
            "NOT_A_MEMBER",
        ),
    ] {
        world.refuses(what, status, code, || world.anonymous().post("/oauth/token", FORM, &body));
        let answer = world.anonymous().post("/oauth/token", FORM, &body);
        assert_eq!(answer.json()["error"], error, "{what}: {}", answer.text);
        let challenge = answer.header("www-authenticate");
        assert_eq!(
            challenge.is_some_and(|it| it.starts_with("Basic ")),
            status == 401,
            "{what}: {challenge:?}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(!answer.text.contains(key), "{what}");
    }
    let json = json!({"grant_type": "client_credentials"}).to_string();
    world.refuses("JSON", 400, "INVALID_REQUEST", || {
        world.anonymous().post("/oauth/token", "application/json", &json)
    });
    let basic = |id: &str, key: &str| format!("Basic {}", base64(format!("{id}:{key}").as_bytes()));
    let by_header = world.anonymous().with("authorization", &basic(id, key));
    let twice = format!("grant_type=client_credentials&client_secret={key}");
    world.refuses("header and body", 400, "INVALID_REQUEST", || by_header.post("/oauth/token", FORM, &twice));
    let malformed = world.anonymous().with("authorization", "Basic !");
    world.refuses("no base64", 401, "CREDENTIAL_MALFORMED", || {
        malformed.post("/oauth/token", FORM, "grant_type=client_credentials")
    });
    world.refuses("a GET", 405, "METHOD_NOT_ALLOWED", || {
        world.anonymous().get(&format!("/oauth/token?{credentials}"))
    });
    let large = format!("{credentials}&audience={}", "x".repeat(1 << 20));
    world.refuses("a megabyte", 413, "PAYLOAD_TOO_LARGE", || {
        world.anonymous().post("/oauth/token", FORM, &large)
    });

    for (what, answer) in [
        ("in the body", world.anonymous().post("/oauth/token", FORM, &credentials)),
        ("in the header", by_header.post("/oauth/token", FORM, "grant_type=client_credentials")),
        (
            "the same id twice",
            by_header.post("/oauth/token", FORM, &format!("grant_type=client_credentials&client_id={id}")),
        ),
    ] {
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
        assert_eq!(answer.json()["token_type"], "Bearer");
        assert_eq!(world.holding(answer.json()["access_token"].as_str().unwrap()).whoami().status, 200);
    }
}

#[test]
fn unknown_routes_and_methods_are_refused_with_a_code() {
    let world = World::new();
    for path in ["/nothing", "/v1", "/v1/whoami/", "/graphql/", "/../etc/passwd", "/%00", "/v1/whoami%2F"] {
        world.refuses(path, 404, "NO_SUCH_ROUTE", || world.admin().get(path));
    }
    for path in ["/v1/whoami", "/livez", "/.well-known/jwks.json"] {
        world.refuses(path, 405, "METHOD_NOT_ALLOWED", || world.admin().post(path, "application/json", "{}"));
    }
}

/// `keyledger init`: bad values, and what is there already.
#[test]
fn the_command_line_refuses_bad_values_and_makes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let folder = data.to_str().unwrap();
    let long = "x".repeat(10_240);
    let address = format!("{long}@example.com");
    for (what, tenant, admin, more, code) in [
        ("an empty slug", "", "ada@example.com", vec![], "NAME_INVALID"),
        ("a slug that is none", "Not A Slug", "ada@example.com", vec![], "NAME_INVALID"),
        ("a slug not of ASCII", "schlüssel", "ada@example.com", vec![], "NAME_INVALID"),
        ("10 kB", long.as_str(), "ada@example.com", vec![], "NAME_TOO_LONG"),
        ("no address", "acme", "ada", vec![], "NAME_INVALID"),
        ("an empty address", "acme", "", vec![], "NAME_INVALID"),
        ("a long address", "acme", &address, vec![], "NAME_TOO_LONG"),
        ("an empty name", "acme", "ada@example.com", vec!["--tenant-name", " "], "NAME_INVALID"),
        ("two lines", "acme", "ada@example.com", vec!["--admin-name", "Ada\nLovelace"], "NAME_INVALID"),
        ("an unknown flag", "acme", "ada@example.com", vec!["--nothing"], "USAGE"),
    ] {
        let arguments = ["init", "-o", "json", "--data", folder, "--tenant", tenant, "--admin", admin];
        let output = keyledger(arguments.iter().chain(&more));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{what}: {said:.300}");
        assert!(output.stdout.is_empty(), "{what}");
        let told: Value = serde_json::from_str(&said).expect("errors are JSON, too");
        assert_eq!(told["error"]["code"], code, "{what}: {said:.300}");
        assert!(said.len() < 1_000, "{what}: what was given is not repeated at length");
        assert!(!data.exists(), "{what} made something");
    }
    init(&data, "acme", "ada@example.com");
    let before = events_of(&data);
    let output =
        keyledger(["init", "-o", "json", "--data", folder, "--tenant", "b", "--admin", "b@example.com"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("LEDGER_EXISTS"));
    assert_eq!(events_of(&data), before);
    for arguments in [
        &["audit", "show", "--from", "x"][..],
        &["audit", "show", "--type", "Nothing"],
        &["audit", "show", "--key", "x"],
    ] {
        let output = keyledger(arguments.iter().chain(&["-o", "json", "--data", folder]));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("VALUE_INVALID"), "{arguments:?}");
    }
    let nowhere = scratch.path().join("nowhere");
    let output = keyledger(["audit", "verify", "-o", "json", "--data", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(5));
    assert!(!nowhere.exists());
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    encode64(bytes, b'+', b'/', true)
}

fn base64url(bytes: &[u8]) -> String {
    encode64(bytes, b'-', b'_', false)
}

/// RFC 4648, sections 4 and 5.
fn encode64(bytes: &[u8], next_to_last: u8, last: u8, padded: bool) -> String {
    let mut alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect();
    alphabet.extend([next_to_last, last]);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            match (place <= chunk.len(), padded) {
                (true, _) => text.push(char::from(alphabet[(bits >> (18 - 6 * place) & 63) as usize])),
                (false, true) => text.push('='),
                (false, false) => {}
            }
        }
    }
    text
}

pub(crate) fn unbase64url(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, vec![]);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 255) as u8);
        }
    }
    bytes
}
