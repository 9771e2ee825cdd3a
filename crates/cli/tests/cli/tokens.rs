//! `whoami`, `token`, `verify` and `revoke-tokens`, against a real server.

use crate::scene::{NOBODY, Scene, refusal, text};
use crate::support::Ended;

#[test]
fn a_token_stands_alone_and_is_good_until_revoked() {
    let scene = Scene::new();
    let ended = scene.run(&["token"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let token = ended.out.trim_end();
    assert_eq!(token.matches('.').count(), 2, "{token}");
    assert_eq!(scene.run_as(token, &["whoami"]).code, 0);

    let narrowed = scene.done(&["token", "--tenant", "acme", "--scope", "keyledger:read"]);
    assert_eq!(
        (text(&narrowed, "token_type"), text(&narrowed, "scope")),
        ("Bearer".into(), "keyledger:read".into())
    );
    let narrow_token = text(&narrowed, "access_token");
    let create = ["auth", "create-key", "-n", "x"];
    assert_eq!(scene.refused_as(&narrow_token, &create), refusal(4, "FORBIDDEN"));
    let elsewhere = scene.run(&["token", "--audience", "https://api.example.com"]).out;
    assert_eq!(scene.refused_as(elsewhere.trim_end(), &["whoami"]), refusal(3, "TOKEN_AUDIENCE"));

    let key_id = scene.deployment.id("key_id");
    assert!(
        scene.said(&["revoke-tokens", "--key", key_id]).starts_with("Tokens minted until now are refused")
    );
    assert_eq!(scene.refused_as(token, &["whoami"]), refusal(3, "TOKEN_REVOKED"));
    assert_eq!(scene.run(&["whoami"]).code, 0, "the key stays");
    for target in [
        &["--user", "ada@example.com"][..],
        &["--whole-tenant", "acme"],
        &["--all"],
        &["--key", key_id, "--token-id", NOBODY],
    ] {
        scene.done(&[&["revoke-tokens"], target].concat());
    }
    assert_eq!(scene.refused(&["revoke-tokens", "--key", NOBODY]), refusal(5, "NOT_FOUND"));
    assert_eq!(scene.refused(&["revoke-tokens", "--service-account", "nobody"]), refusal(5, "NOT_FOUND"));
    assert_eq!(scene.refused(&["revoke-tokens", "--signing-key", NOBODY]), refusal(5, "NOT_FOUND"));
    for wrong in [&[][..], &["--all", "--key", key_id], &["--token-id", NOBODY]] {
        assert_eq!(scene.refused(&[&["revoke-tokens"], wrong].concat()), refusal(2, "USAGE"), "{wrong:?}");
    }
}

#[test]
fn an_exchange_is_refused_with_the_reason() {
    let scene = Scene::new();
    let made = scene.done(&["auth", "create-key", "-n", "x", "--scope", "jobs:run"]);
    let key = text(&made, "key");
    let more = ["token", "--scope", "keyledger:read"];
    assert_eq!(scene.refused_as(&key, &more), refusal(4, "SCOPES_NOT_HELD"));
    assert_eq!(scene.refused_as(&key, &["token", "--scope", "keyledger:root"]), refusal(2, "VALUE_INVALID"));
    assert_eq!(scene.refused_as(&key, &["token", "--tenant", NOBODY]).0, 3);
    let token = scene.run(&["token"]).out;
    assert_eq!(scene.refused_as(token.trim_end(), &["token"]), refusal(2, "NOT_A_KEY"));
    scene.done(&["key", "revoke", &text(&made, "id")]);
    assert_eq!(scene.refused_as(&key, &["token"]), refusal(3, "KEY_REVOKED"));
    assert_eq!(scene.refused_as("klu_nothing", &["token"]).0, 3);
}

#[test]
fn whoami_tells_people_and_programs_the_same() {
    let scene = Scene::new();
    let who = scene.done(&["whoami"]);
    let people = scene.said(&["whoami"]);
    for name in ["id", "key_id", "tenant_id", "role"] {
        assert!(people.contains(&text(&who, name)), "{people}");
    }
    assert!(people.contains("scopes   all that the role permits\n"), "{people}");
    assert_eq!(scene.refused_as("klu_nothing", &["whoami"]).0, 3);
    assert_eq!(scene.refused_as("klu_nothing", &["auth", "status"]).0, 3);
    assert_eq!(scene.refused_as("klu_nothing", &["auth", "list-tenants"]).0, 3);
    assert_eq!(scene.refused_as("klu_nothing", &["auth", "list-keys"]).0, 3);
}

#[test]
fn what_somebody_showed_is_verified() {
    let scene = Scene::new();
    let made = scene.done(&["auth", "create-key", "-n", "x", "--scope", "jobs:run"]);
    let shown = scene.file("shown", &text(&made, "key"));
    let answer = scene.done(&["verify", "--credential-file", &shown, "--scope", "jobs:run"]);
    assert_eq!((&answer["valid"], text(&answer, "key_id")), (&serde_json::json!(true), text(&made, "id")));
    let position = text(&made, "position");
    scene.done(&["verify", "--credential-file", &shown, "--min-position", &position, "--tenant", "acme"]);

    let too_much = ["verify", "--credential-file", &shown, "--scope", "jobs:stop", "-o", "json"];
    let ended = scene.run(&too_much);
    assert_eq!((ended.code, ended.error().0.as_str()), (1, "SCOPES_NOT_HELD"));
    assert_eq!(ended.json()["valid"], false);
    scene.done(&["key", "revoke", &text(&made, "id")]);
    let ended = scene.run(&["verify", "--credential-file", &shown]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.starts_with("valid  no\ncode   KEY_REVOKED\n"), "{}", ended.out);
    assert!(!ended.out.contains(&text(&made, "key")) && !ended.err.contains(&text(&made, "key")));

    // From standard input without being told; and not twice.
    let mut from_input = scene.anonymous(&["verify", "-o", "json"]);
    from_input
        .env("KEYLEDGER_KEY", scene.key())
        .stdin(std::fs::File::open(scene.file("own", scene.key())).unwrap());
    assert_eq!(Ended::of(from_input.output().unwrap()).json()["valid"], true);
    assert_eq!(scene.refused(&["verify", "--key-file", "-"]), refusal(2, "STANDARD_INPUT"));
    assert_eq!(scene.refused(&["verify"]), refusal(2, "CREDENTIAL_EMPTY"));
    // Whoever acts on a 1 must not take a server that lags for a verdict.
    let behind = ["verify", "--credential-file", &shown, "--min-position", "999999"];
    assert_eq!(scene.refused(&behind), refusal(7, "POSITION_NOT_REACHED"));
    let runner = scene.run(&["auth", "create-token", "-n", "r", "-s", "RUNNER", "-q"]).out;
    let line = ["verify", "--credential-file", &shown];
    assert_eq!(scene.refused_as(runner.trim_end(), &line), refusal(4, "FORBIDDEN"));
}
