//! What happens in one tenant is nobody's business in another: neither to be told of nor to be written into.

use keyledger_tests::client::{Client, encoded};
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, text};

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
