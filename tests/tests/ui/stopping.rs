//! What the pages before a removal say would stop: which keys, called what, and where.

use super::*;

/// What would happen, without its markup.
fn then(page: &str) -> String {
    let section = page.split("id=\"then\"").nth(1).and_then(|rest| rest.split("</section>").next());
    let section = section.unwrap_or_else(|| panic!("{page}"));
    let texts = section.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    texts.collect::<Vec<_>>().concat().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_key_that_goes_on_elsewhere_is_told_apart_from_those_that_stop() {
    let world = World::new();
    let input = json!({"slug": "globex", "name": "Globex", "administrator_email": "ada@example.com"});
    let globex = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    let there = world.admin().in_tenant(&globex);
    let input = json!({"name": "etl", "role": "runner"});
    let etl = text(&there.mutate("create_service_account", &input, "id").unwrap()["id"]);
    let made = there.mutate("create_api_key", &json!({"user_id": etl, "name": "nightly"}), "id key").unwrap();
    let last_four = &text(&made["key"])[text(&made["key"]).len() - 4..];
    let browser = world.signed_in(&world.made.key);
    let told = then(&browser.page(&format!("/ui/deployment/tenants/{globex}/remove")));
    let stops = format!("1 key would be refused from then on: nightly of etl, kls_…{last_four}, never used");
    assert!(told.contains(&stops), "{stops}: {told}");
    let goes_on =
        "1 key would be refused in Globex only; wherever else its owner is a member it goes on as before: ";
    let goes_on = told.split(goes_on).nth(1).unwrap_or_else(|| panic!("{told}"));
    assert!(goes_on.contains("of ada@example.com, klu_…"), "{told}");
    assert!(!told.contains("2 keys"), "{told}");

    // An operator who is in none of it knows the tenant by what the page calls it.
    let input = json!({"slug": "initech", "administrator_email": "grace@example.com"});
    let initech = world.admin().mutate("create_tenant", &input, "id key").unwrap();
    let told = then(&browser.page(&format!("/ui/deployment/tenants/{}/remove", text(&initech["id"]))));
    assert!(told.contains("1 key would be refused in initech only"), "{told}");
}

#[test]
fn a_key_is_called_as_in_the_lists_if_its_reader_may_see_it() {
    let world = World::new();
    let (grace, secret) = world.member("grace@example.com", "member");
    let input = json!({"slug": "globex", "administrator_email": "hopper@example.com"});
    let hopper = text(&world.admin().mutate("create_tenant", &input, "key").unwrap()["key"]);
    let input = json!({"email": "grace@example.com", "role": "member"});
    Client::holding(world.server.url(), &hopper).mutate("add_member", &input, "user_id").unwrap();
    let key = text(&Client::holding(world.server.url(), &secret).whoami().json()["key_id"]);
    let document = format!("{{ key(key: {{ id: \"{key}\" }}) {{ name }} }}");
    let name = text(&world.admin().query("key", &document).unwrap()["name"]);
    let path = format!("/ui/members/{grace}/remove");
    let seen = then(&world.signed_in(&world.made.key).page(&path));
    assert!(
        seen.contains(&format!(
            "in acme only; wherever else its owner is a member it goes on as before: {name} of grace@"
        )),
        "{seen}"
    );
    let hidden = then(&world.signed_in(&hopper).page(&path));
    let goes_on = format!("in globex only; wherever else its owner is a member it goes on as before: {key}");
    assert!(hidden.contains(&goes_on) && !hidden.contains("klu_…"), "its home is another's: {hidden}");

    let account = world.account("etl", "runner");
    for number in 0..21 {
        world.key(&account, &format!("number {number}"));
    }
    let told = then(&world.signed_in(&world.made.key).page(&format!("/ui/accounts/{account}/remove")));
    assert!(told.contains("21 keys would be refused from then on: number 0 of etl, kls_…"), "{told}");
    assert!(told.contains("and 1 more"), "{told}");
}
