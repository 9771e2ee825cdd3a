//! What ends, and all that rests on it: refused at the next request, after a restart, and for good.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, events_of, init};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `iss` of every token here, so that tokens outlive a restart on another port.
const ISSUER: [&str; 2] = ["--issuer", "https://keys.example.com"];
const ONE_OF_NONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A deployment with one tenant, and its operator.
struct World {
    server: Server,
    operator: Initialised,
    data: PathBuf,
    _scratch: TempDir,
}

/// A key and a token minted from it.
struct Credential {
    key_id: String,
    key: String,
    token: String,
}

impl World {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let operator = init(&data, "acme", "ada@example.com");
        let server = Server::start_with(&data, &ISSUER);
        Self { server, operator, data, _scratch: scratch }
    }

    /// Stops the server and starts another one on the folder.
    fn restarted(self) -> Self {
        let Self { server, operator, data, _scratch } = self;
        assert_eq!(server.stop(), Some(0));
        let server = Server::start_with(&data, &ISSUER);
        Self { server, operator, data, _scratch }
    }

    fn operator(&self) -> Client {
        self.holding(&self.operator.key)
    }

    fn holding(&self, credential: &str) -> Client {
        Client::holding(self.server.url(), credential)
    }

    fn acme(&self) -> &str {
        &self.operator.tenant_id
    }

    /// The key, with a token minted from it now. Both are accepted.
    fn credential(&self, key_id: &str, key: &str) -> Credential {
        let token = Client::anonymous(self.server.url()).token(key);
        let credential = Credential { key_id: key_id.to_owned(), key: key.to_owned(), token };
        self.accepts(&credential);
        credential
    }

    /// A new key for a user or service account, made by this client.
    fn key_of(&self, client: &Client, owner: &str, name: &str) -> Credential {
        let input = json!({"user_id": owner, "name": name, "expires_at": null});
        let made = client.mutate("create_api_key", &input, "id key").unwrap();
        self.credential(made["id"].as_str().unwrap(), made["key"].as_str().unwrap())
    }

    /// A new member with a first key: its user, and the credential.
    fn member(&self, client: &Client, tenant: &str, email: &str, role: &str) -> (String, Credential) {
        let input = json!({"tenant_id": tenant, "email": email, "role": role, "first_key": true});
        let made = client.mutate("add_member", &input, "user_id key").unwrap();
        let key = made["key"].as_str().expect("a first key was asked for");
        let key_id = self.holding(key).whoami().json()["key_id"].as_str().unwrap().to_owned();
        (made["user_id"].as_str().unwrap().to_owned(), self.credential(&key_id, key))
    }

    /// A new tenant with an administrator of its own: tenant, user, credential.
    fn tenant(&self, slug: &str, email: &str) -> (String, String, Credential) {
        let input = json!({"slug": slug, "administrator_email": email});
        let made = self.operator().mutate("create_tenant", &input, "id administrator_id key").unwrap();
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        let key_id = self.holding(&text("key")).whoami().json()["key_id"].as_str().unwrap().to_owned();
        (text("id"), text("administrator_id"), self.credential(&key_id, &text("key")))
    }

    fn account(&self, client: &Client, tenant: &str, name: &str) -> String {
        let input = json!({"tenant_id": tenant, "name": name});
        let made = client.mutate("create_service_account", &input, "id").unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    fn accepts(&self, credential: &Credential) {
        for shown in [&credential.key, &credential.token] {
            let answer = self.holding(shown).whoami();
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json()["key_id"], credential.key_id.as_str());
        }
    }

    /// `GET /v1/whoami`, `POST /graphql`, `POST /oauth/token`, with the key and with the token.
    fn refuses(&self, credential: &Credential, code: &str) {
        for (what, shown) in [("key", &credential.key), ("token", &credential.token)] {
            let client = self.holding(shown);
            refused_as(&client.whoami(), what, code);
            let answer = client.graphql("{ hello }", &Value::Null);
            assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            let body = answer.json();
            assert_eq!(body["errors"][0]["extensions"], json!({"code": "UNAUTHENTICATED", "reason": code}));
            assert_eq!(body["data"], Value::Null);
        }
        let anonymous = Client::anonymous(self.server.url());
        let answer = anonymous.exchange(&credential.key, &[]);
        let expected = (400, json!("invalid_request"), Some(code));
        assert_eq!((answer.status, answer.json()["error"].clone(), answer.code().as_deref()), expected);
        let client = [
            ("grant_type", "client_credentials"),
            ("client_id", &credential.key_id),
            ("client_secret", &credential.key),
        ];
        let answer = anonymous.post("/oauth/token", "application/x-www-form-urlencoded", &encoded(&client));
        let expected = (401, json!("invalid_client"), Some(code));
        assert_eq!((answer.status, answer.json()["error"].clone(), answer.code().as_deref()), expected);
    }

    /// Carries a mutation out, which must be one event of this name, here and now.
    fn in_one_event(&self, client: &Client, mutation: &str, input: &Value, event: &str) {
        let before = events_of(&self.data).len();
        let done = client.mutate(mutation, input, "success position").unwrap();
        assert_eq!(done["success"], true, "{mutation}");
        let events = events_of(&self.data);
        let names: Vec<_> = events[before..].iter().map(|recorded| recorded.event.name()).collect();
        assert_eq!(names, [event], "{mutation}");
        assert_eq!(done["position"], json!((before + 1).to_string()));
        // Once is enough.
        client.mutate(mutation, input, "success").unwrap();
        assert_eq!(events_of(&self.data).len(), before + 1, "{mutation} again");
    }
}

fn refused_as(answer: &Answer, what: &str, code: &str) {
    assert_eq!((answer.status, answer.code().as_deref()), (401, Some(code)), "{what}: {}", answer.text);
    let challenge = answer.header("www-authenticate").expect("a challenge goes with a 401");
    assert!(challenge.starts_with("Bearer ") && challenge.contains(code), "{challenge}");
}

/// `delete_service_account`
#[test]
fn a_removed_service_account_takes_its_keys_and_tokens_along() {
    let world = World::new();
    let account = world.account(&world.operator(), world.acme(), "etl-agent");
    let keys = ["one", "two"].map(|name| world.key_of(&world.operator(), &account, name));
    let other = world.account(&world.operator(), world.acme(), "other");
    let bystander = world.key_of(&world.operator(), &other, "bystander");

    let input = json!({"service_account_id": account});
    world.in_one_event(&world.operator(), "delete_service_account", &input, "ServiceAccountRemoved");
    let refused = |world: &World| keys.iter().for_each(|key| world.refuses(key, "OWNER_REMOVED"));
    refused(&world);
    let world = world.restarted();
    refused(&world);
    let again = world.account(&world.operator(), world.acme(), "etl-agent");
    assert_ne!(again, account, "ids are never used again");
    let new = world.key_of(&world.operator(), &again, "one");
    refused(&world);
    let world = world.restarted();
    refused(&world);
    world.accepts(&new);
    world.accepts(&bystander);
}

/// `remove_member`
#[test]
fn a_removed_membership_ends_what_acts_there_and_joining_again_revives_nothing() {
    let world = World::new();
    let (acme, operator) = (world.acme().to_owned(), world.operator());
    // Brought in by a tenant's administrator, who acts in that tenant only.
    let (_, admin) = world.member(&operator, &acme, "bea@example.com", "administrator");
    let (user, first) = world.member(&world.holding(&admin.token), &acme, "bob@example.com", "member");
    let own = world.key_of(&world.holding(&first.key), &user, "own");

    let input = json!({"tenant_id": acme, "user_id": user});
    world.in_one_event(&operator, "remove_member", &input, "MemberRemoved");
    let refused =
        |world: &World| [&first, &own].iter().for_each(|key| world.refuses(key, "MEMBERSHIP_REMOVED"));
    refused(&world);
    let world = world.restarted();
    refused(&world);
    let (same, new) = world.member(&world.operator(), &acme, "bob@example.com", "member");
    assert_eq!(same, user, "the person is the same, the membership is not");
    refused(&world);
    let world = world.restarted();
    refused(&world);
    world.accepts(&new);
    world.accepts(&admin);
}

/// `remove_member` of somebody whose key acts in every tenant of its user.
#[test]
fn an_unconfined_key_loses_the_tenant_that_its_user_left_and_no_other() {
    let world = World::new();
    let (globex, _, eve) = world.tenant("globex", "eve@example.com");
    let input = json!({"tenant_id": globex, "email": "ada@example.com", "role": "member"});
    world.operator().mutate("add_member", &input, "user_id").unwrap();
    let there = world.operator().in_tenant(&globex);
    assert_eq!(there.whoami().json()["role"], "member");
    let anonymous = Client::anonymous(world.server.url());
    let answer = anonymous.exchange(&world.operator.key, &[("tenant", &globex)]);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let at_home = world.credential(&world.operator.key_id, &world.operator.key);

    let input = json!({"tenant_id": globex, "user_id": world.operator.user_id});
    world.in_one_event(&world.holding(&eve.key), "remove_member", &input, "MemberRemoved");
    let refused = |world: &World| {
        let there = world.operator().in_tenant(&globex);
        refused_as(&there.whoami(), "key", "MEMBERSHIP_REMOVED");
        refused_as(&world.holding(&token).whoami(), "token", "MEMBERSHIP_REMOVED");
        let answer =
            Client::anonymous(world.server.url()).exchange(&world.operator.key, &[("tenant", &globex)]);
        assert_eq!((answer.status, answer.code().as_deref()), (400, Some("MEMBERSHIP_REMOVED")));
        world.accepts(&at_home);
    };
    refused(&world);
    refused(&world.restarted());
}

/// `remove_user`
#[test]
fn a_removed_user_is_refused_everywhere_and_a_new_one_with_the_address_is_somebody_else() {
    let world = World::new();
    let (acme, operator) = (world.acme().to_owned(), world.operator());
    let (user, key) = world.member(&operator, &acme, "bob@example.com", "member");
    world.in_one_event(&operator, "remove_user", &json!({"user_id": user}), "UserRemoved");
    world.refuses(&key, "OWNER_REMOVED");
    let world = world.restarted();
    world.refuses(&key, "OWNER_REMOVED");
    let (other, new) = world.member(&world.operator(), &acme, "bob@example.com", "member");
    assert_ne!(other, user);
    world.refuses(&key, "OWNER_REMOVED");
    let world = world.restarted();
    world.refuses(&key, "OWNER_REMOVED");
    world.accepts(&new);
}

/// `remove_tenant`
#[test]
fn a_removed_tenant_takes_everything_in_it_along_and_nothing_beside_it() {
    let world = World::new();
    let (globex, _, eve) = world.tenant("globex", "eve@example.com");
    let (_, member) = world.member(&world.holding(&eve.token), &globex, "bob@example.com", "member");
    let account = world.account(&world.holding(&eve.key), &globex, "etl");
    let agent = world.key_of(&world.holding(&eve.key), &account, "etl");

    let input = json!({"tenant_id": globex});
    world.in_one_event(&world.operator(), "remove_tenant", &input, "TenantRemoved");
    let refused =
        |world: &World| [&eve, &member, &agent].iter().for_each(|key| world.refuses(key, "TENANT_REMOVED"));
    refused(&world);
    let world = world.restarted();
    refused(&world);
    let input = json!({"slug": "globex", "administrator_email": "zoe@example.com"});
    let made = world.operator().mutate("create_tenant", &input, "id key").unwrap();
    assert_ne!(made["id"], globex.as_str());
    refused(&world);
    let world = world.restarted();
    refused(&world);
    assert_eq!(world.holding(made["key"].as_str().unwrap()).whoami().status, 200);
    assert_eq!(world.operator().whoami().json()["tenant_id"], world.acme());
}

/// `delete_api_key`
#[test]
fn a_revoked_key_is_refused_with_its_tokens_and_one_of_the_same_name_is_another() {
    let world = World::new();
    let user = world.operator.user_id.clone();
    let key = world.key_of(&world.operator(), &user, "laptop");
    let input = json!({"key_id": key.key_id, "reason": "key_compromise", "note": "left in a taxi"});
    world.in_one_event(&world.operator(), "delete_api_key", &input, "KeyRevoked");
    world.refuses(&key, "KEY_REVOKED");
    let world = world.restarted();
    world.refuses(&key, "KEY_REVOKED");
    let new = world.key_of(&world.operator(), &user, "laptop");
    assert_ne!(new.key_id, key.key_id);
    world.refuses(&key, "KEY_REVOKED");
    let enabled = world.operator().mutate("enable_api_key", &json!({"key_id": key.key_id}), "success");
    assert_eq!(enabled, Err("KEY_REVOKED".into()));
    let world = world.restarted();
    world.refuses(&key, "KEY_REVOKED");
    world.accepts(&new);
}

/// `suspend_*`, `resume_*`, with something ended by hand in between.
#[test]
fn resuming_does_not_resurrect_what_was_ended_by_hand_in_between() {
    let world = World::new();
    let (acme, operator) = (world.acme().to_owned(), world.operator());
    let (globex, _, eve) = world.tenant("globex", "eve@example.com");
    let account = world.account(&operator, &acme, "etl");
    let accounts = ["kept", "ended"].map(|name| world.key_of(&operator, &account, name));
    let (bob, first) = world.member(&operator, &acme, "bob@example.com", "member");
    let users = [world.key_of(&world.holding(&first.key), &bob, "kept"), first];
    let there = world.account(&world.holding(&eve.key), &globex, "etl");
    let tenants = ["kept", "ended"].map(|name| world.key_of(&world.holding(&eve.key), &there, name));

    let cases = [
        ("service_account", "service_account_id", &account, "ServiceAccount", "OWNER_SUSPENDED", &accounts),
        ("user", "user_id", &bob, "User", "OWNER_SUSPENDED", &users),
        ("tenant", "tenant_id", &globex, "Tenant", "TENANT_SUSPENDED", &tenants),
    ];
    let mut world = world;
    for (kind, field, id, event, code, [kept, ended]) in cases {
        let input = json!({ (field): id });
        world.in_one_event(
            &world.operator(),
            &format!("suspend_{kind}"),
            &input,
            &format!("{event}Suspended"),
        );
        for key in [kept, ended] {
            world.refuses(key, code);
        }
        world = world.restarted();
        world.refuses(kept, code);
        let revoke = json!({"key_id": ended.key_id});
        world.in_one_event(&world.operator(), "delete_api_key", &revoke, "KeyRevoked");
        world.refuses(ended, "KEY_REVOKED");
        world.in_one_event(&world.operator(), &format!("resume_{kind}"), &input, &format!("{event}Resumed"));
        world.accepts(kept);
        world.refuses(ended, "KEY_REVOKED");
        world = world.restarted();
        world.accepts(kept);
        world.refuses(ended, "KEY_REVOKED");
    }
    // A membership that ended while its user was suspended stays ended, too.
    let input = json!({ "user_id": bob });
    world.operator().mutate("suspend_user", &input, "success").unwrap();
    world.operator().mutate("remove_member", &json!({"tenant_id": acme, "user_id": bob}), "success").unwrap();
    world.operator().mutate("resume_user", &input, "success").unwrap();
    world.refuses(&users[0], "MEMBERSHIP_REMOVED");
}

/// `disable_api_key`, `enable_api_key`
#[test]
fn a_disabled_key_is_refused_until_it_is_enabled() {
    let world = World::new();
    let account = world.account(&world.operator(), world.acme(), "etl");
    let key = world.key_of(&world.operator(), &account, "etl");
    let input = json!({"key_id": key.key_id});
    world.in_one_event(&world.operator(), "disable_api_key", &input, "KeyDisabled");
    world.refuses(&key, "KEY_DISABLED");
    let world = world.restarted();
    world.refuses(&key, "KEY_DISABLED");
    world.in_one_event(&world.operator(), "enable_api_key", &input, "KeyEnabled");
    world.accepts(&key);
    world.restarted().accepts(&key);
}

/// `change_member_role`
#[test]
fn a_changed_role_acts_at_the_next_request_for_tokens_minted_before_too() {
    let world = World::new();
    let (acme, operator) = (world.acme().to_owned(), world.operator());
    let (user, key) = world.member(&operator, &acme, "bea@example.com", "administrator");
    let may = |world: &World, name: &str| {
        [&key.key, &key.token].map(|shown| {
            let input = json!({"name": format!("{name}, by {}", &shown[..3])});
            world.holding(shown).mutate("create_service_account", &input, "id").map(drop)
        })
    };
    let role =
        |world: &World| [&key.key, &key.token].map(|it| world.holding(it).whoami().json()["role"].clone());
    assert_eq!(may(&world, "first"), [Ok(()), Ok(())]);
    for lesser in ["member", "runner", "read_only"] {
        let input = json!({"tenant_id": acme, "user_id": user, "role": lesser});
        world.in_one_event(&operator, "change_member_role", &input, "MemberRoleChanged");
        assert_eq!(role(&world), [lesser, lesser]);
        assert_eq!(may(&world, lesser), [Err("FORBIDDEN".into()), Err("FORBIDDEN".into())]);
    }
    let world = world.restarted();
    assert_eq!(role(&world), ["read_only", "read_only"]);
    let input = json!({"tenant_id": acme, "user_id": user, "role": "administrator"});
    world.in_one_event(&world.operator(), "change_member_role", &input, "MemberRoleChanged");
    assert_eq!(may(&world, "last"), [Ok(()), Ok(())]);
}

/// `X-PREFECT-TENANT-ID`, `X-Keyledger-Tenant-Id`, `tenant` of the exchange.
#[test]
fn a_credential_acts_in_no_tenant_but_its_own() {
    let world = World::new();
    let (globex, _, eve) = world.tenant("globex", "eve@example.com");
    let input = json!({"tenant_id": globex, "email": "ada@example.com", "role": "administrator"});
    world.operator().mutate("add_member", &input, "user_id").unwrap();
    // Ada is at home in both, but this key is confined to one, and so are its tokens.
    let input = json!({"user_id": world.operator.user_id, "name": "confined", "tenant_id": world.acme()});
    let made = world.operator().mutate("create_api_key", &input, "id key").unwrap();
    let confined = world.credential(made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let account = world.account(&world.operator(), world.acme(), "etl");
    let agent = world.key_of(&world.operator(), &account, "etl");
    let of_eve = world.holding(&eve.token).in_tenant(&globex).whoami();
    assert_eq!(of_eve.json()["tenant_id"], globex.as_str());

    let anonymous = Client::anonymous(world.server.url());
    for header in ["x-prefect-tenant-id", "x-keyledger-tenant-id"] {
        for (what, shown, foreign, code) in [
            ("a confined key", &confined.key, globex.as_str(), "OTHER_TENANT"),
            ("a confined key's token", &confined.token, &globex, "OTHER_TENANT"),
            ("a service account's key", &agent.key, &globex, "OTHER_TENANT"),
            ("a service account's token", &agent.token, &globex, "OTHER_TENANT"),
            ("a token of another tenant", &eve.token, world.acme(), "OTHER_TENANT"),
            ("an operator's key", &world.operator.key, ONE_OF_NONE, "NOT_A_MEMBER"),
            ("an operator's key", &world.operator.key, "not a tenant", "NOT_A_MEMBER"),
        ] {
            let client = world.holding(shown).with(header, foreign);
            refused_as(&client.whoami(), what, code);
            let body = client.graphql("{ auth_info { tenant_id } }", &Value::Null).json();
            assert_eq!(body["errors"][0]["extensions"]["reason"], code, "{what}");
            assert_eq!(body["data"], Value::Null);
        }
        // Somebody who belongs to one tenant is told the same of another as of one that does not exist.
        let told = [world.acme(), ONE_OF_NONE].map(|foreign| {
            let answer = world.holding(&eve.key).with(header, foreign).whoami();
            assert_eq!(answer.status, 401);
            answer.text
        });
        assert_eq!(told[0], told[1]);
    }
    for (shown, foreign) in
        [(&confined.key, globex.as_str()), (&agent.key, &globex), (&eve.key, world.acme())]
    {
        let answer = anonymous.exchange(shown, &[("tenant", foreign)]);
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.json().get("access_token").is_none());
    }
    let input = json!({"slug": "initech", "administrator_email": "x@example.com"});
    let refused = world.holding(&confined.key).mutate("create_tenant", &input, "id");
    assert_eq!(refused, Err("FORBIDDEN".into()), "operating the deployment takes an unconfined key");
}

/// The input of a mutation that speaks of something by its id, and that id's kind.
pub fn addressed<'a>(
    tenant: &'a str,
    user: &'a str,
    account: &'a str,
    key: &'a str,
    signing_key: &'a str,
) -> Vec<(&'static str, Value)> {
    let of_tenant = json!({ "tenant_id": tenant });
    let of_account = json!({ "service_account_id": account });
    let of_key = json!({ "key_id": key });
    let of_member = json!({"tenant_id": tenant, "user_id": user});
    vec![
        ("create_api_key", json!({"user_id": user, "name": "stolen"})),
        ("create_api_key", json!({"user_id": account, "name": "stolen"})),
        ("delete_api_key", of_key.clone()),
        ("delete_api_token", json!({"token_id": key})),
        ("disable_api_key", of_key.clone()),
        ("enable_api_key", of_key.clone()),
        ("rename_api_key", json!({"key_id": key, "name": "stolen"})),
        ("change_api_key_expiry", of_key.clone()),
        ("rotate_api_key", of_key.clone()),
        ("change_api_key_addresses", json!({"key_id": key, "allowed_addresses": ["192.0.2.0/24"]})),
        ("change_api_key_note", json!({"key_id": key, "note": "stolen"})),
        ("change_api_key_rate", json!({"key_id": key, "rate_limit": {"requests": 1, "period_seconds": 60}})),
        ("revoke_tokens", json!({"token_id": ONE_OF_NONE, "key_id": key})),
        ("revoke_tokens", of_key),
        ("create_service_account", json!({"tenant_id": tenant, "name": "intruder"})),
        ("delete_service_account", of_account.clone()),
        ("suspend_service_account", of_account.clone()),
        ("resume_service_account", of_account.clone()),
        ("rename_service_account", json!({"service_account_id": account, "name": "stolen"})),
        ("change_service_account_role", json!({"service_account_id": account, "role": "read_only"})),
        ("revoke_tokens", of_account),
        ("rename_tenant", json!({"tenant_id": tenant, "name": "stolen"})),
        (
            "change_tenant_policy",
            json!({"tenant_id": tenant, "key_life_seconds_max": 1, "key_life_seconds_default": null}),
        ),
        ("revoke_tokens", of_tenant.clone()),
        ("suspend_tenant", of_tenant.clone()),
        ("resume_tenant", of_tenant.clone()),
        ("remove_tenant", of_tenant),
        ("add_member", json!({"tenant_id": tenant, "email": "mallory@example.com"})),
        ("change_member_role", json!({"tenant_id": tenant, "user_id": user, "role": "read_only"})),
        ("remove_member", of_member),
        ("suspend_user", json!({ "user_id": user })),
        ("resume_user", json!({ "user_id": user })),
        ("remove_user", json!({ "user_id": user })),
        ("erase_subject", json!({ "user_id": user })),
        ("erase_subject", json!({ "service_account_id": account })),
        ("erase_subject", json!({ "tenant_id": tenant })),
        ("grant_operator", json!({ "user_id": user })),
        ("withdraw_operator", json!({ "user_id": user })),
        ("revoke_tokens", json!({ "user_id": user })),
        ("retire_signing_key", json!({"signing_key_id": signing_key, "reason": "compromised"})),
        ("revoke_tokens", json!({ "signing_key_id": signing_key })),
    ]
}

/// Every mutation that `schema.graphql` has.
fn mutations_of_the_schema() -> BTreeSet<String> {
    let schema = include_str!("../../schema.graphql");
    let fields = schema.split("type Mutation {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = fields.lines().filter_map(|line| line.trim().split_once('('));
    names.map(|(name, _)| name.to_owned()).filter(|name| !name.starts_with('"')).collect()
}

/// Every list and every mutation, by the administrator of another tenant.
#[test]
fn the_administrator_of_one_tenant_sees_and_touches_nothing_of_another() {
    let world = World::new();
    let (acme, operator) = (world.acme().to_owned(), world.operator());
    let (bob, of_bob) = world.member(&operator, &acme, "bob@example.com", "member");
    let account = world.account(&operator, &acme, "etl-agent");
    let of_account = world.key_of(&operator, &account, "etl");
    let (globex, _, eve) = world.tenant("globex", "eve@example.com");
    let mine = world.account(&world.holding(&eve.key), &globex, "own-agent");
    world.key_of(&world.holding(&eve.key), &mine, "own");
    let ours = [
        &acme,
        &bob,
        &account,
        &of_bob.key_id,
        &of_account.key_id,
        &world.operator.user_id,
        &world.operator.key_id,
    ];
    let texts = ["acme", "bob@example.com", "ada@example.com", "etl-agent"];
    let document = "{ signing_keys { edges { node { id } } } }";
    let signing_keys = operator.query("signing_keys", document).unwrap();
    let signing_key = signing_keys["edges"][0]["node"]["id"].as_str().unwrap().to_owned();

    let before = events_of(&world.data).len();
    for shown in [&eve.key, &eve.token] {
        let client = world.holding(shown);
        for list in [
            "tenant { id slug name }",
            "tenant(where: {slug: {_eq: null}, id: {_eq: null}}) { id slug }",
            "tenants(first: 100) { edges { node { id slug name } } }",
            "members(first: 100) { edges { node { user_id email name } } }",
            "service_accounts(first: 100) { edges { node { id tenant_id name } } }",
            "keys(all: true, first: 100) { edges { node { id user_id tenant_id name } } }",
            "auth_api_key { id user_id tenant_id name }",
            "user { id email name default_membership { tenant_id } }",
            "auth_info { tenant_id user_id key_id }",
        ] {
            let answer = client.graphql(&format!("{{ {list} }}"), &Value::Null);
            assert!(answer.json().get("errors").is_none(), "{list}: {}", answer.text);
            for hidden in ours.iter().map(|id| id.as_str()).chain(texts) {
                assert!(!answer.text.contains(hidden), "{list} shows {hidden}: {}", answer.text);
            }
        }
        let wanted = format!("{{ tenant(where: {{id: {{_eq: \"{acme}\"}}}}) {{ id }} }}");
        assert_eq!(client.query("tenant", &wanted), Ok(json!([])));
        for (field, document) in [
            ("members", format!("{{ members(tenant_id: \"{acme}\") {{ edges {{ cursor }} }} }}")),
            (
                "service_accounts",
                format!("{{ service_accounts(tenant_id: \"{acme}\") {{ edges {{ cursor }} }} }}"),
            ),
        ] {
            let unknown = document.replace(&acme, ONE_OF_NONE);
            assert_eq!(client.query(field, &document), Err("NOT_FOUND".into()), "{field}");
            assert_eq!(client.query(field, &unknown), Err("NOT_FOUND".into()), "{field}");
        }
        let all = "{ tenants(all: true) { edges { node { id } } } }";
        assert_eq!(client.query("tenants", all), Err("FORBIDDEN".into()));

        let foreign = addressed(&acme, &bob, &account, &of_account.key_id, &signing_key);
        let unknown = addressed(ONE_OF_NONE, ONE_OF_NONE, ONE_OF_NONE, ONE_OF_NONE, ONE_OF_NONE);
        for ((mutation, theirs), (_, nobodys)) in foreign.iter().zip(&unknown) {
            let selection = if mutation.starts_with("create_") { "id" } else { "position" };
            let refused = client.mutate(mutation, theirs, selection);
            // Whoever is no operator is told so before anything of a user or a signing key is looked up.
            let of_theirs = |field: &str| theirs.get(field).is_some();
            let operators_only = match *mutation {
                "revoke_tokens" | "erase_subject" => of_theirs("user_id") || of_theirs("signing_key_id"),
                _ => ["_user", "_operator", "_signing_key"].iter().any(|end| mutation.ends_with(end)),
            };
            let expected = if operators_only { "FORBIDDEN" } else { "NOT_FOUND" };
            assert_eq!(refused, Err(expected.into()), "{mutation} {theirs}");
            assert_eq!(client.mutate(mutation, nobodys, selection), refused, "{mutation} tells what exists");
        }
        let mut covered: BTreeSet<_> = foreign.iter().map(|(mutation, _)| (*mutation).to_owned()).collect();
        let input = json!({"slug": "initech", "administrator_email": "x@example.com"});
        assert_eq!(client.mutate("create_tenant", &input, "id"), Err("FORBIDDEN".into()));
        covered.insert("create_tenant".into());
        let signing_keys = "{ signing_keys { edges { cursor } } }";
        assert_eq!(client.query("signing_keys", signing_keys), Err("FORBIDDEN".into()));
        assert_eq!(client.mutate("rotate_signing_key", &json!({}), "id"), Err("FORBIDDEN".into()));
        covered.insert("rotate_signing_key".into());
        assert_eq!(client.mutate("revoke_tokens", &json!({"all": true}), "success"), Err("FORBIDDEN".into()));
        for (mutation, selection) in
            [("switch_tenant", "expires_at"), ("register_agent", "id"), ("get_runs_in_queue", "flow_run_ids")]
        {
            let in_tenant = |tenant: &str| match mutation {
                "register_agent" => json!({"tenant_id": tenant, "type": "LocalAgent"}),
                _ => json!({"tenant_id": tenant}),
            };
            let refused = client.mutate(mutation, &in_tenant(&acme), selection);
            let code = refused.clone().unwrap_err();
            assert!(
                ["NOT_A_MEMBER", "OTHER_TENANT", "NOT_A_KEY"].contains(&code.as_str()),
                "{mutation}: {code}"
            );
            assert_eq!(client.mutate(mutation, &in_tenant(ONE_OF_NONE), selection), refused, "{mutation}");
            covered.insert(mutation.into());
        }
        let others = json!({"access_token": of_bob.token});
        assert_eq!(client.mutate("refresh_token", &others, "expires_at"), Err("NOT_A_REFRESH_TOKEN".into()));
        covered.insert("refresh_token".into());
        // It names nobody: what it makes is in the asker's own tenant.
        let input = json!({"name": "x", "scope": "NONE"});
        assert_eq!(client.mutate("create_api_token", &input, "id"), Err("INVALID".into()));
        covered.insert("create_api_token".into());
        assert_eq!(covered, mutations_of_the_schema(), "each mutation of the schema is tried here");
    }
    assert_eq!(events_of(&world.data).len(), before, "nothing was written");
    for untouched in [&of_bob, &of_account] {
        world.accepts(untouched);
    }
}

#[test]
fn a_tenant_keeps_its_last_administrator_and_the_deployment_its_last_operator() {
    let world = World::new();
    let (globex, eve_id, eve) = world.tenant("globex", "eve@example.com");
    let (eve, operator) = (world.holding(&eve.key), world.operator());
    let before = events_of(&world.data).len();
    let selection = "mutation($input: INPUT!) { NAME(input: $input) { success } }";
    let of_member = json!({"tenant_id": globex, "user_id": eve_id});
    let demotion = json!({"tenant_id": globex, "user_id": eve_id, "role": "member"});
    for (client, name, kind, input) in [
        (&eve, "remove_member", "member_input", &of_member),
        (&eve, "change_member_role", "change_member_role_input", &demotion),
        (&operator, "suspend_user", "user_id_input", &json!({ "user_id": eve_id })),
        (&operator, "remove_user", "user_id_input", &json!({ "user_id": eve_id })),
    ] {
        let document = selection.replace("INPUT", kind).replace("NAME", name);
        let answer = client.graphql(&document, &json!({ "input": input }));
        assert_eq!(answer.code().as_deref(), Some("LAST_ADMINISTRATOR"), "{name}: {}", answer.text);
        let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&globex), "it names the tenant: {message}");
    }
    for name in ["suspend_user", "remove_user"] {
        let myself = json!({"user_id": world.operator.user_id});
        assert_eq!(operator.mutate(name, &myself, "success"), Err("LAST_OPERATOR".into()));
    }
    assert_eq!(events_of(&world.data).len(), before);

    let another = json!({"tenant_id": globex, "email": "zoe@example.com", "role": "administrator"});
    eve.mutate("add_member", &another, "user_id").unwrap();
    world.in_one_event(&operator, "remove_user", &json!({ "user_id": eve_id }), "UserRemoved");
}

/// A folder that a server has is read beside it, and says what the server says.
#[test]
fn the_position_that_is_told_is_that_of_the_log() {
    let world = World::new();
    let told = |world: &World| {
        let ready = Client::anonymous(world.server.url()).get("/readyz").json();
        ready["position"].as_str().unwrap().parse::<usize>().unwrap()
    };
    let of_log = |data: &Path| events_of(data).len();
    assert_eq!(told(&world), of_log(&world.data));
    world.account(&world.operator(), world.acme(), "etl");
    assert_eq!(told(&world), of_log(&world.data));
    assert_eq!(
        world.operator().query("position", "{ position }"),
        Ok(json!(of_log(&world.data).to_string()))
    );
}
