//! Keys that have ended: when, by what, and what is still offered.

use super::*;

fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split(from).nth(1).and_then(|rest| rest.split(to).next()).unwrap_or_else(|| panic!("{from}: {page}"))
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
        let lineage = part(&page, "<span class=\"name\">Lineage</span>", "</svg>").to_owned();
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
    let lineage = part(&page, "<span class=\"name\">Lineage</span>", "</svg>");
    assert!(lineage.contains("took the place of another key") && lineage.contains("its successor was made"));
    assert!(!browser.page(&format!("/ui/keys/{successor}?as_of={made}")).contains("<dt>Replaced</dt>"));
}
