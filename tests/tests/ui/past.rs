//! The time machine without a program: links, forms, and what is otherwise.

use super::*;

/// The parts of the density's drawing, by class.
fn parts(page: &str, class: &str) -> usize {
    page.matches(&format!("class=\"part {class}\"")).count()
}

#[test]
fn the_time_machine_leads_from_event_to_event_by_links_and_forms() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    world.account("between", "member");
    world.admin().mutate("rename_api_key", &json!({"key_id": key, "name": "hourly"}), "success").unwrap();
    world.admin().mutate("disable_api_key", &json!({"key_id": key}), "success").unwrap();
    // Of two events of one millisecond a time leads to the last: the last two are to have times of their own.
    std::thread::sleep(std::time::Duration::from_millis(5));
    world.admin().mutate("delete_api_key", &json!({"key_id": key}), "success").unwrap();
    let head: u64 = text(&world.position()).parse().unwrap();
    let browser = world.signed_in(&world.made.key);
    let now = browser.page("/ui/time");
    assert!(!now.contains("You look at the past"), "without a moment it is now");
    assert!(now.contains(&format!("max=\"{head}\" value=\"{head}\"")), "{now}");
    for (class, count) in [("begins", head - 3), ("ends", 1), ("stops", 1), ("changes", 1)] {
        // The first events are of the deployment and of its tenant: some concern no tenant.
        let drawn = parts(&now, class) as u64;
        assert!(drawn >= 1 && drawn <= count, "{class}: {drawn} of {count}");
    }
    let bar = attributes(&now, "href").into_iter().find(|href| href.ends_with(&format!("as_of={head}")));
    assert_eq!(bar, Some(format!("../ui/time?as_of={head}").as_str()), "a bar leads to its last event");

    let link = |page: &str, rel: &str| {
        let element =
            page.split("<a ").find(|rest| rest.contains(&format!("rel=\"{rel}\""))).unwrap_or_default();
        let address = element.split("href=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
        address.map(|address| format!("/{}", address.trim_start_matches("../")))
    };
    let before = link(&now, "prev").unwrap();
    assert_eq!(before, format!("/ui/time?as_of={}", head - 1));
    let then = browser.page(&before);
    assert!(then.contains("You look at the past") && then.contains("you are just after it"), "{then}");
    assert_eq!(link(&then, "next"), Some(format!("/ui/time?as_of={head}")));
    assert_eq!(link(&then, "first"), Some("/ui/time?as_of=1".to_owned()));
    assert_eq!(link(&then, "last"), Some("/ui/time".to_owned()));
    assert_eq!(link(&browser.page("/ui/time?as_of=1"), "prev"), None);

    // The changes of one key, past what lies between them.
    let renamed = browser.page(&format!("/ui/time?as_of={}", head - 2));
    assert!(renamed.contains(&format!("as_of={}\" data-go>← its change before", head - 4)), "{renamed}");
    assert!(renamed.contains(&format!("as_of={}\" data-go>its change after →", head - 1)), "{renamed}");
    assert!(renamed.contains(&format!("../ui/keys/{key}?as_of={}", head - 2)), "{renamed}");

    // The form of times leads back to where it stands, though everything above happened within a second or two.
    for (path, position) in
        [("/ui/time".to_owned(), head), (format!("/ui/time?as_of={}", head - 1), head - 1)]
    {
        let page = browser.page(&path);
        let instant = attributes(&page, "value").into_iter().find(|value| value.len() == 23).unwrap();
        assert!(page.contains("type=\"datetime-local\" name=\"as_of\" step=\".001\""), "{page}");
        let then = browser.page(&format!("/ui/time?as_of={}", instant.replace(':', "%3A")));
        assert!(then.contains(&format!("after event <a href=\"../ui/events?at={position}\">")), "{then}");
    }
}

#[test]
fn what_is_otherwise_is_a_table_and_a_text_and_what_increases_access_can_be_told_alone() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let (other, _) = world.key(&account, HOSTILE);
    let from = text(&world.position());
    world.admin().mutate("rename_api_key", &json!({"key_id": key, "name": "hourly"}), "success").unwrap();
    world.admin().mutate("delete_api_key", &json!({"key_id": other}), "success").unwrap();
    let input = json!({"service_account_id": account, "role": "administrator"});
    world.admin().mutate("change_service_account_role", &input, "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    let unified = |path: &str| {
        let page = browser.page(path);
        let text = page
            .split("<pre id=\"unified\"")
            .nth(1)
            .map(|rest| rest.split("</pre>").next().unwrap().to_owned());
        let text = text.unwrap_or_else(|| panic!("{page}"));
        let bare: String =
            text.split_once('>').unwrap().1.split('<').map(|part| part.rsplit('>').next().unwrap()).collect();
        bare.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = unified(&format!("/ui/time?as_of={from}&to=now"));
    assert!(
        lines[0].starts_with(&format!("--- event {from}\t")) && lines[1].starts_with("+++ event "),
        "{lines:?}"
    );
    for line in ["-name: nightly", "+name: hourly", "-role: runner", "+role: administrator"] {
        assert!(lines.iter().any(|known| known == line), "{line}: {lines:?}");
    }
    let heads = lines.iter().filter(|line| line.starts_with("@@ ")).count();
    assert_eq!(heads, 3, "a key renamed, one gone, and another role: {lines:?}");
    let increases = unified(&format!("/ui/time?as_of={from}&to=now&only_increases=yes"));
    assert_eq!(increases.iter().filter(|line| line.starts_with("@@ ")).count(), 1, "{increases:?}");
    assert!(increases.iter().any(|line| line.contains("(more access)")), "{increases:?}");
    assert!(!increases.iter().any(|line| line.contains("hourly")), "{increases:?}");
    // Neither moment has to be named first.
    let head = text(&world.position());
    let backwards = unified(&format!("/ui/time?as_of={head}&to={from}"));
    assert_eq!(backwards, unified(&format!("/ui/time?as_of={from}&to={head}")));
}

#[test]
fn what_lies_far_from_now_is_compared_only_if_asked() {
    let world = World::new();
    let (key, _) = world.key(&world.made.user_id, "busy");
    let admin = world.admin();
    for round in 0..505 {
        let input = |name: String| format!("{{key_id: \"{key}\", name: \"{name}\"}}");
        let (one, two) = (input(format!("a{round}")), input(format!("b{round}")));
        let document = format!(
            "mutation {{ a: rename_api_key(input: {one}) {{ success }} b: rename_api_key(input: {two}) {{ success }} }}"
        );
        admin.graphql(&document, &Value::Null);
    }
    let head: u64 = text(&world.position()).parse().unwrap();
    assert!(head > 1_005, "{head}");
    let browser = world.signed_in(&world.made.key);
    let far = browser.page("/ui/time?as_of=3");
    assert!(far.contains("Compare with now") && !far.contains("id=\"unified\""), "{far}");
    let asked = browser.page("/ui/time?as_of=3&to=now");
    assert!(asked.contains("id=\"unified\"") && asked.contains("b504"), "{asked}");
    // So many events are 120 bars at most.
    assert!(parts(&far, "changes") <= 120 && parts(&far, "changes") >= 100, "{}", parts(&far, "changes"));
}
