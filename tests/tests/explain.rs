//! Explanations and lives of keys from outside: who may ask, by id and by secret, and what is told.

use std::collections::BTreeSet;

use keyledger_tests::client::Client;
use keyledger_tests::server::keyledger;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, listed, text};
use crate::ui::Browser;

const EXPLAIN: &str = "query($key: key_named_input!, $tenant: uuid, $scopes: [String!], $as_of: as_of_input) { \
    explain(key: $key, tenant_id: $tenant, scopes: $scopes, as_of: $as_of) { key_id accepted code tenant_id role \
    decided_by { position recorded_at type decides event { position type summary } } as_of { position head } } }";

const HISTORY: &str = "query($key: key_named_input!, $as_of: as_of_input) { key_history(key: $key, as_of: $as_of) { key_id \
    steps { at what through position status approximate event { summary way cause actor { kind id } } } as_of { position } } }";

fn asked(client: &Client, document: &str, field: &str, variables: &Value) -> Result<Value, String> {
    let answer = client.graphql(document, variables);
    match answer.code() {
        None => Ok(answer.json()["data"][field].clone()),
        Some(code) => Err(code),
    }
}

fn explained(client: &Client, variables: &Value) -> Result<Value, String> {
    asked(client, EXPLAIN, "explain", variables)
}

fn by_id(id: &str) -> Value {
    json!({"key": {"id": id}})
}

fn decisive(explained: &Value) -> BTreeSet<(String, String)> {
    let events = explained["decided_by"].as_array().unwrap().iter();
    events.map(|event| (text(&event["decides"]), text(&event["type"]))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(decides, event)| ((*decides).to_owned(), (*event).to_owned())).collect()
}

/// `explain(key: …)`
#[test]
fn it_names_the_events_that_decide_before_and_after() {
    let world = TwoTenants::new();
    let (ada, before) = (world.ada(), world.position());
    ada.mutate("suspend_tenant", &json!({"tenant_id": world.globex_id}), "success").unwrap();
    ada.mutate("delete_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    let revoked = world.position();

    let now = explained(&ada, &by_id(&world.agent.id)).unwrap();
    assert_eq!((&now["accepted"], &now["code"]), (&json!(false), &json!("KEY_REVOKED")));
    assert_eq!(decisive(&now), pairs(&[("revocation", "KeyRevoked")]));
    let event = &now["decided_by"][0];
    assert_eq!(event["position"], revoked.to_string());
    assert!(text(&event["event"]["summary"]).contains("etl-key"), "{event}");

    let mut variables = by_id(&world.agent.id);
    variables["as_of"] = json!({"position": before.to_string()});
    let then = explained(&ada, &variables).unwrap();
    assert_eq!((&then["accepted"], &then["code"]), (&json!(true), &json!("ACTIVE")));
    assert_eq!((&then["role"], &then["tenant_id"]), (&json!("administrator"), &json!(world.ada.tenant_id)));
    let expected = [("key", "KeyCreated"), ("owner", "ServiceAccountCreated"), ("tenant", "TenantCreated")];
    assert_eq!(decisive(&then), pairs(&expected));
    assert_eq!(then["as_of"], json!({"position": before.to_string(), "head": revoked.to_string()}));
    variables["as_of"] = json!({"position": "1"});
    let unborn = explained(&ada, &variables).unwrap();
    assert_eq!((&unborn["code"], &unborn["decided_by"]), (&json!("KEY_UNKNOWN"), &json!([])));

    let eve = explained(&ada, &by_id(&world.eve.id)).unwrap();
    assert_eq!(decisive(&eve), pairs(&[("tenant", "TenantSuspended")]), "an operator sees any key");
    let mut scoped = by_id(&world.bob.id);
    scoped["scopes"] = json!(["jobs:run"]);
    assert_eq!(explained(&ada, &scoped).unwrap()["accepted"], true, "it is not narrowed");
    let narrow = json!({"user_id": world.account_id, "name": "narrow", "scopes": ["keyledger:read"]});
    let narrow = ada.mutate("create_api_key", &narrow, "id").unwrap();
    let mut scoped = by_id(&text(&narrow["id"]));
    scoped["scopes"] = json!(["jobs:run"]);
    let refused = explained(&ada, &scoped).unwrap();
    assert_eq!(
        (&refused["code"], decisive(&refused)),
        (&json!("SCOPES_NOT_HELD"), pairs(&[("key", "KeyCreated")]))
    );
    scoped["tenant"] = json!(world.globex_id);
    assert_eq!(explained(&ada, &scoped).unwrap()["code"], "OTHER_TENANT");
    scoped["scopes"] = json!(["not a scope"]);
    assert_eq!(explained(&ada, &scoped), Err("SCOPE_INVALID".into()));
}

/// `explain(key: …)`, `key_history(key: …)`
#[test]
fn by_id_it_is_for_those_whom_the_key_concerns_and_by_secret_for_verifiers() {
    let world = TwoTenants::new();
    let bobs = by_id(&world.bob.id);
    for client in [world.bob(), world.ada(), world.agent()] {
        assert_eq!(explained(&client, &bobs).unwrap()["code"], "ACTIVE");
        assert!(asked(&client, HISTORY, "key_history", &bobs).is_ok());
    }
    assert_eq!(explained(&world.eve(), &bobs), Err("NOT_FOUND".into()));
    assert_eq!(asked(&world.eve(), HISTORY, "key_history", &bobs), Err("NOT_FOUND".into()));
    assert_eq!(explained(&world.bob(), &by_id(&world.agent.id)), Err("NOT_FOUND".into()));

    // By its secret a verifier learns what it is worth here, and not who did what.
    let secret = json!({"key": {"secret": world.agent.secret}});
    let told = explained(&world.eve(), &secret).unwrap();
    assert_eq!((&told["accepted"], &told["code"]), (&json!(false), &json!("OTHER_TENANT")));
    assert_eq!(told["decided_by"][0]["type"], "KeyCreated");
    assert_eq!(told["decided_by"][0]["event"], Value::Null);
    assert_eq!(asked(&world.eve(), HISTORY, "key_history", &secret), Err("INVALID".into()));
    assert_eq!(explained(&world.ada(), &secret).unwrap()["key_id"], world.agent.id);
    let nobodys = json!({"key": {"secret": "x".repeat(40)}});
    let told = explained(&world.ada(), &nobodys).unwrap();
    assert_eq!((&told["key_id"], &told["code"]), (&Value::Null, &json!("KEY_UNKNOWN")));
    let runner = json!({"name": "runner", "role": "read_only"});
    let runner = text(&world.ada().mutate("create_service_account", &runner, "id").unwrap()["id"]);
    let runner = key_for(&world.ada(), &runner, "runner");
    assert_eq!(explained(&world.holding(&runner.secret), &nobodys), Err("FORBIDDEN".into()));
    for bad in [json!({}), json!({"id": world.bob.id, "secret": "x"}), json!({"secret": "two words"})] {
        let refused = explained(&world.ada(), &json!({"key": bad})).unwrap_err();
        assert!(!refused.is_empty(), "{bad}");
    }
}

/// `key_history(key: …)`
#[test]
fn the_life_of_a_key_tells_what_was_done_to_it_and_what_befell_it() {
    let world = TwoTenants::new();
    let ada = world.ada();
    assert_eq!(world.agent().whoami().status, 200);
    let done = |name: &str, input: Value| drop(ada.mutate(name, &input, "success").unwrap());
    done("rename_api_key", json!({"key_id": world.agent.id, "name": "renamed"}));
    done("suspend_service_account", json!({"service_account_id": world.account_id}));
    done("resume_service_account", json!({"service_account_id": world.account_id}));
    let made = json!({"slug": "other", "administrator_email": "ada@example.com"});
    ada.mutate("create_tenant", &made, "id").unwrap();
    done("suspend_tenant", json!({"tenant_id": world.ada.tenant_id}));
    done("resume_tenant", json!({"tenant_id": world.ada.tenant_id}));
    ada.mutate("rotate_api_key", &json!({"key_id": world.agent.id, "overlap_seconds": 3600}), "id").unwrap();
    // Its tokens alone, with those of others, and those of somebody else.
    let signing_key = ada.graphql("{ signing_keys { edges { node { id } } } }", &json!({})).json();
    for target in [
        json!({"key_id": world.agent.id}),
        json!({"service_account_id": world.account_id}),
        json!({"tenant_id": world.ada.tenant_id}),
        json!({"user_id": world.ada.user_id}),
        json!({"signing_key_id": signing_key["data"]["signing_keys"]["edges"][0]["node"]["id"]}),
        json!({"all": true}),
    ] {
        done("revoke_tokens", target);
    }
    done("delete_api_key", json!({"key_id": world.agent.id, "reason": "superseded"}));

    let life = asked(&ada, HISTORY, "key_history", &by_id(&world.agent.id)).unwrap();
    let steps: Vec<_> = life["steps"].as_array().unwrap().iter().collect();
    let told: Vec<_> = steps
        .iter()
        .filter(|step| step["through"] != "use")
        .map(|step| {
            let word = |name: &str| step[name].as_str().unwrap();
            (word("what"), word("through"), word("status"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("KeyCreated", "key", "ACTIVE"),
            ("KeyRenamed", "key", "ACTIVE"),
            ("ServiceAccountSuspended", "owner", "OWNER_SUSPENDED"),
            ("ServiceAccountResumed", "owner", "ACTIVE"),
            ("TenantSuspended", "tenant", "TENANT_SUSPENDED"),
            ("TenantResumed", "tenant", "ACTIVE"),
            ("KeyRotated", "key", "ACTIVE"),
            ("TokensRevoked", "key", "ACTIVE"),
            ("TokensRevoked", "owner", "ACTIVE"),
            ("TokensRevoked", "tenant", "ACTIVE"),
            ("TokensRevoked", "signing_key", "ACTIVE"),
            ("TokensRevoked", "all_tokens", "ACTIVE"),
            ("KeyRevoked", "key", "KEY_REVOKED"),
        ]
    );
    let used: Vec<_> = steps.iter().filter(|step| step["through"] == "use").collect();
    assert!(
        !used.is_empty() && used.iter().all(|step| step["approximate"] == true && step["event"].is_null())
    );
    let rotated = steps.iter().find(|step| step["what"] == "KeyRotated").unwrap();
    assert!(rotated["event"]["cause"].is_string(), "it followed from the making of its successor");
    assert_eq!(rotated["event"]["actor"], json!({"kind": "user", "id": world.ada.user_id}));
    let mut first = by_id(&world.agent.id);
    first["as_of"] = json!({"position": "1"});
    assert_eq!(asked(&ada, HISTORY, "key_history", &first).unwrap()["steps"], json!([]), "it was made later");
}

/// `key_history(key: …)`
#[test]
fn a_members_leaving_is_in_the_life_of_the_members_keys() {
    let world = TwoTenants::new();
    world.ada().mutate("remove_member", &json!({"user_id": world.bob_id}), "success").unwrap();
    let life = asked(&world.ada(), HISTORY, "key_history", &by_id(&world.bob.id)).unwrap();
    let last = life["steps"].as_array().unwrap().last().unwrap();
    let word = |name: &str| last[name].as_str().unwrap();
    assert_eq!(
        (word("what"), word("through"), word("status")),
        ("MemberRemoved", "membership", "MEMBERSHIP_REMOVED")
    );
}

const RADIUS: &str = "query($key: key_named_input!) { blast_radius(key: $key) { key_id user_id spells { tenant_id role from until } \
    events { type } events_count keys_made predecessor_ids successor_ids tokens_dead_at usage { last_used_at callers } \
    contain_with } }";

/// `blast_radius(key: …)`
#[test]
fn the_blast_radius_tells_where_a_key_reached_what_was_done_with_it_and_what_stops_it() {
    let world = TwoTenants::new();
    let (ada, agent) = (world.ada(), world.agent());
    let made = key_for(&agent, &world.account_id, "made with it");
    let radius = |named: &Value| asked(&ada, RADIUS, "blast_radius", &json!({"key": named}));
    let told = radius(&json!({"secret": world.agent.secret})).unwrap();
    assert_eq!((&told["key_id"], &told["user_id"]), (&json!(world.agent.id), &json!(world.account_id)));
    let spells = told["spells"].as_array().unwrap();
    assert_eq!(spells.len(), 1, "{told}");
    assert_eq!(
        (&spells[0]["tenant_id"], &spells[0]["role"]),
        (&json!(world.ada.tenant_id), &json!("administrator"))
    );
    assert_eq!((&spells[0]["until"], &told["tokens_dead_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&told["events"][0]["type"], &told["events_count"]), (&json!("KeyCreated"), &json!(1)));
    assert_eq!(told["keys_made"], json!([made.id]));
    let command = text(&told["contain_with"]);
    assert_eq!(command, format!("keyledger key revoke {} --reason key_compromise", world.agent.id));

    let input = json!({"key_id": world.agent.id, "overlap_seconds": 3600});
    let successor = text(&ada.mutate("rotate_api_key", &input, "id").unwrap()["id"]);
    ada.mutate("delete_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    let told = radius(&json!({"id": world.agent.id})).unwrap();
    assert!(told["spells"][0]["until"].is_string() && told["tokens_dead_at"].is_string(), "{told}");
    assert_eq!((&told["successor_ids"], &told["contain_with"]), (&json!([successor]), &Value::Null));
    let after = radius(&json!({"id": successor})).unwrap();
    assert_eq!(after["predecessor_ids"], json!([world.agent.id]));

    let operators = radius(&json!({"id": world.ada.key_id})).unwrap();
    let outside = |spell: &Value| spell["tenant_id"].is_null() && spell["role"].is_null();
    assert!(operators["spells"].as_array().unwrap().iter().any(outside), "it operates: {operators}");
    for bad in [json!({"digest": "00"}), json!({"digest": "g".repeat(64)}), json!({"digest": "0".repeat(64)})]
    {
        assert_eq!(radius(&bad), Err("INVALID".into()), "{bad}");
    }
    let named = json!({"key": {"id": world.agent.id}});
    assert_eq!(asked(&world.eve(), RADIUS, "blast_radius", &named), Err("NOT_FOUND".into()));
}

/// `blast_radius(key: …)`
#[test]
fn the_tenants_that_a_key_reached_are_named_to_those_who_may_look_at_them() {
    let world = TwoTenants::new();
    let named = |reader: &Client| -> Vec<(Value, Value)> {
        let document =
            "query($key: key_named_input!) { blast_radius(key: $key) { spells { tenant_id tenant_name } } }";
        let told = asked(reader, document, "blast_radius", &by_id(&world.bob.id)).unwrap();
        let spells = told["spells"].as_array().unwrap();
        spells.iter().map(|spell| (spell["tenant_id"].clone(), spell["tenant_name"].clone())).collect()
    };
    let member = json!({"email": "bob@example.com", "role": "member"});
    world.eve().mutate("add_member", &member, "user_id").unwrap();
    let acme = (json!(world.ada.tenant_id), json!("acme"));
    let globex = |name: Value| (json!(world.globex_id), name);
    assert_eq!(named(&world.bob()), [acme.clone(), globex(json!("globex"))]);
    // Who operates looks at all of them, member or not.
    assert_eq!(named(&world.ada()), [acme.clone(), globex(json!("globex"))]);
    world.eve().mutate("remove_member", &json!({"user_id": world.bob_id}), "success").unwrap();
    assert_eq!(named(&world.bob()), [acme.clone(), globex(Value::Null)]);
    assert_eq!(named(&world.ada()), [acme, globex(json!("globex"))]);
}

/// `blast_radius(key: …)`
#[test]
fn a_key_is_found_by_what_is_stored_of_it() {
    let world = TwoTenants::new();
    let events = keyledger_tests::server::events_of(&world.data);
    let digest = events.iter().find_map(|recorded| match &recorded.event {
        domain::Event::KeyCreated(made) if made.key.to_string() == world.agent.id => Some(made.digest.bytes),
        _ => None,
    });
    let digits: String = digest.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let named = json!({"key": {"digest": digits}});
    assert_eq!(asked(&world.ada(), RADIUS, "blast_radius", &named).unwrap()["key_id"], world.agent.id);
    assert_eq!(asked(&world.eve(), RADIUS, "blast_radius", &named), Err("INVALID".into()), "not hers to see");
    assert_eq!(explained(&world.ada(), &named).unwrap()["key_id"], world.agent.id);

    // A digest of nobody is told like a secret of nobody, and nobody learns whether somebody elsewhere has it.
    let nobodys = json!({"key": {"digest": "0".repeat(64)}});
    for (client, named) in [(world.ada(), &nobodys), (world.eve(), &nobodys), (world.eve(), &named)] {
        let mut told = explained(&client, named).unwrap();
        told.as_object_mut().unwrap().remove("as_of");
        let unknown = json!({
            "key_id": null, "accepted": false, "code": "KEY_UNKNOWN", "tenant_id": null, "role": null, "decided_by": [],
        });
        assert_eq!(told, unknown);
    }
    let runner = json!({"name": "runner", "role": "read_only"});
    let runner = text(&world.ada().mutate("create_service_account", &runner, "id").unwrap()["id"]);
    let runner = world.holding(&key_for(&world.ada(), &runner, "runner").secret);
    for named in [&nobodys, &named] {
        assert_eq!(explained(&runner, named), Err("FORBIDDEN".into()), "it may verify nobody's keys");
    }
    let cut = json!({"key": {"digest": "00"}});
    assert_eq!(explained(&world.ada(), &cut), Err("INVALID".into()));
}

/// What befell a key that acts in several tenants is told alike by the server and by whoever reads the log alone.
#[test]
fn what_befell_a_key_elsewhere_is_told_and_what_befell_others_is_not() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let of_globex = json!({"tenant_id": world.globex_id});
    let done = |mutation: &str, input: &Value| drop(ada.mutate(mutation, input, "__typename").unwrap());
    let twice = || {
        done("suspend_tenant", &of_globex);
        done("resume_tenant", &of_globex);
    };
    let before = world.position();
    twice();
    let bob = json!({"tenant_id": world.globex_id, "email": "bob@example.com", "role": "member"});
    done("add_member", &bob);
    twice();
    let bob = json!({"tenant_id": world.globex_id, "user_id": world.bob_id});
    world.eve().mutate("remove_member", &bob, "success").unwrap();
    twice();
    let life = asked(&ada, HISTORY, "key_history", &by_id(&world.bob.id)).unwrap();
    let steps = life["steps"].as_array().unwrap();
    let told: Vec<_> =
        steps.iter().filter_map(|step| step["position"].as_str()?.parse::<u64>().ok()).collect();
    let made = told[0];
    assert_eq!(told, [made, before + 3, before + 4, before + 5, before + 6]);
    let data = world.data.to_str().unwrap();
    let timeline = keyledger(["audit", "timeline", &world.bob.id, "--data", data, "-o", "jsonl"]);
    let timeline: Vec<u64> = std::str::from_utf8(&timeline.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["position"].as_str()?.parse().ok())
        .collect();
    assert_eq!(timeline, told, "offline");
}

/// What a key for any tenant is worth and does elsewhere, the administrators of its home are not told.
#[test]
fn the_administrators_of_a_keys_home_learn_nothing_of_where_else_it_acts() {
    let world = TwoTenants::new();
    let (ada, eve) = (world.ada(), world.eve());
    let globex = text(&eve.whoami().json()["tenant_id"]);
    let account = eve.mutate("create_service_account", &json!({"name": "hank"}), "id").unwrap();
    let hank_key = key_for(&eve, &text(&account["id"]), "hank-key").secret;
    let hank = world.holding(&hank_key);
    let acme = world.ada.tenant_id.clone();
    let brought = json!({"email": "eve@example.com", "role": "member"});
    world.agent().mutate("add_member", &brought, "user_id").unwrap();
    let elsewhere = json!({"key": {"id": world.eve.id}, "tenant": acme});

    assert_eq!(explained(&hank, &by_id(&world.eve.id)).unwrap()["tenant_id"], globex);
    let foreign = json!({"key": {"id": world.eve.id}, "tenant": world.account_id});
    assert_eq!(explained(&hank, &elsewhere), Err("NOT_FOUND".to_owned()));
    assert_eq!(explained(&hank, &foreign), Err("NOT_FOUND".to_owned()), "as of a tenant that there is not");
    assert_eq!(explained(&ada, &elsewhere).unwrap()["code"], "ACTIVE", "an operator is told");
    assert_eq!(explained(&eve, &elsewhere).unwrap()["code"], "ACTIVE", "and she herself");
    let accepted_in = |client: &Client| -> BTreeSet<String> {
        let document = "query($key: key_named_input!) { blast_radius(key: $key) { spells { tenant_id } } }";
        let radius = asked(client, document, "blast_radius", &by_id(&world.eve.id)).unwrap();
        radius["spells"].as_array().unwrap().iter().map(|spell| text(&spell["tenant_id"])).collect()
    };
    assert_eq!(accepted_in(&hank), BTreeSet::from([globex.clone()]));
    assert_eq!(
        accepted_in(&eve),
        BTreeSet::from([globex.clone(), acme.clone()]),
        "though she administers it"
    );
    let token = Client::anonymous(world.server.url()).token(&world.eve.secret);
    assert_eq!(accepted_in(&world.holding(&token)), BTreeSet::from([globex.clone()]), "a token is for one");

    // Nor of what she does elsewhere with it.
    let acted = |client: &Client| {
        let document = "query($key: key_named_input!) { blast_radius(key: $key) { events_count events { type } keys_made } }";
        asked(client, document, "blast_radius", &by_id(&world.eve.id)).unwrap()
    };
    let before = acted(&hank);
    let eve_id = text(&eve.whoami().json()["id"]);
    let there = json!({"user_id": eve_id, "name": "there", "tenant_id": acme});
    let made = eve.in_tenant(&acme).mutate("create_api_key", &there, "id").unwrap();
    assert_eq!(acted(&hank), before);
    let own = acted(&eve);
    let count = |acted: &Value| acted["events_count"].as_i64().unwrap();
    assert_eq!(count(&own), count(&before) + 1);
    assert!(own["keys_made"].as_array().unwrap().contains(&made["id"]), "{own}");

    // Who was shown the key and may verify there is told what `POST /v1/verify` tells, and sees no events.
    let bob = json!({"email": "bob@example.com", "role": "administrator"});
    eve.mutate("add_member", &bob, "user_id").unwrap();
    let shown = json!({"key": {"secret": world.eve.secret}, "tenant": acme});
    let both = world.bob();
    let verdict = explained(&both, &shown).unwrap();
    assert_eq!((&verdict["code"], &verdict["decided_by"][0]["event"]), (&json!("ACTIVE"), &Value::Null));
    assert_eq!(explained(&both, &elsewhere), Err("FORBIDDEN".to_owned()), "by its id he sees it at home");

    // She leaves, and her key goes on elsewhere.
    hank.mutate("remove_member", &json!({"user_id": eve_id}), "success").unwrap();
    assert_eq!(world.eve().whoami().json()["tenant_id"], acme);
    let told = |client: &Client| {
        let document = "query($key: key_named_input!) { key(key: $key) { status usage { count } usage_withheld } \
            blast_radius(key: $key) { usage { count } usage_withheld } }";
        let told = client.graphql(document, &by_id(&world.eve.id)).json()["data"].clone();
        let (key, radius) = (told["key"].clone(), &told["blast_radius"]);
        assert_eq!((&key["usage"], &key["usage_withheld"]), (&radius["usage"], &radius["usage_withheld"]));
        let explanation = explained(client, &by_id(&world.eve.id)).unwrap();
        let life = asked(client, HISTORY, "key_history", &by_id(&world.eve.id)).unwrap();
        let steps = life["steps"].as_array().unwrap().clone();
        let used = steps.iter().filter(|step| text(&step["what"]).ends_with("used")).count();
        (key, explanation["code"].clone(), steps.last().unwrap()["status"].clone(), used)
    };
    let (key, code, last, used) = told(&hank);
    assert_eq!((&key["status"], &key["usage"]), (&json!("MEMBERSHIP_REMOVED"), &Value::Null));
    assert_eq!(key["usage_withheld"], true, "it may have been used, and was");
    // Nor when she used it, by asking for what was not used since.
    for since in ["2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
        let filter = format!("filter: {{user_id: \"{eve_id}\", last_used_before: \"{since}\"}}");
        assert_eq!(listed(&hank, "keys", &filter, "id").unwrap(), Vec::<Value>::new(), "{since}");
    }
    let radius = hank.graphql(
        "query($key: key_named_input!) { blast_radius(key: $key) { contain_with } }",
        &by_id(&world.eve.id),
    );
    let contain = text(&radius.json()["data"]["blast_radius"]["contain_with"]);
    assert!(contain.starts_with("keyledger key revoke"), "to remove her once more stops nothing: {contain}");
    let key_file = world.data.with_file_name("hank.key");
    std::fs::write(&key_file, &hank_key).unwrap();
    for (command, line) in [("show", "used last"), ("blast-radius", "used last, roughly")] {
        let server = ["--url", world.server.url(), "--key-file", key_file.to_str().unwrap()];
        let told = keyledger(["key", command, &world.eve.id].iter().chain(&server)).stdout;
        let told = String::from_utf8(told).unwrap();
        let used = told.lines().find(|told| told.starts_with(line)).unwrap();
        assert!(used.contains("not for you to see"), "{used}");
    }
    let browser = Browser::at(world.server.url());
    assert_eq!(browser.sign_in(&hank_key).status, 303);
    let page = browser.page(&format!("/ui/keys/{}", world.eve.id));
    assert!(page.contains("<dt>Last used</dt><dd>not for you to see"), "{page}");
    assert_eq!((&code, &last, used), (&json!("MEMBERSHIP_REMOVED"), &json!("MEMBERSHIP_REMOVED"), 0));
    let (key, code, _, used) = told(&ada);
    assert_eq!((&code, &key["usage_withheld"]), (&json!("ACTIVE"), &json!(false)));
    assert!(used > 0);
    // That it is revoked by now does not tell her old home of what it was used for since.
    ada.mutate("delete_api_key", &json!({"key_id": world.eve.id}), "success").unwrap();
    let (key, ..) = told(&hank);
    let withheld = (&json!("KEY_REVOKED"), &Value::Null, &json!(true));
    assert_eq!((&key["status"], &key["usage"], &key["usage_withheld"]), withheld);
}

/// That a key has ended says nothing of where it was used: in the incident its home is told of its use.
#[test]
fn the_use_of_a_key_for_any_tenant_is_told_at_home_also_once_it_is_revoked() {
    let world = TwoTenants::new();
    let eve = world.eve();
    let account = eve.mutate("create_service_account", &json!({"name": "hank"}), "id").unwrap();
    let hank = world.holding(&key_for(&eve, &text(&account["id"]), "hank-key").secret);
    eve.whoami();
    eve.mutate("delete_api_key", &json!({"key_id": world.eve.id}), "success").unwrap();
    let document = "query($key: key_named_input!) { key(key: $key) { status usage { count agents { id } } } \
        blast_radius(key: $key) { usage { count } } }";
    let told = hank.graphql(document, &by_id(&world.eve.id)).json()["data"].clone();
    assert_eq!(told["key"]["status"], "KEY_REVOKED");
    assert!(told["key"]["usage"]["count"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(told["key"]["usage"]["count"], told["blast_radius"]["usage"]["count"]);
}

/// `key_history`: the clock ends no key that was revoked, and a grace of no length with the rotation.
#[test]
fn what_the_clock_ends_is_told_where_it_ended_the_key() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let life = |id: &str| -> Vec<(String, String)> {
        let life = asked(&ada, HISTORY, "key_history", &by_id(id)).unwrap();
        let steps = life["steps"].as_array().unwrap().iter();
        steps.map(|step| (text(&step["what"]), text(&step["status"]))).collect()
    };
    let soon = jiff::Timestamp::now() + std::time::Duration::from_millis(1_200);
    let ending = |name: &str| {
        let input = json!({"user_id": world.account_id, "name": name, "expires_at": soon.to_string()});
        text(&ada.mutate("create_api_key", &input, "id").unwrap()["id"])
    };
    let (expiring, revoked) = (ending("expiring"), ending("revoked"));
    ada.mutate("delete_api_key", &json!({"key_id": revoked}), "success").unwrap();
    let rotated = key_for(&ada, &world.account_id, "rotated").id;
    ada.mutate("rotate_api_key", &json!({"key_id": rotated, "overlap_seconds": 0}), "id").unwrap();
    while jiff::Timestamp::now() < soon + std::time::Duration::from_millis(50) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let steps = |steps: &[(&str, &str)]| -> Vec<(String, String)> {
        steps.iter().map(|(what, status)| ((*what).to_owned(), (*status).to_owned())).collect()
    };
    assert_eq!(life(&expiring), steps(&[("KeyCreated", "ACTIVE"), ("expired", "KEY_EXPIRED")]));
    assert_eq!(life(&revoked), steps(&[("KeyCreated", "ACTIVE"), ("KeyRevoked", "KEY_REVOKED")]));
    let ended = [("KeyCreated", "ACTIVE"), ("KeyRotated", "KEY_ROTATED"), ("grace_over", "KEY_ROTATED")];
    assert_eq!(life(&rotated), steps(&ended));
}
