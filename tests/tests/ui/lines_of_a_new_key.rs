//! The lines beside a new key: they lead to this server, as whoever reads them reaches it, without a program in the browser.

use super::*;

/// The server that the lines beside a new key name: all of them the same one.
fn named(page: &str) -> String {
    let line = page.split("$KEYLEDGER_KEY\" <span").nth(1).unwrap_or_else(|| panic!("{page}"));
    let server = line.split_once('>').unwrap().1.split("</span>/v1/whoami").next().unwrap().to_owned();
    assert_eq!(page.matches(&format!(">{server}</span>")).count(), 5, "{page}");
    assert!(!page.contains("127.0.0.1:4200"), "{page}");
    server
}

/// Makes a key with these headers, as they come from a browser or a proxy.
fn made_with(world: &World, headers: &[(&'static str, &str)]) -> String {
    let sent = |client: Client| headers.iter().fold(client, |client, (name, value)| client.with(name, value));
    let client = sent(Client::anonymous(world.server.url()));
    let signed_in = client.post("/ui/sign-in", FORM, &encoded(&[("key", &world.made.key)]));
    let cookie = signed_in.header("set-cookie").unwrap_or_else(|| panic!("{}", signed_in.text));
    let client = client.with("cookie", cookie.split(';').next().unwrap());
    let form = [("owner", world.made.user_id.as_str()), ("name", "n"), ("end", "30")];
    let made = client.post("/ui/keys/new", FORM, &encoded(&form));
    assert_eq!(made.status, 200, "{}", made.text);
    made.text
}

#[test]
fn they_name_the_address_by_which_the_page_was_asked_for() {
    let world = World::new();
    let url = world.server.url().to_owned();
    assert_eq!(named(&made_with(&world, &[])), url);
    let host = [("host", "keys.example.com")];
    assert_eq!(named(&made_with(&world, &host)), "https://keys.example.com");
    let page = "https://example.com/teams/keys/ui/keys/new?owner=1";
    let under = [("host", "upstream:1"), ("sec-fetch-site", "same-origin"), ("referer", page)];
    assert_eq!(named(&made_with(&world, &under)), "https://example.com/teams/keys");
    let proxy =
        [("host", "upstream:1"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")];
    assert_eq!(named(&made_with(&world, &proxy)), "https://upstream:1", "nobody said to believe it");
    let behind = World::with(&["--trusted-proxy", "127.0.0.0/8"]);
    assert_eq!(named(&made_with(&behind, &proxy)), "https://evil.example", "it is believed if it is trusted");
}

#[test]
fn they_name_the_configured_address_if_there_is_one() {
    let world = World::with(&["--issuer", "https://id.example.com/keys"]);
    let page = made_with(&world, &[("host", "keys.example.com")]);
    assert_eq!(named(&page), "https://id.example.com/keys");
    assert!(!page.contains("data-server"), "no program knows better: {page}");
}
