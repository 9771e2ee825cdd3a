//! Keys that have ended: when, by what, and what is still offered.

use super::*;

fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split(from).nth(1).and_then(|rest| rest.split(to).next()).unwrap_or_else(|| panic!("{from}: {page}"))
}

fn count(page: &str, filter: &str) -> u64 {
    part(page, &format!(">{filter} <span class=\"count\">"), "<").parse().unwrap()
}

#[test]
fn a_rotation_is_shown_when_it_happened_and_the_end_of_the_grace_only_if_it_ended_the_key() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let browser = world.signed_in(&world.made.key);
    let [revoked, replaced] = ["revoked", "replaced"].map(|name| world.key(&account, name).0);
    let rotate = |key: &str, seconds: u64| {
        let input = json!({"key_id": key, "overlap_seconds": seconds});
        text(&world.admin().mutate("rotate_api_key", &input, "id").unwrap()["id"])
    };
    let successor = rotate(&revoked, 3_600);
    rotate(&replaced, 0);
    let facts = |key: &str| {
        let page = browser.page(&format!("/ui/keys/{key}"));
        let lineage = part(&page, "title=\"Lineage\">Lineage</span>", "</svg>").to_owned();
        (part(&page, "<dt>Replaced</dt><dd>", "</dd>").to_owned(), lineage)
    };
    let (fact, lineage) = facts(&revoked);
    assert!(fact.contains("; refused from <time"), "in its grace: {fact}");
    assert!(
        lineage.contains("its successor was made, ") && !lineage.contains("its grace was over"),
        "{lineage}"
    );
    world.admin().mutate("delete_api_key", &json!({"key_id": revoked}), "success").unwrap();
    let (fact, lineage) = facts(&revoked);
    assert!(fact.starts_with("<time") && !fact.contains("refused from"), "it was refused before: {fact}");
    assert!(
        lineage.contains("its successor was made, ") && !lineage.contains("its grace was over"),
        "{lineage}"
    );
    let (fact, lineage) = facts(&replaced);
    assert!(fact.contains("; refused from <time"), "{fact}");
    assert!(lineage.contains("its grace was over"), "{lineage}");

    // A successor that is replaced itself: its own rotation is the later one.
    let made = text(&world.position());
    world
        .admin()
        .mutate("rename_api_key", &json!({"key_id": successor, "name": "later"}), "success")
        .unwrap();
    rotate(&successor, 3_600);
    let page = browser.page(&format!("/ui/keys/{successor}"));
    let lineage = part(&page, "title=\"Lineage\">Lineage</span>", "</svg>");
    assert!(lineage.contains("took the place of another key") && lineage.contains("its successor was made"));
    assert!(!browser.page(&format!("/ui/keys/{successor}?as_of={made}")).contains("<dt>Replaced</dt>"));

    // From which event it followed is told, too.
    let document =
        format!("{{ key_history(key: {{ id: \"{successor}\" }}) {{ steps {{ event {{ cause }} }} }} }}");
    let told = world.admin().query("key_history", &document).unwrap();
    let causes = told["steps"].as_array().unwrap().iter().filter_map(|step| step["event"]["cause"].as_str());
    let causes: Vec<_> = causes.collect();
    assert!(!causes.is_empty(), "{told}");
    let table = of_lines::typed(&world, &format!("keyledger key history {successor}"));
    assert!(table.lines().next().unwrap().contains("CAUSE"), "{table}");
    for cause in causes {
        assert!(
            page.contains(&format!("follows from <a href=\"../../ui/events?at={cause}\">")),
            "{cause}: {page}"
        );
        assert!(table.split_whitespace().any(|cell| cell == cause), "{cause}: {table}");
    }
}

#[test]
fn an_expired_key_is_dead_in_lists_and_on_its_page() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let line = format!("keyledger key create -n brief --owner {account} --expires 1s -o json");
    let made: Value = serde_json::from_str(&of_lines::typed(&world, &line)).unwrap();
    let brief = text(&made["id"]);
    world.key(&account, "lasting");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let browser = world.signed_in(&world.made.key);
    let living = browser.page("/ui/keys");
    let counts = ["Living", "Active", "Dead", "Expired"].map(|filter| count(&living, filter));
    assert_eq!(counts, [2, 2, 1, 1], "{living}");
    assert!(!living.contains(&format!("ui/keys/{brief}\"")) && living.contains(">lasting</a>"));
    for state in ["dead", "expired"] {
        assert!(browser.page(&format!("/ui/keys?state={state}")).contains(&format!("ui/keys/{brief}\"")));
    }
    let page = browser.page(&format!("/ui/keys/{brief}"));
    assert!(page.contains("Its time is over, for good") && !page.contains("id=\"change\""), "{page}");
    for what in ["/disable", "/enable", "/rotate", "/revoke", "/end", "/rename"] {
        assert!(!page.contains(&format!("ui/keys/{brief}{what}")), "{what}: {page}");
    }
    // The API lists it until somebody ends it, as its description says.
    let listed = world.admin().query("keys", "{ keys { edges { node { id } } } }").unwrap();
    assert!(listed.to_string().contains(&brief), "{listed}");
}

#[test]
fn what_is_over_cannot_be_replaced_and_the_page_says_so() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let [revoked, replaced, disabled] = ["a", "b", "c"].map(|name| world.key(&account, name).0);
    let admin = world.admin();
    admin.mutate("delete_api_key", &json!({"key_id": revoked}), "success").unwrap();
    admin.mutate("rotate_api_key", &json!({"key_id": replaced, "overlap_seconds": 60}), "id").unwrap();
    admin.mutate("disable_api_key", &json!({"key_id": disabled}), "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    for (key, why) in [
        (&revoked, "It was revoked, for good."),
        (&replaced, "It was replaced already."),
        (&disabled, "It is disabled. Enable it"),
    ] {
        let page = browser.page(&format!("/ui/keys/{key}/rotate"));
        assert!(page.contains("There can be no successor") && page.contains(why), "{page}");
        assert!(!page.contains("name=\"overlap\"") && !page.contains("accepted beside"), "{page}");
    }
}
