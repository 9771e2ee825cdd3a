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

#[test]
fn what_has_ended_is_said_to_fit_and_a_key_is_found_as_the_lists_show_it() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (id, secret) = world.key(&account, "nightly import");
    let browser = world.signed_in(&world.made.key);
    let hint = format!("kls_…{}", &secret[secret.len() - 4..]);
    assert!(browser.page("/ui/keys").contains(&hint));
    let found = browser.submit("/ui/keys/find", &[("q", &hint)]);
    assert_eq!(location(&found), format!("../../ui/keys?q={}", &secret[secret.len() - 4..]));
    world.admin().mutate("delete_api_key", &json!({"key_id": id}), "success").unwrap();
    let page = browser.page("/ui/keys?q=import");
    assert!(page.contains("No key that lives fits this. 1 that ended for good does:"), "{page}");
    let link = attributes(&page, "href").into_iter().find(|href| href.contains("state=dead")).unwrap();
    let dead = browser.page(&format!("/{}", link.trim_start_matches("../").replace("&#38;", "&")));
    assert!(dead.contains("nightly import"), "{dead}");
    assert!(browser.page("/ui/keys?q=nothing").contains("No key fits this."));
    let page = browser.page(&format!("/ui/keys/{id}"));
    assert!(page.contains("<dt>Ends</dt><dd>it was revoked</dd>"), "{page}");
}

#[test]
fn the_list_says_where_each_key_acts() {
    let world = World::new();
    let input = json!({"slug": "globex", "name": "Globex", "administrator_email": "ada@example.com"});
    let globex = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    let input = json!({"user_id": world.made.user_id, "name": "there", "tenant_id": globex});
    world.admin().in_tenant(&globex).mutate("create_api_key", &input, "id").unwrap();
    let account = world.account("etl", "runner");
    world.key(&account, "nightly");
    let page = world.signed_in(&world.made.key).page("/ui/keys");
    for place in ["every tenant of its owner", "Globex", "acme"] {
        assert!(page.contains(&format!("<td data-label=\"Acts in\">{place}</td>")), "{place}: {page}");
    }
}
