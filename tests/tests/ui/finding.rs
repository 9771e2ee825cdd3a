//! Searching for a key by what a person has of it.

use super::*;

#[test]
fn a_key_is_found_by_its_id_its_end_and_its_name() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (id, secret) = world.key(&account, "nightly import");
    let browser = world.signed_in(&world.made.key);
    let found = |wanted: &str| location(&browser.submit("/ui/keys/find", &[("q", wanted)])).to_owned();
    let listed = |wanted: &str| {
        let list = found(wanted);
        assert!(list.starts_with("../../ui/keys?q="), "{wanted}: {list}");
        browser.page(&list.replacen("../..", "", 1)).contains(&format!("ui/keys/{id}\">nightly import"))
    };
    let last_four = &secret[secret.len() - 4..];
    for wanted in [&id[..8], &id[..20], &id[..13].to_uppercase(), last_four, "IMPORT"] {
        assert!(listed(wanted), "{wanted}");
    }
    for wanted in [&id[..7], &id[9..], &last_four[1..], "backfill"] {
        assert!(!listed(wanted), "{wanted}");
    }
    let other_case: String = last_four
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    assert!(other_case == last_four || !listed(&other_case), "{other_case}");
    for whole in [&id, &secret] {
        assert_eq!(found(whole), format!("../../ui/keys/{id}"));
    }
    world.admin().mutate("delete_api_key", &json!({"key_id": id}), "success").unwrap();
    assert_eq!(found(&id), format!("../../ui/keys/{id}"), "a dead one, too");
    // Of somebody else's key no more is told than of one that is not there.
    let (_, member) = world.member("grace@example.com", "member");
    let grace = world.signed_in(&member);
    let hidden = grace.submit("/ui/keys/find", &[("q", &id)]);
    assert_eq!(location(&hidden), format!("../../ui/keys?q={id}"));
    assert!(browser.page("/ui/keys").contains("by an id or at least 8 digits of its beginning"));

    let line = format!("keyledger key list --all --search {} -o json", &id[..8]);
    assert!(of_lines::typed(&world, &line).contains(&id));
}
