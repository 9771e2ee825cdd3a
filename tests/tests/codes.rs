//! Every refusal of a credential, on every interface: the status, the code where each interface puts it, the log line.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::Refusal;
use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, init};
use serde_json::{Value, json};
use tempfile::TempDir;

const FORM: &str = "application/x-www-form-urlencoded";
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

/// A deployment in which a credential is made for each refusal, and then dies of it.
struct World {
    server: Server,
    made: Initialised,
    _scratch: TempDir,
}

/// Somebody who is refused, and how.
struct Case {
    code: &'static str,
    shown: String,
    /// The tenant asked for by header.
    tenant: Option<String>,
}

/// A user or a service account with its key.
struct Made {
    owner: String,
    key_id: String,
    key: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

impl World {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let made = init(&data, "acme", "ada@example.com");
        Self { server: Server::start(&data), made, _scratch: scratch }
    }

    fn operator(&self) -> Client {
        Client::holding(self.server.url(), &self.made.key)
    }

    fn anyone(&self) -> Client {
        Client::anonymous(self.server.url())
    }

    fn done(&self, mutation: &str, input: Value) {
        self.operator().mutate(mutation, &input, "success").unwrap();
    }

    fn account(&self, name: &str) -> Made {
        let account = self.operator().mutate("create_service_account", &json!({"name": name}), "id").unwrap();
        let input = json!({"user_id": account["id"], "name": name});
        let made = self.operator().mutate("create_api_key", &input, "id key").unwrap();
        Made { owner: text(&account["id"]), key_id: text(&made["id"]), key: text(&made["key"]) }
    }

    fn member(&self, name: &str) -> Made {
        let email = format!("{name}@example.com");
        let input = json!({"email": email, "role": "member", "first_key": true});
        let added = self.operator().mutate("add_member", &input, "user_id key").unwrap();
        let key = text(&added["key"]);
        let key_id = text(&Client::holding(self.server.url(), &key).whoami().json()["key_id"]);
        Made { owner: text(&added["user_id"]), key_id, key }
    }

    fn tenant(&self, slug: &str) -> (String, String) {
        let input = json!({"slug": slug, "administrator_email": format!("root@{slug}.example")});
        let made = self.operator().mutate("create_tenant", &input, "id key").unwrap();
        (text(&made["id"]), text(&made["key"]))
    }

    fn token(&self, key: &str, more: &[(&str, &str)]) -> String {
        text(&self.anyone().exchange(key, more).json()["access_token"])
    }
}

/// One for each refusal that a running server can be brought to.
fn cases(world: &World) -> Vec<Case> {
    let (acme, globex) = (world.made.tenant_id.clone(), world.tenant("globex").0);
    let mut cases = vec![];
    let mut case = |code, shown: String| cases.push(Case { code, shown, tenant: None });

    // First, for what the key signed before is refused for its sake from then on.
    let signing =
        world.operator().query("signing_keys", "{ signing_keys { edges { node { id } } } }").unwrap();
    let token = world.token(&world.made.key, &[]);
    let compromised = json!({"signing_key_id": signing["edges"][0]["node"]["id"], "reason": "compromised"});
    world.operator().mutate("retire_signing_key", &compromised, "position").unwrap();
    case("SIGNING_KEY_REFUSED", token);

    case("KEY_UNKNOWN", "no-such-key-at-all-in-this-deployment".into());
    let mut mistyped = world.made.key.clone();
    let last = mistyped.pop().unwrap();
    mistyped.push(if last == 'a' { 'b' } else { 'a' });
    case("KEY_MISTYPED", mistyped);

    let revoked = world.account("revoked");
    world.done("delete_api_key", json!({"key_id": revoked.key_id}));
    case("KEY_REVOKED", revoked.key);
    let removed = world.account("removed");
    world.done("delete_service_account", json!({"service_account_id": removed.owner}));
    case("OWNER_REMOVED", removed.key);
    let suspended = world.account("suspended");
    let id = json!({"service_account_id": suspended.owner});
    world.operator().mutate("suspend_service_account", &id, "success").unwrap();
    case("OWNER_SUSPENDED", suspended.key);
    let (initech, key) = world.tenant("initech");
    world.done("remove_tenant", json!({"tenant_id": initech}));
    case("TENANT_REMOVED", key);
    let (umbrella, key) = world.tenant("umbrella");
    world.done("suspend_tenant", json!({"tenant_id": umbrella}));
    case("TENANT_SUSPENDED", key);
    let left = world.member("left");
    world.done("remove_member", json!({"user_id": left.owner}));
    case("MEMBERSHIP_REMOVED", left.key);
    let disabled = world.account("disabled");
    world.done("disable_api_key", json!({"key_id": disabled.key_id}));
    case("KEY_DISABLED", disabled.key);
    let rotated = world.account("rotated");
    let rotation = json!({"key_id": rotated.key_id, "overlap_seconds": 0});
    world.operator().mutate("rotate_api_key", &rotation, "id").unwrap();
    case("KEY_ROTATED", rotated.key);
    let elsewhere = world.account("elsewhere");
    let list = json!({"key_id": elsewhere.key_id, "allowed_addresses": ["192.0.2.0/24"]});
    world.done("change_api_key_addresses", list);
    case("ADDRESS_NOT_ALLOWED", elsewhere.key);

    let ended = world.account("ended");
    let token = world.token(&ended.key, &[]);
    world.done("revoke_tokens", json!({"key_id": ended.key_id}));
    case("TOKEN_REVOKED", token);
    let token = world.token(&world.made.key, &[("audience", "https://elsewhere.example")]);
    case("TOKEN_AUDIENCE", token.clone());
    let (signed, _) = token.rsplit_once('.').unwrap();
    case("TOKEN_SIGNATURE", format!("{signed}.{}", "A".repeat(86)));
    case("TOKEN_MALFORMED", "eyJhbGciOiJub25lIn0.e30.".into());

    let short = world.account("short");
    let soon = (jiff::Timestamp::now() + Duration::from_millis(1_500)).to_string();
    world.done("change_api_key_expiry", json!({"key_id": short.key_id, "expires_at": soon}));
    let token = world.token(&short.key, &[]);
    wait_until_refused(world, &short.key);
    case("KEY_EXPIRED", short.key);
    case("TOKEN_EXPIRED", token);

    let (confined, member) = (world.account("confined"), world.member("stays"));
    let mut in_globex = |code, shown: String| {
        cases.push(Case { code, shown, tenant: Some(globex.clone()) });
    };
    in_globex("OTHER_TENANT", confined.key);
    in_globex("NOT_A_MEMBER", world.made.key.clone());
    in_globex("NOT_A_MEMBER", member.key);
    assert_ne!(acme, globex);
    cases
}

fn wait_until_refused(world: &World, key: &str) {
    let since = Instant::now();
    while Client::holding(world.server.url(), key).whoami().status == 200 {
        assert!(since.elapsed() < Duration::from_secs(30), "the key does not expire");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn challenge_of(answer: &Answer, code: &str) {
    let challenge = answer.header("www-authenticate").unwrap_or_else(|| panic!("{code}: {answer:?}"));
    assert!(challenge.contains(&format!("code=\"{code}\"")), "{code}: {challenge}");
}

#[test]
fn every_refusal_has_its_code_on_every_interface() {
    let world = World::new();
    let cases = cases(&world);
    for Case { code, shown, tenant } in &cases {
        let mut client = Client::holding(world.server.url(), shown);
        if let Some(tenant) = tenant {
            client = client.in_tenant(tenant);
        }
        let rest = client.whoami();
        assert_eq!((rest.status, rest.code().as_deref()), (401, Some(*code)), "{}", rest.text);
        assert!(!rest.json()["error"]["message"].as_str().unwrap().is_empty());
        challenge_of(&rest, code);

        // Existing clients look for UNAUTHENTICATED in the errors of a 200.
        let extensions = json!({"code": "UNAUTHENTICATED", "reason": code});
        let graphql = client.graphql("{ hello }", &Value::Null);
        assert_eq!(graphql.status, 200, "{code}: {}", graphql.text);
        assert_eq!(graphql.json()["errors"][0]["extensions"], extensions);
        assert_eq!(graphql.json()["data"], Value::Null);
        let newer = client.with("accept", GRAPHQL_RESPONSE).graphql("{ hello }", &Value::Null);
        assert_eq!(newer.status, 401, "{code}: {}", newer.text);
        assert_eq!(newer.json()["errors"][0]["extensions"], extensions);
        challenge_of(&newer, code);

        let mut form = vec![];
        if let Some(tenant) = tenant {
            form.push(("tenant", tenant.as_str()));
        }
        let exchange = world.anyone().exchange(shown, &form);
        // A token is refused as one before anything else is asked of it as a subject.
        assert_eq!((exchange.status, exchange.code().as_deref()), (400, Some(*code)), "{}", exchange.text);
        // If it is the tenant asked for that cannot be, it is nobody's credential that is wrong.
        let error = |otherwise| if tenant.is_some() { "invalid_target" } else { otherwise };
        assert_eq!(exchange.json()["error"], error("invalid_request"), "{code}");
        form.extend([("grant_type", "client_credentials"), ("client_secret", shown)]);
        form.push(("client_id", &world.made.key_id));
        let client_credentials = world.anyone().post("/oauth/token", FORM, &encoded(&form));
        let told = (client_credentials.status, client_credentials.code());
        let status = if tenant.is_some() { 400 } else { 401 };
        assert_eq!(told, (status, Some((*code).to_owned())), "{}", client_credentials.text);
        assert_eq!(client_credentials.json()["error"], error("invalid_client"), "{code}");

        // The tenant is the asking one's.
        if tenant.is_none() {
            let question = json!({"credential": shown}).to_string();
            let verdict = world.operator().post("/v1/verify", "application/json", &question).json();
            assert_eq!(verdict["valid"], false, "{code}: {verdict}");
            let here = verdict["code"] == *code
                || verdict["code"] == "OTHER_TENANT"
                || verdict["code"] == "NOT_A_MEMBER";
            assert!(here, "{code}: {verdict}");
        }
    }
    let log = world.server.log();
    let told: BTreeSet<_> = cases.iter().map(|case| case.code).collect();
    for code in &told {
        assert!(log.contains(&format!("\"code\":\"{code}\"")), "{code} is in no line of the log");
    }
    let missing: Vec<_> =
        Refusal::ALL.iter().map(|refusal| refusal.code()).filter(|code| !told.contains(code)).collect();
    assert!(missing.is_empty(), "no case brings a server to {missing:?}");
}

#[test]
fn nothing_shown_and_nonsense_shown_are_told_apart() {
    let world = World::new();
    let nothing = world.anyone().whoami();
    assert_eq!((nothing.status, nothing.code().as_deref()), (401, Some("CREDENTIAL_MISSING")));
    assert_eq!(nothing.header("www-authenticate"), Some(r#"Bearer realm="keyledger""#));
    for nonsense in ["Basic YTpi", "Bearer", "Token x", "no-scheme"] {
        let answer = world.anyone().with("authorization", nonsense).whoami();
        assert_eq!(
            (answer.status, answer.code().as_deref()),
            (400, Some("CREDENTIAL_MALFORMED")),
            "{nonsense}"
        );
    }
}
