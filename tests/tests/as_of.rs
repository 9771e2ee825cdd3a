//! Queries about a moment that has passed, from outside: what was then, seen with the rights of now.

use std::thread::sleep;
use std::time::Duration;

use keyledger_tests::client::Client;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, nodes, text};

/// A query's field with its arguments, and the moment that the answer's extensions tell.
fn asked(client: &Client, field: &str, arguments: &str, selection: &str) -> (Value, Value) {
    let answer = client.graphql(&format!("{{ {field}({arguments}) {{ {selection} }} }}"), &Value::Null);
    assert_eq!(answer.code(), None, "{}", answer.text);
    let answer = answer.json();
    (answer["data"][field].clone(), answer["extensions"]["as_of"][field].clone())
}

fn code(client: &Client, field: &str, arguments: &str) -> String {
    let document = format!("{{ {field}({arguments}) {{ edges {{ cursor }} }} }}");
    client.query(field, &document).unwrap_err()
}

fn position(number: u64) -> String {
    format!("as_of: {{position: \"{number}\"}}")
}

const KEY: &str = "edges { node { id status } } as_of { position instant head }";

fn status(page: &Value, id: &str) -> Value {
    let nodes = nodes(page);
    nodes.iter().find(|node| node["id"] == id).map_or(Value::Null, |node| node["status"].clone())
}

/// `keys(as_of: …)`
#[test]
fn a_key_is_as_it_was_and_the_answer_says_when_that_is() {
    let world = TwoTenants::new();
    let (ada, made) = (world.ada(), world.position());
    ada.mutate("delete_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    let revoked = world.position();
    assert_eq!(revoked, made + 1);
    for (at, expected) in [(made, "ACTIVE"), (revoked, "KEY_REVOKED")] {
        let (page, extension) = asked(&ada, "keys", &format!("all: true, {}", position(at)), KEY);
        assert_eq!(status(&page, &world.agent.id), expected);
        let as_of = &page["as_of"];
        assert_eq!((text(&as_of["position"]), text(&as_of["head"])), (at.to_string(), revoked.to_string()));
        assert_eq!(*as_of, extension, "one answer, told twice");
        // The same by its instant.
        let instant = format!("all: true, as_of: {{instant: {}}}", as_of["instant"]);
        let (same, _) = asked(&ada, "keys", &instant, KEY);
        assert_eq!(status(&same, &world.agent.id), expected);
        assert_eq!(same["as_of"], *as_of);
    }
    let before = nodes(&asked(&ada, "keys", &format!("all: true, {}", position(1)), KEY).0);
    assert_eq!(before, [Value::Null; 0], "there was no key with the first event");
    let document = "{ keys { as_of { position head } } }";
    let answer = ada.graphql(document, &Value::Null).json();
    let now = &answer["data"]["keys"]["as_of"];
    assert_eq!((&now["position"], &now["head"]), (&json!(revoked.to_string()), &json!(revoked.to_string())));
    assert_eq!(answer["extensions"], Value::Null, "nobody asked about a moment");
}

/// `keys(as_of: …)`
#[test]
fn what_the_clock_decides_is_decided_at_that_moment() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1_500);
    let input = json!({"user_id": world.account_id, "name": "short", "expires_at": soon.to_string()});
    let key = text(&ada.mutate("create_api_key", &input, "id").unwrap()["id"]);
    let made = world.position();
    sleep(Duration::from_millis(1_700));
    let now = asked(&ada, "keys", "all: true", KEY).0;
    assert_eq!(status(&now, &key), "KEY_EXPIRED");
    let then = asked(&ada, "keys", &format!("all: true, {}", position(made)), KEY).0;
    assert_eq!(status(&then, &key), "ACTIVE", "nothing was recorded since, but time has passed");
    let late = format!("all: true, as_of: {{instant: \"{}\"}}", jiff::Timestamp::now());
    assert_eq!(status(&asked(&ada, "keys", &late, KEY).0, &key), "KEY_EXPIRED");
}

/// `members(as_of: …)`, `service_accounts(as_of: …)`, `events(as_of: …)`, `tenants(as_of: …)`
#[test]
fn what_may_be_seen_follows_the_rights_of_now() {
    let world = TwoTenants::new();
    let (ada, before) = (world.ada(), world.position());
    let bob = json!({"user_id": world.bob_id});
    let promote = json!({"user_id": world.bob_id, "role": "administrator"});
    let accounts = |client: &Client, at: u64| {
        let arguments = position(at);
        let document = format!("{{ service_accounts({arguments}) {{ edges {{ node {{ id }} }} }} }}");
        client.query("service_accounts", &document).map(|page| nodes(&page).len())
    };
    assert_eq!(accounts(&world.bob(), before), Err("FORBIDDEN".into()));
    ada.mutate("change_member_role", &promote, "success").unwrap();
    assert_eq!(accounts(&world.bob(), before), Ok(1), "an administrator now, a member then");
    ada.mutate("remove_member", &bob, "success").unwrap();
    assert_eq!(accounts(&world.bob(), before), Err("MEMBERSHIP_REMOVED".into()), "let in no more");
    let emails = |at: u64| {
        let (page, _) = asked(&ada, "members", &position(at), "edges { node { email role } }");
        nodes(&page).iter().map(|node| (text(&node["email"]), text(&node["role"]))).collect::<Vec<_>>()
    };
    let member = |email: &str, role: &str| (email.to_owned(), role.to_owned());
    assert_eq!(
        emails(before),
        [member("ada@example.com", "administrator"), member("bob@example.com", "member")]
    );
    assert_eq!(emails(world.position()), [member("ada@example.com", "administrator")]);
    // Strangers see nothing of it at any moment.
    let acme = format!("tenant_id: \"{}\", {}", world.ada.tenant_id, position(before));
    assert_eq!(code(&world.eve(), "members", &acme), "NOT_FOUND");
    let (page, _) =
        asked(&ada, "events", &format!("all: true, {}", position(before)), "edges { node { position } }");
    assert_eq!(nodes(&page).last().unwrap()["position"], before.to_string());
}

/// `tenant(as_of: …)`, `user(as_of: …)`, `auth_api_key(as_of: …)`, `auth_info(as_of: …)`, `position(as_of: …)`
#[test]
fn lists_without_room_tell_the_moment_in_the_extensions_by_their_names() {
    let world = TwoTenants::new();
    let (ada, before) = (world.ada(), world.position());
    ada.mutate("rename_tenant", &json!({"name": "Acme and Sons"}), "success").unwrap();
    let new = key_for(&ada, &world.ada.user_id, "new");
    let at = position(before);
    let document = format!(
        "{{ then: tenant({at}) {{ name }} tenant {{ name }} auth_api_key({at}) {{ id }} \
           user({at}) {{ id default_membership {{ tenant_id }} }} auth_info({at}) {{ tenant_id role }} \
           ...Place }} fragment Place on Query {{ place: position({at}) }}"
    );
    let answer = ada.graphql(&document, &Value::Null).json();
    let data = &answer["data"];
    assert_eq!(data["then"][0]["name"], "acme");
    assert_eq!(data["tenant"][0]["name"], "Acme and Sons");
    let keys = data["auth_api_key"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["id"] != new.id) && !keys.is_empty());
    assert_eq!(data["user"][0]["default_membership"]["tenant_id"], world.ada.tenant_id);
    assert_eq!(data["auth_info"]["role"], "administrator");
    assert_eq!(data["place"], before.to_string());
    let told = answer["extensions"]["as_of"].as_object().unwrap();
    let names: Vec<_> = told.keys().map(String::as_str).collect();
    assert_eq!(names, ["auth_api_key", "auth_info", "place", "then", "user"]);
    let before = before.to_string();
    assert!(told.values().all(|moment| moment["position"] == before));
    // The key itself was made later.
    let info = format!("{{ auth_info({at}) {{ tenant_id role }} }}");
    let info = world.holding(&new.secret).query("auth_info", &info).unwrap();
    assert_eq!(info, json!({"tenant_id": null, "role": null}));
}

/// `users(as_of: …)`, `signing_keys(as_of: …)`, `refusals(as_of: …)`
#[test]
fn operators_ask_about_the_deployment_and_refusals_end_with_the_moment() {
    let world = TwoTenants::new();
    let (ada, before) = (world.ada(), world.position());
    ada.mutate("suspend_user", &json!({"user_id": world.bob_id}), "success").unwrap();
    ada.mutate("rotate_signing_key", &json!({}), "id").unwrap();
    let refused = ada.mutate("delete_api_key", &json!({"key_id": world.bob_id}), "success");
    assert_eq!(refused, Err("NOT_FOUND".into()));
    let count = |field: &str, arguments: &str| {
        nodes(&asked(&ada, field, arguments, "edges { cursor node { __typename } }").0).len()
    };
    let (then, now) = (position(before), position(world.position()));
    assert_eq!((count("signing_keys", &then), count("signing_keys", &now)), (1, 2));
    let standing = |at: &str| {
        let (page, _) = asked(&ada, "users", at, "edges { node { id standing } }");
        nodes(&page).into_iter().find(|node| node["id"] == world.bob_id).unwrap()["standing"].clone()
    };
    assert_eq!((standing(&then), standing(&now)), (json!("living"), json!("suspended")));
    assert_eq!(count("refusals", &format!("outside: true, {then}")), 0);
    let late = format!("outside: true, as_of: {{instant: \"{}\"}}", jiff::Timestamp::now());
    assert_eq!(count("refusals", &late), 1);
}

/// `keys(as_of: …)`
#[test]
fn a_moment_that_there_is_not_is_refused_and_is_not_now() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let head = world.position();
    for (as_of, expected) in [
        ("{position: \"0\"}".to_owned(), "AS_OF_BEFORE_FIRST_EVENT"),
        ("{instant: \"2020-01-01T00:00:00Z\"}".to_owned(), "AS_OF_BEFORE_FIRST_EVENT"),
        ("{instant: \"2999-01-01T00:00:00Z\"}".to_owned(), "AS_OF_IN_FUTURE"),
        (format!("{{position: \"{}\"}}", head + 1), "AS_OF_BEYOND_HEAD"),
        ("{position: \"18446744073709551615\"}".to_owned(), "AS_OF_BEYOND_HEAD"),
        ("{}".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{position: null}".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{position: \"1\", instant: \"2026-01-01T00:00:00Z\"}".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{position: \"-1\"}".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{instant: \"yesterday\"}".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        for field in ["keys", "members", "service_accounts", "tenants", "users", "signing_keys"] {
            assert_eq!(code(&ada, field, &format!("as_of: {as_of}")), expected, "{field} as of {as_of}");
        }
    }
    // By variable, too.
    let document = "query($as_of: as_of_input) { keys(as_of: $as_of) { edges { node { id } } } }";
    let both = json!({"as_of": {"position": "1", "instant": "2026-01-01T00:00:00Z"}});
    assert!(ada.graphql(document, &both).code().is_some());
    assert!(ada.graphql(document, &json!({"as_of": {}})).code().is_some());
    assert_eq!(ada.graphql(document, &json!({"as_of": {"position": head.to_string()}})).code(), None);
    assert_eq!(ada.graphql(document, &json!({"as_of": null})).code(), None, "null is now");
}

/// `state_diff(from, to)`
#[test]
fn what_differs_between_two_moments_is_told_field_by_field_to_whoever_administers() {
    let world = TwoTenants::new();
    let (ada, before) = (world.ada(), world.position());
    let fresh = key_for(&ada, &world.account_id, "fresh");
    ada.mutate("delete_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    ada.mutate("rename_api_key", &json!({"key_id": fresh.id, "name": "renamed"}), "success").unwrap();
    let head = world.position();
    let selection = "from { position } to { position head } events_count count \
        entries { what kind id increases_access summary fields { name before after } }";
    let diff = |client: &Client, arguments: &str| {
        client.query("state_diff", &format!("{{ state_diff({arguments}) {{ {selection} }} }}"))
    };
    let from = format!("from: {{position: \"{before}\"}}");
    let told = diff(&ada, &from).unwrap();
    assert_eq!((&told["events_count"], &told["count"]), (&json!(3), &json!(2)), "{told}");
    assert_eq!(
        (text(&told["from"]["position"]), text(&told["to"]["position"])),
        (before.to_string(), head.to_string())
    );
    let entry = |id: &str| {
        let found = told["entries"].as_array().unwrap().iter().find(|entry| entry["id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not in {told}")).clone()
    };
    let (added, removed) = (entry(&fresh.id), entry(&world.agent.id));
    assert_eq!((&added["what"], &added["increases_access"]), (&json!("added"), &json!(true)));
    assert!(text(&added["summary"]).contains("\"renamed\""), "{added}");
    assert_eq!((&removed["what"], &removed["increases_access"]), (&json!("removed"), &json!(false)));
    let only = diff(&ada, &format!("{from}, only_increases: true")).unwrap();
    assert_eq!((&only["count"], &only["entries"][0]["id"]), (&json!(1), &json!(fresh.id)));
    let none = diff(&ada, &format!("from: {{position: \"{head}\"}}, to: {{position: \"{head}\"}}")).unwrap();
    assert_eq!((&none["events_count"], &none["entries"]), (&json!(0), &json!([])));
    let backwards = format!("from: {{position: \"{head}\"}}, to: {{position: \"{before}\"}}");
    assert_eq!(diff(&ada, &backwards).unwrap_err(), "AS_OF_BACKWARDS");
    assert_eq!(diff(&world.bob(), &from).unwrap_err(), "FORBIDDEN", "a member does not administer");
    assert_eq!(diff(&world.eve(), &format!("{from}, all: true")).unwrap_err(), "FORBIDDEN", "nor operate");
    let elsewhere = diff(&world.eve(), &from).unwrap();
    assert_eq!(elsewhere["count"], 0, "Globex has nothing to do with it: {elsewhere}");
}

/// `state_diff(limit: …, offset: …)`
#[test]
fn of_all_differences_a_part_is_told() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let from = world.position();
    for number in 0..7 {
        key_for(&ada, &world.account_id, &format!("key {number}"));
    }
    let told = |more: &str| {
        let document = format!(
            "{{ state_diff(from: {{position: \"{from}\"}}{more}) {{ count entries {{ id summary }} }} }}"
        );
        let answer = ada.query("state_diff", &document).unwrap();
        (answer["count"].as_u64().unwrap(), answer["entries"].as_array().unwrap().clone())
    };
    let (count, all) = told("");
    assert_eq!((count, all.len()), (7, 7));
    let parts: Vec<_> = [0, 3, 6, 9].map(|offset| told(&format!(", limit: 3, offset: {offset}"))).into();
    assert!(parts.iter().all(|(count, _)| *count == 7), "all are counted, however few are told");
    assert_eq!(parts.iter().map(|(_, entries)| entries.len()).collect::<Vec<_>>(), [3, 3, 1, 0]);
    assert_eq!(parts.into_iter().flat_map(|(_, entries)| entries).collect::<Vec<_>>(), all);
}
