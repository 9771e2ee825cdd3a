//! Filters of lists: one entry by its id, and how much of each entry they may ask.

use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, listed, text};

#[test]
fn one_entry_is_asked_for_by_its_id() {
    let world = TwoTenants::new();
    let found = |list: &str, arguments: String, field: &str| -> Vec<String> {
        let found = listed(&world.ada(), list, &arguments, field).unwrap();
        found.iter().map(|node| text(&node[field])).collect()
    };
    let (bob, globex) = (world.bob_id.as_str(), world.globex_id.as_str());
    assert_eq!(found("users", format!("filter: {{id: \"{bob}\"}}"), "id"), [bob]);
    assert_eq!(found("members", format!("filter: {{user_id: \"{bob}\"}}"), "user_id"), [bob]);
    assert_eq!(found("tenants", format!("all: true, filter: {{id: \"{globex}\"}}"), "id"), [globex]);
    assert_eq!(found("tenants", format!("filter: {{id: \"{globex}\"}}"), "id"), [""; 0], "not one's own");
    let nobody = "filter: {user_id: \"01890a5d-ac96-774b-bcce-b302099a8057\"}".to_owned();
    assert_eq!(found("members", nobody, "user_id"), [""; 0]);
}

#[test]
fn what_no_entry_can_hold_is_refused_and_not_looked_for() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let ask = |list: &str, kind: &str, filter: &Value| {
        let all = if list == "tenants" { "all: true, " } else { "" };
        let query =
            format!("query($f: {kind}) {{ {list}({all}filter: $f) {{ page_info {{ has_next_page }} }} }}");
        ada.graphql(&query, &json!({"f": filter})).code()
    };
    let (long, longest) = ("x".repeat(255), "x".repeat(254));
    for (list, kind, fields) in [
        ("keys", "key_filter", ["name_contains", "search"].as_slice()),
        ("tenants", "tenant_filter", &["name_contains"]),
        ("users", "user_filter", &["name_contains"]),
        ("members", "member_filter", &["name_contains"]),
        ("service_accounts", "service_account_filter", &["name_contains"]),
    ] {
        for field in fields {
            assert_eq!(ask(list, kind, &json!({*field: long})).as_deref(), Some("INVALID"), "{list} {field}");
            assert_eq!(ask(list, kind, &json!({*field: longest})), None, "{list} {field}");
        }
        let state = if list == "keys" { "active" } else { "living" };
        let states = |count| json!({"state": vec![state; count]});
        assert_eq!(ask(list, kind, &states(17)).as_deref(), Some("INVALID"), "{list}");
        assert_eq!(ask(list, kind, &states(16)), None, "{list}");
    }
    for (list, kind) in [("members", "member_filter"), ("service_accounts", "service_account_filter")] {
        let roles = json!({"role": vec!["runner"; 17]});
        assert_eq!(ask(list, kind, &roles).as_deref(), Some("INVALID"), "{list}");
    }
    let types = |count| json!({"types": vec!["KeyCreated"; count]});
    assert_eq!(ask("events", "event_filter", &types(65)).as_deref(), Some("INVALID"));
    assert_eq!(ask("events", "event_filter", &types(64)), None);
}

#[test]
fn a_list_is_ordered_by_a_few_criteria() {
    let world = TwoTenants::new();
    let ask = |field: &str, kind: &str, criteria: &Value| {
        let query = format!("query($o: [{kind}!]) {{ {field}(order_by: $o) {{ name }} }}");
        world.ada().graphql(&query, &json!({"o": criteria})).code()
    };
    for (field, kind) in [("tenant", "tenant_order_by"), ("auth_api_key", "auth_api_key_order_by")] {
        assert_eq!(ask(field, kind, &json!(vec![json!({}); 9])).as_deref(), Some("INVALID"), "{field}");
        assert_eq!(ask(field, kind, &json!(vec![json!({"name": "asc"}); 8])), None, "{field}");
    }
}
