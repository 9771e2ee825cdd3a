//! What is told before something is done that can be undone, and what it means for whoever does it.

use super::*;

/// The form of a preview: where it is sent, and the role in it.
fn form(page: &str) -> (String, Option<String>) {
    let action = attributes(page, "action").into_iter().find(|action| action.contains("?in=")).unwrap();
    let role =
        page.split("name=\"role\" value=\"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    (format!("/{}", action.trim_start_matches("../")), role)
}

#[test]
fn what_would_stop_is_told_before_a_key_is_disabled_and_an_account_suspended() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, secret) = world.key(&account, "nightly");
    let browser = world.signed_in(&world.made.key);
    let holder = Client::holding(world.server.url(), &secret);
    let before = world.position();
    let of_key = browser.page(&format!("/ui/keys/{key}"));
    assert!(of_key.contains("/disable\"") && !of_key.contains("/disable?in="), "no button does it: {of_key}");
    let disable = browser.page(&format!("/ui/keys/{key}/disable"));
    let suspend = browser.page(&format!("/ui/accounts/{account}/suspend"));
    for page in [&disable, &suspend] {
        assert!(page.contains("What would happen") && page.contains("<strong>1 key</strong>"), "{page}");
        assert!(page.contains("nightly") && !page.contains("You signed in"), "{page}");
    }
    assert_eq!(world.position(), before, "nothing was done");
    assert!(browser.page("/ui/accounts").contains(&format!("ui/accounts/{account}/suspend\">Suspend…")));
    assert_eq!(browser.submit(&form(&disable).0, &[]).status, 303);
    assert_eq!(holder.whoami().code().as_deref(), Some("KEY_DISABLED"));
    let again = browser.page(&format!("/ui/keys/{key}/disable"));
    assert!(
        again.contains("It is so already: nothing would change.") && !again.contains("Disable it<"),
        "{again}"
    );
    assert_eq!(browser.submit(&form(&suspend).0, &[]).status, 303);
    assert!(browser.page("/ui/accounts").contains("suspended"));
    let own = browser.page(&format!("/ui/keys/{}/disable", world.made.key_id));
    assert!(own.contains("You signed in with this key. You will be signed out"), "{own}");
}

#[test]
fn another_role_is_told_before_it_is_given_and_warns_whoever_takes_it_from_themselves() {
    let world = World::new();
    let (_, grace) = world.member("grace@example.com", "administrator");
    let (edsger, _) = world.member("edsger@example.com", "member");
    let account = world.account("etl", "runner");
    let browser = world.signed_in(&grace);
    let list = browser.page("/ui/members");
    assert!(!list.contains("/role?in="), "no click in the list changes a role: {list}");
    let before = world.position();
    let page = browser.page(&format!("/ui/members/{edsger}/role?role=administrator"));
    assert!(page.contains("edsger@example.com is Member now"), "{page}");
    assert!(page.contains("What would happen") && !page.contains("This is you"), "{page}");
    let page = browser.page(&format!("/ui/accounts/{account}/role?role=member"));
    assert!(page.contains("etl is Runner now. As Member they may do this: works in the tenant"), "{page}");
    let own = text(&Client::holding(world.server.url(), &grace).whoami().json()["id"]);
    let page = browser.page(&format!("/ui/members/{own}/role?role=read_only"));
    assert!(page.contains("you do not administer acme any more, and cannot take it back"), "{page}");
    assert_eq!(world.position(), before);
    let (action, role) = form(&page);
    let done = browser.submit(&action, &[("role", &role.unwrap())]);
    assert_eq!(location(&done), "../../../ui/members?done=role");
    assert_eq!(Client::holding(world.server.url(), &grace).whoami().json()["role"], "read_only");
    let browser = world.signed_in(&world.made.key);
    let last = browser.page(&format!("/ui/members/{}/role?role=member", world.made.user_id));
    assert!(last.contains("LAST_ADMINISTRATOR") && !last.contains("Change the role</button>"), "{last}");
    assert_eq!(browser.get(&format!("/ui/members/{edsger}/role?role=emperor")).status, 422);
}

#[test]
fn a_member_leaves_a_tenant() {
    let world = World::new();
    let (grace, secret) = world.member("grace@example.com", "member");
    let input = json!({"slug": "globex", "administrator_email": "grace@example.com"});
    let globex = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    let there = world.admin();
    let holder = Client::holding(world.server.url(), &secret);
    let input = json!({"user_id": grace, "name": "everywhere"});
    // The first key acts in one tenant only.
    let wide = holder.mutate("create_api_key", &input, "key");
    let key = wide.map_or(secret, |made| text(&made["key"]));
    let browser = world.signed_in(&key);
    let leave = format!("ui/members/{grace}/remove\">Leave…");
    for path in ["/ui/members", "/ui/tenants"] {
        let page = browser.page(path);
        assert!(page.contains(&leave), "{path}: {page}");
        assert!(
            !page.contains(&format!("ui/members/{}/remove", world.made.user_id)),
            "of oneself only: {page}"
        );
    }
    let page = browser.page(&format!("/ui/members/{grace}/remove"));
    assert!(page.contains("<h1>Leave acme</h1>") && page.contains("You lose acme"), "{page}");
    assert!(!page.contains("theirs"), "{page}");
    let left = browser.submit(&format!("/ui/members/{grace}/remove"), &[]);
    assert_eq!(location(&left), "../../../ui/tenants?done=left");
    let members = "{ members { edges { node { email } } } }";
    assert!(!there.query("members", members).unwrap().to_string().contains("grace@"), "{globex}");
}
