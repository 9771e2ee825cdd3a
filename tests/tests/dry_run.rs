//! Dry runs from outside: each destructive mutation tells what it would do, and does not do it.

use serde_json::{Value, json};

use crate::two_tenants::TwoTenants;

const DRY_RUN: &str = "position dry_run { events { type position key_id } keys { key_id code tenant_id } keys_count \
    service_account_ids service_accounts_count members { user_id tenant_id } members_count changes { what kind increases_access } changes_count tokens_live_until }";

/// `dry_run: true`
#[test]
fn every_destructive_mutation_can_be_rehearsed() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let made = ada.mutate("create_service_account", &json!({"name": "gone"}), "id").unwrap();
    let gone = made["id"].clone();
    ada.mutate("delete_service_account", &json!({"service_account_id": gone}), "success").unwrap();
    let before = world.position();
    let keys = "{ signing_keys { edges { node { id } } } }";
    let signing_key = ada.query("signing_keys", keys).unwrap()["edges"][0]["node"]["id"].clone();
    let (key, account) = (&world.agent.id, &world.account_id);
    for (name, input, event, stopped) in [
        ("delete_api_key", json!({"key_id": key}), "KeyRevoked", 1),
        ("disable_api_key", json!({"key_id": key}), "KeyDisabled", 1),
        ("rotate_api_key", json!({"key_id": key}), "KeyCreated", 1),
        ("delete_service_account", json!({"service_account_id": account}), "ServiceAccountRemoved", 1),
        ("suspend_service_account", json!({"service_account_id": account}), "ServiceAccountSuspended", 1),
        ("remove_member", json!({"user_id": world.bob_id}), "MemberRemoved", 1),
        ("suspend_user", json!({"user_id": world.bob_id}), "UserSuspended", 1),
        ("remove_user", json!({"user_id": world.bob_id}), "UserRemoved", 1),
        ("suspend_tenant", json!({"tenant_id": world.globex_id}), "TenantSuspended", 1),
        ("remove_tenant", json!({"tenant_id": world.globex_id}), "TenantRemoved", 1),
        ("revoke_tokens", json!({"key_id": key}), "TokensRevoked", 0),
        (
            "retire_signing_key",
            json!({"signing_key_id": signing_key, "reason": "compromised"}),
            "SigningKeyAdded",
            0,
        ),
        ("grant_operator", json!({"user_id": world.bob_id}), "OperatorGranted", 0),
        ("change_member_role", json!({"user_id": world.bob_id, "role": "read_only"}), "MemberRoleChanged", 0),
        (
            "change_service_account_role",
            json!({"service_account_id": account, "role": "read_only"}),
            "ServiceAccountRoleChanged",
            0,
        ),
        (
            "change_api_key_expiry",
            json!({"key_id": key, "expires_at": "2999-01-01T00:00:00Z"}),
            "KeyExpiryChanged",
            0,
        ),
        (
            "change_api_key_addresses",
            json!({"key_id": key, "allowed_addresses": ["127.0.0.1"]}),
            "KeyAddressesChanged",
            0,
        ),
        (
            "change_api_key_rate",
            json!({"key_id": key, "rate_limit": {"requests": 1, "period_seconds": 1}}),
            "KeyRateChanged",
            0,
        ),
        (
            "change_tenant_policy",
            json!({"key_life_seconds_max": 86_400, "key_life_seconds_default": null}),
            "TenantPolicyChanged",
            0,
        ),
        ("erase_subject", json!({"service_account_id": gone}), "SubjectErased", 0),
    ] {
        let mut asked = input.clone();
        asked["dry_run"] = json!(true);
        asked["idempotency_key"] = json!("the-same-for-all");
        let answer = ada.mutate(name, &asked, DRY_RUN).unwrap_or_else(|code| panic!("{name}: {code}"));
        let told = &answer["dry_run"];
        let types: Vec<_> =
            told["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
        assert!(types.contains(&json!(event)), "{name}: {types:?}");
        assert_eq!(told["events"][0]["position"], (before + 1).to_string(), "{name}");
        assert_eq!(told["keys_count"], stopped, "{name}: {told}");
        assert!(told["changes_count"].as_i64().unwrap() > 0, "{name}: {told}");
        let tokens = !["grant_operator", "erase_subject"].contains(&name) && !name.starts_with("change_");
        assert_eq!(told["tokens_live_until"].is_string(), tokens, "{name}: {told}");
        assert_eq!(world.position(), before, "{name} did nothing");
    }
    for secret in [&world.agent.secret, &world.bob.secret, &world.eve.secret] {
        assert_eq!(world.holding(secret).whoami().status, 200);
    }
}

/// `dry_run: true`
#[test]
fn it_names_what_stops_and_refuses_as_the_mutation_would() {
    let world = TwoTenants::new();
    let input = json!({"tenant_id": world.ada.tenant_id, "dry_run": true});
    let told = world.ada().mutate("remove_tenant", &input, DRY_RUN).unwrap()["dry_run"].clone();
    assert_eq!(told["service_account_ids"], json!([world.account_id]));
    assert_eq!(told["members_count"], 2);
    let keys: Vec<_> = told["keys"].as_array().unwrap().iter().map(|key| key["key_id"].clone()).collect();
    assert!(keys.contains(&json!(world.agent.id)) && keys.contains(&json!(world.bob.id)), "{told}");
    assert!(told["keys"].as_array().unwrap().iter().all(|key| key["code"] == "TENANT_REMOVED"));
    let refused = world.bob().mutate("remove_tenant", &input, DRY_RUN);
    assert_eq!(refused, Err("FORBIDDEN".into()));
    let success = "success dry_run { keys_count }";
    let done = world.ada().mutate("remove_tenant", &input, success).unwrap();
    assert_eq!(done["success"], Value::Null, "it is not so");
    let real = json!({"tenant_id": world.globex_id, "dry_run": false});
    let done = world.ada().mutate("remove_tenant", &real, success).unwrap();
    assert_eq!(done, json!({"success": true, "dry_run": null}));
}

/// `dry_run: true` with an `idempotency_key`: it means what it would mean if it were no dry run.
#[test]
fn an_idempotency_key_that_was_used_before_is_heeded() {
    let world = TwoTenants::new();
    let (ada, key) = (world.ada(), &world.agent.id);
    let change = |name: &str, attempt: &str, dry_run: bool| {
        let input = json!({"key_id": key, "idempotency_key": attempt, "dry_run": dry_run});
        ada.mutate(name, &input, DRY_RUN).map(|told| told["dry_run"]["events"].clone())
    };
    let before = world.position();
    let rehearsed = change("disable_api_key", "first", true).unwrap();
    assert_eq!(rehearsed[0]["type"], "KeyDisabled");
    change("disable_api_key", "first", false).unwrap();
    change("enable_api_key", "second", false).unwrap();
    assert_eq!(change("disable_api_key", "first", true), Ok(json!([])), "it was done, and is not done again");
    for attempt in ["first", "second"] {
        assert_eq!(change("delete_api_key", attempt, true), Err("IDEMPOTENCY_CONFLICT".to_owned()));
    }
    let rotated = change("rotate_api_key", "third", false);
    assert!(rotated.is_ok());
    assert_eq!(change("rotate_api_key", "third", true), Ok(json!([])));
    assert_eq!(change("delete_api_key", "fourth", true).unwrap()[0]["type"], "KeyRevoked");
    assert_eq!(world.position(), before + 4, "and no dry run did anything");
}

/// `changes { kind id }`
#[test]
fn tokens_that_would_be_refused_have_the_id_of_whatever_they_are_refused_with() {
    let world = TwoTenants::new();
    let told = "dry_run { changes { what kind id } }";
    for (field, id) in [
        ("key_id", &world.agent.id),
        ("service_account_id", &world.account_id),
        ("user_id", &world.bob_id),
        ("tenant_id", &world.globex_id),
    ] {
        let told = world.ada().mutate("revoke_tokens", &json!({field: id, "dry_run": true}), told).unwrap();
        assert_eq!(
            told["dry_run"]["changes"],
            json!([{"what": "added", "kind": "tokens", "id": id}]),
            "{field}"
        );
    }
}
