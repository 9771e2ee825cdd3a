//! What is refused or roughly known, in words for whoever reads a page.

use super::*;

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
