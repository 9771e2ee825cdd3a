//! Auditors: keys narrowed to `keyledger:audit`, which see all and change nothing.

use std::path::Path;

use domain::role::{Permission, Role};
use keyledger_tests::client::Client;
use serde_json::json;

use crate::cascade::addressed;
use crate::two_tenants::{TwoTenants, key_for, listed, text};

/// A key of this owner, narrowed to these scopes, made by whoever may.
fn narrowed(maker: &Client, owner: &str, scopes: &[&str]) -> String {
    let input = json!({"user_id": owner, "name": "auditor", "scopes": scopes});
    text(&maker.mutate("create_api_key", &input, "key").unwrap()["key"])
}

/// An account of Acme with the role of an administrator, as an auditor of the tenant would have it.
fn account(world: &TwoTenants) -> String {
    let input = json!({"name": "auditor", "role": "administrator"});
    text(&world.ada().mutate("create_service_account", &input, "id").unwrap()["id"])
}

fn forbidden<T: std::fmt::Debug>(what: &str, answer: Result<T, String>) {
    assert_eq!(answer.unwrap_err(), "FORBIDDEN", "{what}");
}

/// The scope `keyledger:audit`, in a tenant
#[test]
fn an_auditor_of_a_tenant_sees_all_of_it_and_changes_nothing() {
    let world = TwoTenants::new();
    let (ada, account) = (world.ada(), account(&world));
    let auditor = narrowed(&ada, &account, &["keyledger:audit"]);
    world.bob().mutate("create_service_account", &json!({"name": "no"}), "id").unwrap_err();
    let by_token = Client::anonymous(world.server.url()).token(&auditor);
    let etl = &world.account_id;
    let key = &key_for(&ada, etl, "never used").id;
    // Another account that administers; what a person calls their own keys is theirs alone.
    let other = world.agent();
    for held in [&auditor, &by_token] {
        let auditor = world.holding(held);
        for (field, arguments, selection) in [
            ("events", "first: 100", "position summary"),
            ("events", "first: 100, as_of: {position: \"3\"}", "position summary"),
            ("refusals", "first: 100", "command code"),
            ("members", "", "user_id email role"),
            ("service_accounts", "", "id name role"),
        ] {
            let seen = listed(&auditor, field, arguments, selection).unwrap();
            assert_eq!(seen, listed(&other, field, arguments, selection).unwrap(), "{field}({arguments})");
            assert!(!seen.is_empty(), "{field}({arguments})");
        }
        let keys = listed(&auditor, "keys", "", "id name").unwrap();
        assert!(keys.iter().any(|node| node["id"] == *key), "{keys:?}");
        for (field, document) in [
            (
                "key_history",
                format!(
                    "{{ key_history(key: {{id: \"{key}\"}}) {{ steps {{ at what event {{ summary }} }} }} }}"
                ),
            ),
            (
                "blast_radius",
                format!("{{ blast_radius(key: {{id: \"{key}\"}}) {{ events_count spells {{ role }} }} }}"),
            ),
            (
                "explain",
                format!("{{ explain(key: {{id: \"{key}\"}}) {{ code decided_by {{ position }} }} }}"),
            ),
            ("state_diff", "{ state_diff(from: {position: \"1\"}) { count events_count } }".to_owned()),
            ("event_density", "{ event_density(stretches: 5) { width stretches { from } } }".to_owned()),
        ] {
            let seen = auditor.query(field, &document);
            assert_eq!(seen, other.query(field, &document), "{document}");
            assert!(seen.is_ok(), "{document}: {seen:?}");
        }
    }

    let signing_key = text(&listed(&ada, "signing_keys", "", "id").unwrap()[0]["id"]);
    let (tenant, auditor) = (&world.ada.tenant_id, world.holding(&auditor));
    let before = world.position();
    let fields = |mutation| if mutation == "create_api_key" { "id" } else { "__typename" };
    for (mutation, input) in addressed(tenant, &world.bob_id, etl, key, &signing_key) {
        let refused = auditor.mutate(mutation, &input, fields(mutation)).unwrap_err();
        assert!(["FORBIDDEN", "NOT_FOUND"].contains(&refused.as_str()), "{mutation} {input}: {refused}");
    }
    let rehearsed = json!({"key_id": key, "dry_run": true});
    forbidden("a dry run", auditor.mutate("delete_api_key", &rehearsed, "success"));
    let own = json!({"user_id": account, "name": "wider"});
    forbidden("a key of its own", auditor.mutate("create_api_key", &own, "id"));
    let question = json!({"credential": world.agent.secret}).to_string();
    assert_eq!(auditor.post("/v1/verify", "application/json", &question).status, 403);
    assert_eq!(auditor.get("/tlog/tile/entries/000.p/1").status, 403, "entries are of every tenant");
    forbidden("every tenant", listed(&auditor, "events", "all: true", "position"));
    assert_eq!(world.position(), before, "nothing was changed");

    // Neither reading nor the role alone is auditing.
    let reader = world.holding(&narrowed(&ada, &account, &["keyledger:read", "keyledger:keys"]));
    forbidden("a reader", listed(&reader, "events", "", "position"));
    forbidden("a reader", listed(&reader, "refusals", "", "code"));
    let bob = world.holding(&narrowed(&world.bob(), &world.bob_id, &["keyledger:audit"]));
    forbidden("a member", listed(&bob, "events", "", "position"));
    let administers = world.holding(&narrowed(&ada, &account, &["keyledger:admin"]));
    assert!(!listed(&administers, "events", "", "position").unwrap().is_empty());
}

/// The scope `keyledger:audit`, of an operator
#[test]
fn an_auditor_of_the_deployment_sees_every_tenant_and_the_entries_and_changes_nothing() {
    let world = TwoTenants::new();
    let (ada, me) = (world.ada(), &world.ada.user_id);
    let auditor = world.holding(&narrowed(&ada, me, &["keyledger:audit"]));
    let globex = format!("first: 100, all: true, tenant_id: \"{}\"", world.globex_id);
    for (field, arguments, selection) in [
        ("events", "first: 100, all: true", "position summary"),
        ("events", &globex, "position summary"),
        ("tenants", "all: true", "id slug"),
        ("users", "", "id email"),
        ("signing_keys", "", "id kid"),
    ] {
        let seen = listed(&auditor, field, arguments, selection).unwrap();
        assert_eq!(seen, listed(&ada, field, arguments, selection).unwrap(), "{field}({arguments})");
        assert!(!seen.is_empty(), "{field}({arguments})");
    }
    let size = ada.get("/tlog/checkpoint").text.lines().nth(1).unwrap().to_owned();
    let entries = format!("/tlog/tile/entries/000.p/{size}");
    assert_eq!(auditor.bytes(&entries), ada.bytes(&entries));
    assert_eq!(auditor.bytes(&entries).0, 200);
    assert!(auditor.get("/tlog/proof/1").text.contains("\nextra "));
    for scopes in [&["keyledger:read"][..], &["keyledger:metrics"], &["keyledger:admin"]] {
        let other = world.holding(&narrowed(&ada, me, scopes));
        assert_eq!(other.get(&entries).status, 403, "{scopes:?}");
        forbidden("another scope", listed(&other, "events", "all: true", "position"));
    }
    let confined = json!({"user_id": me, "name": "here", "scopes": ["keyledger:audit"], "tenant_id": world.ada.tenant_id});
    let confined = world.holding(&text(&ada.mutate("create_api_key", &confined, "key").unwrap()["key"]));
    forbidden("a confined key", listed(&confined, "events", "all: true", "position"));
    assert!(!listed(&confined, "events", "", "position").unwrap().is_empty(), "of its tenant it sees all");

    let before = world.position();
    let new = json!({"slug": "initech", "administrator_email": "peter@example.com"});
    forbidden("a tenant", auditor.mutate("create_tenant", &new, "id"));
    for mutation in ["suspend_tenant", "remove_tenant"] {
        forbidden(mutation, auditor.mutate(mutation, &json!({"tenant_id": world.globex_id}), "success"));
    }
    forbidden("a signing key", auditor.mutate("rotate_signing_key", &json!({}), "id"));
    forbidden("a key", auditor.mutate("delete_api_key", &json!({"key_id": world.ada.key_id}), "success"));
    assert_eq!(auditor.get("/metrics").status, 403, "metrics have a scope of their own");
    assert_eq!(world.position(), before, "nothing was changed");
}

/// `docs/scopes.md`
#[test]
fn the_page_of_scopes_says_what_each_role_permits() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scopes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `keyledger:")).collect();
    assert_eq!(rows.len(), Permission::ALL.len());
    for (row, permission) in rows.into_iter().zip(Permission::ALL) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[1], format!("`{}`", permission.scope()));
        let told: Vec<_> = cells[3..7].iter().map(|cell| *cell == "yes").collect();
        assert_eq!(told, Role::ALL.map(|role| role.permits(permission)), "{row}");
    }
}
