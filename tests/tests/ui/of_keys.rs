//! Keys as the pages tell of them: who made them, why they stand so, what can be changed, and what to do with a new one.

use super::*;

#[test]
fn a_list_tells_who_made_a_key_and_leads_to_the_events_that_decide() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let (grace, grace_key) = world.member("grace@example.com", "administrator");
    let made = Client::holding(world.server.url(), &grace_key)
        .mutate("create_api_key", &json!({"user_id": account, "name": "by grace"}), "id")
        .unwrap();
    let by_grace = text(&made["id"]);
    let browser = world.signed_in(&world.made.key);
    let list = browser.page("/ui/keys");
    let row = |id: &str| {
        let row = list.split("<tr>").find(|row| row.contains(&format!("ui/keys/{id}\""))).map(str::to_owned);
        row.unwrap_or_else(|| panic!("{list}"))
    };
    assert!(row(&key).contains("by ada@example.com"), "{}", row(&key));
    assert!(row(&by_grace).contains("by grace@example.com"), "{}", row(&by_grace));
    assert!(row(&world.made.key_id).contains("by somebody at the machine itself"), "{list}");
    assert!(row(&key).contains(&format!("href=\"../ui/keys/{key}#why\"")), "{}", row(&key));
    let position = text(&world.position());
    let past = browser.page(&format!("/ui/keys?as_of={position}"));
    assert!(past.contains(&format!("../ui/keys/{key}?as_of={position}#why")), "{past}");
    let page = browser.page(&format!("/ui/keys/{by_grace}"));
    assert!(page.contains("by grace@example.com"), "{page}");

    // Whoever left the tenant is named to its administrators only.
    let input = json!({"email": "edsger@example.com", "role": "member", "first_key": true});
    let added =
        Client::holding(world.server.url(), &grace_key).mutate("add_member", &input, "user_id key").unwrap();
    let edsger = world.signed_in(&text(&added["key"]));
    assert!(edsger.page("/ui/keys").contains("by grace@example.com"), "a member sees the other members");
    world.admin().mutate("remove_member", &json!({"user_id": grace}), "success").unwrap();
    assert!(!edsger.page("/ui/keys").contains("grace@example.com"), "who left is no member's business");
    assert!(browser.page("/ui/keys").contains("by grace@example.com"), "it is an administrator's");
}

#[test]
fn the_tenants_of_a_key_have_names_for_its_administrators_and_for_whoever_operates() {
    let world = World::new();
    let input = json!({"slug": "globex", "name": "Globex & Sons", "administrator_email": "eve@example.com"});
    let made = world.admin().mutate("create_tenant", &input, "id key").unwrap();
    let eve = Client::holding(world.server.url(), &text(&made["key"]));
    let account = eve.mutate("create_service_account", &json!({"name": "etl"}), "id").unwrap();
    let input = json!({"user_id": account["id"], "name": "nightly"});
    let key = text(&eve.mutate("create_api_key", &input, "id").unwrap()["id"]);
    // Ada operates, and is no member of it.
    for reader in [&text(&made["key"]), &world.made.key] {
        let page = world.signed_in(reader).page(&format!("/ui/keys/{key}"));
        assert!(page.contains("<dt>Acts in</dt><dd>Globex &#38; Sons</dd>"), "{page}");
        assert!(page.contains("<th scope=\"row\">Globex &#38; Sons</th>"), "{page}");
    }
}

#[test]
fn lists_of_accounts_and_members_lead_to_the_events_that_made_them_so() {
    let world = World::new();
    let [etl, other] = ["etl", "other"].map(|name| world.account(name, "runner"));
    for account in [&etl, &other] {
        world
            .admin()
            .mutate("suspend_service_account", &json!({"service_account_id": account}), "success")
            .unwrap();
    }
    let (grace, _) = world.member("grace@example.com", "member");
    let role = json!({"user_id": grace, "role": "read_only"});
    world.admin().mutate("change_member_role", &role, "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    let why = |list: &str, parameter: &str, id: &str| {
        let page = browser.page(list);
        let asked = format!("{parameter}={id}");
        let link =
            page.split("href=\"").find(|link| link.split('"').next().is_some_and(|to| to.ends_with(&asked)));
        let link = link.unwrap_or_else(|| panic!("{asked}: {page}")).split('"').next().unwrap();
        let page = browser.page(&link.replace("&#38;", "&").replace("&amp;", "&").replacen("..", "", 1));
        assert!(page.contains("Only what concerns one "), "{page}");
        // The types that can be chosen above are no events.
        page.split("<ol class=\"events\">").nth(1).unwrap_or_default().to_owned()
    };
    let events = why("/ui/accounts", "account", &etl);
    assert!(events.contains("Service account suspended: service account &#34;etl&#34;"), "{events}");
    assert!(!events.contains("&#34;other&#34;") && !events.contains("MemberAdded"), "{events}");
    let events = why("/ui/members", "user", &grace);
    assert!(events.contains("Member role changed: user &#34;grace@example.com&#34;"), "{events}");
    assert!(!events.contains("ServiceAccount"), "{events}");
}

#[test]
fn what_a_key_is_held_to_is_changed_on_its_page() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, string) = world.key(&account, "nightly");
    let browser = world.signed_in(&world.made.key);
    let holder = Client::holding(world.server.url(), &string);
    let path = |what: &str| format!("/ui/keys/{key}/{what}");
    let done = |what: &str, form: &[(&str, &str)]| {
        let answer = browser.submit(&path(what), form);
        assert_eq!(location(&answer), format!("../../../ui/keys/{key}?done={what}"), "{what}");
        let page = browser.page(&format!("/ui/keys/{key}?done={what}"));
        assert!(page.contains("class=\"notice\""), "{what}: {page}");
        page
    };
    let page = done("end", &[("end", "custom"), ("custom_end", "2031-05-06T07:08")]);
    assert!(page.contains("6 May 2031, 07:08 UTC"), "{page}");
    assert_eq!(text(&holder.whoami().json()["expires_at"]), "2031-05-06T07:08:00.000Z");
    done("end", &[("end", "none")]);
    assert_eq!(holder.whoami().json()["expires_at"], Value::Null);

    let page = done("rate", &[("requests", "1000"), ("period", "3600")]);
    assert!(page.contains("1000 requests in 1 hour"), "{page}");
    assert!(page.contains(r#"<option value="3600" selected>"#), "{page}");
    assert!(done("rate", &[("period", "60")]).contains("as often as it is shown"));

    let page = done("note", &[("note", "in the vault of <ops>")]);
    assert!(page.contains("<dt>Note</dt><dd>in the vault of &#60;ops&#62;</dd>"), "{page}");
    assert!(!done("note", &[("note", "")]).contains("<dt>Note</dt>"));
    let refused = browser.submit(&path("note"), &[("note", &string)]);
    assert!(refused.status == 422 && refused.text.contains("there is an API key in the text"));

    let page = done("addresses", &[("addresses", "192.0.2.0/24\r\n2001:db8::1")]);
    assert!(page.contains("192.0.2.0/24\n2001:db8::1") && page.contains("2 networks"), "{page}");
    assert_eq!(holder.whoami().code().as_deref(), Some("ADDRESS_NOT_ALLOWED"));
    assert!(done("addresses", &[]).contains("any address"));
    assert_eq!(holder.whoami().status, 200);

    let before = world.position();
    for (what, form) in [
        ("end", vec![]),
        ("end", vec![("end", "999")]),
        ("end", vec![("end", "custom")]),
        ("rate", vec![("requests", "many"), ("period", "60")]),
        ("rate", vec![("requests", "5")]),
        ("rate", vec![("requests", "0"), ("period", "60")]),
        ("addresses", vec![("addresses", "nowhere")]),
    ] {
        let refused = browser.submit(&path(what), &form);
        assert_eq!(refused.status, 422, "{what} {form:?}: {}", refused.text);
    }
    let (_, member) = world.member("grace@example.com", "member");
    let grace = world.signed_in(&member);
    let position = world.position();
    for (what, form) in
        [("end", ("end", "none")), ("rate", ("period", "60")), ("addresses", ("addresses", ""))]
    {
        let refused = grace.submit(&path(what), &[form]);
        assert!([403, 404, 422].contains(&refused.status), "{what}: {}", refused.status);
        assert_eq!(browser.submit(&format!("{}?as_of=3", path(what)), &[form]).status, 409, "{what}");
    }
    assert_eq!(world.position(), position);
    assert_ne!(before, position, "a member was added in between");
}

#[test]
fn what_a_leaked_key_could_do_is_drawn() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let page = browser.page(&format!("/ui/keys/{}", world.made.key_id));
    let figure =
        page.split("class=\"reach\"").nth(1).and_then(|rest| rest.split("</figure>").next()).unwrap();
    assert!(figure.contains("role administrator") && figure.contains("role operator"), "{figure}");
    world.account("etl", "runner");
    let page = browser.page(&format!("/ui/keys/{}", world.made.key_id));
    let figure =
        page.split("class=\"reach\"").nth(1).and_then(|rest| rest.split("</figure>").next()).unwrap();
    assert!(figure.contains("mark begins") && figure.contains("One event was made with it"), "{figure}");
}

#[test]
fn a_key_may_be_made_for_one_tenant_and_says_how_it_is_used() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let input = json!({"slug": "globex", "administrator_email": "ada@example.com"});
    let other = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    let make = |reach: &str| {
        let form = [("owner", world.made.user_id.as_str()), ("name", "n"), ("end", "30"), ("reach", reach)];
        browser.submit("/ui/keys/new", &form)
    };
    let secret_of = |page: &str| {
        attributes(page, "value").into_iter().find(|value| value.starts_with("klu_")).unwrap().to_owned()
    };
    let (wide, narrow) = (make("anywhere"), make("here"));
    let status = |secret: &str| Client::holding(world.server.url(), secret).in_tenant(&other).whoami().status;
    assert_eq!(status(&secret_of(&wide.text)), 200);
    assert_ne!(status(&secret_of(&narrow.text)), 200, "it acts in acme only");
    assert_eq!(make("elsewhere").status, 422);
    for line in [
        "/v1/whoami",
        "keyledger auth login",
        "PREFECT__CLOUD__API_KEY",
        "prefect auth login -t",
        "prefect cloud login -k &#34;$KEYLEDGER_KEY&#34; -w acme/acme",
    ] {
        let line = line.replace("&#34;", "\"");
        assert!(wide.text.contains(&line), "{line}: {}", wide.text);
    }
    let form = browser.page("/ui/keys/new");
    assert!(form.contains("data-local") && form.contains("UTC"), "the end, in UTC and for the reader's zone");
}

#[test]
fn each_event_of_a_key_leads_to_the_key_just_after_it_in_the_past_too() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let made = text(&world.position());
    world.admin().mutate("disable_api_key", &json!({"key_id": key}), "success").unwrap();
    let disabled = text(&world.position());
    world.admin().mutate("enable_api_key", &json!({"key_id": key}), "success").unwrap();
    let enabled = text(&world.position());
    let browser = world.signed_in(&world.made.key);
    for query in [String::new(), format!("?as_of={enabled}")] {
        let page = browser.page(&format!("/ui/keys/{key}{query}"));
        let life = page.split("id=\"life\"").nth(1).and_then(|rest| rest.split("</section>").next()).unwrap();
        for position in [&made, &disabled, &enabled] {
            let link = format!("ui/keys/{key}?as_of={position}\" title");
            assert_eq!(life.matches(&link).count(), 1, "{query}: {position}: {life}");
        }
    }
}

#[test]
fn a_key_that_was_not_made_yet_is_to_come_and_one_that_never_was_is_not() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let before = text(&world.position());
    let (key, _) = world.key(&account, "nightly");
    let browser = world.signed_in(&world.made.key);
    let page = browser.page(&format!("/ui/keys/{key}?as_of={before}"));
    assert!(page.contains("A key that is to come") && page.contains("You look at the past"), "{page}");
    assert!(!page.contains("nightly"), "its name is of later: {page}");
    let never = format!("/ui/keys/{}?as_of={before}", world.made.tenant_id);
    assert_eq!(browser.get(&never).status, 404);
    let (_, member) = world.member("grace@example.com", "member");
    let unseen = world.signed_in(&member).get(&format!("/ui/keys/{key}?as_of={before}"));
    assert_eq!(unseen.status, 404, "whether it was made later is nobody else's business");
}

/// What a page offers to do to a key.
fn offers(page: &str) -> Vec<&'static str> {
    let offered = [
        ("disable", "/disable\""),
        ("enable", "/enable?in="),
        ("replace", "/rotate\""),
        ("revoke", "/revoke\""),
        ("rename", "/rename?in="),
        ("end", "/end?in="),
        ("addresses", "/addresses?in="),
        ("rate", "/rate?in="),
    ];
    offered.into_iter().filter(|(_, link)| page.contains(link)).map(|(name, _)| name).collect()
}

#[test]
fn what_one_may_not_do_to_a_key_is_not_offered() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (machine, _) = world.key(&account, "nightly");
    let (_, grace) = world.member("grace@example.com", "member");
    let (_, hopper) = world.member("hopper@example.com", "administrator");
    let own = |secret: &str| text(&Client::holding(world.server.url(), secret).whoami().json()["key_id"]);
    let (of_grace, of_hopper) = (own(&grace), own(&hopper));
    let page = |secret: &str, key: &str| world.signed_in(secret).page(&format!("/ui/keys/{key}"));
    let all = ["disable", "replace", "revoke", "rename", "end", "addresses", "rate"];
    assert_eq!(offers(&page(&grace, &of_grace)), all, "one's own");
    for administrator in [&hopper, &world.made.key] {
        assert_eq!(offers(&page(administrator, &machine)), all, "a service account's, to an administrator");
    }
    // A member's key: an administrator cannot change it, and an operator can revoke it.
    let shown = page(&hopper, &of_grace);
    assert_eq!(offers(&shown), [""; 0], "{shown}");
    assert!(shown.contains("remove its owner from this tenant, or ask an operator to revoke it"), "{shown}");
    let shown = page(&world.made.key, &of_hopper);
    assert_eq!(offers(&shown), ["revoke"], "{shown}");
    assert!(shown.contains("Only its owner changes this key. You can revoke it."), "{shown}");
    let browser = world.signed_in(&world.made.key);
    let revoke = browser.page(&format!("/ui/keys/{of_hopper}/revoke"));
    assert!(!revoke.contains("Gentler ways") && revoke.contains("Revoke it now"), "{revoke}");
    // What is offered is done, and what is not is refused.
    let refused = browser.submit(&format!("/ui/keys/{of_hopper}/disable"), &[]);
    assert_eq!(refused.status, 404, "{}", refused.text);
    let shown = browser.page(&format!("/ui/keys/{of_grace}"));
    let name = shown.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap();
    let form = [("reason", "key_compromise"), ("name", name)];
    let revoked = browser.submit(&format!("/ui/keys/{of_grace}/revoke"), &form);
    assert_eq!(revoked.status, 303, "{}", revoked.text);

    // A key that only looks offers nothing but its own end.
    let input = json!({"user_id": world.made.user_id, "name": "reader", "scopes": ["keyledger:read"]});
    let reader = world.admin().mutate("create_api_key", &input, "id key").unwrap();
    let (id, reader) = (text(&reader["id"]), text(&reader["key"]));
    assert_eq!(offers(&page(&reader, &world.made.key_id)), [""; 0]);
    assert_eq!(offers(&page(&reader, &id)), ["revoke"]);
    assert!(!world.signed_in(&reader).page("/ui/keys").contains("New key"));
}

#[test]
fn what_a_key_is_past_is_not_offered() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let made = of_lines::typed(
        &world,
        &format!("keyledger key create -n brief --owner {account} --expires 1s -o json"),
    );
    let made: Value = serde_json::from_str(&made).unwrap();
    let brief = text(&made["id"]);
    let (old, _) = world.key(&account, "old");
    let input = json!({"key_id": old, "overlap_seconds": 3600});
    world.admin().mutate("rotate_api_key", &input, "id").unwrap();
    let browser = world.signed_in(&world.made.key);
    let offered = |key: &str| offers(&browser.page(&format!("/ui/keys/{key}")));
    assert_eq!(offered(&old), ["disable", "revoke", "rename", "end", "addresses", "rate"], "in its grace");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(offered(&brief), [""; 0], "expired, which is for good");
    browser.submit(&format!("/ui/keys/{old}/disable"), &[]);
    assert_eq!(offered(&old), ["enable", "revoke", "rename", "end", "addresses", "rate"], "disabled");
}

#[test]
fn an_auditor_looks_at_everything_and_is_offered_nothing_to_do() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let auditor = world.account("auditor", "administrator");
    let input = json!({"user_id": auditor, "name": "audit", "scopes": ["keyledger:audit"]});
    let made = world.admin().mutate("create_api_key", &input, "key").unwrap();
    let browser = world.signed_in(&text(&made["key"]));
    for path in ["/ui/keys", "/ui/accounts", "/ui/members", "/ui/events", "/ui/time", "/ui/refusals"] {
        let page = browser.page(path);
        for section in ["Service accounts", "Events", "Time machine"] {
            assert!(page.contains(section), "{path} leads to {section}: {page}");
        }
        for offered in ["ui/accounts/new\"", "ui/keys/new", "/suspend", "/remove\"", "ui/members/add"] {
            assert!(!page.contains(offered), "{path} offers {offered}: {page}");
        }
    }
    let page = browser.page(&format!("/ui/keys/{key}"));
    assert!(page.contains("ui/events?at=") && page.contains("If somebody else had it"), "{page}");
    assert!(!page.contains("/revoke") && !page.contains("Change it"), "{page}");
    let refused = browser.submit(&format!("/ui/keys/{key}/disable"), &[]);
    assert_eq!(refused.status, 403, "{}", refused.text);

    // Of the deployment, too.
    let input = json!({"user_id": world.made.user_id, "name": "audit", "scopes": ["keyledger:audit"]});
    let made = world.admin().mutate("create_api_key", &input, "key").unwrap();
    let browser = world.signed_in(&text(&made["key"]));
    for path in ["/ui/signing-keys", "/ui/deployment", "/ui/deployment/people"] {
        let page = browser.page(path);
        for offered in ["New signing key", "Retire…", "tenants/new", "Suspend…", "Remove…", "operator…"]
        {
            assert!(!page.contains(offered), "{path} offers {offered}: {page}");
        }
    }
}
