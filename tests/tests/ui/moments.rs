//! Finding what happened, and when: events by type, author and time, the whole log for whoever may see it, long differences, and
//! moments that are none.

use super::*;

/// The positions of the events that a page lists.
fn listed(page: &str) -> Vec<u64> {
    let shown = page.split("<ol class=\"events\">").nth(1).unwrap_or_default();
    let positions = shown.split(" · event ").skip(1).map(|rest| rest.split(' ').next().unwrap());
    positions.map(|position| position.parse().unwrap()).collect()
}

#[test]
fn events_are_narrowed_down_by_a_form_and_operators_see_the_whole_log() {
    let world = World::new();
    let account = world.account("etl", "administrator");
    let (key, secret) = world.key(&account, "nightly");
    let machine = Client::holding(world.server.url(), &secret);
    machine.mutate("create_service_account", &json!({"name": "made by it", "role": "runner"}), "id").unwrap();
    let head: u64 = text(&world.position()).parse().unwrap();
    let browser = world.signed_in(&world.made.key);
    for actor in [&account, &key] {
        assert_eq!(listed(&browser.page(&format!("/ui/events?actor={actor}"))), [head], "{actor}");
    }
    let made = listed(&browser.page("/ui/events?type=ServiceAccountCreated"));
    assert_eq!(made.len(), 2, "{made:?}");
    assert!(listed(&browser.page("/ui/events?since=2001-01-01T00:00&until=2002-01-01T00:00")).is_empty());
    assert!(listed(&browser.page("/ui/events?since=2001-01-01T00:00")).len() > 3);
    let page = browser.page("/ui/events?type=KeyCreated");
    assert!(page.contains("<option value=\"KeyCreated\" selected>Key created</option>"), "{page}");
    let time = page.split("<ol class=\"events\">").nth(1).unwrap().split("</time>").next().unwrap();
    let seconds = time.rsplit(", ").next().unwrap();
    assert_eq!(seconds.len(), "10:00:00.123 UTC".len(), "to the millisecond: {time}");
    // The first event is of the deployment, and of no tenant.
    let own = listed(&browser.page("/ui/events"));
    let all = listed(&browser.page("/ui/events?all=yes"));
    assert!(all.len() > own.len() && all.contains(&1), "{own:?} {all:?}");
    assert!(browser.page("/ui/events").contains("name=\"all\""));
    let (_, hopper) = world.member("hopper@example.com", "administrator");
    let hopper = world.signed_in(&hopper);
    assert!(!hopper.page("/ui/events").contains("name=\"all\""), "for whoever may");
    assert_eq!(hopper.get("/ui/events?all=yes").status, 403);
    // What is typed wrongly stands there to be put right.
    for (query, says) in [
        ("actor=etl", "href=\"#actor\">By</a>: give the whole id"),
        ("since=soon", "href=\"#since\">From, in UTC</a>: give a time"),
    ] {
        let wrong = browser.get(&format!("/ui/events?{query}"));
        assert_eq!(wrong.status, 422, "{query}");
        let value = query.split_once('=').unwrap().1;
        assert!(
            wrong.text.contains(says) && wrong.text.contains(&format!("value=\"{value}\"")),
            "{}",
            wrong.text
        );
    }
}

#[test]
fn an_event_that_is_not_shown_says_why() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let own = listed(&browser.page("/ui/events"));
    let outside = (1..=3).find(|position| !own.contains(position)).unwrap();
    let page = browser.page(&format!("/ui/events?at={outside}"));
    assert!(page.contains(&format!("Event {outside} is none of acme’s")), "{page}");
    let link = format!("../ui/events?at={outside}&#38;all=yes");
    assert!(page.contains(&link), "{page}");
    assert_eq!(listed(&browser.page(&format!("/ui/events?at={outside}&all=yes"))), [outside]);
    let none = browser.page("/ui/events?at=999999");
    assert!(none.contains("There is no event 999999: the log goes from 1 to"), "{none}");
    let (_, hopper) = world.member("hopper@example.com", "administrator");
    let page = world.signed_in(&hopper).page(&format!("/ui/events?at={outside}"));
    assert!(page.contains("is none of acme’s") && !page.contains("all=yes"), "{page}");
}

#[test]
fn a_moment_that_is_none_leaves_the_machine_to_be_moved() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    for (moment, says) in [
        ("yesterday", "FORM_INVALID"),
        ("0", "AS_OF_BEFORE_FIRST_EVENT"),
        ("2001-01-01T00:00:00", "AS_OF_BEFORE_FIRST_EVENT"),
        ("999999", "AS_OF_BEYOND_HEAD"),
        ("2999-01-01T00:00:00", "AS_OF_IN_FUTURE"),
    ] {
        let page = browser.get(&format!("/ui/time?as_of={moment}"));
        assert_eq!(page.status, 422, "{moment}");
        assert!(page.text.contains(says), "{moment}: {}", page.text);
        assert!(page.text.contains("id=\"slider\"") && page.text.contains("Sections"), "{}", page.text);
        assert!(!page.text.contains("You look at the past"), "{}", page.text);
    }
    let page = browser.page("/ui/time?as_of=2&to=999999");
    assert!(page.contains("AS_OF_BEYOND_HEAD") && page.contains("id=\"slider\""), "{page}");
}

#[test]
fn a_long_difference_is_told_in_parts() {
    let world = World::new();
    let from = text(&world.position());
    for number in 0..203 {
        world.account(&format!("account {number:03}"), "runner");
    }
    let browser = world.signed_in(&world.made.key);
    let page = browser.page(&format!("/ui/time?as_of={from}&to=now"));
    assert!(page.contains("These are 1 to 200 of them."), "{page}");
    assert!(page.contains("# differences 1 to 200 of 203: the others are not in this text"), "{page}");
    assert!(page.contains("account 199") && !page.contains("account 202"), "{page}");
    let next = attributes(&page, "href").into_iter().find(|href| href.contains("offset=200")).unwrap();
    let next = next.replace("&#38;", "&");
    let rest = browser.page(&format!("/{}", next.trim_start_matches("../").split('#').next().unwrap()));
    assert!(rest.contains("These are 201 to 203 of them.") && rest.contains("account 202"), "{rest}");
    assert!(rest.contains("Those before") && !rest.contains(">Next</a>"), "{rest}");
}

#[test]
fn the_past_is_searched_as_the_present_is() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, secret) = world.key(&account, "nightly");
    let then = text(&world.position());
    world.admin().mutate("rename_api_key", &json!({"key_id": key, "name": "hourly"}), "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    let find = format!("/ui/keys/find?as_of={then}");
    assert!(browser.page(&format!("/ui/keys?as_of={then}")).contains(&format!("action=\"..{find}\"")));
    let found = browser.submit(&find, &[("q", "nightly")]);
    assert_eq!(location(&found), format!("../../ui/keys?q=nightly&as_of={then}"));
    let list = browser.page(&format!("/ui/keys?q=nightly&as_of={then}"));
    assert!(list.contains(">nightly</a>"), "{list}");
    let pasted = browser.submit(&find, &[("q", &secret)]);
    assert_eq!(location(&pasted), format!("../../ui/keys/{key}?as_of={then}"));
}
