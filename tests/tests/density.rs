//! How events lie along the log: what is counted by stretch and by kind is what a plain count of the list finds.

use std::collections::BTreeMap;

use keyledger_tests::client::Client;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, listed, text};

const COUNTS: &str = "all begins ends stops changes";

fn density(client: &Client, arguments: &str) -> Result<Value, String> {
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let document = format!(
        "{{ event_density{arguments} {{ from to width counts {{ {COUNTS} }} stretches {{ from to counts {{ {COUNTS} }} }} as_of {{ position head }} }} }}"
    );
    client.query("event_density", &document)
}

/// A busy log: events of both tenants and of the deployment, of every kind.
fn busy() -> TwoTenants {
    let world = TwoTenants::new();
    let (ada, eve) = (world.ada(), world.eve());
    let act = |client: &Client, mutation: &str, id: &str| {
        client.mutate(mutation, &json!({"key_id": id}), "success").unwrap();
    };
    for round in 0..40 {
        let key = key_for(&ada, &world.account_id, &format!("key {round}")).id;
        if round % 3 == 0 {
            act(&ada, "disable_api_key", &key);
            act(&ada, "enable_api_key", &key);
        }
        if round % 4 == 0 {
            let input = json!({"key_id": key, "name": format!("renamed {round}")});
            ada.mutate("rename_api_key", &input, "success").unwrap();
            eve.mutate("rename_tenant", &json!({"name": format!("Globex {round}")}), "success").unwrap();
        }
        if round % 5 == 0 {
            act(&ada, "delete_api_key", &key);
        }
    }
    world
}

/// Position and kind of every event in the list.
fn plainly(client: &Client, arguments: &str) -> Vec<(u64, String)> {
    let (mut after, mut found) = (String::new(), vec![]);
    loop {
        let page =
            listed(client, "events", &format!("first: 100{after}{arguments}"), "position effect").unwrap();
        let Some(last) = page.last() else { return found };
        after = format!(", after: {}", last["position"]);
        found.extend(
            page.iter().map(|node| (text(&node["position"]).parse().unwrap(), text(&node["effect"]))),
        );
    }
}

/// The same stretches, counted one event after the other.
fn counted(events: &[(u64, String)], (first, last): (u64, u64), stretches: u64) -> Vec<Value> {
    let width = (last - first + 1).div_ceil(stretches);
    let mut counts = BTreeMap::<u64, BTreeMap<&str, u64>>::new();
    for (position, effect) in events.iter().filter(|(position, _)| (first..=last).contains(position)) {
        *counts.entry((position - first) / width).or_default().entry(effect).or_default() += 1;
    }
    let told = |(number, of): (u64, BTreeMap<&str, u64>)| {
        let (from, to) = (first + number * width, (first + (number + 1) * width - 1).min(last));
        let count = |kind: &str| of.get(kind).copied().unwrap_or(0);
        let all: u64 = of.values().sum();
        json!({"from": from.to_string(), "to": to.to_string(), "counts": {
            "all": all, "begins": count("begins"), "ends": count("ends"), "stops": count("stops"),
            "changes": count("changes"),
        }})
    };
    counts.into_iter().map(told).collect()
}

/// `event_density`
#[test]
fn what_is_counted_by_stretch_and_kind_is_what_a_plain_count_finds() {
    let world = busy();
    let head = world.position();
    for client in [world.ada(), world.eve()] {
        let events = plainly(&client, "");
        let kinds: Vec<_> = ["begins", "ends", "stops", "changes"]
            .map(|kind| events.iter().filter(|(_, effect)| effect == kind).count())
            .into();
        for stretches in [1, 2, 7, 100, 1000] {
            let told = density(&client, &format!("stretches: {stretches}")).unwrap();
            assert_eq!(
                told["stretches"],
                Value::Array(counted(&events, (1, head), stretches)),
                "{stretches}"
            );
            assert_eq!(told["counts"]["all"], events.len());
            assert_eq!(
                ["begins", "ends", "stops", "changes"]
                    .map(|kind| told["counts"][kind].as_u64().unwrap() as usize),
                kinds.as_slice()
            );
            assert_eq!((&told["from"], &told["to"]), (&json!("1"), &json!(head.to_string())));
        }
    }
    let ada = world.ada();
    let events = plainly(&ada, "");
    assert!(events.len() < usize::try_from(head).unwrap(), "other events lie between them");
    assert!(
        ["begins", "ends", "stops", "changes"]
            .iter()
            .all(|kind| events.iter().any(|(_, effect)| effect == kind))
    );
    for (from, to) in [(5, 70), (64, 65), (head - 3, head)] {
        let told = density(&ada, &format!("stretches: 9, from: \"{from}\", to: \"{to}\"")).unwrap();
        assert_eq!(told["stretches"], Value::Array(counted(&events, (from, to), 9)), "{from} to {to}");
    }
    // As of a moment the log ends there; a part beyond its end is empty.
    let told = density(&ada, "stretches: 4, as_of: {position: \"50\"}").unwrap();
    assert_eq!(told["stretches"], Value::Array(counted(&events, (1, 50), 4)));
    assert_eq!((&told["as_of"]["position"], &told["to"]), (&json!("50"), &json!("50")));
    let beyond = density(&ada, &format!("from: \"{}\"", head + 1)).unwrap();
    assert_eq!((&beyond["from"], &beyond["stretches"]), (&Value::Null, &json!([])));
    assert_eq!(density(&world.eve(), "").unwrap()["counts"]["all"], plainly(&world.eve(), "").len());
}

/// `event_density`
#[test]
fn it_is_for_administrators_of_the_tenant_and_refuses_what_makes_no_sense() {
    let world = TwoTenants::new();
    assert_eq!(density(&world.bob(), ""), Err("FORBIDDEN".to_owned()));
    let globex = format!("tenant_id: \"{}\"", world.globex_id);
    for stranger in [world.ada(), world.agent()] {
        let refused = density(&stranger, &globex).unwrap_err();
        assert!(["FORBIDDEN", "NOT_FOUND"].contains(&refused.as_str()), "{refused}");
    }
    for arguments in ["stretches: 0", "stretches: 1001", "stretches: -1", "from: \"9\", to: \"8\""] {
        assert_eq!(density(&world.ada(), arguments), Err("INVALID".to_owned()), "{arguments}");
    }
    assert_eq!(density(&world.ada(), "as_of: {position: \"9999\"}"), Err("AS_OF_BEYOND_HEAD".to_owned()));
}
