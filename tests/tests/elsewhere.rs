//! What happens in one tenant is nobody's business in another: neither to be told of nor to be written into.

use std::collections::BTreeSet;

use keyledger_tests::client::{Client, encoded};
use keyledger_tests::server::keyledger;
use serde_json::{Value, json};

use crate::two_tenants::{Shown, TwoTenants, key_for, listed, text};
use crate::ui::Browser;

const HISTORY: &str =
    "query($key: key_named_input!) { key_history(key: $key) { steps { what position event { summary } } } }";
const EXPLAIN: &str = "query($key: key_named_input!, $tenant: uuid) { explain(key: $key, tenant_id: $tenant) { code \
    decided_by { position type event { summary } } } }";

fn by_id(id: &str) -> Value {
    json!({"key": {"id": id}})
}

fn asked(client: &Client, document: &str, field: &str, variables: &Value) -> Value {
    let answer = client.graphql(document, variables);
    assert_eq!(answer.code(), None, "{}", answer.json());
    answer.json()["data"][field].clone()
}

/// Whoever ends their own token names its key, which could be anybody's: the event would be in that key's history, and its
/// dry run would tell whose it is.
#[test]
fn nobody_ends_their_own_token_in_the_name_of_a_key_of_somebody_else() {
    let world = TwoTenants::new();
    let token = Client::anonymous(world.server.url()).token(&world.bob.secret);
    let form = [("client_id", &*world.bob.id), ("client_secret", &*world.bob.secret), ("token", &*token)];
    let introspected = Client::anonymous(world.server.url()).post(
        "/oauth/introspect",
        "application/x-www-form-urlencoded",
        &encoded(&form),
    );
    let jti = text(&introspected.json()["jti"]);
    let before = world.position();
    let bearer = world.holding(&token);
    let of_nobody = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    for key in [&world.eve.id, &world.agent.id, &world.ada.key_id, &of_nobody] {
        for dry_run in [true, false] {
            let input = json!({"token_id": jti, "key_id": key, "dry_run": dry_run});
            let refused = bearer.mutate("revoke_tokens", &input, "success dry_run { events { type } }");
            // As for all tokens of that key: of a machine of his own tenant a member may know.
            let code = if *key == world.agent.id { "FORBIDDEN" } else { "NOT_FOUND" };
            assert_eq!(refused.unwrap_err(), code, "{key}");
        }
    }
    assert_eq!(world.position(), before);
    assert_eq!(world.holding(&token).whoami().status, 200);
    bearer.mutate("revoke_tokens", &json!({"token_id": jti, "key_id": world.bob.id}), "success").unwrap();
    assert_eq!(world.holding(&token).whoami().status, 401);
}

#[test]
fn what_somebody_calls_their_own_key_is_told_to_them_alone() {
    let world = TwoTenants::new();
    let input = json!({"user_id": world.bob_id, "name": "for the salaries", "note": "of everybody"});
    let made = world.bob().mutate("create_api_key", &input, "id key").unwrap();
    let id = text(&made["id"]);
    let document = "query($key: key_named_input!) { key(key: $key) { name note status } }";
    let told = |client: &Client| asked(client, document, "key", &by_id(&id));
    let own = told(&world.bob());
    assert_eq!((&own["name"], &own["note"]), (&json!("for the salaries"), &json!("of everybody")));
    // An administrator of its home, and an operator.
    for other in [world.agent(), world.ada()] {
        let other = told(&other);
        assert_eq!((&other["name"], &other["note"]), (&json!("[sealed]"), &json!("[sealed]")));
        assert_eq!(other["status"], "ACTIVE");
    }
    let name = &told_of_account(&world)["name"];
    assert_eq!(name, "etl-key", "a machine's key is its tenant's");
}

fn told_of_account(world: &TwoTenants) -> Value {
    let document = "query($key: key_named_input!) { key(key: $key) { name } }";
    asked(&world.ada(), document, "key", &by_id(&world.agent.id))
}

#[test]
fn what_befalls_a_user_who_left_is_not_told_to_their_keys_home() {
    let world = TwoTenants::new();
    let (ada, eve) = (world.ada(), world.eve());
    let account = eve.mutate("create_service_account", &json!({"name": "hank"}), "id").unwrap();
    let hank = world.holding(&key_for(&eve, &text(&account["id"]), "hank-key").secret);
    let input = json!({"email": "eve@example.com", "role": "member"});
    world.agent().mutate("add_member", &input, "user_id").unwrap();
    // Or she were the only administrator there, and could not be suspended.
    let input = json!({"email": "bob@example.com", "role": "administrator"});
    eve.mutate("add_member", &input, "user_id").unwrap();
    let eve_id = json!({"user_id": text(&eve.whoami().json()["id"])});
    let befall = |what: &str| ada.mutate(what, &eve_id, "success").map(drop).unwrap();
    befall("suspend_user");
    befall("resume_user");
    hank.mutate("remove_member", &eve_id, "success").unwrap();
    befall("suspend_user");
    befall("resume_user");
    befall("grant_operator");
    let told = |client: &Client| -> Vec<String> {
        let life = asked(client, HISTORY, "key_history", &by_id(&world.eve.id));
        let steps = life["steps"].as_array().unwrap().iter();
        steps.filter(|step| step["position"].is_string()).map(|step| text(&step["what"])).collect()
    };
    let there = ["KeyCreated", "UserSuspended", "UserResumed", "MemberRemoved"];
    assert_eq!(told(&hank), there);
    let elsewhere = ["KeyCreated", "MemberAdded", "UserSuspended", "UserResumed", "MemberRemoved"];
    let since = ["UserSuspended", "UserResumed", "OperatorGranted"];
    assert_eq!(told(&ada), [&elsewhere[..], &since[..]].concat(), "an operator is told");
    // Nor is it among the events of the tenant.
    let filter = format!("first: 100, filter: {{user_id: \"{}\"}}", text(&eve_id["user_id"]));
    let events = listed(&hank, "events", &filter, "type").unwrap();
    let befell = |event: &&Value| text(&event["type"]) != "KeyCreated";
    let events: Vec<String> = events.iter().filter(befell).map(|event| text(&event["type"])).collect();
    assert_eq!(events, ["MemberAdded", "UserSuspended", "UserResumed", "MemberRemoved"]);
}

#[test]
fn who_left_a_tenant_is_not_told_who_removed_it_since() {
    let world = TwoTenants::new();
    let (ada, eve) = (world.ada(), world.eve());
    let input = json!({"slug": "initech", "administrator_email": "ada@example.com"});
    let initech = text(&ada.mutate("create_tenant", &input, "id").unwrap()["id"]);
    let eve_id = text(&eve.whoami().json()["id"]);
    let member = json!({"tenant_id": initech, "email": "eve@example.com", "role": "member"});
    ada.mutate("add_member", &member, "user_id").unwrap();
    let left = json!({"tenant_id": initech, "user_id": eve_id});
    eve.mutate("remove_member", &left, "success").unwrap();
    ada.mutate("remove_tenant", &json!({"tenant_id": initech}), "success").unwrap();
    let variables = json!({"key": {"id": world.eve.id}, "tenant": initech});
    let told = |client: &Client| asked(client, EXPLAIN, "explain", &variables)["decided_by"][0].clone();
    assert_eq!(told(&ada)["type"], "TenantRemoved");
    assert!(told(&ada)["event"]["summary"].is_string());
    assert_eq!(told(&eve)["event"], Value::Null);
}

/// In an incident somebody must be able to tell which keys a person has.
#[test]
fn the_keys_of_somebody_else_are_listed_for_those_who_may_see_each_of_them() {
    let world = TwoTenants::new();
    let (ada, eve) = (world.ada(), world.eve());
    let account = eve.mutate("create_service_account", &json!({"name": "hank"}), "id").unwrap();
    let hank = world.holding(&key_for(&eve, &text(&account["id"]), "hank-key").secret);
    let eve_id = text(&eve.whoami().json()["id"]);
    // A second key of hers, whose home is Acme.
    let acme = world.ada.tenant_id.clone();
    let input = json!({"email": "eve@example.com", "role": "member"});
    world.agent().mutate("add_member", &input, "user_id").unwrap();
    let input = json!({"user_id": eve_id, "name": "of eve alone", "tenant_id": acme});
    let in_acme = text(&eve.in_tenant(&acme).mutate("create_api_key", &input, "id").unwrap()["id"]);
    let told = |client: &Client, of: &str, more: &str| -> Vec<(String, String)> {
        let arguments = format!("filter: {{user_id: \"{of}\"{more}}}");
        let keys = listed(client, "keys", &arguments, "id name").unwrap();
        keys.iter().map(|key| (text(&key["id"]), text(&key["name"]))).collect()
    };
    let sealed = |id: &str| (id.to_owned(), "[sealed]".to_owned());
    assert_eq!(told(&ada, &eve_id, ""), [sealed(&world.eve.id), sealed(&in_acme)], "an operator");
    assert_eq!(told(&world.agent(), &eve_id, ""), [sealed(&in_acme)], "an administrator of Acme");
    assert_eq!(told(&hank, &eve_id, ""), [sealed(&world.eve.id)], "one of Globex");
    assert_eq!(told(&world.bob(), &eve_id, ""), [], "a member");
    assert_eq!(told(&ada, &eve_id, ", name_contains: \"alone\""), [], "nor by their names");
    assert_eq!(told(&eve, &eve_id, ", name_contains: \"alone\"").len(), 1, "but for herself");
    assert!(listed(&ada, "keys", "", "id").unwrap().iter().all(|key| key["id"] != in_acme), "unasked");
}

/// A token is for one tenant: what else its user has is not for whoever came by it. Nor is anything for a key that may not read.
#[test]
fn a_confined_credential_is_told_of_no_key_that_reaches_further() {
    let world = TwoTenants::new();
    let bob = world.bob();
    let acme = world.ada.tenant_id.clone();
    let anywhere = key_for(&bob, &world.bob_id, "anywhere");
    let made = |name: &str, more: Value| {
        let mut input = json!({"user_id": world.bob_id, "name": name, "tenant_id": acme});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bob.mutate("create_api_key", &input, "id key").unwrap()
    };
    let (confined, narrow) = (made("here", json!({})), made("narrow", json!({"scopes": ["flows:run"]})));
    let keys = |client: &Client, filter: &str| -> BTreeSet<String> {
        listed(client, "keys", filter, "id").unwrap().iter().map(|key| text(&key["id"])).collect()
    };
    let there = BTreeSet::from([text(&confined["id"]), text(&narrow["id"])]);
    let everywhere: BTreeSet<_> =
        there.iter().cloned().chain([world.bob.id.clone(), anywhere.id.clone()]).collect();
    let of_bob = format!("filter: {{user_id: \"{}\"}}", world.bob_id);
    let token = Client::anonymous(world.server.url()).token(&world.bob.secret);
    for filter in ["", &of_bob] {
        assert_eq!(keys(&bob, filter), everywhere, "{filter}");
        for shown in [token.clone(), text(&confined["key"])] {
            assert_eq!(keys(&world.holding(&shown), filter), there, "{filter}");
        }
    }
    let document = "query($key: key_named_input!) { key(key: $key) { name } }";
    let told = |shown: &str, id: &str| world.holding(shown).graphql(document, &by_id(id)).code();
    assert_eq!(told(&token, &text(&confined["id"])), None);
    assert_eq!(told(&token, &anywhere.id).unwrap(), "NOT_FOUND");
    let shown = text(&narrow["key"]);
    for id in [&anywhere.id, &text(&confined["id"]), &text(&narrow["id"])] {
        assert_eq!(told(&shown, id).unwrap(), "NOT_FOUND", "it may not read");
    }
    // Whoever administers the keys' home sees them, and by a token not even what they are called.
    let eve_id = text(&world.eve().whoami().json()["id"]);
    let other = key_for(&world.eve(), &eve_id, "of eve alone").id;
    let called = |client: &Client| asked(client, document, "key", &by_id(&other))["name"].clone();
    assert_eq!(called(&world.eve()), "of eve alone");
    let token = Client::anonymous(world.server.url()).token(&world.eve.secret);
    assert_eq!(called(&world.holding(&token)), "[sealed]");
}

/// The answer is for the tenant of whoever asks: of what does not act there, nothing is told, not even that it lives.
#[test]
fn what_acts_elsewhere_is_introspected_as_what_is_dead() {
    let world = TwoTenants::new();
    let anonymous = Client::anonymous(world.server.url());
    let token = anonymous.token(&world.agent.secret);
    let introspected = |client: &Shown, shown: &str| {
        let form = [("client_id", &*client.id), ("client_secret", &*client.secret), ("token", shown)];
        anonymous.post("/oauth/introspect", "application/x-www-form-urlencoded", &encoded(&form))
    };
    for shown in [&world.agent.secret, &token, &world.bob.secret] {
        assert_eq!(introspected(&world.bob, shown).json()["active"], true);
        assert_eq!(introspected(&world.eve, shown).text, r#"{"active":false}"#);
    }
    // Who belongs to both is told of as whoever they are where it is asked.
    let input = json!({"email": "eve@example.com", "role": "runner"});
    world.agent().mutate("add_member", &input, "user_id").unwrap();
    for (asks, tenant, role) in
        [(&world.bob, &world.ada.tenant_id, "runner"), (&world.eve, &world.globex_id, "administrator")]
    {
        let told = introspected(asks, &world.eve.secret).json();
        assert_eq!((&told["tenant"], &told["role"]), (&json!(tenant), &json!(role)));
    }
}

/// Everybody may have the proof of an event; the event is in it for whoever reads it in their own tenant.
#[test]
fn a_receipt_shows_no_event_of_another_tenant() {
    let world = TwoTenants::new();
    let input = json!({"user_id": world.account_id, "name": "nightly"});
    let position = text(&world.ada().mutate("create_api_key", &input, "position").unwrap()["position"]);
    let shows = |client: &Client| {
        let proof = client.get(&format!("/tlog/proof/{position}"));
        assert_eq!(proof.status, 200, "{}", proof.text);
        proof.text.contains("\nextra ")
    };
    assert!(shows(&world.ada()) && shows(&world.agent()), "whoever did it, and an administrator");
    assert!(!shows(&world.eve()) && !shows(&world.bob()), "one of another tenant, and a member");
}

#[test]
fn a_machine_sees_the_key_that_it_shows_and_no_other() {
    let world = TwoTenants::new();
    let runner = json!({"name": "runner", "role": "runner"});
    let account = text(&world.ada().mutate("create_service_account", &runner, "id").unwrap()["id"]);
    let (own, other) = (key_for(&world.ada(), &account, "own"), key_for(&world.ada(), &account, "other"));
    let document = "query($key: key_named_input!) { key(key: $key) { name status } }";
    let machine = world.holding(&own.secret);
    assert_eq!(asked(&machine, document, "key", &by_id(&own.id)), json!({"name": "own", "status": "ACTIVE"}));
    assert_eq!(asked(&machine, HISTORY, "key_history", &by_id(&own.id))["steps"][0]["what"], "KeyCreated");
    assert_eq!(machine.graphql(document, &by_id(&other.id)).code().unwrap(), "NOT_FOUND");
}

/// A key for any tenant whose user is in none just now comes back with the next one: it must not be told of as dead.
#[test]
fn a_key_that_may_come_back_is_listed_and_can_be_revoked() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let bob = json!({"user_id": world.bob_id});
    ada.mutate("remove_member", &bob, "success").unwrap();
    let document = "query($key: key_named_input!) { key(key: $key) { status } blast_radius(key: $key) { contain_with } }";
    let listed_as = |all: &str| {
        let arguments = format!("filter: {{user_id: \"{}\"}}{all}", world.bob_id);
        listed(&ada, "keys", &arguments, "status").unwrap()
    };
    assert_eq!(listed_as(""), [json!({"status": "MEMBERSHIP_REMOVED"})]);
    let told = ada.graphql(document, &by_id(&world.bob.id)).json()["data"].clone();
    assert_eq!(
        told["blast_radius"]["contain_with"],
        format!("keyledger key revoke {} --reason key_compromise", world.bob.id)
    );
    let browser = Browser::at(world.server.url());
    assert_eq!(browser.sign_in(&world.ada.key).status, 303);
    let page = browser.page(&format!("/ui/keys/{}", world.bob.id));
    assert!(page.contains("or become one") && page.contains("/revoke"), "{page}");
    let input = json!({"tenant_id": world.globex_id, "email": "bob@example.com", "role": "member"});
    world.eve().mutate("add_member", &input, "user_id").unwrap();
    assert_eq!(world.bob().whoami().status, 200);
    // Once it is revoked, it is over.
    ada.mutate("delete_api_key", &json!({"key_id": world.bob.id}), "success").unwrap();
    assert!(listed_as("").is_empty() && listed_as(", all: true").len() == 1);
}

#[test]
fn whoever_may_not_revoke_a_key_is_told_what_they_may_do() {
    let world = TwoTenants::new();
    let document = "query($key: key_named_input!) { blast_radius(key: $key) { contain_with } }";
    let told = |client: &Client| {
        text(&asked(client, document, "blast_radius", &by_id(&world.bob.id))["contain_with"])
    };
    let revoke = format!("keyledger key revoke {} --reason key_compromise", world.bob.id);
    assert_eq!((told(&world.ada()), told(&world.bob())), (revoke.clone(), revoke));
    let remove = format!("keyledger member remove {} --tenant {}", world.bob_id, world.ada.tenant_id);
    assert_eq!(told(&world.agent()), remove);
    let key_file = world.data.with_file_name("agent.key");
    std::fs::write(&key_file, &world.agent.secret).unwrap();
    let command = remove.strip_prefix("keyledger ").unwrap().split(' ').chain([
        "--yes",
        "--url",
        world.server.url(),
        "--key-file",
        key_file.to_str().unwrap(),
    ]);
    let output = keyledger(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.bob().whoami().status, 401);
}
