//! The REST API under `/api`: done, refused, repeated, malformed, and asked about what is another tenant's.

use keyledger_tests::client::{Answer, Client};
use keyledger_tests::server::events_of;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, text};

const ONE_OF_NONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const MEMBER: &str = "cedbd3a3-0031-4d4b-8f46-98392388388c";
const RUNNER: &str = "d3060a86-2ff1-4e0c-8c8e-a8648f7dce44";
const JSON: &str = "application/json";

fn send(client: &Client, method: &str, path: &str, body: &Value) -> Answer {
    client.send(method, path, JSON, &body.to_string())
}

fn told(answer: &Answer) -> (u16, Option<String>) {
    (answer.status, answer.code())
}

fn refused(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

fn accepted(world: &TwoTenants, key: &str) -> Option<String> {
    world.holding(key).whoami().code()
}

fn bots_of(tenant: &str) -> String {
    format!("/api/accounts/{tenant}/bots")
}

#[test]
fn who_asks_is_told_on_both_spellings_without_a_detour() {
    let world = TwoTenants::new();
    for path in ["/api/me", "/api/me/"] {
        let me = world.ada().get(path);
        let expected = json!({
            "id": world.ada.user_id, "email": "ada@example.com", "first_name": "", "last_name": "", "handle": "ada",
        });
        assert_eq!((me.status, me.json()), (200, expected), "{path}");
        assert_eq!(me.header("cache-control"), Some("no-store"), "{path}");
    }
    let input = json!({"email": "grace@example.com", "name": "Grace Brewster Hopper", "first_key": true});
    let grace = text(&world.ada().mutate("add_member", &input, "key").unwrap()["key"]);
    let me = world.holding(&grace).get("/api/me").json();
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Grace Brewster"), &json!("Hopper")));
    let machine = world.agent().get("/api/me/").json();
    assert_eq!((&machine["id"], &machine["handle"]), (&json!(world.account_id), &json!("etl")));
    assert!(machine.as_object().unwrap().values().all(Value::is_string), "{machine}");
}

#[test]
fn a_tenant_is_account_and_workspace_and_only_ones_own_are_told() {
    let world = TwoTenants::new();
    let acme = json!({
        "account_id": world.ada.tenant_id, "account_name": "acme", "account_handle": "acme",
        "workspace_id": world.ada.tenant_id, "workspace_name": "acme", "workspace_handle": "acme",
        "workspace_description": "",
    });
    for client in [world.ada(), world.bob(), world.agent()] {
        assert_eq!(client.get("/api/me/workspaces").json(), json!([acme]));
        let accounts = client.get("/api/me/accounts").json();
        assert_eq!(
            accounts,
            json!([{
                "account_id": world.ada.tenant_id, "account_name": "acme", "account_handle": "acme",
            }])
        );
    }
    let eve = world.eve().get("/api/me/workspaces").json();
    assert_eq!((&eve[0]["account_id"], eve.as_array().unwrap().len()), (&json!(world.globex_id), 1));
    // Whoever is a member of both is told of both, the older membership first.
    let input = json!({"tenant_id": world.globex_id, "email": "bob@example.com", "role": "runner"});
    world.eve().mutate("add_member", &input, "user_id").unwrap();
    let both = world.bob().get("/api/me/workspaces").json();
    assert_eq!((&both[0], &both[1]["account_id"]), (&acme, &json!(world.globex_id)));
    let input = json!({"user_id": world.bob_id, "name": "here only", "tenant_id": world.ada.tenant_id});
    let confined = text(&world.bob().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let told = world.holding(&confined).get("/api/me/workspaces").json();
    assert_eq!(told, json!([acme]), "a key that is confined acts in one tenant");
}

#[test]
fn refusals_are_401_with_the_code_on_every_route() {
    let world = TwoTenants::new();
    let gone = key_for(&world.ada(), &world.account_id, "gone");
    let input = json!({"key_id": gone.id});
    world.ada().mutate("delete_api_key", &input, "success").unwrap();
    let (account, user) = (&world.ada.tenant_id, &world.ada.user_id);
    let malformed = Client::anonymous(world.server.url()).with("authorization", "Bearer two words");
    for (client, code) in [
        (Client::anonymous(world.server.url()), "CREDENTIAL_MISSING"),
        (malformed, "CREDENTIAL_MALFORMED"),
        (world.holding("unknown"), "KEY_UNKNOWN"),
        (world.holding(&gone.secret), "KEY_REVOKED"),
    ] {
        for (method, path) in [
            ("GET", "/api/me".to_owned()),
            ("GET", "/api/me/".to_owned()),
            ("GET", "/api/me/accounts".to_owned()),
            ("GET", "/api/me/workspaces".to_owned()),
            ("GET", format!("/api/users/{user}/api_keys")),
            ("POST", format!("/api/users/{user}/api_keys")),
            ("DELETE", format!("/api/users/{user}/api_keys/{ONE_OF_NONE}")),
            ("POST", format!("/api/accounts/{account}/bots/")),
            ("POST", format!("/api/accounts/{account}/bots/filter")),
            ("PATCH", format!("/api/accounts/{account}/bots/{ONE_OF_NONE}")),
            ("POST", format!("/api/accounts/{account}/account_roles/filter")),
            ("GET", format!("/api/accounts/{account}/account_roles/{MEMBER}")),
            ("POST", format!("/api/accounts/{account}/workspaces/{account}/flows/filter")),
        ] {
            let answer = client.ask(method, &path);
            assert_eq!(told(&answer), refused(401, code), "{method} {path}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{method} {path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
        }
    }
}

#[test]
fn what_an_orchestrator_serves_is_told_apart_from_nothing() {
    let world = TwoTenants::new();
    let workspace = format!("/api/accounts/{0}/workspaces/{0}", world.ada.tenant_id);
    for path in
        ["/flows/filter", "/work_pools/filter", "/variables/filter", "/work_pools/a/get_scheduled_flow_runs"]
    {
        let answer = send(&world.agent(), "POST", &format!("{workspace}{path}"), &json!({}));
        assert_eq!(told(&answer), refused(404, "NOT_AN_ORCHESTRATOR"), "{path}");
        assert!(answer.text.contains("PREFECT_API_URL"), "{}", answer.text);
    }
    // By clients whose address of the orchestrator is …/api.
    for (method, path) in [
        ("GET", "/api/flows"),
        ("GET", "/api/work_pools/"),
        ("POST", "/api/flows/filter"),
        ("GET", "/api/collections/views/aggregate-worker-metadata"),
        ("DELETE", "/api/variables/name/x"),
    ] {
        let answer = world.agent().ask(method, path);
        assert_eq!(told(&answer), refused(404, "NOT_AN_ORCHESTRATOR"), "{method} {path}");
        let stranger = Client::anonymous(world.server.url()).ask(method, path);
        assert_eq!(told(&stranger), refused(401, "CREDENTIAL_MISSING"), "{method} {path}");
    }
    let account = format!("/api/accounts/{}/teams", world.ada.tenant_id);
    for path in ["/api", "/api/", "/api/me/nothing", "/api/users/x", account.as_str()] {
        assert_eq!(told(&world.agent().get(path)), refused(404, "NO_SUCH_ROUTE"), "{path}");
    }
    assert_eq!(told(&world.agent().ask("PUT", "/api/me")), refused(405, "METHOD_NOT_ALLOWED"));
}

#[test]
fn a_user_makes_shows_and_revokes_own_keys() {
    let world = TwoTenants::new();
    let (bob, keys) = (world.bob(), format!("/api/users/{}/api_keys", world.bob_id));
    let body = json!({"name": "laptop", "expiration": "2031-01-01T00:00:00.000000+00:00"});
    let made = send(&bob, "POST", &keys, &body);
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!((&made["name"], &made["expiration"]), (&json!("laptop"), &json!("2031-01-01T00:00:00.000Z")));
    assert!(made["created"].as_str().unwrap().ends_with('Z'), "{made}");
    let (id, key) = (text(&made["id"]), text(&made["key"]));
    assert_eq!(accepted(&world, &key), None);
    let endless = send(&bob, "POST", &format!("{keys}/"), &json!({"name": "endless"})).json();
    assert_eq!(endless["expiration"], Value::Null);

    let mut without_key = made.clone();
    without_key.as_object_mut().unwrap().remove("key");
    assert_eq!(bob.get(&format!("{keys}/{id}")).json(), without_key);
    let listed = bob.get(&keys);
    let names: Vec<_> = listed.json().as_array().unwrap().iter().map(|key| text(&key["name"])).collect();
    assert_eq!(names, ["first key", "laptop", "endless"]);
    assert!(!listed.text.contains(&key), "a list shows no secret");

    // Twice, and it is the same both times.
    for _ in 0..2 {
        let deleted = bob.ask("DELETE", &format!("{keys}/{id}"));
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    }
    assert_eq!(accepted(&world, &key), Some("KEY_REVOKED".into()));
    assert_eq!(told(&bob.get(&format!("{keys}/{id}"))), refused(404, "NOT_FOUND"));
    let revocations =
        events_of(&world.data).iter().filter(|event| event.event.name() == "KeyRevoked").count();
    assert_eq!(revocations, 1);
    let of_rest = events_of(&world.data).iter().filter(|event| event.metadata.way.as_str() == "rest").count();
    assert_eq!(of_rest, 3, "two keys, and one revocation");
}

#[test]
fn a_key_that_is_asked_for_twice_under_one_name_is_made_once() {
    let world = TwoTenants::new();
    let (keys, bots) = (format!("/api/users/{}/api_keys", world.ada.user_id), bots_of(&world.ada.tenant_id));
    let once = world.ada().with("idempotency-key", "\"attempt-1\"");
    let body = json!({"name": "once"});
    let (first, again) = (send(&once, "POST", &keys, &body), send(&once, "POST", &keys, &body));
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert!(first.json()["key"].is_string());
    assert_eq!(again.json()["key"], Value::Null, "what was shown is not kept");
    let other = send(&once, "POST", &keys, &json!({"name": "other"}));
    assert_eq!(told(&other), refused(409, "IDEMPOTENCY_CONFLICT"));
    let malformed = send(&world.ada().with("idempotency-key", "a b"), "POST", &keys, &body);
    assert_eq!(told(&malformed), refused(400, "INVALID"));

    let once = world.ada().with("idempotency-key", "attempt-2");
    let (first, again) = (send(&once, "POST", &bots, &body), send(&once, "POST", &bots, &body));
    assert_eq!(first.json()["id"], again.json()["id"], "{}", again.text);
    assert_eq!(again.json()["api_key"]["key"], Value::Null);
    let rotate = format!("{bots}/{}/rotate_api_key", text(&first.json()["id"]));
    let once = world.ada().with("idempotency-key", "attempt-3");
    let (first, again) = (send(&once, "POST", &rotate, &json!({})), send(&once, "POST", &rotate, &json!({})));
    assert_eq!((first.status, again.status), (201, 201), "{}", again.text);
    assert_eq!(first.json()["api_key"]["id"], again.json()["api_key"]["id"]);
    assert_eq!(again.json()["api_key"]["key"], Value::Null);
}

#[test]
fn keys_of_others_are_not_there() {
    let world = TwoTenants::new();
    let (eve, bob) = (world.eve(), world.bob());
    let answers = |client: &Client, user: &str, key: &str| {
        let keys = format!("/api/users/{user}/api_keys");
        let one = format!("{keys}/{key}");
        [
            send(client, "POST", &keys, &json!({"name": "x"})),
            client.get(&keys),
            client.get(&one),
            client.ask("DELETE", &one),
        ]
        .map(|answer| (answer.status, answer.text.replace(user, "USER").replace(key, "KEY")))
    };
    // An administrator of another tenant, a member of the same, an operator: of a user's keys only the user knows.
    let nothing = answers(&eve, ONE_OF_NONE, ONE_OF_NONE);
    assert!(nothing.iter().all(|(status, _)| *status == 404), "{nothing:?}");
    let nothing = nothing.map(|(status, text)| (status, text.replace("KEY", "USER")));
    let same = |told: [(u16, String); 4]| told.map(|(status, text)| (status, text.replace("KEY", "USER")));
    assert_eq!(same(answers(&eve, &world.bob_id, &world.bob.id)), nothing);
    assert_eq!(same(answers(&eve, &world.account_id, &world.agent.id)), nothing);
    assert_eq!(same(answers(&bob, &world.ada.user_id, &world.ada.key_id)), nothing);
    assert_eq!(same(answers(&world.ada(), &world.bob_id, &world.bob.id))[1], nothing[1]);
    assert_eq!(accepted(&world, &world.bob.secret), None);
    assert_eq!(accepted(&world, &world.agent.secret), None);
    // One's own user with a key of another's, and the other way about.
    let crossed = format!("/api/users/{}/api_keys/{}", world.bob_id, world.agent.id);
    assert_eq!(told(&bob.get(&crossed)).0, 403, "a member knows that there are service accounts");
    let crossed = format!("/api/users/{}/api_keys/{}", world.ada.user_id, world.agent.id);
    assert_eq!(told(&world.ada().get(&crossed)), refused(404, "NOT_FOUND"));
    assert_eq!(told(&world.ada().ask("DELETE", &crossed)), refused(404, "NOT_FOUND"));
    assert_eq!(accepted(&world, &world.agent.secret), None);
    // A member may not manage a service account's keys.
    let keys = format!("/api/users/{}/api_keys", world.account_id);
    assert_eq!(told(&bob.get(&keys)), refused(403, "FORBIDDEN"));
    assert_eq!(told(&send(&bob, "POST", &keys, &json!({"name": "x"}))), refused(403, "FORBIDDEN"));
    // An administrator does.
    let made = send(&world.ada(), "POST", &keys, &json!({"name": "second"}));
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(world.ada().get(&keys).json().as_array().unwrap().len(), 2);
}

#[test]
fn a_narrow_key_makes_none_that_is_wider() {
    let world = TwoTenants::new();
    let input = json!({"user_id": world.bob_id, "name": "narrow", "scopes": ["keyledger:keys", "flows:run"]});
    let narrow = text(&world.bob().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let keys = format!("/api/users/{}/api_keys", world.bob_id);
    let made = send(&world.holding(&narrow), "POST", &keys, &json!({"name": "child"})).json();
    let child = world.holding(&text(&made["key"])).whoami().json();
    assert_eq!(child["scopes"], json!(["flows:run", "keyledger:keys"]));
    // It may not look: neither at itself, nor at its keys.
    assert_eq!(told(&world.holding(&narrow).get("/api/me")), refused(403, "FORBIDDEN"));
    assert_eq!(told(&world.holding(&narrow).get(&keys)), refused(403, "FORBIDDEN"));
}

#[test]
fn a_service_account_lives_as_terraform_wants_it_to() {
    let world = TwoTenants::new();
    let (ada, bots) = (world.ada(), bots_of(&world.ada.tenant_id));
    let body =
        json!({"name": "deployer", "api_key_expiration": "2031-01-01T00:00:00Z", "account_role_id": RUNNER});
    let made = send(&ada, "POST", &format!("{bots}/"), &body);
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let (bot, first) = (text(&made["id"]), text(&made["api_key"]["key"]));
    assert_eq!(made["actor_id"], made["id"]);
    assert_eq!(made["account_id"], json!(world.ada.tenant_id));
    assert_eq!((&made["account_role_id"], &made["account_role_name"]), (&json!(RUNNER), &json!("Runner")));
    assert_eq!(made["api_key"]["expiration"], json!("2031-01-01T00:00:00.000Z"));
    assert_eq!(made["api_key"]["name"], json!("deployer"));
    let whoami = world.holding(&first).whoami().json();
    assert_eq!((&whoami["id"], &whoami["role"]), (&json!(bot), &json!("runner")));

    let one = format!("{bots}/{bot}");
    let mut known = made.clone();
    known["api_key"].as_object_mut().unwrap().remove("key");
    assert_eq!(ada.get(&one).json(), known);
    let filter = |names: Value| send(&ada, "POST", &format!("{bots}/filter"), &names).json();
    assert_eq!(
        filter(json!({"service_accounts": {"name": {"any_": ["deployer", "nobody"]}}})),
        json!([known])
    );
    assert_eq!(filter(json!({"service_accounts": {"name": {"any_": []}}})), json!([]));
    assert_eq!(filter(json!({})).as_array().unwrap().len(), 2, "without a condition, all");
    assert_eq!(filter(json!({"offset": 1, "limit": 5})), json!([known]), "the oldest first");

    let changed = send(&ada, "PATCH", &one, &json!({"name": "releaser", "account_role_id": MEMBER}));
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    let now = ada.get(&one).json();
    assert_eq!((&now["name"], &now["account_role_name"]), (&json!("releaser"), &json!("Member")));
    assert_eq!(world.holding(&first).whoami().json()["role"], "member");
    assert_eq!(send(&ada, "PATCH", &one, &json!({"name": "releaser"})).status, 204, "again changes nothing");
    assert_eq!(send(&ada, "PATCH", &one, &json!({})).status, 204);
    let taken = send(&ada, "PATCH", &one, &json!({"name": "etl", "account_role_id": RUNNER}));
    assert_eq!(told(&taken), refused(409, "NAME_TAKEN"));
    assert_eq!(ada.get(&one).json()["account_role_name"], "Member", "a refused change changes nothing");

    for _ in 0..2 {
        let deleted = ada.ask("DELETE", &one);
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""), "what is gone is gone");
    }
    assert_eq!(accepted(&world, &first), Some("OWNER_REMOVED".into()));
    assert_eq!(told(&ada.get(&one)), refused(404, "NOT_FOUND"));
    assert_eq!(told(&send(&ada, "PATCH", &one, &json!({"name": "back"}))), refused(404, "NOT_FOUND"));
    assert_eq!(
        told(&send(&ada, "POST", &format!("{one}/rotate_api_key"), &json!({}))),
        refused(404, "NOT_FOUND")
    );
    assert_eq!(filter(json!({"service_accounts": {"name": {"any_": ["releaser"]}}})), json!([]));
}

#[test]
fn a_service_account_is_made_with_its_key_or_not_at_all() {
    let world = TwoTenants::new();
    let (ada, bots) = (world.ada(), bots_of(&world.ada.tenant_id));
    let policy = json!({"key_life_seconds_max": 3600, "key_life_seconds_default": null});
    ada.mutate("change_tenant_policy", &policy, "success").unwrap();
    let over =
        send(&ada, "POST", &bots, &json!({"name": "new", "api_key_expiration": "2001-01-01T00:00:00Z"}));
    assert_eq!(told(&over), refused(400, "EXPIRY_IN_PAST"));
    let long =
        send(&ada, "POST", &bots, &json!({"name": "new", "api_key_expiration": "2101-01-01T00:00:00Z"}));
    assert_eq!(told(&long), refused(400, "KEY_LIFE_TOO_LONG"));
    let made = send(&ada, "POST", &bots, &json!({"name": "new"}));
    assert_eq!(made.status, 201, "no account was left behind under that name: {}", made.text);
    assert!(made.json()["api_key"]["expiration"].is_string(), "as the policy says");
    assert_eq!(made.json()["account_role_name"], "Member", "what nothing is said of");
    assert_eq!(told(&send(&ada, "POST", &bots, &json!({"name": "new"}))), refused(409, "NAME_TAKEN"));
    let names: Vec<_> = events_of(&world.data).iter().rev().take(2).map(|event| event.event.name()).collect();
    assert_eq!(names, ["KeyCreated", "ServiceAccountCreated"]);
}

#[test]
fn rotation_gives_the_newest_key_a_successor() {
    let world = TwoTenants::new();
    let (ada, bots) = (world.ada(), bots_of(&world.ada.tenant_id));
    let made = send(&ada, "POST", &bots, &json!({"name": "deployer"})).json();
    let (bot, first) = (text(&made["id"]), text(&made["api_key"]["key"]));
    let rotate = |body: &Value| send(&ada, "POST", &format!("{bots}/{bot}/rotate_api_key"), body);

    let overlapping =
        rotate(&json!({"api_key_expiration": "2031-01-01T00:00:00Z", "old_key_expires_in_seconds": 3600}));
    assert_eq!(overlapping.status, 201, "{}", overlapping.text);
    let second = overlapping.json();
    assert_eq!(second["api_key"]["expiration"], json!("2031-01-01T00:00:00.000Z"));
    assert_ne!(second["api_key"]["id"], made["api_key"]["id"]);
    let second = text(&second["api_key"]["key"]);
    assert_eq!((accepted(&world, &first), accepted(&world, &second)), (None, None));
    let shown = ada.get(&format!("{bots}/{bot}")).json();
    assert_eq!(shown["api_key"]["expiration"], json!("2031-01-01T00:00:00.000Z"), "the newest is told of");

    let at_once = rotate(&json!({"api_key_expiration": null}));
    let third = text(&at_once.json()["api_key"]["key"]);
    assert_eq!(accepted(&world, &second), Some("KEY_ROTATED".into()));
    assert_eq!(
        (accepted(&world, &first), accepted(&world, &third)),
        (None, None),
        "the oldest keeps its hour"
    );

    // When all have ended, there is another all the same.
    for key in [&first, &third] {
        let id = text(&world.holding(key).whoami().json()["key_id"]);
        ada.mutate("delete_api_key", &json!({"key_id": id}), "success").unwrap();
    }
    assert_eq!(ada.get(&format!("{bots}/{bot}")).json()["api_key"], Value::Null);
    let fourth = rotate(&json!({}));
    assert_eq!(fourth.status, 201, "{}", fourth.text);
    assert_eq!(accepted(&world, &text(&fourth.json()["api_key"]["key"])), None);

    for (body, code) in [
        (json!({"old_key_expires_in_seconds": -1}), "INVALID"),
        (json!({"old_key_expires_in_seconds": 7_776_001}), "GRACE_TOO_LONG"),
        (json!({"old_key_expires_in_seconds": "soon"}), "REQUEST_MALFORMED"),
        (json!({"api_key_expiration": "tomorrow"}), "INVALID"),
    ] {
        assert_eq!(told(&rotate(&body)), refused(400, code), "{body}");
    }
}

#[test]
fn accounts_of_others_are_not_there() {
    let world = TwoTenants::new();
    let answers = |client: &Client, account: &str, bot: &str| {
        let bots = bots_of(account);
        let one = format!("{bots}/{bot}");
        let roles = format!("/api/accounts/{account}/account_roles");
        [
            send(client, "POST", &bots, &json!({"name": "x"})),
            send(client, "POST", &format!("{bots}/filter"), &json!({})),
            client.get(&one),
            send(client, "PATCH", &one, &json!({"name": "x"})),
            client.ask("DELETE", &one),
            send(client, "POST", &format!("{one}/rotate_api_key"), &json!({})),
            send(client, "POST", &format!("{roles}/filter"), &json!({})),
            client.get(&format!("{roles}/{MEMBER}")),
        ]
        .map(|answer| (answer.status, answer.text.replace(account, "ACCOUNT").replace(bot, "BOT")))
    };
    let nothing = answers(&world.eve(), ONE_OF_NONE, "01890a5d-ac96-774b-bcce-b302099a8058");
    assert!(nothing.iter().all(|(status, _)| *status == 404), "{nothing:?}");
    assert_eq!(answers(&world.eve(), &world.ada.tenant_id, &world.account_id), nothing);
    // A bot of another account is none of one's own.
    let one = format!("{}/{}", bots_of(&world.globex_id), world.account_id);
    assert_eq!(told(&world.eve().get(&one)), refused(404, "NOT_FOUND"));
    assert_eq!(told(&world.eve().ask("DELETE", &one)), refused(404, "NOT_FOUND"));
    assert_eq!(told(&send(&world.eve(), "PATCH", &one, &json!({"name": "x"}))), refused(404, "NOT_FOUND"));
    assert_eq!(accepted(&world, &world.agent.secret), None);
    // Whoever is a member only is told that it takes more.
    let of_member = answers(&world.bob(), &world.ada.tenant_id, &world.account_id);
    let statuses = of_member.map(|(status, _)| status);
    assert_eq!(statuses, [403, 403, 403, 403, 403, 403, 200, 200]);
}

#[test]
fn roles_have_ids_that_never_change() {
    let world = TwoTenants::new();
    let roles = format!("/api/accounts/{}/account_roles", world.ada.tenant_id);
    let all = send(&world.bob(), "POST", &format!("{roles}/filter"), &json!({})).json();
    let told: Vec<_> =
        all.as_array().unwrap().iter().map(|role| (text(&role["id"]), text(&role["name"]))).collect();
    let expected = [
        ("9aff71b4-8a9f-4272-98cb-c91f7f1c5d05", "Admin"),
        (MEMBER, "Member"),
        (RUNNER, "Runner"),
        ("e4342768-36b9-4f8a-a4f5-bc437de6cf4f", "Read only"),
    ];
    assert_eq!(told, expected.map(|(id, name)| (id.to_owned(), name.to_owned())));
    let one = json!({"account_roles": {"name": {"any_": ["Member"]}}});
    let one = send(&world.bob(), "POST", &format!("{roles}/filter"), &one).json();
    assert_eq!(one, json!([world.bob().get(&format!("{roles}/{MEMBER}")).json()]));
    assert_eq!(world.bob().get(&format!("{roles}/{ONE_OF_NONE}")).status, 404);
}

#[test]
fn malformed_requests_are_told_what_is_wrong() {
    let world = TwoTenants::new();
    let (ada, account) = (world.ada(), &world.ada.tenant_id);
    let (keys, bots) = (format!("/api/users/{}/api_keys", world.ada.user_id), bots_of(account));
    for (path, body, code) in [
        (&keys, "", "REQUEST_MALFORMED"),
        (&keys, "[]", "REQUEST_MALFORMED"),
        (&keys, "[\"a\", null]", "REQUEST_MALFORMED"),
        (&keys, "{", "REQUEST_MALFORMED"),
        (&keys, "{\"name\": 7}", "REQUEST_MALFORMED"),
        (&keys, "{\"name\": \" \"}", "NAME_INVALID"),
        (&keys, "{\"name\": \"a\\u0007\"}", "NAME_INVALID"),
        (&keys, "{\"name\": \"a\", \"expiration\": \"2031-01-01\"}", "INVALID"),
        (&keys, "{\"name\": \"a\", \"expiration\": \"2001-01-01T00:00:00Z\"}", "EXPIRY_IN_PAST"),
        (&bots, "{\"name\": \"a\", \"account_role_id\": \"administrator\"}", "INVALID"),
        (
            &bots,
            "{\"name\": \"a\", \"account_role_id\": \"01890a5d-ac96-774b-bcce-b302099a8057\"}",
            "INVALID",
        ),
    ] {
        assert_eq!(told(&ada.send("POST", path, JSON, body)), refused(400, code), "{body}");
    }
    for path in ["/api/users/me/api_keys", "/api/users/%00/api_keys", "/api/users/%ff/api_keys"] {
        assert_eq!(told(&ada.get(path)), refused(400, "INVALID"), "{path}");
    }
    assert_eq!(told(&ada.get(&format!("{bots}/7"))), refused(400, "INVALID"));
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(300_000));
    assert_eq!(told(&ada.send("POST", &keys, JSON, &large)), refused(413, "PAYLOAD_TOO_LARGE"));
    // What is not known is passed over: newer clients send more.
    let more = json!({"name": "more", "description": "x", "team": {"id": 1}});
    assert_eq!(send(&ada, "POST", &keys, &more).status, 201);
}

#[test]
fn a_rate_and_its_end_are_told_here_too() {
    let world = TwoTenants::new();
    let input = json!({"user_id": world.bob_id, "name": "slow", "rate_limit": {"requests": 2, "period_seconds": 3600}});
    let slow = text(&world.bob().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let slow = world.holding(&slow);
    let first = slow.get("/api/me");
    assert_eq!((first.status, first.header("ratelimit")), (200, Some("\"default\";r=1")));
    assert_eq!(
        slow.get(&format!("/api/users/{ONE_OF_NONE}/api_keys")).header("ratelimit"),
        Some("\"default\";r=0")
    );
    let limited = slow.get("/api/me");
    assert_eq!(told(&limited), refused(429, "RATE_LIMITED"));
    assert!(limited.header("retry-after").is_some());
}
