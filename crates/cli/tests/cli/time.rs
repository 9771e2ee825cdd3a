//! `--as-of`, `key explain`, `key history` and `--dry-run`, through a real server.

use serde_json::{Value, json};

use crate::scene::{NOBODY, Scene, refusal, text};

/// The position of the last event.
fn head(scene: &Scene) -> String {
    let events = scene.done(&["events", "--deployment", "--limit", "1000"]);
    text(events.as_array().unwrap().last().unwrap(), "position")
}

#[test]
fn lists_are_shown_as_they_were_with_what_they_rest_on() {
    let scene = Scene::new();
    let before = head(&scene);
    let made = scene.done(&["auth", "create-key", "-n", "ci"]);
    let id = text(&made, "id");
    let revoked = scene.done(&["key", "revoke", &id]);
    let last = text(&revoked, "position");
    let shown = |moment: &str| scene.done(&["key", "show", &id, "--as-of", moment])["status"].clone();
    assert_eq!((shown(&last), shown(&format!("before:{last}"))), (json!("KEY_REVOKED"), json!("ACTIVE")));
    assert_eq!(scene.refused(&["key", "show", &id, "--as-of", &before]), refusal(5, "NOT_FOUND"));
    let people = scene.said(&["key", "show", &id, "--as-of", &format!("@{last}")]);
    assert!(people.starts_with(&format!("As of position {last}, 2")), "{people}");
    for line in [
        "key list --all",
        "auth list-keys --all",
        "auth list-tokens --all",
        "auth list-tenants",
        "tenant list --all",
        "service-account list",
        "member list",
        "user list",
        "signing-key list",
        "events",
        "refusals",
    ] {
        let words: Vec<_> = line.split(' ').chain(["--as-of", &before]).collect();
        let told = scene.done(&words);
        assert_eq!(told["as_of"]["position"], before.as_str(), "{line}");
        assert_eq!(told["as_of"]["head"], last.as_str(), "{line}");
        assert!(told["entries"].is_array(), "{line}");
        let people = scene.said(&words);
        let first = format!("As of position {before}, ");
        let last = format!("; the log ends at position {last}\n");
        assert!(people.starts_with(&first) && people.contains(&last), "{line}: {people}");
        let now = scene.done(&line.split(' ').collect::<Vec<_>>());
        assert!(now.is_array(), "{line}: as ever");
    }
    let policy = scene.done(&["tenant", "policy", "acme", "--as-of", &before]);
    assert_eq!(policy["as_of"]["position"], before.as_str());
}

#[test]
fn moments_that_there_are_not_are_told_by_their_codes() {
    let scene = Scene::new();
    for (moment, code) in [
        ("0", "AS_OF_BEFORE_FIRST_EVENT"),
        ("before:1", "AS_OF_BEFORE_FIRST_EVENT"),
        ("-2h", "AS_OF_BEFORE_FIRST_EVENT"),
        ("999999", "AS_OF_BEYOND_HEAD"),
        ("2999-01-01T00:00:00Z", "AS_OF_IN_FUTURE"),
        ("2h", "VALUE_INVALID"),
        ("now", "VALUE_INVALID"),
        ("@", "VALUE_INVALID"),
    ] {
        assert_eq!(scene.refused(&["key", "list", "--as-of", moment]), refusal(2, code), "{moment}");
    }
    // The same code ends in the same way, whether the server or the audit says it.
    let backwards = ["5", "3", "--deployment"];
    assert_eq!(scene.refused(&[&["diff"], &backwards[..]].concat()), refusal(2, "AS_OF_BACKWARDS"));
    let ended = scene.deployment.run(&["audit", "diff", "5", "3", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "AS_OF_BACKWARDS"));
}

#[test]
fn a_key_is_explained_and_its_life_told() {
    let scene = Scene::new();
    let made = scene.done(&["auth", "create-key", "-n", "ci"]);
    let (id, secret) = (text(&made, "id"), text(&made, "key"));
    scene.done(&["key", "disable", &id]);
    let last = head(&scene);
    let told = scene.done(&["key", "explain", &id]);
    assert_eq!((&told["code"], &told["decided_by"][0]["position"]), (&json!("KEY_DISABLED"), &json!(last)));
    let file = scene.file("leaked", &secret);
    let people = scene.said(&["key", "explain", "--secret-file", &file]);
    assert!(people.contains(&format!("Key {id} is refused: KEY_DISABLED\n")), "{people}");
    assert!(people.contains("disabled") && people.contains("KeyDisabled: "), "{people}");
    let people = scene.said(&["key", "explain", &id, "--as-of", &format!("before:{last}")]);
    assert!(people.contains(" is accepted, in tenant "), "{people}");
    assert_eq!(scene.refused(&["key", "explain", NOBODY]), refusal(5, "NOT_FOUND"));
    assert_eq!(scene.refused(&["key", "explain"]), refusal(2, "USAGE"));

    let life = scene.done(&["key", "history", &id]);
    let what: Vec<_> = life.as_array().unwrap().iter().map(|step| text(step, "what")).collect();
    assert_eq!(what, ["KeyCreated", "KeyDisabled"]);
    let radius = scene.done(&["key", "blast-radius", &id]);
    assert!(text(&radius, "contain_with").starts_with(&format!("keyledger key revoke {id}")));
    let people = scene.said(&["key", "blast-radius", "--secret-file", &file]);
    assert!(people.contains("\nIt was accepted:\n  in tenant "), "{people}");
    let people = scene.said(&["key", "blast-radius", &id, "--as-of", &format!("before:{last}")]);
    assert!(
        people.contains(" until then\n") && people.contains("used last, roughly, as known now"),
        "{people}"
    );
    let people = scene.said(&["key", "history", &id]);
    assert!(people.contains("KEY_DISABLED"), "{people}");
}

/// What an incident is about was often renamed or removed since.
#[test]
fn owners_are_found_by_what_they_were_called_at_the_moment() {
    let scene = Scene::new();
    let account = text(&scene.done(&["service-account", "create", "old"]), "id");
    scene.run(&["key", "create", "--owner", "old", "-n", "etl"]);
    let then = head(&scene);
    scene.done(&["service-account", "rename", "old", "new"]);
    let of =
        |owner: &str| scene.done(&["key", "list", "--owner", owner, "--as-of", &then])["entries"].clone();
    assert_eq!(of("old").as_array().unwrap().len(), 1);
    assert_eq!((of("old"), of("old")), (of("new"), of(&account)), "by its name of now and by its id, too");
    scene.done(&["service-account", "remove", "new"]);
    assert_eq!(of("old").as_array().unwrap().len(), 1, "and when it is gone");
    let events = scene.done(&["events", "--service-account", "old", "--as-of", &then]);
    assert_eq!(events["entries"].as_array().unwrap().len(), 2, "{events}");
    assert_eq!(scene.refused(&["key", "list", "--owner", "old"]), refusal(5, "NOT_FOUND"));
}

#[test]
fn a_key_that_was_cut_is_called_mistyped_as_when_it_is_used() {
    let scene = Scene::new();
    let secret = text(&scene.done(&["auth", "create-key", "-n", "ci"]), "key");
    let cut = scene.file("cut", &secret[..secret.len() - 1]);
    let told = scene.done(&["key", "explain", "--secret-file", &cut]);
    assert_eq!((&told["accepted"], &told["code"]), (&json!(false), &json!("KEY_MISTYPED")));
    let people = scene.said(&["key", "explain", "--secret-file", &cut]);
    assert!(people.contains("it was mistyped or cut"), "{people}");
    let other = scene.file("other", "somebody-elses-key");
    assert_eq!(scene.done(&["key", "explain", "--secret-file", &other])["code"], "KEY_UNKNOWN");
}

#[test]
fn a_dry_run_does_nothing_and_tells_what_would_stop() {
    let scene = Scene::new();
    scene.run(&["service-account", "create", "etl"]);
    let key = scene.run(&["key", "create", "--owner", "etl", "-n", "etl", "-q"]).out.trim_end().to_owned();
    let id = text(&scene.done_as(&key, &["whoami"]), "key_id");
    let before = head(&scene);
    for line in [
        format!("key revoke {id}"),
        format!("key disable {id}"),
        format!("key rotate {id}"),
        format!("auth revoke-key -i {id}"),
        "service-account suspend etl".to_owned(),
        "service-account remove etl".to_owned(),
        "tenant suspend acme".to_owned(),
        "tenant remove acme".to_owned(),
    ] {
        let words: Vec<_> = line.split(' ').chain(["--dry-run"]).collect();
        let told: Value = scene.done(&words);
        let keys = told["keys"].as_array().unwrap();
        assert!(keys.iter().any(|stopped| stopped["key_id"] == id.as_str()), "{line}: {told}");
        let people = scene.said(&words);
        assert!(people.starts_with("Nothing was done. It would append:\n"), "{line}: {people}");
        assert!(people.contains(&id), "{line}: {people}");
    }
    scene.done(&["revoke-tokens", "--all", "--dry-run"]);
    assert_eq!(
        scene.refused(&["user", "remove", "ada@example.com", "--dry-run"]),
        refusal(6, "LAST_OPERATOR")
    );
    assert_eq!(head(&scene), before);
    assert_eq!(scene.run_as(&key, &["whoami"]).code, 0);
}
