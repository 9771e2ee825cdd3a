//! What somebody is told when things are otherwise than they think: done before, in another tenant, signed out meanwhile.

use super::*;

/// The page to which a form led.
fn followed(browser: &Browser, answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    browser.page(&format!("/{}", location(answer).trim_start_matches("../")))
}

/// Another tenant of the first user's.
fn another(world: &World, slug: &str) -> String {
    let input = json!({"slug": slug, "administrator_email": "ada@example.com"});
    text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"])
}

#[test]
fn what_was_done_before_is_told_as_done_before() {
    let world = World::new();
    let (key, _) = world.key(&world.made.user_id, "laptop");
    let (grace, _) = world.member("grace@example.com", "member");
    let browser = world.signed_in(&world.made.key);
    let revoke = format!("/ui/keys/{key}/revoke");
    // Two tabs have the form.
    let first = browser.submit(&revoke, &[("reason", "superseded"), ("note", "the first")]);
    assert!(followed(&browser, &first).contains("The key is revoked."));
    let second = browser.submit(&revoke, &[("reason", "key_compromise"), ("note", "the second")]);
    let told = followed(&browser, &second);
    assert!(told.contains("It was revoked already; the reason and note of then stay."), "{told}");
    assert!(told.contains("another key took its place") && !told.contains("The key is revoked."), "{told}");
    let page = browser.page(&revoke);
    assert!(page.contains("It is revoked, for good") && !page.contains("Revoke for good"), "{page}");

    let name = browser.submit(&format!("/ui/keys/{}/rename", world.made.key_id), &[("name", "first")]);
    followed(&browser, &name);
    let again = browser.submit(&format!("/ui/keys/{}/rename", world.made.key_id), &[("name", "first")]);
    assert!(followed(&browser, &again).contains("It was so already: nothing was changed."));

    let added = browser.submit("/ui/members/add", &[("email", "grace@example.com"), ("role", "member")]);
    assert!(followed(&browser, &added).contains("They are a member with this role already"));
    let remove = format!("/ui/members/{grace}/remove");
    assert!(followed(&browser, &browser.submit(&remove, &[])).contains("The member is removed"));
    let again = browser.submit(&remove, &[]);
    assert!(followed(&browser, &again).contains("They were removed from this tenant already"));
    let added = browser.submit("/ui/members/add", &[("email", "grace@example.com"), ("role", "member")]);
    assert!(followed(&browser, &added).contains("The member is added."));
}

#[test]
fn whoever_is_put_into_another_tenant_is_told_so_once() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    for (slug, act, why) in [
        ("globex", "suspend_tenant", "globex is suspended. You are in acme now."),
        ("initech", "remove_tenant", "initech was removed. You are in acme now."),
    ] {
        let tenant = another(&world, slug);
        let entered = browser.submit("/ui/tenants/enter", &[("tenant", &tenant)]);
        let page = followed(&browser, &entered);
        assert!(
            !page.contains("You are in globex now") && !page.contains("any more."),
            "they chose to: {page}"
        );
        world.admin().mutate(act, &json!({"tenant_id": tenant}), "success").unwrap();
        let page = browser.page("/ui/keys");
        assert!(page.contains(why), "{page}");
        assert!(!browser.page("/ui/keys").contains(why), "told once");
    }
    let tenant = another(&world, "umbrella");
    let there = world.admin().in_tenant(&tenant);
    there
        .mutate("add_member", &json!({"email": "eve@example.com", "role": "administrator"}), "user_id")
        .unwrap();
    followed(&browser, &browser.submit("/ui/tenants/enter", &[("tenant", &tenant)]));
    there.mutate("remove_member", &json!({"user_id": world.made.user_id}), "success").unwrap();
    let page = browser.page("/ui/members");
    assert!(page.contains("You are no member of umbrella any more. You are in acme now."), "{page}");
}

#[test]
fn a_form_of_another_tenant_names_both_and_leads_back() {
    let world = World::new();
    let other = another(&world, "globex");
    let browser = world.signed_in(&world.made.key);
    let page = browser.page("/ui/accounts/new");
    let action = attributes(&page, "action").into_iter().find(|action| action.contains("in=")).unwrap();
    let form = format!("/{}", action.trim_start_matches("../"));
    followed(&browser, &browser.submit("/ui/tenants/enter", &[("tenant", &other)]));
    let refused = browser.submit(&form, &[("name", "stray"), ("role", "runner")]);
    assert!(refused.status == 409 && refused.text.contains("TENANT_CHANGED"), "{}", refused.text);
    assert!(
        refused.text.contains("made for acme, and you act in globex now, so nothing was done"),
        "{}",
        refused.text
    );
    let tenant = refused.text.split("name=\"tenant\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let then = refused.text.split("name=\"then\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let back = browser.submit("/ui/tenants/enter", &[("tenant", tenant), ("then", then)]);
    assert_eq!(location(&back), "../../ui/accounts/new?done=tenant");
    let page = followed(&browser, &back);
    assert!(page.contains("in acme") && page.contains("You are in another tenant now."), "{page}");
    // A way out of the pages is none.
    let out = browser.submit("/ui/tenants/enter", &[("tenant", &other), ("then", "https://example.com")]);
    assert_eq!(location(&out), "../../ui/keys?done=tenant");
}

#[test]
fn a_form_that_comes_after_the_session_is_told_to_have_done_nothing() {
    let world = World::new();
    let (key, string) = world.key(&world.made.user_id, "laptop");
    let browser = world.signed_in(&string);
    world.admin().mutate("delete_api_key", &json!({"key_id": key}), "success").unwrap();
    let sent = browser.submit(&format!("/ui/keys/{}/rename?in=x", world.made.key_id), &[("name", "x")]);
    let then = format!("ui%2Fkeys%2F{}", world.made.key_id);
    assert_eq!(
        location(&sent),
        format!("../../../ui/sign-in?then={then}&why=KEY_REVOKED&unsent=yes"),
        "{}",
        sent.text
    );
    let door = browser.page(&format!("/ui/sign-in?then={then}&why=KEY_REVOKED&unsent=yes"));
    assert!(door.contains("was revoked") && door.contains("Nothing was done of what you sent"), "{door}");
    assert!(door.contains(&format!("name=\"then\" value=\"ui/keys/{}\"", world.made.key_id)), "{door}");
    let page = browser.get("/ui/keys");
    assert_eq!(location(&page), "../ui/sign-in?then=ui%2Fkeys", "a page that was asked for is no form");
}

#[test]
fn whoever_may_not_stop_a_key_is_told_who_may() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (machine, _) = world.key(&account, "nightly");
    let auditor = world.account("auditor", "administrator");
    let input = json!({"user_id": auditor, "name": "audit", "scopes": ["keyledger:audit"]});
    let made = world.admin().mutate("create_api_key", &input, "key").unwrap();
    let page = world.signed_in(&text(&made["key"])).page(&format!("/ui/keys/{machine}"));
    assert!(page.contains("ask an administrator of acme to revoke it."), "{page}");
    assert!(!page.contains("remove its owner"), "the account has other keys: {page}");
}
