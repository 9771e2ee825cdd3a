//! What is refused or roughly known, in words for whoever reads a page.

use super::*;

fn attempt(page: &str) -> String {
    let value = page.split("name=\"attempt\" value=\"").nth(1).unwrap_or_else(|| panic!("{page}"));
    value.split('"').next().unwrap().to_owned()
}

#[test]
fn a_refused_form_says_what_is_wrong_with_it() {
    let world = World::new();
    let rules = json!({"key_life_seconds_max": 7_776_000, "key_life_seconds_default": null});
    world.admin().mutate("change_tenant_policy", &rules, "success").unwrap();
    world.admin().mutate("rename_tenant", &json!({"name": "Acme Data"}), "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    let ending = |at: &str| {
        let form =
            [("owner", world.made.user_id.as_str()), ("name", "n"), ("end", "custom"), ("custom_end", at)];
        let refused = browser.submit("/ui/keys/new", &form);
        assert_eq!(refused.status, 422, "{at}: {}", refused.text);
        refused.text
    };
    let too_long = ending("2999-01-01T00:00");
    assert!(too_long.contains("Acme Data allows keys to live for at most 90 days"), "{too_long}");
    for none in [
        "2027-02-30T10:00",
        "12027-01-01T00:00",
        "+012027-01-01T00:00",
        "2027-02-28",
        "1969-01-01T00:00",
        "soon",
    ] {
        let said = ending(none);
        assert!(
            said.contains("under &#34;At this time, in UTC&#34; give a day that there is"),
            "{none}: {said}"
        );
    }
}

#[test]
fn a_form_that_is_sent_again_with_something_else_says_what_came_of_it() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let first = attempt(&browser.page("/ui/keys/new"));
    let send = |attempt: &str, name: &str| {
        let form =
            [("owner", world.made.user_id.as_str()), ("name", name), ("end", "30"), ("attempt", attempt)];
        browser.submit("/ui/keys/new", &form)
    };
    assert_eq!(send(&first, "one").status, 200);
    let position = world.position();
    let again = send(&first, "another");
    assert_eq!((again.status, world.position()), (422, position), "{}", again.text);
    assert!(again.text.contains("this form was sent before"), "{}", again.text);
    assert!(again.text.contains("the key that it asked for then was made"), "{}", again.text);
    assert!(!again.text.contains("idempotency"), "{}", again.text);
    let fresh = attempt(&again.text);
    assert_ne!(fresh, first);
    let made = send(&fresh, "another");
    assert!(made.text.contains("another is made"), "{}", made.text);
}

#[test]
fn use_is_marked_approximate_and_as_known_now_in_the_past() {
    let world = World::new();
    let (id, secret) = world.key(&world.made.user_id, "laptop");
    let made = text(&world.position());
    assert_eq!(Client::holding(world.server.url(), &secret).whoami().status, 200);
    world.account("etl", "runner");
    let json = |line: &str| -> Value { serde_json::from_str(&of_lines::typed(&world, line)).unwrap() };
    assert_eq!(json(&format!("keyledger key show {id} -o json"))["usage"]["approximate"], true);
    for line in ["keyledger key list -o json", "keyledger auth list-keys -o json"] {
        let keys = json(line);
        let key = keys.as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap();
        assert_eq!(key["usage"]["approximate"], true, "{line}");
    }
    let lines_of = |line: &str| {
        let table = of_lines::typed(&world, line);
        let used: Vec<_> = table.lines().filter(|line| line.starts_with("used")).map(str::to_owned).collect();
        assert_eq!(used.len(), 3, "{table}");
        used
    };
    for line in lines_of(&format!("keyledger key show {id}")) {
        assert!(line.ends_with("(roughly)"), "{line}");
    }
    for line in lines_of(&format!("keyledger key show {id} --as-of {made}")) {
        assert!(line.ends_with("(roughly, as known now)"), "{line}");
    }
    assert!(of_lines::typed(&world, "keyledger key list").contains("LAST USED (ROUGHLY)"));

    let browser = world.signed_in(&world.made.key);
    let fact = |path: &str| {
        let page = browser.page(path);
        page.split("<dt>Last used</dt>").nth(1).unwrap().split("</dd>").next().unwrap().to_owned()
    };
    assert!(fact(&format!("/ui/keys/{id}")).contains("(approximate)"));
    assert!(fact(&format!("/ui/keys/{id}?as_of={made}")).contains("(approximate, as known now)"));
    assert!(browser.page("/ui/keys").contains("Last used<br><span class=\"quiet\">(approximate)"));
    let past = browser.page(&format!("/ui/keys?as_of={made}"));
    assert!(past.contains("Last used<br><span class=\"quiet\">(approximate, as known now)"), "{past}");
}

#[test]
fn the_list_of_older_clients_takes_a_moment_too() {
    let world = World::new();
    let (id, _) = world.key(&world.made.user_id, "laptop");
    let made = text(&world.position());
    world.admin().mutate("delete_api_key", &json!({"key_id": id}), "success").unwrap();
    let asked = |argument: &str| {
        let answer =
            world.admin().graphql(&format!("{{ api_token{argument} {{ id }} }}"), &Value::Null).json();
        (
            answer["data"]["api_token"].to_string().contains(&id),
            answer["extensions"]["as_of"]["api_token"].clone(),
        )
    };
    assert_eq!(asked(""), (false, Value::Null));
    let (there, basis) = asked(&format!("(as_of: {{ position: \"{made}\" }})"));
    assert!(there && basis["position"] == made.as_str(), "{basis}");
}
