//! The browser login at `/auth/client`, driven by plain HTTP as a browser drives it.

use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::events_of;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, text};
use crate::ui::attributes;

const FORM: &str = "application/x-www-form-urlencoded";
const CALLBACK: &str = "http://localhost:4321";

/// A browser that has the server's page open.
fn browser(world: &TwoTenants) -> Client {
    let url = world.server.url();
    Client::anonymous(url).with("origin", url).with("sec-fetch-site", "same-origin")
}

fn agreeing(key: &str) -> Vec<(&str, &str)> {
    vec![("callback", CALLBACK), ("source", "prefect-cloud"), ("key", key), ("decision", "agree")]
}

fn sent(client: &Client, form: &[(&str, &str)]) -> Answer {
    client.post("/auth/client", FORM, &encoded(form))
}

/// What the page's script would post, and where.
fn handed(page: &Answer) -> (String, Value) {
    let attribute = |name: &str| {
        let from =
            page.text.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {}", page.text));
        unescaped(from.split('"').next().unwrap())
    };
    (attribute("data-callback"), serde_json::from_str(&attribute("data-answer")).unwrap())
}

fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (escaped, plain) in [("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")] {
        text = text.replace(escaped, plain);
    }
    text
}

fn policy(page: &Answer) -> &str {
    page.header("content-security-policy").unwrap()
}

fn keys_made(world: &TwoTenants) -> usize {
    events_of(&world.data).iter().filter(|recorded| recorded.event.name() == "KeyCreated").count()
}

#[test]
fn a_person_agrees_and_the_program_gets_a_key_of_its_own() {
    let world = TwoTenants::new();
    let asked = Client::anonymous(world.server.url())
        .get("/auth/client?callback=http%3A//localhost%3A4321&source=prefect-cloud&g=true");
    assert_eq!(asked.status, 200);
    for part in
        ["<b>prefect-cloud</b>", "http://localhost:4321", "90 days", "method=\"post\"", "type=\"password\""]
    {
        assert!(asked.text.contains(part), "{part}: {}", asked.text);
    }
    assert!(!asked.text.contains("<script"), "the question needs no script");

    let page = sent(&browser(&world), &agreeing(&format!("  {}\r\n", world.bob.secret)));
    assert_eq!(page.status, 200, "{}", page.text);
    let (to, answer) = handed(&page);
    assert_eq!(to, "http://localhost:4321/success");
    let key = text(&answer["api_key"]);
    assert_eq!(answer, json!({"api_key": key}));
    assert!(!page.text.contains(&world.bob.secret), "the key that was pasted never comes back");
    let whoami = world.holding(&key).whoami().json();
    assert_eq!((&whoami["id"], &whoami["role"]), (&json!(world.bob_id), &json!("member")));
    assert!(whoami["expires_at"].is_string());
    assert!(page.text.contains("prefect-cloud (browser login)"), "{}", page.text);
    let listed = world.bob().query("auth_api_key", "{ auth_api_key { name expires_at } }").unwrap();
    let named =
        listed.as_array().unwrap().iter().filter(|key| key["name"] == "prefect-cloud (browser login)");
    assert_eq!(named.count(), 1, "{listed}");
    let last = events_of(&world.data).pop().unwrap();
    assert_eq!((last.event.name(), last.metadata.way.as_str()), ("KeyCreated", "ui"));
}

/// `/auth/client`
#[test]
fn a_person_who_is_signed_in_agrees_without_pasting_anything() {
    let world = TwoTenants::new();
    let signed_in = browser(&world).post("/ui/sign-in", FORM, &encoded(&[("key", &world.bob.secret)]));
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let asked = browser(&world).with("cookie", &cookie).get("/auth/client?callback=http://localhost:4321");
    assert!(asked.text.contains("You are signed in as <b>bob@example.com</b>"), "{}", asked.text);
    assert!(!asked.text.contains("type=\"password\""), "{}", asked.text);
    let mut form = agreeing("");
    form.retain(|(name, _)| *name != "key");
    let before = keys_made(&world);
    let elsewhere = Client::anonymous(world.server.url()).with("origin", "https://evil.example");
    let refused = [
        (sent(&browser(&world), &form), 401, "CREDENTIAL_MISSING"),
        (sent(&browser(&world).with("cookie", "keyledger=another"), &form), 401, "CREDENTIAL_MISSING"),
        (sent(&elsewhere.with("cookie", &cookie), &form), 403, "OTHER_ORIGIN"),
    ];
    for (page, status, code) in refused {
        assert!(page.status == status && page.text.contains(code), "{status} {}", page.text);
    }
    assert_eq!(keys_made(&world), before);

    let page = sent(&browser(&world).with("cookie", &cookie), &form);
    let (to, answer) = handed(&page);
    assert_eq!((page.status, to.as_str()), (200, "http://localhost:4321/success"), "{}", page.text);
    assert_eq!(world.holding(&text(&answer["api_key"])).whoami().json()["id"], json!(world.bob_id));

    // What ends the key ends the session, here as everywhere.
    world.ada().mutate("suspend_user", &json!({"user_id": world.bob_id}), "success").unwrap();
    let asked = browser(&world).with("cookie", &cookie).get("/auth/client?callback=http://localhost:4321");
    assert!(asked.text.contains("Paste a key of yours"), "{}", asked.text);
    assert_eq!(sent(&browser(&world).with("cookie", &cookie), &form).status, 401);
}

#[test]
fn a_person_refuses_and_the_program_is_told_so() {
    let world = TwoTenants::new();
    let before = keys_made(&world);
    for decision in [Some("refuse"), None] {
        let mut form = agreeing(&world.bob.secret);
        form.retain(|(name, _)| *name != "decision");
        form.extend(decision.map(|decision| ("decision", decision)));
        let page = sent(&browser(&world), &form);
        let (to, answer) = handed(&page);
        assert_eq!((page.status, to.as_str()), (200, "http://localhost:4321/failure"));
        assert!(answer["reason"].is_string() && answer.get("api_key").is_none(), "{answer}");
    }
    assert_eq!(keys_made(&world), before);
}

#[test]
fn pages_are_kept_by_nobody_framed_by_nobody_and_reach_only_the_callback() {
    let world = TwoTenants::new();
    let pages = [
        (Client::anonymous(world.server.url()).get("/auth/client?callback=http://127.0.0.1:99"), 200, None),
        (Client::anonymous(world.server.url()).get("/auth/client?callback=http://evil.example"), 400, None),
        (sent(&browser(&world), &agreeing("unknown")), 401, None),
        (sent(&browser(&world), &agreeing(&world.bob.secret)), 200, Some("http://localhost:4321")),
        (sent(&Client::anonymous(world.server.url()), &agreeing(&world.bob.secret)), 403, None),
    ];
    for (page, status, connects) in pages {
        assert_eq!(page.status, status, "{}", page.text);
        for (header, value) in [
            ("cache-control", "no-store"),
            ("content-type", "text/html; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(page.header(header), Some(value), "{header} of {status}");
        }
        let policy = policy(&page);
        for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        let expected = connects.map(|origin| format!("; script-src 'self'; connect-src {origin}"));
        assert_eq!(policy.split_once("frame-ancestors 'none'").unwrap().1, expected.unwrap_or_default());
        assert_eq!(page.text.contains("<script"), connects.is_some());
    }
    for file in ["/auth/client.css", "/auth/client.js"] {
        assert_eq!(Client::anonymous(world.server.url()).get(file).status, 200, "{file}");
    }
}

#[test]
fn under_a_path_the_pages_lead_nowhere_else() {
    let world = TwoTenants::new();
    let pages = [
        browser(&world).get(&format!("/auth/client?callback={CALLBACK}")),
        browser(&world).get("/auth/client"),
        sent(&browser(&world), &agreeing(&world.bob.secret)),
        sent(&browser(&world), &agreeing("")),
    ];
    for page in pages {
        for attribute in ["href", "src", "action"] {
            for address in attributes(&page.text, attribute) {
                assert!(address.starts_with("./"), "{attribute} {address}: {}", page.text);
            }
        }
        assert!(!attributes(&page.text, "href").is_empty());
    }
}

#[test]
fn nothing_is_handed_to_any_address_but_loopback() {
    let world = TwoTenants::new();
    let before = keys_made(&world);
    for callback in [
        "",
        "https://localhost:1",
        "http://localhost",
        "http://localhost:0",
        "http://evil.example:80",
        "http://localhost.evil.example:80",
        "http://localhost:80@evil.example",
        "http://user@localhost:80",
        "http://127.0.0.1.evil.example:80",
        "http://128.0.0.1:80",
        "http://0.0.0.0:80",
        "http://2130706433:80",
        "http://[::ffff:127.0.0.1]:80",
        "http://[::2]:80",
        "javascript:alert(1)",
        "data:text/html,x",
        "//localhost:80",
        "http://localhost:80\\.evil.example",
        "http://localhost:80/?next=http://evil.example",
        "http://localhost:80/#x",
        "http://localhost:80/../x",
        "http://localhost:80; script-src *",
        "http://localhost:80/\"><script>alert(1)</script>",
        "http://localhost:80/'onload='x",
        "http://localhost:80\r\nx-injected: 1",
        "http://localhost:80 http://evil.example",
    ] {
        let query = encoded(&[("callback", callback)]);
        let asked = Client::anonymous(world.server.url()).get(&format!("/auth/client?{query}"));
        let mut form = agreeing(&world.bob.secret);
        form[0].1 = callback;
        for page in [asked, sent(&browser(&world), &form)] {
            assert_eq!(page.status, 400, "{callback:?}");
            assert!(page.text.contains("CALLBACK_NOT_LOOPBACK"), "{callback:?}: {}", page.text);
            assert!(
                !page.text.contains("evil") && !page.text.contains("alert(1)"),
                "{callback:?}: {}",
                page.text
            );
            assert_eq!(page.header("x-injected"), None);
        }
    }
    let twice = "/auth/client?callback=http://localhost:1&callback=http://localhost:2";
    assert_eq!(Client::anonymous(world.server.url()).get(twice).status, 400);
    assert_eq!(Client::anonymous(world.server.url()).get("/auth/client").status, 400);
    assert_eq!(keys_made(&world), before);
}

#[test]
fn names_of_programs_are_escaped_or_passed_over() {
    let world = TwoTenants::new();
    for source in ["<script>alert(1)</script>", "a\" onfocus=\"x", "a b", "é", &"a".repeat(41), ""] {
        let query = encoded(&[("callback", CALLBACK), ("source", source)]);
        let asked = Client::anonymous(world.server.url()).get(&format!("/auth/client?{query}"));
        assert_eq!(asked.status, 200);
        assert!(asked.text.contains("<b>prefect</b>") && !asked.text.contains("<script"), "{}", asked.text);
    }
}

#[test]
fn forms_of_other_sites_are_not_taken() {
    let world = TwoTenants::new();
    let url = world.server.url();
    let before = keys_made(&world);
    let plain = || Client::anonymous(url);
    for other in [
        plain(),
        plain().with("origin", "https://evil.example"),
        plain().with("origin", "null"),
        plain().with("origin", url).with("sec-fetch-site", "cross-site"),
        plain().with("origin", url).with("sec-fetch-site", "same-site"),
        plain().with("sec-fetch-site", "none"),
    ] {
        let page = sent(&other, &agreeing(&world.bob.secret));
        assert_eq!(page.status, 403, "{}", page.text);
        assert!(page.text.contains("OTHER_ORIGIN") && !page.text.contains(&world.bob.secret));
    }
    assert_eq!(keys_made(&world), before);
    // What a browser says that is older, or that asks over a network that it does not trust, or through a proxy that changed the host.
    for own in [
        plain().with("origin", url),
        plain().with("sec-fetch-site", "same-origin"),
        plain().with("origin", "https://keys.example.com:8443").with("sec-fetch-site", "same-origin"),
    ] {
        assert_eq!(sent(&own, &agreeing(&world.bob.secret)).status, 200);
    }
}

#[test]
fn whoever_is_not_let_in_may_try_again_but_not_for_ever() {
    let world = TwoTenants::new();
    let gone = key_for(&world.ada(), &world.account_id, "gone");
    world.ada().mutate("delete_api_key", &json!({"key_id": gone.id}), "success").unwrap();
    for (key, code) in [
        ("", "CREDENTIAL_MISSING"),
        ("   ", "CREDENTIAL_MISSING"),
        (&gone.secret, "KEY_REVOKED"),
        ("x y", "CREDENTIAL_MALFORMED"),
    ] {
        let page = sent(&browser(&world), &agreeing(key));
        assert_eq!(page.status, 401, "{code}: {}", page.text);
        assert!(page.text.contains(code) && page.text.contains("<form"), "{code}: {}", page.text);
        assert!(key.trim().is_empty() || !page.text.contains(key), "{code}");
    }
    let tries = (0..100).map(|n| sent(&browser(&world), &agreeing(&format!("guess-{n}"))));
    let slowed = tries.into_iter().find(|page| page.status == 429).expect("guesses are counted here, too");
    assert!(slowed.text.contains("TOO_MANY_GUESSES") && slowed.header("retry-after").is_some());
    assert_eq!(
        sent(&browser(&world), &agreeing(&world.bob.secret)).status,
        200,
        "a good key is let in all the same"
    );
}

#[test]
fn the_new_key_reaches_no_further_and_lives_no_longer_than_is_allowed() {
    let world = TwoTenants::new();
    let policy = json!({"key_life_seconds_max": 86_400, "key_life_seconds_default": null});
    world.ada().mutate("change_tenant_policy", &policy, "success").unwrap();
    let input = json!({
        "user_id": world.bob_id, "name": "narrow", "tenant_id": world.ada.tenant_id,
        "scopes": ["keyledger:keys", "flows:run"],
    });
    let narrow = text(&world.bob().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let (_, answer) = handed(&sent(&browser(&world), &agreeing(&narrow)));
    let whoami = world.holding(&text(&answer["api_key"])).whoami().json();
    assert_eq!(whoami["scopes"], json!(["flows:run", "keyledger:keys"]));
    assert_eq!(whoami["tenant_id"], json!(world.ada.tenant_id));
    assert!(whoami["expires_at"].is_string());
    // A key that makes no keys makes none here, and an agent's none of its own.
    let input = json!({"user_id": world.bob_id, "name": "blunt", "scopes": ["flows:run"]});
    let blunt = text(&world.bob().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let page = sent(&browser(&world), &agreeing(&blunt));
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(page.text.contains("FORBIDDEN") && page.text.contains("<form"));
    let input = json!({"name": "runner", "role": "runner"});
    let account = text(&world.ada().mutate("create_service_account", &input, "id").unwrap()["id"]);
    let runner = key_for(&world.ada(), &account, "runner");
    assert_eq!(sent(&browser(&world), &agreeing(&runner.secret)).status, 403);
}
