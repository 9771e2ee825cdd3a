//! Forms that are sent twice, refused, or left open: nothing is lost by it, and nobody is locked out.

use serde_json::json;

use crate::ui::{World, text};

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
