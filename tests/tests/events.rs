//! The events as their readers see them: of one's own tenant, with the names that one may know, page by page.

use std::convert::Infallible;

use domain::ids::TenantId;
use domain::{Model, Recorded};
use keyledger_tests::client::Client;
use keyledger_tests::server::events_of;
use replay::concerns_tenant;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, listed, nodes, text};

const FIELDS: &str = "position type summary in_plain_words tenant_id user_id service_account_id key_id signing_key_id \
                      actor { kind id key_id token_id } way request_id cause idempotency_key details { name value }";

fn events(client: &Client, arguments: &str) -> Result<Vec<Value>, String> {
    listed(client, "events", arguments, FIELDS)
}

fn positions(nodes: &[Value]) -> Vec<u64> {
    nodes.iter().map(|node| text(&node["position"]).parse().unwrap()).collect()
}

/// The positions that folding the log finds for a tenant.
fn of_tenant(log: &[Recorded], tenant: &str) -> Vec<u64> {
    let tenant = TenantId::parse(tenant).unwrap();
    let mut rows = Model::default();
    let concerned = log.iter().filter(|recorded| {
        rows.record(recorded);
        let Ok(concerned): Result<_, Infallible> = concerns_tenant(&rows, &recorded.event, tenant);
        concerned
    });
    concerned.map(|recorded| recorded.position.number()).collect()
}

/// Every page of `events`, with so many entries each.
fn all_pages(client: &Client, arguments: &str, size: usize, mut between: impl FnMut()) -> Vec<u64> {
    let (mut after, mut read) = (String::new(), vec![]);
    loop {
        let document = format!(
            "{{ events(first: {size}, {arguments}{after}) {{ edges {{ cursor node {{ position }} }} page_info {{ has_next_page end_cursor }} }} }}"
        );
        let page = client.query("events", &document).unwrap();
        let found = positions(&nodes(&page));
        assert!(found.len() <= size);
        read.extend(found);
        if page["page_info"]["has_next_page"] == false {
            return read;
        }
        after = format!(", after: {}", page["page_info"]["end_cursor"]);
        between();
    }
}

/// `events`
#[test]
fn administrators_read_what_concerns_their_tenant_and_operators_everything() {
    let world = TwoTenants::new();
    world.ada().mutate("suspend_user", &json!({"user_id": world.bob_id}), "success").unwrap();
    let log = events_of(&world.data);
    let acme = positions(&events(&world.ada(), "first: 100").unwrap());
    assert_eq!(acme, of_tenant(&log, &world.ada.tenant_id));
    let globex = positions(&events(&world.eve(), "first: 100").unwrap());
    assert_eq!(globex, of_tenant(&log, &world.globex_id));
    assert!(!globex.is_empty() && globex.iter().all(|position| !acme.contains(position)));
    let all = positions(&events(&world.ada(), "first: 100, all: true").unwrap());
    assert!(all.iter().copied().eq(1..=log.len() as u64));
    let narrowed = format!("first: 100, all: true, tenant_id: \"{}\"", world.globex_id);
    assert_eq!(positions(&events(&world.ada(), &narrowed).unwrap()), globex);
    assert_eq!(
        positions(&events(&world.agent(), "first: 100").unwrap()),
        acme,
        "an account that administers"
    );
}

#[test]
fn nobody_reads_another_tenants_events() {
    let world = TwoTenants::new();
    let acme = format!("tenant_id: \"{}\"", world.ada.tenant_id);
    let globex = format!("tenant_id: \"{}\"", world.globex_id);
    assert_eq!(events(&world.bob(), ""), Err("FORBIDDEN".into()));
    assert_eq!(events(&world.eve(), &acme), Err("NOT_FOUND".into()));
    assert_eq!(events(&world.bob(), &globex), Err("NOT_FOUND".into()));
    assert_eq!(events(&world.agent(), &globex), Err("NOT_FOUND".into()));
    for client in [world.bob(), world.eve(), world.agent()] {
        assert_eq!(events(&client, "all: true"), Err("FORBIDDEN".into()));
        assert_eq!(events(&client, &format!("all: true, {acme}")), Err("FORBIDDEN".into()));
    }
    // Nor by naming something of theirs.
    for about in [
        format!("key_id: \"{}\"", world.agent.id),
        format!("user_id: \"{}\"", world.bob_id),
        format!("service_account_id: \"{}\"", world.account_id),
    ] {
        let found = events(&world.eve(), &format!("filter: {{{about}}}")).unwrap();
        assert_eq!(found, [Value::Null; 0], "{about}");
    }
}

#[test]
fn it_tells_who_revoked_a_key_and_why() {
    let world = TwoTenants::new();
    let input = json!({"key_id": world.agent.id, "reason": "key_compromise", "note": "seen in a build log",
        "idempotency_key": "incident-7"});
    world.ada().mutate("delete_api_key", &input, "success").unwrap();
    let arguments = format!("newest_first: true, first: 1, filter: {{key_id: \"{}\"}}", world.agent.id);
    let found = events(&world.ada(), &arguments).unwrap();
    let event = &found[0];
    assert_eq!(event["type"], "KeyRevoked");
    let summary = text(&event["summary"]);
    assert!(summary.starts_with("KeyRevoked: key \"etl-key\" "), "{summary}");
    assert!(
        summary.contains(": key_compromise, \"seen in a build log\", by user \"ada@example.com\""),
        "{summary}"
    );
    let plain = text(&event["in_plain_words"]);
    assert!(plain.starts_with("Key revoked: key \"etl-key\" "), "{plain}");
    let reason = ": somebody else may have had it, \"seen in a build log\", by user \"ada@example.com\"";
    assert!(plain.contains(reason), "{plain}");
    assert_eq!(event["key_id"], world.agent.id);
    assert_eq!(event["service_account_id"], world.account_id);
    assert_eq!(event["tenant_id"], world.ada.tenant_id);
    assert_eq!((&event["user_id"], &event["signing_key_id"]), (&Value::Null, &Value::Null));
    assert_eq!(event["idempotency_key"], "incident-7");
    assert_eq!(event["way"], "graphql");
    let actor =
        json!({"kind": "user", "id": world.ada.user_id, "key_id": world.ada.key_id, "token_id": null});
    assert_eq!(event["actor"], actor);
    let details = json!([{"name": "key", "value": world.agent.id}, {"name": "reason", "value": "key_compromise"},
        {"name": "note", "value": "seen in a build log"}]);
    assert_eq!(event["details"], details);
}

#[test]
fn names_are_opened_for_those_who_may_see_them_only() {
    let world = TwoTenants::new();
    key_for(&world.bob(), &world.bob_id, "bobs-private-name");
    key_for(&world.ada(), &world.ada.user_id, "adas-own-name");
    let all_of = |client: &Client, arguments: &str| json!(events(client, arguments).unwrap()).to_string();
    let acme = all_of(&world.ada(), "first: 100");
    for seen in ["bob@example.com", "ada@example.com", "\\\"acme\\\"", "etl-key", "adas-own-name"] {
        assert!(acme.contains(seen), "{seen} in {acme}");
    }
    assert!(!acme.contains("bobs-private-name"), "the name of a member's own key is the member's");
    let agents = all_of(&world.agent(), "first: 100");
    assert!(agents.contains("bob@example.com") && !agents.contains("adas-own-name"));
    // The operator who made the tenant is no member of it.
    let globex = all_of(&world.eve(), "first: 100");
    assert!(globex.contains("eve@example.com") && globex.contains("globex"), "{globex}");
    assert!(!globex.contains("ada@example.com") && globex.contains(&world.ada.user_id), "{globex}");
    let made = world.eve().mutate("create_service_account", &json!({"name": "globex-only"}), "id").unwrap();
    key_for(&world.eve(), &text(&made["id"]), "its-key-only");
    let globex = all_of(&world.eve(), "first: 100");
    assert!(globex.contains("globex-only") && globex.contains("its-key-only"), "{globex}");
    let deployment = all_of(&world.ada(), "first: 100, all: true");
    for theirs in ["globex-only", "its-key-only"] {
        assert!(!deployment.contains(theirs), "what a tenant calls its machines is its own: {theirs}");
    }
    assert!(deployment.contains("eve@example.com") && deployment.contains("etl-key"));
    assert!(!deployment.contains("bobs-private-name"));
    assert!(!deployment.contains("ciphertext") && !acme.contains(&world.agent.secret));
}

/// What happened is told with the names of then: who reads it later must find what people talked of.
#[test]
fn things_are_called_as_they_were_called_just_after_the_event() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let key = key_for(&ada, &world.account_id, "of-spring").id;
    ada.mutate("disable_api_key", &json!({"key_id": key}), "success").unwrap();
    ada.mutate("rename_api_key", &json!({"key_id": key, "name": "of-autumn"}), "success").unwrap();
    ada.mutate("enable_api_key", &json!({"key_id": key}), "success").unwrap();
    let told = events(&ada, &format!("first: 100, filter: {{key_id: \"{key}\"}}")).unwrap();
    let called = |event: &Value| {
        let summary = text(&event["summary"]);
        ["of-spring", "of-autumn"].map(|name| summary.contains(name))
    };
    let told: Vec<_> = told.iter().map(|event| (text(&event["type"]), called(event))).collect();
    let expected = [
        ("KeyCreated", [true, false]),
        ("KeyDisabled", [true, false]),
        ("KeyRenamed", [false, true]),
        ("KeyEnabled", [false, true]),
    ];
    assert_eq!(told, expected.map(|(name, called)| (name.to_owned(), called)));
}

#[test]
fn each_filter_leaves_what_it_says() {
    let world = TwoTenants::new();
    let ada = world.ada();
    ada.mutate("disable_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    ada.mutate("enable_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    let made = key_for(&world.bob(), &world.bob_id, "bobs");
    let types = |arguments: &str| {
        let found = events(&ada, &format!("first: 100, {arguments}")).unwrap();
        found.iter().map(|event| text(&event["type"])).collect::<Vec<_>>()
    };
    let key = format!("filter: {{key_id: \"{}\"}}", world.agent.id);
    assert_eq!(types(&key), ["KeyCreated", "KeyDisabled", "KeyEnabled"]);
    let both = format!("filter: {{key_id: \"{}\", types: [\"KeyEnabled\", \"KeyCreated\"]}}", world.agent.id);
    assert_eq!(types(&both), ["KeyCreated", "KeyEnabled"]);
    assert_eq!(types(&format!("newest_first: true, {both}")), ["KeyEnabled", "KeyCreated"]);
    assert_eq!(types("filter: {types: [\"KeyDisabled\"]}"), ["KeyDisabled"]);
    let bob = format!("filter: {{user_id: \"{}\"}}", world.bob_id);
    assert_eq!(types(&bob), ["MemberAdded", "KeyCreated", "KeyCreated"]);
    let account = format!("filter: {{service_account_id: \"{}\"}}", world.account_id);
    assert_eq!(types(&account), ["ServiceAccountCreated", "KeyCreated", "KeyDisabled", "KeyEnabled"]);
    for by in [&world.bob_id, &world.bob.id] {
        assert_eq!(types(&format!("filter: {{actor_id: \"{by}\"}}")), ["KeyCreated"]);
    }
    let neither = format!("filter: {{key_id: \"{}\", user_id: \"{}\"}}", made.id, world.ada.user_id);
    assert_eq!(types(&neither), [""; 0]);

    let log = events_of(&world.data);
    let acme = of_tenant(&log, &world.ada.tenant_id);
    let found =
        |filter: &str| positions(&events(&ada, &format!("first: 100, filter: {{{filter}}}")).unwrap());
    let (from, to) = (acme[2], acme[acme.len() - 2]);
    let between = |at: &u64| (from..=to).contains(at);
    let expected: Vec<_> = acme.iter().copied().filter(between).collect();
    assert_eq!(found(&format!("from: \"{from}\", to: \"{to}\"")), expected);
    // An instant divides the log.
    let middle = log[acme[acme.len() / 2] as usize - 1].recorded_at;
    let told = |at: i64| {
        let seconds = at.div_euclid(1000);
        let civil = time_of(seconds);
        format!("{civil}.{:03}Z", at.rem_euclid(1000))
    };
    let before = |at: &u64| log[*at as usize - 1].recorded_at < middle;
    let (early, late): (Vec<u64>, Vec<u64>) = acme.iter().copied().partition(before);
    assert_eq!(found(&format!("until: \"{}\"", told(middle.unix_ms()))), early);
    assert_eq!(found(&format!("since: \"{}\"", told(middle.unix_ms()))), late);
    assert_eq!(found("until: \"1970-01-01T00:00:00Z\""), [0; 0]);
    assert_eq!(found("types: []"), [0; 0], "none of any type, as with every list");
    assert_eq!(found("since: \"9000-01-01T00:00:00Z\""), [0; 0]);
}

/// Seconds since 1970 as a civil time in UTC.
fn time_of(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to civil, after Howard Hinnant's algorithm.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[test]
fn what_makes_no_sense_is_refused_and_says_why() {
    let world = TwoTenants::new();
    for (bad, said) in [
        ("first: 0", "first: "),
        ("first: 101", "first: "),
        ("after: \"yesterday\"", "after: "),
        (
            "filter: {types: [\"KeyLost\"]}",
            "filter.types: there is no such event; the events are TenantCreated",
        ),
        ("filter: {from: \"5\", to: \"4\"}", "filter.to: "),
        ("filter: {since: \"2031-01-01T00:00:00Z\", until: \"2030-01-01T00:00:00Z\"}", "filter.until: "),
    ] {
        let answer =
            world.ada().graphql(&format!("{{ events({bad}) {{ edges {{ cursor }} }} }}"), &Value::Null);
        assert_eq!(answer.code().as_deref(), Some("INVALID"), "{bad}");
        let message = text(&answer.json()["errors"][0]["message"]);
        assert!(message.starts_with(said), "{bad}: {message}");
    }
}

#[test]
fn pages_hold_while_the_log_grows() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let grow = || drop(key_for(&ada, &world.account_id, "one more"));
    (0..4).for_each(|_| grow());
    let before = of_tenant(&events_of(&world.data), &world.ada.tenant_id);
    let read = all_pages(&ada, "newest_first: true", 3, grow);
    assert!(
        read.iter().rev().eq(&before),
        "the newest first: what comes meanwhile lies before the first page"
    );
    let mut grown = 0;
    let read = all_pages(&ada, "newest_first: false", 4, || {
        if grown < 3 {
            grow();
        }
        grown += 1;
    });
    assert_eq!(
        read,
        of_tenant(&events_of(&world.data), &world.ada.tenant_id),
        "the oldest first: they come last"
    );
    let typed = all_pages(&ada, "filter: {types: [\"KeyCreated\"]}", 2, || {});
    let log = events_of(&world.data);
    let created = |at: &u64| log[*at as usize - 1].event.name() == "KeyCreated";
    let acme = of_tenant(&log, &world.ada.tenant_id);
    assert!(acme.iter().copied().filter(created).eq(typed));
    let everything = all_pages(&ada, "all: true", 7, || {});
    assert!(everything.into_iter().eq(1..=log.len() as u64));
}
