//! What an intruder tried in the web UI, and what a person could lose or misread there: each once found, and kept out.

use keyledger_tests::client::{Client, encoded};
use serde_json::json;

use crate::ui::{Browser, FORM, World, attributes, location, text};

/// A key of the first user's with these scopes only.
fn narrowed(world: &World, scopes: &[&str]) -> String {
    let input = json!({"user_id": world.made.user_id, "name": "narrow", "scopes": scopes});
    text(&world.admin().mutate("create_api_key", &input, "key").unwrap()["key"])
}

/// Where a request is led that is not signed in.
fn is_turned_away(browser: &Browser, path: &str) -> bool {
    let answer = browser.get(path);
    answer.status == 303 && location(&answer).contains("ui/sign-in")
}

#[test]
fn no_member_is_added_whose_key_could_not_be_shown() {
    let world = World::new();
    let [admin, operator] = ["keyledger:admin", "keyledger:operate"].map(|scope| narrowed(&world, &[scope]));
    let before = world.position();
    // It may add members, and makes no key that is wider than it is.
    let browser = world.signed_in(&admin);
    let form = [("email", "grace@example.com"), ("role", "member"), ("first_key", "yes")];
    let refused = browser.submit("/ui/members/add", &form);
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("SCOPES_NOT_HELD"), "{}", refused.text);
    assert_eq!(world.position(), before, "a key was made that nobody was shown");
    // It may make tenants, and may not read what a page says of who looks.
    let browser = world.signed_in(&operator);
    let form = [("slug", "globex"), ("email", "grace@example.com")];
    assert_eq!(browser.submit("/ui/deployment/tenants/new", &form).status, 403);
    assert_eq!(world.position(), before);
}

#[test]
fn disabling_a_key_ends_its_sessions_also_if_nobody_asked_before_it_was_enabled() {
    let world = World::new();
    let (key, string) = world.key(&world.made.user_id, "laptop");
    let (browser, other) = (world.signed_in(&string), world.signed_in(&world.made.key));
    browser.page("/ui/keys");
    for act in ["disable_api_key", "enable_api_key"] {
        world.admin().mutate(act, &json!({"key_id": key}), "success").unwrap();
    }
    assert!(is_turned_away(&browser, "/ui/keys"));
    other.page("/ui/keys");
}

#[test]
fn a_key_pasted_into_any_search_is_not_in_an_address() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, string) = world.key(&account, "nightly");
    let browser = world.signed_in(&world.made.key);
    for list in ["accounts", "members", "keys"] {
        let page = browser.page(&format!("/ui/{list}"));
        assert!(page.contains(&format!("action=\"../ui/{list}/find\"")), "{page}");
        let by_address =
            page.split("method=\"get\"").skip(1).map(|form| form.split("</form>").next().unwrap());
        for form in by_address {
            assert!(
                !form.contains("<input"),
                "{list}: what is typed there would stand in the address: {form}"
            );
        }
        let find = format!("/ui/{list}/find");
        let found = browser.submit(&find, &[("q", &string)]);
        assert_eq!(location(&found), format!("../../ui/keys/{key}"));
        let name = browser.submit(&find, &[("q", "a & b")]);
        assert_eq!(location(&name), format!("../../ui/{list}?q=a+%26+b"));
        let long = browser.submit(&find, &[("q", &"wide ".repeat(100))]);
        assert_eq!(long.status, 422, "{:?}", long.header("location"));
        assert!(browser.page(&format!("/ui/{list}?q=nobody")).contains("value=\"nobody\""));
    }
    assert!(browser.page("/ui/members?q=ada").contains("ada@example.com"));
    let address = browser.submit("/ui/members/find", &[("q", "some_bodywithalongname@example.com")]);
    assert!(location(&address).contains("some_bodywithalongname%40example.com"), "an address is no key");
}

#[test]
fn a_key_that_one_may_not_see_is_said_to_be_known_and_leads_nowhere() {
    let world = World::new();
    let input = json!({"slug": "globex", "administrator_email": "grace@globex.example"});
    let other = text(&world.admin().mutate("create_tenant", &input, "key").unwrap()["key"]);
    let (_, member) = world.member("edsger@example.com", "member");
    let (account, grace) = (world.account("etl", "runner"), world.signed_in(&other));
    let (_, machine) = world.key(&account, "nightly");
    for (browser, pasted) in [(grace, &world.made.key), (world.signed_in(&member), &machine)] {
        let answer = browser.submit("/ui/keys/find", &[("q", pasted)]);
        assert_eq!(answer.status, 403, "{:?} {}", answer.header("location"), answer.text);
        assert!(
            answer.text.contains("this key is known here, but it is none that you may see"),
            "{}",
            answer.text
        );
        assert!(!answer.text.contains(pasted.as_str()), "it is not repeated");
    }
    let found = world.signed_in(&member).submit("/ui/keys/find", &[("q", &member)]);
    assert!(location(&found).starts_with("../../ui/keys/0"), "one's own is found");
}

#[test]
fn guesses_in_a_search_are_counted_by_address() {
    let world = World::with(&["--guesses-per-minute", "2"]);
    let browser = world.signed_in(&world.made.key);
    let foreign = world.made.key.replace("klu_", "kls_");
    for list in ["keys", "members"] {
        let answer = browser.submit(&format!("/ui/{list}/find"), &[("q", &foreign)]);
        assert_eq!(answer.status, 404, "{}", answer.text);
    }
    let slowed = browser.submit("/ui/keys/find", &[("q", &foreign)]);
    assert!(slowed.status == 429 && slowed.text.contains("TOO_MANY_GUESSES"), "{}", slowed.text);
    assert!(slowed.header("retry-after").is_some());
    assert_eq!(browser.submit("/ui/keys/find", &[("q", &world.made.key)]).status, 303);
}

#[test]
fn a_session_goes_on_from_where_its_key_is_accepted() {
    let world = World::with(&["--trusted-proxy", "127.0.0.0/8"]);
    let input = json!({"user_id": world.made.user_id, "name": "office", "allowed_addresses": ["192.0.2.1"]});
    let key = text(&world.admin().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let browser = world.browser();
    let from = |address: &str| browser.asking().with("x-forwarded-for", address);
    let signed_in = from("192.0.2.1").post("/ui/sign-in", FORM, &encoded(&[("key", &key)]));
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    *browser.cookie.borrow_mut() = Some(cookie);
    assert_eq!(from("192.0.2.1").get("/ui/keys").status, 200);
    let elsewhere = from("192.0.2.9").get("/ui/keys");
    assert!(location(&elsewhere).contains("why=ADDRESS_NOT_ALLOWED"), "{elsewhere:?}");
    assert_eq!(elsewhere.header("set-cookie"), None, "the session is not over, so its cookie stays");
    assert_eq!(from("192.0.2.1").get("/ui/keys").status, 200);
}

#[test]
fn a_second_cookie_locks_nobody_out_and_slips_no_session_in() {
    let world = World::new();
    let (_, string) = world.key(&world.made.user_id, "of an intruder");
    let (browser, intruder) = (world.signed_in(&world.made.key), world.signed_in(&string));
    let own = browser.cookie.borrow().clone().unwrap();
    let planted = intruder.cookie.borrow().clone().unwrap();
    for junk in ["keyledger=", "keyledger=x", &format!("keyledger={}", "0".repeat(64))] {
        *browser.cookie.borrow_mut() = Some(format!("{junk}; {own}"));
        browser.page("/ui/keys");
    }
    *browser.cookie.borrow_mut() = Some(format!("{planted}; {own}"));
    let answer = browser.asking().get("/ui/keys");
    assert_eq!(answer.status, 303, "nobody acts in a session that may be another's");
    // Signing in ends both, and the one that was planted is junk from then on.
    let signed_in = browser.asking().with("sec-fetch-site", "same-origin");
    let signed_in = signed_in.post("/ui/sign-in", FORM, &encoded(&[("key", &world.made.key)]));
    let new = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    *browser.cookie.borrow_mut() = Some(format!("{planted}; {new}"));
    assert_eq!(browser.asking().get("/ui/welcome").status, 303);
    browser.page("/ui/keys");
    assert!(is_turned_away(&intruder, "/ui/keys"));
    let out = browser.submit("/ui/sign-out", &[]);
    assert_eq!(out.status, 303);
    *browser.cookie.borrow_mut() = Some(new);
    assert!(is_turned_away(&browser, "/ui/keys"));
}

#[test]
fn whoever_is_refused_can_sign_out() {
    let world = World::new();
    let (_, member) = world.member("grace@example.com", "member");
    let browser = world.signed_in(&member);
    for path in ["/ui/accounts", "/ui/deployment", "/ui/accounts/new", "/ui/keys?as_of=yesterday"] {
        let refused = browser.get(path);
        assert!([400, 403].contains(&refused.status), "{path}: {}", refused.status);
        assert!(refused.text.contains("action=\"../"), "{path}: {}", refused.text);
        assert!(refused.text.contains("ui/sign-out\""), "{path}: {}", refused.text);
    }
    assert!(!world.browser().get("/ui/nothing").text.contains("sign-out"), "nobody is signed in");
}

#[test]
fn refusals_outside_of_the_pages_have_their_headers_too() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let large = "x".repeat(300 * 1024);
    let cases = [
        ("GET", "/ui/nothing", "", 404),
        ("POST", "/ui/nothing", "", 404),
        ("GET", "/ui/sign-out", "", 405),
        ("DELETE", "/ui/keys", "", 405),
        ("POST", "/ui/keys", "", 405),
        ("GET", "/ui/static/nothing.js", "", 404),
        ("POST", "/ui/sign-in", large.as_str(), 413),
    ];
    for (method, path, body, status) in cases {
        let answer = browser.asking().with("sec-fetch-site", "same-origin").send(method, path, FORM, body);
        assert_eq!(answer.status, status, "{method} {path}");
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{method} {path}"));
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
    }
    for (path, leads) in [("/ui", "./ui/keys"), ("/ui/", "../ui/keys")] {
        let answer = browser.get(path);
        assert_eq!((answer.status, location(&answer)), (303, leads));
        assert!(answer.header("content-security-policy").is_some(), "{path}");
    }
}

#[test]
fn no_link_leads_elsewhere_after_signing_in_nor_makes_an_address_without_end() {
    let world = World::new();
    let browser = world.browser();
    for then in ["ui/%2e%2e/%2e%2e/x", "ui/.%2e/x", "//example.com", "ui/keys/..%2f"] {
        let form = [("key", world.made.key.as_str()), ("then", then)];
        let signed_in = browser.submit("/ui/sign-in", &form);
        assert_eq!(location(&signed_in), "../ui/welcome?then=ui%2Fkeys", "{then}");
        let welcome = browser.get(&format!("/ui/welcome?{}", encoded(&[("then", then)])));
        assert_eq!(location(&welcome), "../ui/keys", "{then}");
    }
    let long = format!("/ui/keys?q={}", "x".repeat(8_000));
    let turned_away = world.browser().get(&long);
    assert_eq!(location(&turned_away), "../ui/sign-in");
}

#[test]
fn only_what_was_done_is_told_as_done_and_only_once() {
    let world = World::new();
    let (key, _) = world.key(&world.made.user_id, "laptop");
    let browser = world.signed_in(&world.made.key);
    let told = |page: &str| page.contains("class=\"notice\"");
    for word in ["revoked", "member", "signing-key", "tenant-removed"] {
        assert!(!told(&browser.page(&format!("/ui/keys?done={word}"))), "a link says that {word} was done");
    }
    let disabled = browser.submit(&format!("/ui/keys/{key}/disable"), &[]);
    let address = format!("/{}", location(&disabled).trim_start_matches("../"));
    assert!(!told(&browser.page("/ui/keys?done=revoked")), "something else was done");
    assert!(!told(&world.signed_in(&world.made.key).page(&address)), "by another session");
    assert!(told(&browser.page(&address)));
    assert!(!told(&browser.page(&address)), "it is not done again by loading the page");
}

#[test]
fn a_page_that_one_may_not_see_costs_nothing_by_being_loaded_again() {
    let world = World::new();
    let (grace, member) = world.member("grace@example.com", "member");
    let browser = world.signed_in(&member);
    let refusals = || {
        let kept =
            world.admin().query("refusals", "{ refusals { edges { node { code command } } dropped } }");
        kept.unwrap()["edges"].as_array().unwrap().len()
    };
    for _ in 0..5 {
        for path in ["/ui/accounts", "/ui/events", "/ui/accounts/new", "/ui/members/add"] {
            assert_eq!(browser.get(path).status, 403, "{path}");
        }
        browser.get(&format!("/ui/members/{}/remove", world.made.user_id));
    }
    assert!(refusals() <= 1, "{}", refusals());
    // What is asked for in earnest is kept each time.
    for _ in 0..3 {
        browser.submit(&format!("/ui/members/{grace}/role"), &[("role", "read_only")]);
    }
    assert!(refusals() >= 3, "{}", refusals());
}

#[test]
fn what_would_be_refused_is_not_shown_as_a_form() {
    let world = World::new();
    let (_, member) = world.member("grace@example.com", "member");
    for browser in [
        world.signed_in(&member),
        // The owner administers, and this key does not.
        world.signed_in(&narrowed(&world, &["keyledger:read"])),
    ] {
        for path in ["/ui/accounts/new", "/ui/members/add"] {
            let refused = browser.get(path);
            assert_eq!(refused.status, 403, "{path}");
            assert!(
                refused.text.contains("FORBIDDEN") && !refused.text.contains("<form class"),
                "{}",
                refused.text
            );
        }
    }
}

#[test]
fn a_form_takes_what_the_api_takes_and_drops_nothing() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let (name, longer) = ("n".repeat(200), "n".repeat(201));
    for path in ["/ui/accounts/new", "/ui/keys/new"] {
        assert!(attributes(&browser.page(path), "maxlength").contains(&"200"), "{path}");
    }
    let made = browser.submit("/ui/accounts/new", &[("name", &name), ("role", "runner")]);
    assert_eq!(made.status, 303, "{}", made.text);
    let refused = browser.submit("/ui/accounts/new", &[("name", &longer), ("role", "runner")]);
    assert!(refused.status == 422 && refused.text.contains("NAME_TOO_LONG"), "{}", refused.text);

    let before = world.position();
    let mut fields = vec![("scope", "keyledger:read"); 64];
    fields.extend([("name", "x"), ("role", "runner")]);
    let refused = browser.submit("/ui/accounts/new", &fields);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("FORM_INVALID") && refused.text.contains("64 fields"), "{}", refused.text);
    let many = "a=1&".repeat(64);
    assert_eq!(browser.get(&format!("/ui/keys?{many}as_of=1")).status, 400, "the moment would not be read");
    assert_eq!(world.position(), before);
}

#[test]
fn errors_are_told_in_the_words_of_a_form() {
    let world = World::new();
    let browser = world.browser();
    let refused = browser.sign_in("not a key");
    assert_eq!(refused.status, 401);
    assert!(refused.text.contains("this cannot be a key"), "{}", refused.text);
    assert!(!refused.text.contains("Authorization") && !refused.text.contains("Bearer"), "{}", refused.text);

    let browser = world.signed_in(&world.made.key);
    let owner = world.made.user_id.as_str();
    let wrong = [("owner", owner), ("name", "x"), ("end", "custom"), ("custom_end", "soon")];
    for answer in [browser.submit("/ui/keys/new", &wrong), browser.get("/ui/keys?as_of=soon")] {
        assert!([400, 422].contains(&answer.status), "{}", answer.status);
        for word in ["Variable", "timestamptz", "GraphQL", "got invalid"] {
            let error = answer.text.split("<footer>").next().unwrap();
            assert!(!error.contains(word), "{word}: {error}");
        }
    }
    let (key, string) = world.key(owner, "laptop");
    Client::holding(world.server.url(), &string).with("user-agent", "").whoami();
    world
        .admin()
        .mutate("delete_api_key", &json!({"key_id": key, "reason": "key_compromise"}), "success")
        .unwrap();
    let page = browser.page(&format!("/ui/keys/{key}"));
    let shown = page.split("<footer>").next().unwrap();
    assert!(shown.contains("Reason: somebody else may have had it."), "{shown}");
    assert!(!shown.contains("none; last"), "{shown}");
}
