//! Lists and their filters: each leaves what it says, and nothing of another tenant.

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, init};
use serde_json::{Value, json};

use crate::two_tenants::{Shown, TwoTenants, key_for, listed, text};

fn names(client: &Client, list: &str, arguments: &str) -> Vec<String> {
    let found = listed(client, list, arguments, "name").unwrap_or_else(|code| panic!("{arguments}: {code}"));
    let mut names: Vec<_> = found.iter().map(|node| text(&node["name"])).collect();
    names.sort();
    names
}

fn done(client: &Client, mutation: &str, input: &Value) -> Value {
    client.mutate(mutation, input, "success").unwrap_or_else(|code| panic!("{mutation}: {code}"))
}

/// Keys of the service account, one in each state that a key can be brought into.
struct Keys {
    world: TwoTenants,
    rotated: Shown,
}

impl Keys {
    fn new() -> Self {
        let world = TwoTenants::new();
        let ada = world.ada();
        let key = |name: &str| key_for(&ada, &world.account_id, name);
        key("plain");
        done(&ada, "disable_api_key", &json!({"key_id": key("disabled").id}));
        let revoked = json!({"key_id": key("revoked").id, "reason": "superseded"});
        done(&ada, "delete_api_key", &revoked);
        let rotated = key("rotated");
        let input = json!({"key_id": rotated.id});
        ada.mutate("rotate_api_key", &input, "id").unwrap();
        let soon = json!({"user_id": world.account_id, "name": "soon", "expires_at": "2999-01-01T00:00:00Z"});
        ada.mutate("create_api_key", &soon, "id").unwrap();
        Self { world, rotated }
    }

    #[track_caller]
    fn check(&self, filter: &str, expected: &[&str]) {
        // Its first key has no name that is told here.
        let mut found = names(
            &self.world.ada(),
            "keys",
            &format!("filter: {{user_id: \"{}\", {filter}}}", self.world.account_id),
        );
        found.retain(|name| name != "etl-key");
        assert_eq!(found, expected, "{filter}");
    }
}

/// `keys(filter: …)`
#[test]
fn keys_by_state_name_end_and_owner() {
    let keys = Keys::new();
    keys.check("state: active", &["plain", "rotated", "soon"]);
    keys.check("state: disabled", &["disabled"]);
    keys.check("state: revoked", &["revoked"]);
    keys.check("state: rotated", &["rotated"]);
    keys.check("state: [revoked, disabled]", &["disabled", "revoked"]);
    keys.check("state: expired", &[]);
    keys.check("state: []", &[]);
    keys.check("name_contains: \"OTATE\"", &["rotated"]);
    keys.check("name_contains: \"\"", &["disabled", "plain", "rotated", "soon"]);
    keys.check("expiring_within_seconds: 60", &[]);
    keys.check("expiring_within_seconds: 2147483647", &[]);
    let world = &keys.world;
    let own = names(&world.ada(), "keys", &format!("filter: {{user_id: \"{}\"}}", world.ada.user_id));
    assert_eq!(own.len(), 1, "{own:?}");
    let negative = listed(&world.ada(), "keys", "filter: {expiring_within_seconds: -1}", "id");
    assert_eq!(negative, Err("INVALID".into()));
    let unknown = world.ada().graphql("{ keys(filter: {state: lost}) { edges { cursor } } }", &Value::Null);
    assert_eq!((unknown.status, unknown.code().as_deref()), (400, Some("GRAPHQL_VALIDATION_FAILED")));
}

#[test]
fn keys_that_end_soon_and_those_that_rest_on_something_that_ended() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let old = key_for(&ada, &world.account_id, "old");
    ada.mutate("rotate_api_key", &json!({"key_id": old.id, "overlap_seconds": 3600}), "id").unwrap();
    let within =
        |seconds: u32| names(&ada, "keys", &format!("filter: {{expiring_within_seconds: {seconds}}}"));
    assert_eq!(within(3_700), ["old"], "its grace ends by itself");
    assert_eq!(within(3_000), [""; 0]);
    let account = json!({"service_account_id": world.account_id});
    done(&ada, "suspend_service_account", &account);
    assert_eq!(names(&ada, "keys", "filter: {state: suspended}"), ["etl-key", "old", "old"]);
    done(&ada, "resume_service_account", &account);
    assert_eq!(names(&ada, "keys", "filter: {state: suspended}"), [""; 0]);
    done(&ada, "delete_service_account", &account);
    assert_eq!(names(&ada, "keys", "filter: {state: ended}"), ["etl-key", "old", "old"]);
}

#[test]
fn keys_that_were_not_used_for_long() {
    let world = TwoTenants::new();
    let ada = world.ada();
    key_for(&ada, &world.account_id, "never");
    assert_eq!(world.agent().whoami().status, 200);
    let account = format!("user_id: \"{}\"", world.account_id);
    let unused =
        |before: &str| names(&ada, "keys", &format!("filter: {{{account}, last_used_before: \"{before}\"}}"));
    assert_eq!(unused("2020-01-01T00:00:00Z"), ["never"], "never counts as before");
    assert_eq!(unused("2999-01-01T00:00:00Z"), ["etl-key", "never"]);
}

#[test]
fn keys_show_what_became_of_them() {
    let keys = Keys::new();
    let fields = "id name grace_ends_at successor_id predecessor_id revocation_reason status";
    let found = listed(&keys.world.ada(), "keys", "all: true", fields).unwrap();
    let old = found.iter().find(|key| key["id"] == keys.rotated.id).unwrap();
    let new = found.iter().find(|key| key["predecessor_id"] == keys.rotated.id).unwrap();
    assert_eq!(old["successor_id"], new["id"]);
    assert!(old["grace_ends_at"].is_string() && new["grace_ends_at"].is_null());
    assert_eq!((&old["revocation_reason"], &old["predecessor_id"]), (&Value::Null, &Value::Null));
    let revoked = found.iter().find(|key| key["name"] == "revoked").unwrap();
    assert_eq!(revoked["revocation_reason"], "superseded");
}

#[test]
fn members_accounts_and_tenants_by_state_role_and_name() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let emails = |filter: &str| {
        let found = listed(&ada, "members", &format!("filter: {{{filter}}}"), "email").unwrap();
        found.iter().map(|node| text(&node["email"])).collect::<Vec<_>>()
    };
    assert_eq!(emails("role: member"), ["bob@example.com"]);
    assert_eq!(emails("role: [administrator]"), ["ada@example.com"]);
    assert_eq!(emails("name_contains: \"BOB@\""), ["bob@example.com"]);
    assert_eq!(emails("name_contains: \"eve\""), [""; 0], "of another tenant");
    done(&ada, "suspend_user", &json!({"user_id": world.bob_id}));
    assert_eq!(emails("state: suspended"), ["bob@example.com"]);
    assert_eq!(emails("state: living"), ["ada@example.com"]);

    ada.mutate("create_service_account", &json!({"name": "reader", "role": "read_only"}), "id").unwrap();
    let accounts = |filter: &str| names(&ada, "service_accounts", &format!("filter: {{{filter}}}"));
    assert_eq!(accounts("role: read_only"), ["reader"]);
    assert_eq!(accounts("name_contains: \"ETL\""), ["etl"]);
    assert_eq!(accounts("state: removed"), [""; 0]);
    done(&ada, "delete_service_account", &json!({"service_account_id": world.account_id}));
    assert_eq!(accounts("state: removed"), ["etl"]);
    assert_eq!(accounts("state: [removed, living]"), ["etl", "reader"]);
    assert_eq!(names(&ada, "service_accounts", ""), ["reader"]);

    let tenants = |arguments: &str| names(&ada, "tenants", arguments);
    assert_eq!(tenants("filter: {name_contains: \"GLOB\"}"), [""; 0], "not one's own");
    assert_eq!(tenants("all: true, filter: {name_contains: \"GLOB\"}"), ["globex"]);
    done(&ada, "suspend_tenant", &json!({"tenant_id": world.globex_id}));
    assert_eq!(tenants("all: true, filter: {state: suspended}"), ["globex"]);
    assert_eq!(tenants("all: true, filter: {state: living}"), ["acme"]);
}

/// `auth_api_key`, `tenant`
#[test]
fn the_old_lists_take_where_order_limit_and_offset() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let middle = key_for(&ada, &world.account_id, "mm");
    key_for(&ada, &world.account_id, "zz");
    let old = |list: &str, arguments: &str| {
        let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        ada.query(list, &format!("{{ {list}{arguments} {{ name }} }}"))
            .map(|found| found.as_array().unwrap().iter().map(|node| text(&node["name"])).collect::<Vec<_>>())
    };
    let own = format!("where: {{user_id: {{_eq: \"{}\"}}}}, order_by: ", world.account_id);
    assert_eq!(old("auth_api_key", &format!("{own}{{name: asc}}")).unwrap(), ["etl-key", "mm", "zz"]);
    assert_eq!(old("auth_api_key", &format!("{own}[{{name: desc}}], limit: 2")).unwrap(), ["zz", "mm"]);
    let rest = format!("{own}{{expires_at: asc, created_at: desc}}, limit: 5, offset: 1");
    assert_eq!(old("auth_api_key", &rest).unwrap(), ["mm", "etl-key"]);
    let one = format!("where: {{id: {{_eq: \"{}\"}}, name: {{_eq: null}}}}", middle.id);
    assert_eq!(old("auth_api_key", &one).unwrap(), ["mm"]);
    assert_eq!(old("auth_api_key", "where: {name: {_eq: \"nobody's\"}}").unwrap(), [""; 0]);
    assert_eq!(old("auth_api_key", "").unwrap().len(), 4);
    assert_eq!(old("tenant", "limit: 0").unwrap(), [""; 0]);
    assert_eq!(
        old("tenant", "where: {slug: {_eq: null}}, order_by: {slug: asc}, offset: 0").unwrap(),
        ["acme"]
    );
    for bad in ["limit: -1", "offset: -1"] {
        assert_eq!(old("auth_api_key", bad), Err("INVALID".into()));
        assert_eq!(old("tenant", bad), Err("INVALID".into()));
    }
    let eves = world.eve().query("auth_api_key", "{ auth_api_key { name } }").unwrap();
    assert_eq!(eves.as_array().unwrap().len(), 1, "{eves}");
}

/// `users`: the people of the deployment, across all tenants.
#[test]
fn an_operator_finds_everybody_and_nobody_else_does() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let operator = Client::holding(server.url(), &made.key);
    let input = json!({"slug": "globex", "administrator_email": "eve@globex.example"});
    let globex = operator.mutate("create_tenant", &input, "administrator_id key").unwrap();
    let found = |filter: &str| {
        let document = format!(
            "{{ users(filter: {{ {filter} }}) {{ edges {{ node {{ id email operator standing }} }} }} }}"
        );
        let users = operator.query("users", &document).unwrap();
        let edges = users["edges"].as_array().unwrap().clone();
        edges.into_iter().map(|edge| edge["node"]["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(""), ["ada@example.com", "eve@globex.example"]);
    assert_eq!(found("name_contains: \"GLOBEX\""), ["eve@globex.example"]);
    assert_eq!(found("operator: true"), ["ada@example.com"]);
    let document = "{ users { edges { node { email } } } }";
    let eve = Client::holding(server.url(), globex["key"].as_str().unwrap());
    assert_eq!(eve.query("users", document), Err("FORBIDDEN".into()));
    let gone = json!({"user_id": globex["administrator_id"]});
    assert_eq!(operator.mutate("remove_user", &gone, "success").err().as_deref(), Some("LAST_ADMINISTRATOR"));
    let tenant = eve.query("tenants", "{ tenants { edges { node { id } } } }").unwrap();
    let tenant = json!({"tenant_id": tenant["edges"][0]["node"]["id"]});
    operator.mutate("remove_tenant", &tenant, "success").unwrap();
    operator.mutate("remove_user", &gone, "success").unwrap();
    assert_eq!(found(""), ["ada@example.com"]);
    assert_eq!(found("state: removed"), ["eve@globex.example"]);
}
