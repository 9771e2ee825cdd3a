//! Administration by GraphQL: what names, ends, policies, roles, operators, signing keys and watermarks become.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use domain::Event;
use keyledger_tests::client::{Client, encoded};
use keyledger_tests::server::{Initialised, Server, events_of, init};
use serde_json::{Value, json};
use tempfile::TempDir;

const ONE_OF_NONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const FAR: &str = "9999-12-31T23:59:59.000Z";

/// A deployment with a tenant, its operator, a member, and a service account with a key.
struct World {
    server: Server,
    operator: Initialised,
    member: Key,
    member_id: String,
    account_id: String,
    agent: Key,
    data: PathBuf,
    _scratch: TempDir,
}

/// A key with its id.
struct Key {
    id: String,
    secret: String,
}

impl World {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let operator = init(&data, "acme", "ada@example.com");
        let server = Server::start(&data);
        let client = Client::holding(server.url(), &operator.key);
        let input = json!({"email": "bob@example.com", "role": "member", "first_key": true});
        let added = client.mutate("add_member", &input, "user_id key").unwrap();
        let secret = text(&added["key"]);
        let id = text(&Client::holding(server.url(), &secret).whoami().json()["key_id"]);
        let account = client.mutate("create_service_account", &json!({"name": "etl"}), "id").unwrap();
        let account_id = text(&account["id"]);
        let agent = key_of(&client, &account_id);
        let (member, member_id) = (Key { id, secret }, text(&added["user_id"]));
        Self { server, operator, member, member_id, account_id, agent, data, _scratch: scratch }
    }

    fn operator(&self) -> Client {
        self.holding(&self.operator.key)
    }

    fn holding(&self, credential: &str) -> Client {
        Client::holding(self.server.url(), credential)
    }

    /// The administrator of another tenant.
    fn stranger(&self) -> Client {
        let input = json!({"slug": "globex", "administrator_email": "eve@example.com"});
        let made = self.operator().mutate("create_tenant", &input, "key").unwrap();
        self.holding(&text(&made["key"]))
    }

    fn token(&self, key: &str) -> String {
        Client::anonymous(self.server.url()).token(key)
    }

    /// What whoever shows this is told: ACTIVE, or the code of the refusal.
    fn told(&self, credential: &str) -> String {
        let answer = self.holding(credential).whoami();
        if answer.status == 200 { "ACTIVE".into() } else { answer.code().unwrap() }
    }

    fn position(&self) -> usize {
        let ready = Client::anonymous(self.server.url()).get("/readyz").json();
        ready["position"].as_str().unwrap().parse().unwrap()
    }

    /// Does this, which must leave the log as it is.
    fn unchanged<R>(&self, what: &str, act: impl FnOnce() -> R) -> R {
        let before = self.position();
        let result = act();
        assert_eq!(self.position(), before, "{what} changed something");
        result
    }

    /// Carries a mutation out, which must lead to these events; sent again under its idempotency key it leads to
    /// none and tells the same, and another request may not use that key.
    fn done(
        &self,
        client: &Client,
        mutation: &str,
        input: &Value,
        selection: &str,
        events: &[&str],
    ) -> Value {
        let (mut input, before) = (input.clone(), self.position());
        input["idempotency_key"] = json!(format!("{mutation} at {before}").replace(' ', "-"));
        let told =
            client.mutate(mutation, &input, selection).unwrap_or_else(|code| panic!("{mutation}: {code}"));
        let recorded = events_of(&self.data);
        let names: Vec<_> = recorded[before..].iter().map(|recorded| recorded.event.name()).collect();
        assert_eq!(names, events, "{mutation} {input}");
        let mut again = self.unchanged(mutation, || client.mutate(mutation, &input, selection).unwrap());
        for (name, value) in told.as_object().unwrap() {
            // A secret is shown once.
            let shown_again =
                if matches!(name.as_str(), "key" | "token") { Value::Null } else { value.clone() };
            assert_eq!(again[name].take(), shown_again, "{mutation}: {name}");
        }
        let other = json!({"key_id": ONE_OF_NONE, "idempotency_key": input["idempotency_key"]});
        let conflict = self.unchanged(mutation, || client.mutate("disable_api_key", &other, "success"));
        assert_eq!(conflict, Err("IDEMPOTENCY_CONFLICT".into()), "{mutation}");
        told
    }

    /// The same of a mutation that, asked for again anew, finds things as it wants them.
    fn done_once(&self, client: &Client, mutation: &str, input: &Value, event: &str) {
        let told = self.done(client, mutation, input, "success position", &[event]);
        assert_eq!(told["success"], true, "{mutation}");
        let again = self.unchanged(mutation, || client.mutate(mutation, input, "success").unwrap());
        assert_eq!(again["success"], true, "{mutation} again");
    }

    fn listed(&self, list: &str, id: &str, fields: &str) -> Value {
        let field = list.split('(').next().unwrap();
        let document = format!("{{ {list} {{ edges {{ node {{ id {fields} }} }} }} }}");
        let page = self.operator().query(field, &document).unwrap();
        let mut nodes = page["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]);
        nodes.find(|node| node["id"] == id).unwrap_or_else(|| panic!("{id} is not in {page}")).clone()
    }

    fn signing_keys(&self) -> Vec<Value> {
        let document =
            "{ signing_keys { edges { node { id kid active_from retired_at reason created_at } } } }";
        let page = self.operator().query("signing_keys", document).unwrap();
        page["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
    }

    /// The names in the published key set.
    fn published(&self) -> Vec<Value> {
        let set = Client::anonymous(self.server.url()).get("/.well-known/jwks.json").json();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn key_of(client: &Client, owner: &str) -> Key {
    let made = client.mutate("create_api_key", &json!({"user_id": owner, "name": "key"}), "id key").unwrap();
    Key { id: text(&made["id"]), secret: text(&made["key"]) }
}

/// `rename_api_key`, `rename_service_account`, `rename_tenant`, `change_service_account_role`
#[test]
fn names_and_roles_change_once_and_lists_show_them() {
    let world = World::new();
    let operator = world.operator();
    let (agent, account, acme) = (&world.agent.id, &world.account_id, &world.operator.tenant_id);
    let input = json!({"key_id": agent, "name": "nightly 🌙"});
    world.done_once(&operator, "rename_api_key", &input, "KeyRenamed");
    assert_eq!(world.listed("keys", agent, "name")["name"], "nightly 🌙");
    let input = json!({"key_id": world.member.id, "name": "my own"});
    world.done_once(&world.holding(&world.member.secret), "rename_api_key", &input, "KeyRenamed");

    let input = json!({"key_id": agent, "note": "in the vault, OPS-1311"});
    world.done_once(&operator, "change_api_key_note", &input, "KeyNoteChanged");
    assert_eq!(world.listed("keys", agent, "note")["note"], "in the vault, OPS-1311");
    let none = json!({"key_id": agent, "note": null});
    world.done_once(&operator, "change_api_key_note", &none, "KeyNoteChanged");
    assert_eq!(world.listed("keys", agent, "note")["note"], Value::Null);

    let input = json!({"service_account_id": account, "name": "loader"});
    world.done_once(&operator, "rename_service_account", &input, "ServiceAccountRenamed");
    assert_eq!(world.listed("service_accounts", account, "name")["name"], "loader");
    let other = operator.mutate("create_service_account", &json!({"name": "etl"}), "id").unwrap();
    let input = json!({"service_account_id": other["id"], "name": "loader"});
    let taken = world.unchanged("a name", || operator.mutate("rename_service_account", &input, "success"));
    assert_eq!(taken, Err("NAME_TAKEN".into()));

    let input = json!({"name": "Acme & Söhne"});
    world.done_once(&operator, "rename_tenant", &input, "TenantRenamed");
    let shown = world.listed("tenants", acme, "name slug");
    assert_eq!((&shown["name"], &shown["slug"]), (&json!("Acme & Söhne"), &json!("acme")));

    let token = world.token(&world.agent.secret);
    let roles = || [&world.agent.secret, &token].map(|it| world.holding(it).whoami().json()["role"].clone());
    assert_eq!(roles(), ["administrator", "administrator"]);
    let input = json!({"service_account_id": account, "role": "runner"});
    world.done_once(&operator, "change_service_account_role", &input, "ServiceAccountRoleChanged");
    assert_eq!(roles(), ["runner", "runner"], "at the next request, for tokens minted before, too");
    assert_eq!(world.listed("service_accounts", account, "role")["role"], "runner");

    operator.mutate("delete_service_account", &json!({"service_account_id": account}), "success").unwrap();
    for (mutation, input) in [
        ("rename_service_account", json!({"service_account_id": account, "name": "again"})),
        ("change_service_account_role", json!({"service_account_id": account, "role": "member"})),
    ] {
        let refused = world.unchanged(mutation, || operator.mutate(mutation, &input, "success"));
        assert_eq!(refused, Err("REMOVED".into()), "{mutation}");
    }
}

/// `grant_operator`, `withdraw_operator`
#[test]
fn an_operator_is_made_and_unmade_and_the_last_one_stays() {
    let world = World::new();
    let (operator, bob) = (world.operator(), world.holding(&world.member.secret));
    let all = "{ tenants(all: true) { edges { cursor } } }";
    assert_eq!(bob.query("tenants", all), Err("FORBIDDEN".into()));
    // The first key that an operator gives a known or new user acts in any tenant, so bob's operates.
    let input = json!({"user_id": world.member_id});
    world.done_once(&operator, "grant_operator", &input, "OperatorGranted");
    bob.query("tenants", all).unwrap();
    let by_token = world.holding(&world.token(&world.member.secret));
    assert_eq!(by_token.query("tenants", all), Err("FORBIDDEN".into()), "a token is for one tenant");
    world.done_once(&operator, "withdraw_operator", &input, "OperatorWithdrawn");
    assert_eq!(bob.query("tenants", all), Err("FORBIDDEN".into()));
    let myself = json!({"user_id": world.operator.user_id});
    let refused = world.unchanged("the last", || operator.mutate("withdraw_operator", &myself, "success"));
    assert_eq!(refused, Err("LAST_OPERATOR".into()));
    // A second one can do without the first.
    operator.mutate("grant_operator", &input, "success").unwrap();
    world.done_once(&bob, "withdraw_operator", &myself, "OperatorWithdrawn");
    assert_eq!(operator.query("tenants", all), Err("FORBIDDEN".into()));
}

/// `change_api_key_expiry`
#[test]
fn a_key_ends_when_it_was_last_said_to() {
    let world = World::new();
    let (operator, key) = (world.operator(), &world.agent);
    let token = world.token(&key.secret);
    let end = |at: Value| json!({"key_id": key.id, "expires_at": at});
    world.done_once(&operator, "change_api_key_expiry", &end(json!(FAR)), "KeyExpiryChanged");
    assert_eq!(world.listed("keys", &key.id, "expires_at")["expires_at"], FAR);
    world.done_once(&operator, "change_api_key_expiry", &end(Value::Null), "KeyExpiryChanged");
    assert_eq!(world.listed("keys", &key.id, "expires_at")["expires_at"], Value::Null);

    // With a policy, none means what the policy says, counted from when the key was made.
    let created = events_of(&world.data).into_iter().find_map(|recorded| match &recorded.event {
        Event::KeyCreated(made) if made.key.to_string() == key.id => Some(recorded.recorded_at),
        _ => None,
    });
    let created = created.unwrap();
    let age_seconds = (now_ms() - created.unix_ms()) / 1000;
    let life_seconds = u64::try_from(age_seconds).unwrap() + 6;
    let policy = json!({"key_life_seconds_max": 86_400, "key_life_seconds_default": life_seconds});
    operator.mutate("change_tenant_policy", &policy, "success").unwrap();
    assert_eq!(
        world.listed("keys", &key.id, "expires_at")["expires_at"],
        Value::Null,
        "a policy is for new ends"
    );
    let refused =
        world.unchanged("too long", || operator.mutate("change_api_key_expiry", &end(json!(FAR)), "success"));
    assert_eq!(refused, Err("KEY_LIFE_TOO_LONG".into()));
    operator.mutate("change_api_key_expiry", &end(Value::Null), "success").unwrap();
    let last = events_of(&world.data).pop().unwrap().event;
    let Event::KeyExpiryChanged { expires_at, .. } = last else { panic!("{last:?}") };
    assert_eq!(expires_at, Some(created.plus_seconds(life_seconds)));
    eventually("the key ends", || world.told(&key.secret) != "ACTIVE");
    assert_eq!([&key.secret, &token].map(|it| world.told(it)), ["KEY_EXPIRED", "KEY_EXPIRED"]);
    let late = world
        .unchanged("an ended key", || operator.mutate("change_api_key_expiry", &end(json!(FAR)), "success"));
    assert_eq!(late, Err("KEY_EXPIRED".into()), "what has ended stays ended");
}

/// `change_tenant_policy`
#[test]
fn a_policy_refuses_lives_that_are_too_long_and_is_replaced_as_a_whole() {
    let world = World::new();
    let operator = world.operator();
    let shown = || {
        let fields = "key_life_seconds_max key_life_seconds_default";
        let mut node = world.listed("tenants", &world.operator.tenant_id, fields);
        [node["key_life_seconds_max"].take(), node["key_life_seconds_default"].take()]
    };
    let policy = |max: Value, default: Value| json!({"key_life_seconds_max": max, "key_life_seconds_default": default});
    let make = |expires_at: Value| {
        let input = json!({"user_id": world.account_id, "name": "new", "expires_at": expires_at});
        operator.mutate("create_api_key", &input, "expires_at")
    };
    assert_eq!(shown(), [Value::Null, Value::Null]);
    assert_eq!(make(json!(FAR)).unwrap()["expires_at"], FAR);
    assert_eq!(make(Value::Null).unwrap()["expires_at"], Value::Null);

    let strict = policy(json!(3600), Value::Null);
    world.done_once(&operator, "change_tenant_policy", &strict, "TenantPolicyChanged");
    assert_eq!(shown(), [json!(3600), Value::Null]);
    assert_eq!(make(json!(FAR)), Err("KEY_LIFE_TOO_LONG".into()));
    assert!(make(Value::Null).unwrap()["expires_at"].is_string(), "none means the longest");
    let rotation = json!({"key_id": world.agent.id, "expires_at": FAR});
    let refused = world.unchanged("a successor", || operator.mutate("rotate_api_key", &rotation, "id"));
    assert_eq!(refused, Err("KEY_LIFE_TOO_LONG".into()));

    // Half a policy would lift the other half unseen.
    for half in [json!({}), json!({"key_life_seconds_default": 60}), json!({"key_life_seconds_max": 7200})] {
        let refused = world.unchanged("half", || operator.mutate("change_tenant_policy", &half, "success"));
        assert_eq!(refused, Err("INVALID".into()), "{half}");
    }
    assert_eq!(shown(), [json!(3600), Value::Null]);
    let with_default = policy(json!(7200), json!(60));
    world.done_once(&operator, "change_tenant_policy", &with_default, "TenantPolicyChanged");
    assert_eq!(shown(), [json!(7200), json!(60)]);
    let lifted = policy(Value::Null, Value::Null);
    world.done_once(&operator, "change_tenant_policy", &lifted, "TenantPolicyChanged");
    assert_eq!(shown(), [Value::Null, Value::Null]);
    assert_eq!(make(json!(FAR)).unwrap()["expires_at"], FAR);
}

/// `rotate_api_key` with an overlap.
#[test]
fn a_rotated_key_is_accepted_beside_its_successor_until_its_grace_ends() {
    let world = World::new();
    let operator = world.operator();
    let token = world.token(&world.agent.secret);
    let input = json!({"key_id": world.agent.id, "overlap_seconds": 6, "expires_at": FAR});
    let selection = "id key token expires_at grace_ends_at";
    let made = world.done(&operator, "rotate_api_key", &input, selection, &["KeyCreated", "KeyRotated"]);
    assert_eq!((&made["key"], &made["expires_at"]), (&made["token"], &json!(FAR)));
    assert_ne!(made["id"], world.agent.id.as_str());
    let new = text(&made["key"]);
    let new_token = world.token(&new);
    let grace_ends_at_ms = events_of(&world.data)
        .iter()
        .find_map(|recorded| match &recorded.event {
            Event::KeyRotated { grace_ends_at, .. } => Some(grace_ends_at.unix_ms()),
            _ => None,
        })
        .unwrap();

    let mut beside = 0;
    loop {
        let asked_at_ms = now_ms();
        let old = [&world.agent.secret, &token].map(|it| world.told(it));
        let answered_at_ms = now_ms();
        assert_eq!([&new, &new_token].map(|it| world.told(it)), ["ACTIVE", "ACTIVE"]);
        if answered_at_ms < grace_ends_at_ms {
            assert_eq!(old, ["ACTIVE", "ACTIVE"], "within the grace");
            beside += 1;
        } else if asked_at_ms >= grace_ends_at_ms {
            assert_eq!(old, ["KEY_ROTATED", "KEY_ROTATED"], "after the grace");
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(beside > 0, "both were accepted for a while");
    let input = json!({"key_id": world.agent.id});
    let again = world.unchanged("a second successor", || operator.mutate("rotate_api_key", &input, "id"));
    assert_eq!(again, Err("KEY_ROTATED".into()));
    let name = |id: &str| world.listed("keys(all: true)", id, "name user_id scopes status");
    let (old, new) = (name(&world.agent.id), name(&text(&made["id"])));
    assert_eq!((&old["name"], &old["user_id"]), (&new["name"], &new["user_id"]));
    assert_eq!((&old["status"], &new["status"]), (&json!("KEY_ROTATED"), &json!("ACTIVE")));
}

/// `rotate_api_key` without an overlap.
#[test]
fn a_key_rotated_without_an_overlap_is_refused_at_once() {
    let world = World::new();
    let token = world.token(&world.agent.secret);
    for (overlap, key) in [(json!(0), &world.agent), (Value::Null, &world.member)] {
        let by = if key.id == world.member.id { world.holding(&key.secret) } else { world.operator() };
        let input = json!({"key_id": key.id, "overlap_seconds": overlap});
        let made = by.mutate("rotate_api_key", &input, "id key expires_at").unwrap();
        assert_eq!(made["expires_at"], Value::Null);
        assert_eq!(world.told(&key.secret), "KEY_ROTATED");
        assert_eq!(world.told(&text(&made["key"])), "ACTIVE");
    }
    assert_eq!(world.told(&token), "KEY_ROTATED");
    // The same idempotency key, but another overlap: not the same request.
    let key = key_of(&world.operator(), &world.account_id);
    let input =
        |overlap: u32| json!({"key_id": key.id, "overlap_seconds": overlap, "idempotency_key": "rotate"});
    world.operator().mutate("rotate_api_key", &input(7_776_000), "id").unwrap();
    let other =
        world.unchanged("another overlap", || world.operator().mutate("rotate_api_key", &input(0), "id"));
    assert_eq!(other, Err("IDEMPOTENCY_CONFLICT".into()));
    assert_eq!(world.told(&key.secret), "ACTIVE");
}

/// `rotate_signing_key`, `retire_signing_key` as superseded, `signing_keys`
#[test]
fn signing_keys_take_over_now_or_later_and_the_last_one_stays() {
    let world = World::new();
    let operator = world.operator();
    let first = world.signing_keys();
    assert_eq!(first.len(), 1);
    assert_eq!((&first[0]["retired_at"], &first[0]["reason"]), (&Value::Null, &Value::Null));
    assert_eq!(world.published(), [first[0]["kid"].clone()]);
    let old = world.token(&world.agent.secret);
    let retire = |id: &Value| json!({"signing_key_id": id, "reason": "superseded"});
    let retiring = |id: &Value| {
        world.unchanged("the last", || operator.mutate("retire_signing_key", &retire(id), "success"))
    };
    assert_eq!(retiring(&first[0]["id"]), Err("LAST_SIGNING_KEY".into()));

    // One for later is published at once, and signs nothing yet.
    let selection = "id kid active_from position";
    let later = json!({"active_from": FAR});
    let later =
        world.done(&operator, "rotate_signing_key", &later, "id kid active_from", &["SigningKeyAdded"]);
    assert_eq!(later["active_from"], FAR);
    assert_eq!(world.published(), [first[0]["kid"].clone(), later["kid"].clone()]);
    assert_eq!(retiring(&first[0]["id"]), Err("LAST_SIGNING_KEY".into()), "one for later signs nothing yet");

    // An instant that is over means now, or it would not take over.
    let now = json!({"active_from": "2001-01-01T00:00:00Z"});
    let second = operator.mutate("rotate_signing_key", &now, selection).unwrap();
    let third =
        world.done(&operator, "rotate_signing_key", &json!({}), "id kid active_from", &["SigningKeyAdded"]);
    // As instants of the log: texts whose zeros are trimmed do not sort.
    let events = events_of(&world.data);
    let active_from: Vec<_> = events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::SigningKeyAdded { active_from, .. } => Some(*active_from),
            _ => None,
        })
        .collect();
    let [of_first, _, of_second, of_third] = active_from[..] else { panic!("{active_from:?}") };
    assert!(of_first < of_second && of_second <= of_third, "{active_from:?}");
    assert_eq!(world.published().len(), 4);
    let new = world.token(&world.agent.secret);
    let signed_by = |token: &str, kid: &Value| {
        let input = json!({"signing_key_id": kid});
        operator.mutate("revoke_tokens", &input, "success").unwrap();
        world.told(token)
    };

    // Retired as superseded, what it signed is accepted still, and checked by others with the published set.
    let input = retire(&first[0]["id"]);
    let told =
        world.done(&operator, "retire_signing_key", &input, "success replacement_id", &["SigningKeyRetired"]);
    assert_eq!(told, json!({"success": true, "replacement_id": null}));
    let again =
        world.unchanged("again", || operator.mutate("retire_signing_key", &input, "success").unwrap());
    assert_eq!(again["success"], true);
    let listed = world.listed("signing_keys", &text(&first[0]["id"]), "reason retired_at");
    assert_eq!(listed["reason"], "superseded");
    assert!(listed["retired_at"].is_string());
    assert!(world.published().contains(&first[0]["kid"]));
    assert_eq!([&old, &new].map(|it| world.told(it)), ["ACTIVE", "ACTIVE"]);
    operator.mutate("retire_signing_key", &retire(&second["id"]), "success").unwrap();
    assert_eq!(retiring(&third["id"]), Err("LAST_SIGNING_KEY".into()));
    assert_eq!(signed_by(&new, &second["id"]), "ACTIVE", "the third signed it");
    assert_eq!(signed_by(&new, &third["id"]), "TOKEN_REVOKED");

    // Found out to be compromised later: refused now, and nothing need take its place.
    let input = json!({"signing_key_id": first[0]["id"], "reason": "compromised"});
    let told = world.done(&operator, "retire_signing_key", &input, "replacement_id", &["SigningKeyRetired"]);
    assert_eq!(told["replacement_id"], Value::Null);
    assert_eq!(world.told(&old), "SIGNING_KEY_REFUSED");
    let kept = std::fs::read_dir(world.data.join("secrets/signing")).unwrap().count();
    assert_eq!(kept, world.signing_keys().len(), "no private key is kept that the log does not know");

    // In pages of one, each entry comes once, in the order of the whole list.
    let (mut after, mut seen) = (Value::Null, vec![]);
    loop {
        let document = "query($after: String) { signing_keys(first: 1, after: $after) \
                        { edges { cursor node { id } } page_info \
                        { has_next_page has_previous_page start_cursor end_cursor } } }";
        let page = operator.graphql(document, &json!({"after": after})).json()["data"]["signing_keys"].take();
        let info = &page["page_info"];
        assert_eq!(info["has_previous_page"], json!(!seen.is_empty()));
        assert_eq!(
            (&info["start_cursor"], &info["end_cursor"]),
            (&page["edges"][0]["cursor"], &info["start_cursor"])
        );
        seen.push(page["edges"][0]["node"]["id"].clone());
        after = page["page_info"]["end_cursor"].clone();
        if page["page_info"]["has_next_page"] == false {
            break;
        }
    }
    let whole: Vec<_> = world.signing_keys().iter().map(|key| key["id"].clone()).collect();
    assert_eq!(seen, whole);
}

/// `retire_signing_key` as compromised.
#[test]
fn a_compromised_signing_key_is_replaced_at_once_and_nothing_it_signed_is_accepted() {
    let world = World::new();
    let operator = world.operator();
    let old = world.token(&world.agent.secret);
    let compromised = world.signing_keys().remove(0);
    let input = json!({"signing_key_id": compromised["id"], "reason": "compromised"});
    let events = ["SigningKeyAdded", "SigningKeyRetired"];
    let told = world.done(&operator, "retire_signing_key", &input, "success replacement_id", &events);
    assert_eq!(world.told(&old), "SIGNING_KEY_REFUSED");
    let new = world.token(&world.agent.secret);
    assert_eq!(world.told(&new), "ACTIVE");
    let replacement = world.listed("signing_keys", &text(&told["replacement_id"]), "kid retired_at");
    assert_eq!(world.published(), [replacement["kid"].clone()], "the set has the new one only");
    let shown = world.listed("signing_keys", &text(&compromised["id"]), "reason");
    assert_eq!(shown["reason"], "compromised");
    // Once is enough: no second replacement.
    let again = world.unchanged("again", || operator.mutate("retire_signing_key", &input, "replacement_id"));
    assert_eq!(again.unwrap()["replacement_id"], Value::Null);
    assert_eq!(world.signing_keys().len(), 2);

    // The replacement's private half was kept: it signs after a restart.
    let World { server, agent, data, _scratch, .. } = world;
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&data);
    let token = Client::anonymous(server.url()).token(&agent.secret);
    assert_eq!(Client::holding(server.url(), &token).whoami().status, 200);
    let set = Client::anonymous(server.url()).get("/.well-known/jwks.json").json();
    assert_eq!(set["keys"][0]["kid"], replacement["kid"]);
}

/// `revoke_tokens`, of each target.
#[test]
fn tokens_minted_until_now_are_refused_and_new_ones_accepted() {
    let world = World::new();
    let operator = world.operator();
    let of = |key: &Key| world.token(&key.secret);
    let second = key_of(&operator, &world.account_id);
    let signing_key = world.signing_keys()[0]["id"].clone();
    let globex = {
        let input = json!({"slug": "globex", "administrator_email": "eve@example.com"});
        text(&operator.mutate("create_tenant", &input, "key").unwrap()["key"])
    };
    let jti = |token: &str| {
        let form = [
            ("client_id", world.operator.key_id.as_str()),
            ("client_secret", world.operator.key.as_str()),
            ("token", token),
        ];
        let anonymous = Client::anonymous(world.server.url());
        let form = encoded(&form);
        let answer = anonymous.post("/oauth/introspect", "application/x-www-form-urlencoded", &form);
        text(&answer.json()["jti"])
    };
    let one = of(&world.agent);
    // What is named, and whether a token of the agent's second key, of the member and of another tenant stays.
    let cases = [
        (json!({"token_id": jti(&one), "key_id": world.agent.id}), [true, true, true]),
        (json!({"key_id": world.agent.id}), [true, true, true]),
        (json!({"service_account_id": world.account_id}), [false, true, true]),
        (json!({"tenant_id": world.operator.tenant_id, "all": false}), [false, false, true]),
        (json!({"signing_key_id": signing_key}), [false, false, false]),
        (json!({"all": true}), [false, false, false]),
    ];
    for (case, (target, stays)) in cases.iter().enumerate() {
        let token = if case == 0 { one.clone() } else { of(&world.agent) };
        let sibling = of(&world.agent);
        let others = [of(&second), of(&world.member), world.token(&globex)];
        for token in others.iter().chain([&token, &sibling]) {
            assert_eq!(world.told(token), "ACTIVE", "{target}");
        }
        world.done(&operator, "revoke_tokens", target, "success", &["TokensRevoked"]);
        assert_eq!(world.told(&token), "TOKEN_REVOKED", "{target}");
        assert_eq!(world.told(&sibling), if case == 0 { "ACTIVE" } else { "TOKEN_REVOKED" }, "{target}");
        let expected = stays.map(|stays| if stays { "ACTIVE" } else { "TOKEN_REVOKED" });
        assert_eq!(others.each_ref().map(|token| world.told(token)), expected, "{target}");
        for key in [&world.agent.secret, &second.secret, &world.member.secret, &globex] {
            assert_eq!(world.told(key), "ACTIVE", "keys stay: {target}");
            assert_eq!(world.told(&world.token(key)), "ACTIVE", "new tokens are accepted: {target}");
        }
        assert_eq!(world.told(&token), "TOKEN_REVOKED", "still: {target}");
    }
    // A user's: by an operator, and by the user.
    let input = json!({"user_id": world.member_id});
    for client in [&operator, &world.holding(&world.member.secret)] {
        let (token, other) = (of(&world.member), of(&world.agent));
        world.done(client, "revoke_tokens", &input, "success", &["TokensRevoked"]);
        assert_eq!([&token, &other].map(|it| world.told(it)), ["TOKEN_REVOKED", "ACTIVE"]);
        assert_eq!(world.told(&of(&world.member)), "ACTIVE");
    }
    // Each time is another watermark: tokens may have been minted since.
    let token = of(&world.member);
    operator.mutate("revoke_tokens", &input, "success").unwrap();
    assert_eq!(world.told(&token), "TOKEN_REVOKED");
    // Whoever shows a token may end it, and no other.
    let [token, other] = [of(&world.agent), of(&world.agent)];
    let myself = json!({"token_id": jti(&token), "key_id": world.agent.id});
    world.holding(&token).mutate("revoke_tokens", &myself, "success").unwrap();
    assert_eq!([&token, &other].map(|it| world.told(it)), ["TOKEN_REVOKED", "ACTIVE"]);
}

/// Each mutation, by somebody who may not.
#[test]
fn members_and_strangers_may_do_none_of_it() {
    let world = World::new();
    let (member, stranger) = (world.holding(&world.member.secret), world.stranger());
    let signing_key = world.signing_keys()[0]["id"].clone();
    let (agent, account, acme) = (&world.agent.id, &world.account_id, &world.operator.tenant_id);
    let (operator_key, operator_id) = (&world.operator.key_id, &world.operator.user_id);
    let (forbidden, unseen) = ("FORBIDDEN", "NOT_FOUND");
    for (mutation, input, to_member, to_stranger) in [
        ("rename_api_key", json!({"key_id": agent, "name": "x"}), forbidden, unseen),
        ("change_api_key_note", json!({"key_id": agent, "note": "x"}), forbidden, unseen),
        ("rename_api_key", json!({"key_id": operator_key, "name": "x"}), unseen, unseen),
        ("change_api_key_expiry", json!({"key_id": agent, "expires_at": FAR}), forbidden, unseen),
        ("change_api_key_expiry", json!({"key_id": operator_key}), unseen, unseen),
        ("rotate_api_key", json!({"key_id": agent}), forbidden, unseen),
        ("rotate_api_key", json!({"key_id": operator_key}), unseen, unseen),
        ("rename_tenant", json!({"tenant_id": acme, "name": "x"}), forbidden, unseen),
        (
            "change_tenant_policy",
            json!({"tenant_id": acme, "key_life_seconds_max": 60, "key_life_seconds_default": null}),
            forbidden,
            unseen,
        ),
        ("rename_service_account", json!({"service_account_id": account, "name": "x"}), forbidden, unseen),
        (
            "change_service_account_role",
            json!({"service_account_id": account, "role": "read_only"}),
            forbidden,
            unseen,
        ),
        ("grant_operator", json!({"user_id": world.member_id}), forbidden, forbidden),
        ("withdraw_operator", json!({"user_id": operator_id}), forbidden, forbidden),
        ("rotate_signing_key", json!({}), forbidden, forbidden),
        (
            "retire_signing_key",
            json!({"signing_key_id": signing_key, "reason": "compromised"}),
            forbidden,
            forbidden,
        ),
        ("revoke_tokens", json!({"token_id": ONE_OF_NONE, "key_id": agent}), forbidden, unseen),
        ("revoke_tokens", json!({"key_id": agent}), forbidden, unseen),
        ("revoke_tokens", json!({"user_id": operator_id}), forbidden, forbidden),
        ("revoke_tokens", json!({"service_account_id": account}), forbidden, unseen),
        ("revoke_tokens", json!({"tenant_id": acme}), forbidden, unseen),
        ("revoke_tokens", json!({"signing_key_id": signing_key}), forbidden, forbidden),
        ("revoke_tokens", json!({"all": true}), forbidden, forbidden),
    ] {
        for (who, client, code) in [("a member", &member, to_member), ("a stranger", &stranger, to_stranger)]
        {
            let what = format!("{mutation} {input} by {who}");
            let refused = world.unchanged(&what, || client.mutate(mutation, &input, "position"));
            assert_eq!(refused, Err(code.into()), "{what}");
        }
    }
    let document = "{ signing_keys { edges { node { id } } } }";
    for client in [&member, &stranger, &world.holding(&world.token(&world.operator.key))] {
        assert_eq!(client.query("signing_keys", document), Err(forbidden.into()));
    }
    let kept = std::fs::read_dir(world.data.join("secrets/signing")).unwrap().count();
    assert_eq!(kept, 1, "a refused command leaves no private key behind");
}

/// Each mutation, with input that cannot be.
#[test]
fn bad_input_is_refused_with_a_code_and_changes_nothing() {
    let world = World::new();
    let operator = world.operator();
    let (agent, account, long) = (&world.agent.id, &world.account_id, "x".repeat(10_240));
    let revoked = key_of(&operator, account).id;
    operator.mutate("delete_api_key", &json!({"key_id": revoked}), "success").unwrap();
    let disabled = key_of(&operator, account).id;
    operator.mutate("disable_api_key", &json!({"key_id": disabled}), "success").unwrap();
    let past = "2001-01-01T00:00:00Z";
    let policy = |max: Value, default: Value| json!({"key_life_seconds_max": max, "key_life_seconds_default": default});
    let elsewhere = json!({
        "tenant_id": ONE_OF_NONE, "key_life_seconds_max": null, "key_life_seconds_default": null,
    });
    for (mutation, input, code) in [
        ("rename_api_key", json!({"key_id": agent, "name": " "}), "NAME_INVALID"),
        ("rename_api_key", json!({"key_id": agent, "name": long}), "NAME_TOO_LONG"),
        ("rename_api_key", json!({"key_id": ONE_OF_NONE, "name": "x"}), "NOT_FOUND"),
        ("rename_api_key", json!({"key_id": revoked, "name": "x"}), "KEY_REVOKED"),
        ("change_api_key_note", json!({"key_id": revoked, "note": "x"}), "KEY_REVOKED"),
        ("change_api_key_note", json!({"key_id": ONE_OF_NONE, "note": "x"}), "NOT_FOUND"),
        (
            "change_api_key_note",
            json!({"key_id": agent, "note": format!("it is {}.", world.agent.secret)}),
            "INVALID",
        ),
        ("rename_api_key", json!({"key_id": agent, "name": "x", "idempotency_key": ""}), "INVALID"),
        ("change_api_key_expiry", json!({"key_id": agent, "expires_at": past}), "EXPIRY_IN_PAST"),
        ("change_api_key_expiry", json!({"key_id": ONE_OF_NONE, "expires_at": FAR}), "NOT_FOUND"),
        ("change_api_key_expiry", json!({"key_id": revoked, "expires_at": FAR}), "KEY_REVOKED"),
        ("change_api_key_expiry", json!({"key_id": agent, "idempotency_key": "é"}), "INVALID"),
        ("rotate_api_key", json!({"key_id": agent, "overlap_seconds": -1}), "INVALID"),
        ("rotate_api_key", json!({"key_id": agent, "overlap_seconds": 7_776_001}), "GRACE_TOO_LONG"),
        ("rotate_api_key", json!({"key_id": agent, "overlap_seconds": i32::MAX}), "GRACE_TOO_LONG"),
        ("rotate_api_key", json!({"key_id": agent, "expires_at": past}), "EXPIRY_IN_PAST"),
        ("rotate_api_key", json!({"key_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("rotate_api_key", json!({"key_id": revoked}), "KEY_REVOKED"),
        ("rotate_api_key", json!({"key_id": disabled}), "KEY_DISABLED"),
        ("rotate_api_key", json!({"key_id": agent, "idempotency_key": long}), "INVALID"),
        ("rename_tenant", json!({"name": ""}), "NAME_INVALID"),
        ("rename_tenant", json!({"name": "evil\u{202E}eman"}), "NAME_INVALID"),
        ("rename_tenant", json!({"tenant_id": ONE_OF_NONE, "name": "x"}), "NOT_FOUND"),
        ("change_tenant_policy", policy(json!(-1), Value::Null), "INVALID"),
        ("change_tenant_policy", policy(json!(0), Value::Null), "POLICY_CONTRADICTS"),
        ("change_tenant_policy", policy(Value::Null, json!(0)), "POLICY_CONTRADICTS"),
        ("change_tenant_policy", policy(json!(5), json!(6)), "POLICY_CONTRADICTS"),
        ("change_tenant_policy", elsewhere, "NOT_FOUND"),
        ("rename_service_account", json!({"service_account_id": account, "name": "a\nb"}), "NAME_INVALID"),
        ("rename_service_account", json!({"service_account_id": account, "name": account}), "NAME_INVALID"),
        (
            "rename_service_account",
            json!({"service_account_id": account, "name": "a@b.example"}),
            "NAME_INVALID",
        ),
        ("rename_service_account", json!({"service_account_id": ONE_OF_NONE, "name": "x"}), "NOT_FOUND"),
        (
            "change_service_account_role",
            json!({"service_account_id": ONE_OF_NONE, "role": "runner"}),
            "NOT_FOUND",
        ),
        ("grant_operator", json!({"user_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("withdraw_operator", json!({"user_id": account}), "NOT_FOUND"),
        ("rotate_signing_key", json!({"idempotency_key": ""}), "INVALID"),
        ("retire_signing_key", json!({"signing_key_id": ONE_OF_NONE, "reason": "compromised"}), "NOT_FOUND"),
        ("revoke_tokens", json!({}), "INVALID"),
        ("revoke_tokens", json!({"all": false}), "INVALID"),
        ("revoke_tokens", json!({"token_id": ONE_OF_NONE}), "INVALID"),
        ("revoke_tokens", json!({"key_id": agent, "all": true}), "INVALID"),
        ("revoke_tokens", json!({"user_id": world.member_id, "service_account_id": account}), "INVALID"),
        ("revoke_tokens", json!({"key_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("revoke_tokens", json!({"user_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("revoke_tokens", json!({"service_account_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("revoke_tokens", json!({"tenant_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("revoke_tokens", json!({"signing_key_id": ONE_OF_NONE}), "NOT_FOUND"),
        ("rotate_signing_key", json!({"active_from": "tomorrow"}), "GRAPHQL_VALIDATION_FAILED"),
        (
            "retire_signing_key",
            json!({"signing_key_id": ONE_OF_NONE, "reason": "stolen"}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("retire_signing_key", json!({"signing_key_id": ONE_OF_NONE}), "GRAPHQL_VALIDATION_FAILED"),
        ("revoke_tokens", json!({"key_id": "not an id"}), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let what = format!("{mutation} {:.120}", input.to_string());
        let refused = world.unchanged(&what, || operator.mutate(mutation, &input, "position"));
        assert_eq!(refused, Err(code.into()), "{what}");
    }
    let document = "{ signing_keys(first: 0) { edges { cursor } } }";
    assert_eq!(operator.query("signing_keys", document), Err("INVALID".into()));
    let none = "mutation { revoke_tokens(input: {}) { success } }";
    let message = operator.graphql(none, &Value::Null).json()["errors"][0]["message"].to_string();
    assert!(message.contains("name exactly one of token_id with key_id"), "{message}");
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(30), "{what}: not within 30 seconds");
        std::thread::sleep(Duration::from_millis(50));
    }
}
