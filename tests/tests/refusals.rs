//! Refused commands: administrators read who tried what in their tenant, and nobody writes the log by being refused.

use domain::Event;
use keyledger_tests::client::Client;
use keyledger_tests::server::events_of;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, listed, text};

const FIELDS: &str = "at code command actor { kind id key_id token_id } way request_id about_kind about_id";

fn refusals(client: &Client, arguments: &str) -> Result<Vec<Value>, String> {
    listed(client, "refusals", arguments, FIELDS)
}

/// `refusals`
#[test]
fn an_administrator_reads_who_was_refused_what() {
    let world = TwoTenants::new();
    let position = world.position();
    let input = json!({"name": "sneaky"});
    let refused = world.bob().mutate("create_service_account", &input, "id");
    assert_eq!(refused, Err("FORBIDDEN".into()));
    let token = Client::anonymous(world.server.url()).token(&world.bob.secret);
    let answer = world.holding(&token).graphql(
        "mutation($id: uuid!) { delete_api_key(input: {key_id: $id}) { success } }",
        &json!({"id": world.agent.id}),
    );
    assert_eq!(answer.code().as_deref(), Some("FORBIDDEN"));
    let kept = refusals(&world.ada(), "").unwrap();
    let [newest, oldest] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((&newest["command"], &newest["code"]), (&json!("RevokeKey"), &json!("FORBIDDEN")));
    assert_eq!((&newest["about_kind"], &newest["about_id"]), (&json!("key"), &json!(world.agent.id)));
    assert_eq!(newest["request_id"], answer.header("x-request-id").unwrap());
    assert_eq!(newest["way"], "graphql");
    let actor = &newest["actor"];
    assert_eq!((&actor["kind"], &actor["id"]), (&json!("user"), &json!(world.bob_id)));
    assert_eq!(actor["key_id"], world.bob.id);
    assert!(actor["token_id"].is_string() && oldest["actor"]["token_id"].is_null());
    assert_eq!(oldest["command"], "CreateServiceAccount");
    assert_eq!(world.position(), position, "a refusal is never an event");
    let agents = refusals(&world.agent(), "").unwrap();
    assert_eq!(agents, kept, "a service account that administers may, too");
}

#[test]
fn nobody_else_reads_them() {
    let world = TwoTenants::new();
    let acme = format!("tenant_id: \"{}\"", world.ada.tenant_id);
    world.bob().mutate("create_service_account", &json!({"name": "x"}), "id").unwrap_err();
    assert_eq!(refusals(&world.bob(), ""), Err("FORBIDDEN".into()));
    assert_eq!(refusals(&world.eve(), &acme), Err("NOT_FOUND".into()));
    assert_eq!(refusals(&world.eve(), "").unwrap(), [Value::Null; 0]);
    assert_eq!(refusals(&world.eve(), "outside: true"), Err("FORBIDDEN".into()));
    assert_eq!(refusals(&world.bob(), "outside: true"), Err("FORBIDDEN".into()));
    assert_eq!(refusals(&world.ada(), "outside: true").unwrap(), [Value::Null; 0], "an operator may");
    // What a stranger tries stands in the stranger's own list.
    let tried = world.eve().mutate("delete_api_key", &json!({"key_id": world.agent.id}), "success");
    assert_eq!(tried, Err("NOT_FOUND".into()));
    let codes = |kept: Vec<Value>| kept.iter().map(|node| text(&node["code"])).collect::<Vec<_>>();
    assert_eq!(codes(refusals(&world.ada(), "").unwrap()), ["FORBIDDEN"]);
    assert_eq!(codes(refusals(&world.eve(), "").unwrap()), ["NOT_FOUND"]);
}

/// Ada operates the deployment from Acme: what she is refused elsewhere, Acme's administrators need not know.
#[test]
fn what_an_operator_is_refused_about_others_is_for_operators() {
    let world = TwoTenants::new();
    let suspend = || world.ada().mutate("remove_tenant", &json!({"tenant_id": world.globex_id}), "success");
    suspend().unwrap();
    assert!(suspend().is_ok(), "saying so twice is no refusal");
    let resumed = world.ada().mutate("resume_tenant", &json!({"tenant_id": world.globex_id}), "success");
    assert_eq!(resumed, Err("REMOVED".into()));
    assert_eq!(refusals(&world.agent(), "").unwrap(), [Value::Null; 0], "an administrator of acme");
    let codes: Vec<_> =
        refusals(&world.ada(), "outside: true").unwrap().iter().map(|node| text(&node["code"])).collect();
    assert_eq!(codes, ["REMOVED"]);
}

#[test]
fn a_flood_of_another_tenant_pushes_out_nothing_and_is_counted() {
    let world = TwoTenants::new();
    world.bob().mutate("create_service_account", &json!({"name": "x"}), "id").unwrap_err();
    let one =
        format!("mutation {{ delete_api_key(input: {{key_id: \"{}\"}}) {{ success }} }}", world.agent.id);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (eve, one) = (world.eve(), &one);
            scope.spawn(move || {
                (0..1_020).skip(part).step_by(4).for_each(|_| drop(eve.graphql(one, &Value::Null)))
            });
        }
    });
    let document = "{ refusals(first: 100) { dropped page_info { has_next_page } edges { node { code } } } }";
    let page = world.eve().query("refusals", document).unwrap();
    assert_eq!((&page["dropped"], &page["page_info"]["has_next_page"]), (&json!(20), &json!(true)));
    let kept = refusals(&world.ada(), "").unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["command"], "CreateServiceAccount");
    // And neither a restart nor the log knows otherwise.
    let world = world.restarted(|server| assert_eq!(server.stop(), Some(0)));
    assert_eq!(refusals(&world.ada(), "").unwrap(), kept);
    let revoked = events_of(&world.data).iter().any(|it| matches!(it.event, Event::KeyRevoked { .. }));
    assert!(!revoked);
}

#[test]
fn pages_lead_from_the_newest_to_the_oldest() {
    let world = TwoTenants::new();
    for number in 0..7 {
        world
            .bob()
            .mutate("create_service_account", &json!({"name": format!("x{number}")}), "id")
            .unwrap_err();
    }
    let (mut after, mut requests) = (String::new(), vec![]);
    loop {
        let document = format!(
            "{{ refusals(first: 3{after}) {{ edges {{ node {{ request_id }} }} page_info {{ has_next_page end_cursor }} }} }}"
        );
        let page = world.ada().query("refusals", &document).unwrap();
        requests.extend(crate::two_tenants::nodes(&page).iter().map(|node| text(&node["request_id"])));
        if page["page_info"]["has_next_page"] == false {
            break;
        }
        after = format!(", after: {}", page["page_info"]["end_cursor"]);
        // What comes in between is newer, and moves no page.
        world.bob().mutate("create_service_account", &json!({"name": "late"}), "id").unwrap_err();
    }
    let distinct: std::collections::BTreeSet<_> = requests.iter().collect();
    assert_eq!((requests.len(), distinct.len()), (7, 7));
    for bad in [
        "first: 0",
        "first: 101",
        "after: \"x\"",
        "outside: true, tenant_id: \"01890a5d-ac96-774b-bcce-b302099a8057\"",
    ] {
        assert_eq!(refusals(&world.ada(), bad), Err("INVALID".into()), "{bad}");
    }
}
