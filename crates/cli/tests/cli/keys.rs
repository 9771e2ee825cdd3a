//! `key` and the keys of `auth`: made, listed, changed, rotated and revoked through a real server.

use jiff::Timestamp;

use crate::scene::{NOBODY, Scene, refusal, text};

#[test]
fn a_new_key_stands_alone_on_standard_output() {
    let scene = Scene::new();
    let ended = scene.run(&["auth", "create-key", "-n", "laptop", "--expires", "30d"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let key = ended.out.strip_suffix('\n').unwrap();
    assert!(key.starts_with("klu_") && !key.contains(char::is_whitespace), "{key}");
    assert!(ended.err.starts_with("made key ") && ended.err.contains("named laptop"), "{}", ended.err);
    assert!(!ended.err.contains(key));
    assert_eq!(scene.run_as(key, &["whoami"]).code, 0);

    let quiet = scene.run(&["auth", "create-key", "-n", "ci", "-q"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
    let made = scene.done(&["auth", "create-key", "-n", "json", "--scope", "keyledger:read,jobs:run"]);
    assert_eq!(made["expires_at"], serde_json::Value::Null);
    let narrowed = scene.done_as(&text(&made, "key"), &["whoami"]);
    assert_eq!(narrowed["scopes"], serde_json::json!(["jobs:run", "keyledger:read"]));
    // Nobody grants what they do not have.
    let refused = scene.refused_as(&text(&made, "key"), &["auth", "create-key", "-n", "more"]);
    assert_eq!(refused, refusal(4, "FORBIDDEN"));
}

#[test]
fn bad_input_makes_no_key() {
    let scene = Scene::new();
    for (arguments, exit, code) in [
        (&["-n", " "][..], 2, "NAME_INVALID"),
        (&["-n", "x", "--expires", "soon"], 2, "VALUE_INVALID"),
        (&["-n", "x", "--expires", "-2h"], 2, "EXPIRY_IN_PAST"),
        (&["-n", "x", "--scope", "keyledger:root"], 2, "VALUE_INVALID"),
        (&["-n", "x", "--confine-to", NOBODY], 5, "NOT_FOUND"),
        (&["-n", "x", "--confine-to", "nowhere"], 5, "NOT_FOUND"),
        (&["-n", "x", "--tenant", "nowhere"], 5, "NOT_FOUND"),
        (&["-n", "x", "--tenant", NOBODY], 3, "NOT_A_MEMBER"),
        (&["-n", "x", "--idempotency-key", "a b"], 2, "VALUE_INVALID"),
    ] {
        let line = [&["auth", "create-key"], arguments].concat();
        assert_eq!(scene.refused(&line), refusal(exit, code), "{arguments:?}");
    }
    assert_eq!(scene.done(&["key", "list"]).as_array().unwrap().len(), 1, "only the first key");
}

#[test]
fn a_key_lives_and_ends() {
    let scene = Scene::new();
    let made = scene.done(&["auth", "create-key", "-n", "ci"]);
    let (id, secret) = (text(&made, "id"), text(&made, "key"));
    assert_eq!(scene.said(&["key", "rename", &id, "ci two"]), format!("Key {id} is named ci two now\n"));
    let note = "in the vault of the data team";
    assert_eq!(scene.said(&["key", "note", &id, note]), format!("Key {id} is noted: {note}\n"));
    assert_eq!(text(&scene.done(&["key", "show", &id]), "note"), note);
    assert_eq!(scene.refused(&["key", "note", &id, &secret]), refusal(2, "SECRET_IN_ARGUMENTS"));
    assert!(scene.said(&["key", "note", &id, "--remove"]).contains("has no note"));
    let noted = scene.done(&["auth", "create-key", "-n", "noted", "--note", note]);
    assert_eq!(text(&scene.done(&["key", "show", &text(&noted, "id")]), "note"), note);
    let end = "2031-01-01T00:00:00.000Z";
    assert!(scene.said(&["key", "expire", &id, end]).ends_with("expires at 2031-01-01T00:00:00.000Z\n"));
    let shown = scene.done(&["key", "show", &id]);
    assert_eq!((text(&shown, "name"), text(&shown, "status")), ("ci two".into(), "ACTIVE".into()));
    assert_eq!(text(&shown, "expires_at"), end);
    assert!(scene.said(&["key", "expire", &id, "never"]).contains("never"));
    let shown = scene.said(&["key", "show", &id]);
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["expires", "never"])), "{shown}");

    scene.done(&["key", "disable", &id]);
    assert_eq!(scene.refused_as(&secret, &["whoami"]), refusal(3, "KEY_DISABLED"));
    scene.done(&["key", "enable", &id]);
    assert_eq!(scene.run_as(&secret, &["whoami"]).code, 0);

    let successor = scene.done(&["key", "rotate", &id, "--overlap", "24h"]);
    assert_eq!(scene.run_as(&secret, &["whoami"]).code, 0, "for the overlap");
    let (new_id, new_secret) = (text(&successor, "id"), text(&successor, "key"));
    assert_eq!(scene.refused(&["key", "rotate", &id]), refusal(6, "KEY_ROTATED"));
    assert_eq!(scene.refused(&["key", "rotate", &new_id, "--overlap", "91d"]), refusal(2, "GRACE_TOO_LONG"));

    let note = "seen in a build log";
    let revoke = ["key", "revoke", &new_id, "--reason", "key_compromise", "--note", note];
    let said = scene.said(&revoke);
    assert!(said.starts_with(&format!("Key {new_id} is revoked")) && !said.contains("before"), "{said}");
    let again = scene.said(&["key", "revoke", &new_id, "--note", "and in a chat"]);
    assert!(again.contains("it was revoked before; the reason and note of then stay"), "{again}");
    assert_eq!(scene.done(&["key", "revoke", &new_id])["changed"], false);
    assert_eq!(scene.refused_as(&new_secret, &["whoami"]), refusal(3, "KEY_REVOKED"));
    // The same code in another question is a conflict, not a failed authentication.
    assert_eq!(scene.refused(&["key", "enable", &new_id]), refusal(6, "KEY_REVOKED"));
    assert_eq!(scene.refused(&["key", "rename", &new_id, "x"]), refusal(6, "KEY_REVOKED"));
    assert_eq!(scene.refused(&["key", "expire", NOBODY, "1h"]), refusal(5, "NOT_FOUND"));
    for command in ["disable", "enable", "revoke", "show", "rotate"] {
        assert_eq!(scene.refused(&["key", command, NOBODY]), refusal(5, "NOT_FOUND"), "{command}");
        assert_eq!(scene.refused(&["key", command, "x"]), refusal(2, "VALUE_INVALID"), "{command}");
    }
    let living = scene.said(&["key", "list"]);
    assert!(!living.contains(&new_id) && living.starts_with("NAME"), "{living}");
    assert!(scene.said(&["key", "list", "--all"]).contains("KEY_REVOKED"));
}

#[test]
fn older_tools_find_their_commands() {
    let scene = Scene::new();
    let token = scene.run(&["auth", "create-token", "-n", "my-runner", "-s", "RUNNER"]);
    assert_eq!(token.code, 0, "{}", token.err);
    assert!(token.out.starts_with("kls_") && token.err.contains("with the role runner"), "{}", token.err);
    let runner = token.out.trim_end();
    assert_eq!(scene.done_as(runner, &["whoami"])["role"], "runner");
    // The second finds the account; a scope that needs another role does not change it.
    scene.done(&["auth", "create-token", "-n", "my-runner", "-s", "runner"]);
    assert_eq!(scene.done(&["service-account", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(
        scene.refused(&["auth", "create-token", "-n", "my-runner", "-s", "TENANT"]),
        refusal(6, "ROLE_DIFFERS")
    );
    let user = scene.run(&["auth", "create-token", "-n", "mine", "-s", "USER", "-q"]);
    assert_eq!((user.err.as_str(), &user.out[..4]), ("", "klu_"));
    let tenant = scene.run(&["auth", "create-token", "-n", "all", "-s", "TENANT", "-q"]);
    assert_eq!(scene.done_as(tenant.out.trim_end(), &["whoami"])["role"], "administrator");
    assert_eq!(scene.refused(&["auth", "create-token", "-n", "x", "-s", "ROOT"]), refusal(2, "USAGE"));

    assert_eq!(scene.done(&["auth", "list-tokens"]).as_array().unwrap().len(), 5, "everyone's");
    let own = scene.done(&["auth", "list-keys"]);
    assert_eq!(own.as_array().unwrap().len(), 2, "{own}");
    assert!(scene.said(&["auth", "list-keys"]).contains("NEVER"));
    let id = scene.done_as(runner, &["whoami"])["key_id"].as_str().unwrap().to_owned();
    scene.done(&["auth", "revoke-token", "-i", &id]);
    assert_eq!(scene.refused_as(runner, &["whoami"]), refusal(3, "KEY_REVOKED"));
    assert_eq!(scene.refused(&["auth", "revoke-key", "-i", NOBODY]), refusal(5, "NOT_FOUND"));
}

#[test]
fn an_attempt_repeated_is_not_made_twice_and_shows_no_secret() {
    let scene = Scene::new();
    let line = ["auth", "create-key", "-n", "ci", "--idempotency-key", "deploy-7"];
    let made = scene.done(&line);
    let ended = scene.run(&line);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "a script must not take nothing for a key");
    assert!(ended.err.contains(&text(&made, "id")) && ended.err.contains("hint: "), "{}", ended.err);
    assert_eq!(scene.refused(&line), refusal(1, "KEY_NOT_SHOWN_AGAIN"));
    let other = ["auth", "create-key", "-n", "other", "--idempotency-key", "deploy-7"];
    assert_eq!(scene.refused(&other), refusal(6, "IDEMPOTENCY_CONFLICT"));
    assert_eq!(scene.done(&["auth", "list-keys"]).as_array().unwrap().len(), 2);
}

/// The attempt that a command makes under a name of its own is repeated with that name, a UUIDv7: a time from now must
/// count from the same moment then.
#[test]
fn a_time_from_now_is_the_same_instant_in_each_attempt_of_a_name() {
    let scene = Scene::new();
    let begun = Timestamp::now().as_millisecond() - 5_000;
    let name = format!("{:08x}-{:04x}-7000-8000-000000000001", begun >> 16, begun & 0xffff);
    let line = ["auth", "create-key", "-n", "ci", "--expires", "30d", "--idempotency-key", &name];
    let made = scene.done(&line);
    let end: Timestamp = text(&made, "expires_at").parse().unwrap();
    assert_eq!(end.as_millisecond(), begun + 30 * 86_400_000);
    assert_eq!(scene.refused(&line), refusal(1, "KEY_NOT_SHOWN_AGAIN"));
    let id = text(&made, "id");
    for of_ones_own in [
        &["auth", "create-key", "-n", "x", "--expires", "30d"][..],
        &["key", "rotate", &id, "--expires", "30d"],
        &["key", "expire", &id, "30d"],
        &["signing-key", "rotate", "--active-from", "1h"],
    ] {
        let line = [of_ones_own, &["--idempotency-key", "deploy-7"]].concat();
        assert_eq!(scene.refused(&line), refusal(2, "VALUE_INVALID"), "{of_ones_own:?}");
    }
    let instant = ["key", "expire", &id, "2031-01-01T00:00:00Z", "--idempotency-key", "deploy-7"];
    assert_eq!(scene.done(&instant)["changed"], true);
    assert_eq!(scene.done(&instant)["success"], true, "once more is the same command");
}

#[test]
fn a_key_says_whose_it_is_and_who_made_it() {
    let scene = Scene::new();
    let account = scene.done(&["service-account", "create", "etl", "--role", "runner"]);
    let made = scene.done(&["key", "create", "--owner", &text(&account, "id"), "--name", "etl"]);
    assert_eq!(made["key_id"], made["id"]);
    let shown = scene.done(&["key", "show", &text(&made, "id")]);
    assert_eq!(text(&shown, "owner_name"), "etl");
    assert_eq!(text(&shown, "created_by_name"), "ada@example.com");
    assert_eq!(text(&shown["created_by"], "kind"), "user");
    let facts = scene.said(&["key", "show", &text(&made, "id")]);
    assert!(facts.contains("made by") && facts.contains("ada@example.com ("), "{facts}");
    assert!(scene.said(&["key", "list", "--owner", "etl"]).contains("etl"));
}

#[test]
fn long_lists_are_read_to_their_end() {
    let scene = Scene::new();
    let client = scene.server.url().to_owned();
    let key = scene.key();
    // By the API, ten at a time: a hundred processes take long.
    let user = scene.deployment.id("user_id");
    for batch in 0..11 {
        let fields: String = (0..10)
            .map(|n| {
                format!(
                    "k{n}: create_api_key(input: {{user_id: \"{user}\", name: \"k{batch}-{n}\"}}) {{ id }} "
                )
            })
            .collect();
        let body = serde_json::json!({"query": format!("mutation {{ {fields} }}")}).to_string();
        let answer = ureq::post(format!("{client}/graphql"))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .send(body)
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(scene.done(&["key", "list"]).as_array().unwrap().len(), 111);
}
