//! Forms that are sent twice, refused, or left open: nothing is lost by it, and nobody is locked out.

use keyledger_tests::client::Client;
use serde_json::json;

use crate::ui::{Browser, World, attributes, location, text};

/// What stands in a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    field.unwrap_or_else(|| panic!("no {name}: {page}")).split('"').next().unwrap().to_owned()
}

/// Sends a form that makes a first key twice, and once more with something else in it.
fn sent_twice<'a>(browser: &Browser, path: &str, form: &[(&'a str, &'a str)], other: (&'a str, &'a str)) {
    let attempt = hidden(&browser.page(path), "attempt");
    let mut form = [form, &[("attempt", attempt.as_str())]].concat();
    let first = browser.submit(path, &form);
    assert!(first.status == 200 && first.text.contains("id=\"secret\""), "{path}: {}", first.text);
    let again = browser.submit(path, &form);
    assert_eq!(again.status, 200, "{path}: {}", again.text);
    assert!(again.text.contains("was shown then") && !again.text.contains("id=\"secret\""), "{}", again.text);
    let revoke = attributes(&again.text, "href").into_iter().find(|to| to.ends_with("/revoke")).unwrap();
    browser.page(revoke.trim_start_matches("..").trim_start_matches("/..").trim_start_matches("/.."));
    form.retain(|(name, _)| *name != other.0);
    form.push(other);
    let changed = browser.submit(path, &form);
    assert_eq!(changed.status, 422, "{path}: {}", changed.text);
    assert!(
        changed.text.contains("IDEMPOTENCY_CONFLICT") && changed.text.contains("Nothing was done now"),
        "{path}: {}",
        changed.text
    );
    assert_ne!(hidden(&changed.text, "attempt"), attempt, "sent once more, it is a new one");
}

#[test]
fn a_first_key_is_not_lost_because_its_form_was_sent_twice() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let form = [("email", "grace@example.com"), ("role", "member"), ("first_key", "yes")];
    sent_twice(&browser, "/ui/members/add", &form, ("email", "alan@example.com"));
    let form = [("slug", "globex"), ("email", "eve@example.com")];
    sent_twice(&browser, "/ui/deployment/tenants/new", &form, ("slug", "initech"));
    let people = browser.page("/ui/deployment/people");
    assert!(people.contains("eve@example.com") && !people.contains("alan@example.com"), "{people}");
}

#[test]
fn a_page_that_was_left_open_takes_nothing_of_the_rate_of_its_key() {
    let world = World::new();
    let input = json!({"user_id": world.made.user_id, "name": "laptop", "rate_limit": {"requests": 4, "period_seconds": 86400}});
    let made = world.admin().mutate("create_api_key", &input, "id key").unwrap();
    let browser = world.signed_in(&text(&made["key"]));
    let uses = || {
        let query = format!("{{ key(key: {{id: \"{}\"}}) {{ usage {{ count }} }} }}", text(&made["id"]));
        world.admin().query("key", &query).unwrap()["usage"]["count"].clone()
    };
    browser.page("/ui/keys");
    let before = uses();
    for _ in 0..10 {
        browser.page(&format!("/ui/keys/{}/used", text(&made["id"])));
    }
    assert_eq!(uses(), before, "what a page asks by itself is no use");
    browser.page("/ui/keys");
}

#[test]
fn whoever_shows_too_many_wrong_keys_in_a_form_is_told_when_to_come_back() {
    let world = World::with(&["--guesses-per-minute", "1"]);
    let browser = world.signed_in(&world.made.key);
    let foreign = world.made.key.replace("klu_", "kls_");
    let proof = ["/ui/deployment/tenants/new", "/ui/members/add"].map(|path| {
        let form =
            [("slug", "globex"), ("email", "eve@example.com"), ("first_key", "yes"), ("proof", &foreign)];
        browser.submit(path, &form)
    });
    assert_eq!(proof[0].status, 422, "{}", proof[0].text);
    assert_eq!(proof[1].status, 429, "{}", proof[1].text);
    assert!(proof[1].text.contains("TOO_MANY_GUESSES"), "{}", proof[1].text);
    let seconds: u64 = proof[1].header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
}

#[test]
fn a_new_key_is_offered_only_to_whom_it_would_be_made() {
    let world = World::new();
    for (role, offered) in [("administrator", true), ("member", false), ("runner", false)] {
        let account = world.account(role, role);
        let key = world.key(&account, role).1;
        let page = world.signed_in(&key).page("/ui/keys");
        let input = json!({"user_id": account, "name": "another"});
        let made = Client::holding(world.server.url(), &key).mutate("create_api_key", &input, "id");
        assert_eq!(made.is_ok(), offered, "{role}: {made:?}");
        assert_eq!(page.contains("ui/keys/new\""), offered, "a service account, {role}: {page}");
    }
    let (_, key) = world.member("bob@example.com", "read_only");
    assert!(world.signed_in(&key).page("/ui/keys").contains("ui/keys/new\""), "a person");
}

#[test]
fn what_was_typed_on_the_page_of_a_key_stands_there_after_a_refusal() {
    let world = World::new();
    let (key, _) = world.key(&world.made.user_id, "laptop");
    let browser = world.signed_in(&world.made.key);
    let long = "n".repeat(201);
    let note = "o".repeat(2_001);
    for (form, fields, code, kept) in [
        ("rename", vec![("name", long.as_str())], "NAME_TOO_LONG", format!("value=\"{long}\"")),
        ("rename", vec![("name", "")], "FORM_INVALID", "name=\"name\" value=\"\"".to_owned()),
        ("note", vec![("note", note.as_str())], "NAME_TOO_LONG", format!("value=\"{note}\"")),
        (
            "end",
            vec![("end", "custom"), ("custom_end", "2027-02-30T18:00")],
            "FORM_INVALID",
            "value=\"2027-02-30T18:00\"".to_owned(),
        ),
        (
            "addresses",
            vec![("addresses", "192.0.2.0/24\nnowhere")],
            "NETWORK_INVALID",
            ">192.0.2.0/24\nnowhere</textarea>".to_owned(),
        ),
        ("rate", vec![("requests", "many"), ("period", "3600")], "FORM_INVALID", "value=\"many\"".to_owned()),
        (
            "rate",
            vec![("requests", "0"), ("period", "3600")],
            "INVALID",
            "<option value=\"3600\" selected>".to_owned(),
        ),
    ] {
        let path = format!("/ui/keys/{key}/{form}");
        let refused = browser.submit(&path, &fields);
        assert_eq!(refused.status, 422, "{form}: {}", refused.text);
        assert!(refused.text.contains(&format!("<code>{code}</code>")), "{form}: {}", refused.text);
        assert!(refused.text.contains(&kept), "{form} {kept}: {}", refused.text);
        let opens = !matches!(form, "rename" | "note");
        assert_eq!(refused.text.contains("<details open>"), opens, "{form}: {}", refused.text);
        assert!(refused.text.contains("<h1>laptop</h1>"), "{form}: {}", refused.text);
    }
    let done = browser.submit(&format!("/ui/keys/{key}/rename"), &[("name", "desktop")]);
    assert!(location(&done).ends_with("done=renamed"), "{done:?}");
}
