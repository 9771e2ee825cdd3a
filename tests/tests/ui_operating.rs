//! The operator's pages from outside: tenants, people, signing keys; and the page of what was refused.

use keyledger_tests::client::Client;
use keyledger_tests::server::keyledger;
use serde_json::{Value, json};

use std::collections::{BTreeMap, BTreeSet};

use crate::ui::{Browser, World, attributes, location, text};

/// The address of a thing's page, by what a list links to, such as `Erase…` of somebody.
fn link(page: &str, ends: &str) -> Option<String> {
    let found = attributes(page, "href").into_iter().find(|address| address.ends_with(ends));
    found.map(|address| format!("/{}", address.trim_start_matches("../")))
}

fn tenant(world: &World, slug: &str) -> String {
    let input = json!({"slug": slug, "administrator_email": "ada@example.com"});
    text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"])
}

fn shown_key(page: &str) -> String {
    let key = attributes(page, "value").into_iter().find(|value| value.starts_with("klu_"));
    key.unwrap_or_else(|| panic!("no key is shown: {page}")).to_owned()
}

fn refusals(world: &World) -> usize {
    let kept = world.admin().query("refusals", "{ refusals { edges { node { code } } } }").unwrap();
    kept["edges"].as_array().unwrap().len()
}

#[test]
fn a_tenant_is_made_suspended_resumed_removed_and_erased() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    assert!(browser.page("/ui/deployment").contains("New tenant"));
    browser.page("/ui/deployment/tenants/new");
    for (slug, email, code) in [
        ("", "grace@example.com", "FORM_INVALID"),
        ("globex", "", "FORM_INVALID"),
        ("Globex Corp", "grace@example.com", "NAME_INVALID"),
        ("acme", "grace@example.com", "SLUG_TAKEN"),
    ] {
        let refused = browser.submit("/ui/deployment/tenants/new", &[("slug", slug), ("email", email)]);
        assert!(refused.status == 422 && refused.text.contains(code), "{slug}: {}", refused.text);
    }
    let form = [
        ("slug", "globex"),
        ("name", "Globex"),
        ("email", "grace@example.com"),
        ("max", "36"),
        ("max_unit", "hours"),
    ];
    let made = browser.submit("/ui/deployment/tenants/new", &form);
    let grace = Client::holding(world.server.url(), &shown_key(&made.text));
    assert_eq!(grace.whoami().json()["role"], "administrator");
    let rules =
        grace.query("tenant", "{ tenant { key_life_seconds_max key_life_seconds_default } }").unwrap();
    assert_eq!(rules[0], json!({"key_life_seconds_max": 36 * 3600, "key_life_seconds_default": null}));
    let typed = [
        ("slug", "umbrella"),
        ("email", "x@example.com"),
        ("default", "a week"),
        ("default_unit", "minutes"),
    ];
    let refused = browser.submit("/ui/deployment/tenants/new", &typed);
    assert!(refused.status == 422 && refused.text.contains("give a whole number"), "{}", refused.text);
    let kept = refused.text.contains(r#"value="a week""#)
        && refused.text.contains(r#"<option value="minutes" selected>"#);
    assert!(kept, "what was typed is kept: {}", refused.text);
    let globex = text(&grace.whoami().json()["tenant_id"]);
    let known = [("slug", "initech"), ("email", "ada@example.com")];
    let made = browser.submit("/ui/deployment/tenants/new", &known);
    assert_eq!(location(&made), "../../../ui/deployment?done=tenant-created", "no key for somebody known");

    let path = |act: &str| format!("/ui/deployment/tenants/{globex}/{act}");
    let asked = browser.page(&path("suspend"));
    assert!(asked.contains("What would happen") && asked.contains("<strong>1 key</strong>"), "{asked}");
    let unsure = browser.submit(&path("suspend"), &[("name", "acme")]);
    assert!(unsure.status == 422 && unsure.text.contains("NAME_DIFFERS"), "{}", unsure.text);
    assert_eq!(grace.whoami().status, 200);
    let suspended = browser.submit(&path("suspend"), &[("name", "globex")]);
    assert_eq!(location(&suspended), "../../../../ui/deployment?done=tenant-suspended");
    assert!(browser.page("/ui/deployment?done=tenant-suspended").contains("until you resume it"));
    assert_eq!(grace.whoami().code().as_deref(), Some("TENANT_SUSPENDED"));
    assert_eq!(browser.submit(&path("resume"), &[]).status, 303);
    assert_eq!(grace.whoami().status, 200);

    let early = browser.page(&path("erase"));
    assert!(
        early.contains("NOT_REMOVED")
            && !early.contains("<form method=\"post\" action=\"../../../../ui/deployment"),
        "{early}"
    );
    assert!(browser.page(&path("remove")).contains("no way back"));
    assert_eq!(browser.submit(&path("remove"), &[]).status, 422);
    assert_eq!(browser.submit(&path("remove"), &[("name", "globex")]).status, 303);
    assert_eq!(grace.whoami().code().as_deref(), Some("TENANT_REMOVED"));
    let list = browser.page("/ui/deployment");
    let erase = link(&list, &format!("{globex}/erase")).unwrap();
    assert!(browser.page(&erase).contains("nobody can bring them back"));
    let erased = browser.submit(&erase, &[("name", "globex")]);
    assert_eq!(erased.status, 303, "{}", erased.text);
    let list = browser.page("/ui/deployment");
    assert!(!list.contains("globex") && !list.contains("Globex") && list.contains("[erased]"), "{list}");
    assert!(link(&list, &format!("{globex}/erase")).is_none(), "there is nothing left to erase");
}

#[test]
fn a_person_becomes_an_operator_is_suspended_removed_and_erased() {
    let world = World::new();
    let (grace, key) = world.member("grace@example.com", "member");
    let browser = world.signed_in(&world.made.key);
    let holder = Client::holding(world.server.url(), &key);
    let path = |act: &str| format!("/ui/deployment/people/{grace}/{act}");
    let name = [("name", "grace@example.com")];
    let users = "{ users { edges { node { email } } } }";

    assert_eq!(browser.submit(&path("grant-operator"), &[("name", "Grace")]).status, 422);
    assert!(holder.query("users", users).is_err());
    let granted = browser.submit(&path("grant-operator"), &name);
    assert_eq!(location(&granted), "../../../../ui/deployment/people?done=operator");
    assert!(holder.query("users", users).is_ok());
    assert_eq!(browser.submit(&path("withdraw-operator"), &[]).status, 303);
    assert!(holder.query("users", users).is_err());
    let own = format!("/ui/deployment/people/{}/withdraw-operator", world.made.user_id);
    let asked = browser.page(&own);
    assert!(asked.contains("LAST_OPERATOR") && asked.contains("This is you"), "the last one stays: {asked}");
    assert_eq!(browser.submit(&own, &[]).status, 422);

    assert!(browser.page(&path("suspend")).contains("1 member would lose a tenant"));
    assert_eq!(browser.submit(&path("suspend"), &name).status, 303);
    assert_eq!(holder.whoami().code().as_deref(), Some("OWNER_SUSPENDED"));
    assert!(browser.page("/ui/deployment/people?state=suspended").contains("grace@example.com"));
    assert_eq!(browser.submit(&path("resume"), &[]).status, 303);
    assert_eq!(holder.whoami().status, 200);

    let early = browser.submit(&path("erase"), &name);
    assert!(early.status == 422 && early.text.contains("NOT_REMOVED"), "{}", early.text);
    assert_eq!(browser.submit(&path("remove"), &name).status, 303);
    assert_eq!(holder.whoami().code().as_deref(), Some("OWNER_REMOVED"));
    assert!(!browser.page("/ui/deployment/people").contains("grace@example.com"));
    let removed = browser.page("/ui/deployment/people?state=removed");
    assert!(removed.contains("grace@example.com"), "{removed}");
    let erase = link(&removed, &format!("{grace}/erase")).unwrap();
    assert!(browser.page(&erase).contains("nobody can bring them back"));
    assert_eq!(browser.submit(&erase, &name).status, 303);
    for page in ["/ui/deployment/people?state=removed", "/ui/events", "/ui/deployment/people?as_of=8"] {
        assert!(!browser.page(page).contains("grace@example.com"), "{page}");
    }
    let found = browser.submit("/ui/deployment/people/find", &[("q", "ada@example.com")]);
    assert_eq!(location(&found), "../../../ui/deployment/people?q=ada%40example.com");
}

/// Services keep the key set for a while: a key that signs before they have fetched it makes tokens that they refuse.
#[test]
fn a_new_signing_key_is_published_ahead_unless_it_must_sign_at_once() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let keys = || {
        let list = "{ signing_keys(first: 9) { edges { node { kid active_from created_at } } } }";
        let listed = world.admin().query("signing_keys", list).unwrap()["edges"].clone();
        let seconds = |value: &Value| text(value).parse::<jiff::Timestamp>().unwrap().as_second();
        let key = |edge: &Value| {
            let node = &edge["node"];
            (text(&node["kid"]), seconds(&node["active_from"]) - seconds(&node["created_at"]))
        };
        listed.as_array().unwrap().iter().map(key).collect::<BTreeMap<_, _>>()
    };
    let mut before = keys();
    let page = browser.page("/ui/signing-keys");
    assert!(page.contains("signs in 1 day"), "{page}");
    for (fields, ahead) in [(&[][..], 86_400), (&[("from", "later")], 86_400), (&[("from", "now")], 0)] {
        let made = browser.submit("/ui/signing-keys", fields);
        assert_eq!(location(&made), "../ui/signing-keys?done=signing-key", "{fields:?}");
        let after = keys();
        let new: Vec<_> = after.iter().filter(|(kid, _)| !before.contains_key(*kid)).collect();
        let [(_, waits)] = new.as_slice() else { panic!("{new:?}") };
        assert!((ahead - 5..=ahead).contains(*waits), "{fields:?}: {waits}");
        before = after;
    }
}

#[test]
fn a_signing_key_is_retired_and_its_tokens_with_it() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let token = world.admin().token(&world.made.key);
    let list = browser.page("/ui/signing-keys");
    let retire = link(&list, "/retire").unwrap();
    assert!(browser.page(&retire).contains("LAST_SIGNING_KEY"), "another must sign first");
    let last = browser.submit(&retire, &[("reason", "superseded")]);
    assert!(last.status == 422 && last.text.contains("LAST_SIGNING_KEY"), "{}", last.text);
    let asked = browser.page(&format!("{retire}?reason=compromised"));
    assert!(asked.contains("What would happen") && asked.contains("value=\"compromised\""), "{asked}");
    let holder = Client::holding(world.server.url(), &token);
    assert_eq!(holder.whoami().status, 200);
    let retired = browser.submit(&retire, &[("reason", "compromised")]);
    assert_eq!(location(&retired), "../../../ui/signing-keys?done=signing-key-retired");
    assert_eq!(holder.whoami().status, 401);
    assert!(browser.page("/ui/signing-keys").contains("compromised"));
    let again = browser.page(&format!("{retire}?reason=compromised"));
    assert!(again.contains("It was retired at") && again.contains("nothing would change"), "{again}");
    assert_eq!(
        Client::holding(world.server.url(), &world.admin().token(&world.made.key)).whoami().status,
        200
    );
}

#[test]
fn nobody_but_an_operator_is_shown_any_of_it_or_does_any_of_it() {
    let world = World::new();
    let globex = tenant(&world, "globex");
    let (grace, _) = world.member("grace@example.com", "member");
    let (_, second) = world.member("barbara@example.com", "administrator");
    let operators = world.signed_in(&world.made.key);
    let signing = link(&operators.page("/ui/signing-keys"), "/retire").unwrap();
    let browser = world.signed_in(&second);
    let mut paths = vec![
        "/ui/deployment".to_owned(),
        "/ui/deployment/people".to_owned(),
        "/ui/deployment/tenants/new".to_owned(),
        signing.clone(),
    ];
    for act in ["suspend", "resume", "remove", "erase"] {
        paths.push(format!("/ui/deployment/tenants/{globex}/{act}"));
        paths.push(format!("/ui/deployment/people/{grace}/{act}"));
    }
    paths.push(format!("/ui/deployment/people/{grace}/grant-operator"));
    let before = (world.position(), refusals(&world));
    for path in &paths {
        assert_eq!(browser.get(path).status, 403, "{path}");
    }
    assert_eq!((world.position(), refusals(&world)), before, "looking costs nothing");
    let form = [("name", "globex"), ("slug", "x"), ("email", "eve@example.com"), ("reason", "compromised")];
    for path in paths.iter().filter(|path| path.as_str() != "/ui/deployment" && !path.ends_with("people")) {
        assert_eq!(browser.submit(path, &form).status, 403, "{path}");
    }
    assert_eq!(world.position(), before.0);
    for path in paths.iter().skip(3) {
        let past = operators.get(&format!("{path}?as_of=2"));
        assert_eq!(past.status, 409, "nothing is done in the past: {path}");
    }
    for nothing in ["tenants/x/suspend", "people/x/remove", &format!("tenants/{globex}/explode")] {
        assert_eq!(operators.get(&format!("/ui/deployment/{nothing}")).status, 404, "{nothing}");
    }
}

#[test]
fn the_names_of_strangers_are_only_names_here_too() {
    let world = World::new();
    let hostile = "<script>alert(1)</script>\"'&<img src=x>";
    let globex = tenant(&world, "globex");
    let rename = json!({"tenant_id": globex, "name": hostile});
    world.admin().mutate("rename_tenant", &rename, "success").unwrap();
    let added = json!({"email": "\"<b>grace</b>\"@example.com", "name": hostile});
    let grace = world.admin().mutate("add_member", &added, "user_id").unwrap();
    let browser = world.signed_in(&world.made.key);
    for path in [
        "/ui/deployment".to_owned(),
        "/ui/deployment/people".to_owned(),
        format!("/ui/deployment/tenants/{globex}/remove"),
        format!("/ui/deployment/people/{}/remove", text(&grace["user_id"])),
        format!("/ui/deployment/people?q={}", "%3Cscript%3E"),
        format!("/ui/refusals?key={}", "%22%3E%3Cscript%3E"),
    ] {
        let page = browser.get(&path).text;
        assert!(
            !page.contains("<script>alert") && !page.contains("<b>") && !page.contains("<img src=x"),
            "{path}"
        );
        assert!(!page.contains("\"><script>"), "{path}");
    }
}

#[test]
fn what_was_refused_is_read_by_administrators_and_found_by_key() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let (_, member) = world.member("grace@example.com", "member");
    let grace = Client::holding(world.server.url(), &member);
    let of_grace = text(&grace.whoami().json()["key_id"]);
    grace.mutate("delete_api_key", &json!({"key_id": key}), "success").unwrap_err();
    grace.mutate("create_service_account", &json!({"name": "x"}), "id").unwrap_err();
    world.admin().mutate("delete_api_key", &json!({"key_id": world.made.user_id}), "success").unwrap_err();

    let browser = world.signed_in(&world.made.key);
    assert!(link(&browser.page("/ui/events"), "ui/refusals").is_some(), "events lead there");
    let of_key = link(&browser.page(&format!("/ui/keys/{key}")), &format!("ui/refusals?key={key}")).unwrap();
    let all = browser.page("/ui/refusals");
    for told in ["Revoke key", "Create service account", "FORBIDDEN", "GraphQL", &of_grace] {
        assert!(all.contains(told), "{told}: {all}");
    }
    let about = browser.page(&of_key);
    assert!(about.contains("Revoke key") && !about.contains("Create service account"), "{about}");
    let with = browser.page(&format!("/ui/refusals?key={of_grace}"));
    assert!(with.contains("Revoke key") && with.contains("Create service account"), "{with}");
    // The line for a shell asks for the same.
    let line = format!("keyledger refusals --key {of_grace}");
    assert!(with.contains(&line), "{with}");
    let (url, key_file) = (world.server.url(), world.data.with_file_name("ada.key"));
    std::fs::write(&key_file, &world.made.key).unwrap();
    let server = ["--url", url, "--key-file", key_file.to_str().unwrap(), "-o", "json"];
    // What the operator was refused was about nothing of this tenant.
    for (asked_for, expected) in [(&of_grace, 2), (&key, 1), (&world.made.key_id, 0)] {
        let output = keyledger(["refusals", "--key", asked_for].iter().chain(&server));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told.as_array().map(Vec::len), Some(expected), "{asked_for}: {told}");
    }
    let outside = browser.page("/ui/refusals?outside=yes");
    assert!(outside.contains("outside of every tenant"), "{outside}");
    let first = browser.page("/ui/refusals?as_of=1");
    assert!(first.contains("Nothing was refused"), "{first}");

    let (_, second) = world.member("barbara@example.com", "administrator");
    let administrator = world.signed_in(&second);
    assert!(administrator.page("/ui/refusals").contains("Revoke key"));
    assert_eq!(administrator.get("/ui/refusals?outside=yes").status, 403);
    let reader = world.signed_in(&member);
    assert_eq!(reader.get("/ui/refusals").status, 403);
    assert!(!reader.page("/ui/keys").contains("ui/refusals"));
}

/// The pages to which a page links, as paths of the server.
fn links(page: &str) -> BTreeSet<String> {
    let addresses = attributes(page, "href").into_iter().filter(|it| !it.starts_with(['#', 'd']));
    let path = |address: &str| {
        let address = address.replace("&#38;", "&").replace("&amp;", "&");
        let path = address.split('#').next().unwrap().trim_start_matches("./").trim_start_matches("../");
        format!("/{path}")
    };
    addresses.map(path).filter(|path| path.starts_with("/ui/") && !path.starts_with("/ui/static/")).collect()
}

/// Opens whatever is linked to from where one comes in, and from there.
fn everything_offered_opens(who: &str, browser: &Browser) -> BTreeSet<String> {
    let mut opened = BTreeSet::new();
    let mut next = BTreeSet::from(["/ui/keys".to_owned()]);
    for _ in 0..3 {
        let mut found = BTreeSet::new();
        for path in &next {
            let answer = browser.get(path);
            assert_eq!(answer.status, 200, "{who} is offered {path}: {}", answer.text);
            found.extend(links(&answer.text));
        }
        opened.append(&mut next);
        next = found.difference(&opened).cloned().collect();
    }
    opened
}

#[test]
fn what_is_offered_can_be_opened_whoever_looks() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (_, agent) = world.key(&account, "nightly");
    let (_, member) = world.member("maya@example.com", "member");
    let (_, reader) = world.member("rene@example.com", "read_only");
    let (otto, operator) = world.member("otto@example.com", "read_only");
    let (admin, input) = (world.admin(), json!({"user_id": otto}));
    admin.mutate("grant_operator", &input, "success").unwrap();
    admin.mutate("remove_member", &input, "success").unwrap();
    for (who, key, offered, not) in [
        ("the administrator", &world.made.key, "/ui/refusals", "/ui/nothing"),
        ("a member", &member, "/ui/members", "/ui/events"),
        ("a reader", &reader, "/ui/members", "/ui/accounts"),
        ("an operator in no tenant", &operator, "/ui/deployment/people", "/ui/members"),
        ("a service account", &agent, "/ui/members", "/ui/accounts"),
    ] {
        let opened = everything_offered_opens(who, &world.signed_in(key));
        assert!(opened.contains(offered) && !opened.contains(not), "{who}: {opened:?}");
        // A key is made for a tenant, and a service account makes none.
        let makes_keys = ![&operator, &agent].contains(&key);
        assert_eq!(opened.contains("/ui/keys/new"), makes_keys, "{who}");
    }
}
