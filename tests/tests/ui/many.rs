//! More than fits on a page: nobody is left out, and nobody stands in another's place.

use super::*;

/// The options of a field to choose from, with their marks.
fn options<'a>(page: &'a str, field: &str) -> Vec<&'a str> {
    let begins = format!("<select id=\"{field}\"");
    let select = page.split(&begins).nth(1).and_then(|rest| rest.split("</select>").next());
    select.unwrap_or_else(|| panic!("{page}")).split("<option ").skip(1).collect()
}

/// What is chosen in it.
fn chosen<'a>(page: &'a str, field: &str) -> Vec<&'a str> {
    let chosen = options(page, field).into_iter().filter(|option| option.contains("\" selected>"));
    chosen.map(|option| option.strip_prefix("value=\"").unwrap().split('"').next().unwrap()).collect()
}

#[test]
fn a_key_is_made_for_whoever_it_was_asked_for_however_many_accounts_there_are() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let first = world.account("sa000", "runner");
    assert!(!browser.page("/ui/keys/new").contains("first 100 service accounts"));
    let mut last = String::new();
    for number in 1..=101 {
        last = world.account(&format!("sa{number:03}"), "runner");
    }
    let path = format!("/ui/keys/new?owner={last}");
    let form = browser.page(&path);
    assert_eq!(chosen(&form, "owner"), [last.as_str()]);
    assert!(form.contains("These are the first 100 service accounts"), "{form}");
    assert!(form.contains("href=\"../../ui/accounts\">list of accounts"), "the way to the others: {form}");
    assert!(browser.page("/ui/accounts?q=sa101").contains(&format!("ui/keys/new?owner={last}")));
    let refused = browser.submit("/ui/keys/new", &[("owner", &last), ("end", "30")]);
    assert_eq!((refused.status, chosen(&refused.text, "owner")), (422, vec![last.as_str()]));

    let made = browser.submit("/ui/keys/new", &[("owner", &last), ("name", "nightly"), ("end", "30")]);
    assert!(made.text.contains("<dt>Owner</dt><dd>sa101</dd>"), "{}", made.text);
    let id = made.text.split("<dt>Id</dt><dd><code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let document = format!("{{ key(key: {{ id: \"{id}\" }}) {{ user_id }} }}");
    assert_eq!(text(&world.admin().query("key", &document).unwrap()["user_id"]), last);

    // Nobody asked for is whoever looks; somebody who cannot be is nobody, and not whoever looks.
    assert_eq!(chosen(&browser.page("/ui/keys/new"), "owner"), [world.made.user_id.as_str()]);
    let suspended = json!({"service_account_id": first});
    world.admin().mutate("suspend_service_account", &suspended, "success").unwrap();
    world.admin().mutate("delete_service_account", &json!({"service_account_id": last}), "success").unwrap();
    let before = world.position();
    for (owner, status, code) in [
        (first.as_str(), 422, "SUSPENDED"),
        (&last, 422, "REMOVED"),
        (&world.made.tenant_id, 404, "NOT_FOUND"),
        ("nobody", 404, "NOT_FOUND"),
    ] {
        let made = browser.submit("/ui/keys/new", &[("owner", owner), ("name", "n"), ("end", "30")]);
        for answer in [browser.get(&format!("/ui/keys/new?owner={owner}")), made] {
            assert_eq!((answer.status, chosen(&answer.text, "owner")), (status, vec![""]), "{owner}");
            assert!(answer.text.contains(&format!("<code>{code}</code>")), "{owner}: {}", answer.text);
        }
    }
    assert_eq!(world.position(), before, "no key was made");
}

#[test]
fn whoever_is_in_many_tenants_reaches_all_of_them() {
    let world = World::new();
    let mut last = String::new();
    for number in 0..101 {
        let input = json!({"slug": format!("t{number:03}"), "administrator_email": "ada@example.com"});
        last = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    }
    let input = json!({"slug": "initech", "administrator_email": "grace@example.com"});
    let foreign = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    let browser = world.signed_in(&world.made.key);
    let mut path = "/ui/tenants".to_owned();
    let mut offered = vec![];
    loop {
        let page = browser.page(&path);
        let rows = page.split("name=\"tenant\" value=\"").skip(1);
        offered.extend(rows.map(|rest| rest.split('"').next().unwrap().to_owned()));
        let next = page.split("<p class=\"more\"><a class=\"button\" href=\"..").nth(1);
        let Some(next) = next else { break };
        path = next.split('"').next().unwrap().to_owned();
    }
    assert_eq!(offered.len(), 101, "all but the one in which she is");
    assert!(offered.contains(&last) && !offered.contains(&foreign));

    let entered = browser.submit("/ui/tenants/enter", &[("tenant", &last)]);
    assert_eq!(location(&entered), "../../ui/keys?done=tenant", "{}", entered.text);
    for path in ["/ui/keys", "/ui/tenants", "/ui/keys/new", "/ui/members"] {
        let head = browser.page(path);
        let head = head.split("<p class=\"where\">").nth(1).and_then(|rest| rest.split("</p>").next());
        assert!(head.unwrap().contains(">t100</a>"), "{path}: {head:?}");
    }
    assert!(browser.page("/ui/tenants").contains("Rules for new keys in t100"));
    let refused = browser.submit("/ui/tenants/enter", &[("tenant", &foreign)]);
    assert!(refused.text.contains("NOT_A_MEMBER"), "{}", refused.text);
    let here = world.admin().in_tenant(&last).query("auth_info", "{ auth_info { tenant { slug } } }");
    assert_eq!(here.unwrap()["tenant"]["slug"], "t100");
}
