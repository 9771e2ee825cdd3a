//! The limits of keys on the command line: networks, rates.

use serde_json::json;

use crate::scene::{Scene, refusal, text};

#[test]
fn a_key_is_made_with_its_limits_and_shows_them() {
    let scene = Scene::new();
    let line =
        ["auth", "create-key", "-n", "office", "--allow", "127.0.0.0/8,2001:db8::/32", "--rate", "100/1m"];
    let made = scene.done(&line);
    let (id, secret) = (text(&made, "id"), text(&made, "key"));
    let shown = scene.done(&["key", "show", &id]);
    assert_eq!(shown["allowed_addresses"], json!(["127.0.0.0/8", "2001:db8::/32"]));
    assert_eq!(shown["rate_limit"], json!({"requests": 100, "period_seconds": 60}));
    let said = scene.said(&["key", "show", &id]);
    assert!(said.contains("127.0.0.0/8 2001:db8::/32") && said.contains("100 requests in 60 s"), "{said}");
    assert_eq!(scene.run_as(&secret, &["whoami"]).code, 0);
}

#[test]
fn limits_are_changed_and_taken_away() {
    let scene = Scene::new();
    let made = scene.done(&["auth", "create-key", "-n", "ci"]);
    let (id, secret) = (text(&made, "id"), text(&made, "key"));
    let said = scene.said(&["key", "addresses", &id, "192.0.2.0/24"]);
    assert_eq!(said, format!("Key {id} is accepted from 192.0.2.0/24 and from nowhere else\n"));
    assert_eq!(scene.refused_as(&secret, &["whoami"]), refusal(3, "ADDRESS_NOT_ALLOWED"));
    let hint = scene.run_as(&secret, &["whoami"]).err;
    assert!(hint.contains("keyledger key addresses"), "{hint}");
    assert!(scene.said(&["key", "addresses", &id, "--anywhere"]).contains("from everywhere"));
    assert_eq!(scene.run_as(&secret, &["whoami"]).code, 0);

    assert!(scene.said(&["key", "rate", &id, "1/24h"]).contains("1 times in 86400 seconds"));
    assert_eq!(scene.run_as(&secret, &["whoami"]).code, 0);
    assert_eq!(scene.refused_as(&secret, &["whoami"]), refusal(7, "RATE_LIMITED"));
    assert!(scene.said(&["key", "rate", &id, "--unlimited"]).contains("as often as it is shown"));
    assert_eq!(scene.run_as(&secret, &["whoami"]).code, 0);
}

#[test]
fn bad_limits_say_what_is_wrong_and_nobody_locks_themselves_out() {
    let scene = Scene::new();
    let own = scene.deployment.id("key_id").to_owned();
    for (line, code) in [
        (&["key", "addresses", &own, "10.0.0.1/8"][..], "VALUE_INVALID"),
        (&["key", "addresses", &own, "office"], "VALUE_INVALID"),
        (&["key", "addresses", &own], "USAGE"),
        (&["key", "addresses", &own, "10.0.0.0/8", "--anywhere"], "USAGE"),
        (&["key", "rate", &own, "100"], "VALUE_INVALID"),
        (&["key", "rate", &own], "USAGE"),
        (&["auth", "create-key", "-n", "x", "--rate", "0/1m"], "VALUE_INVALID"),
    ] {
        assert_eq!(scene.refused(line), refusal(2, code), "{line:?}");
    }
    assert_eq!(scene.refused(&["key", "addresses", &own, "192.0.2.0/24"]), refusal(6, "WOULD_LOCK_OUT"));
    assert_eq!(scene.run(&["whoami"]).code, 0);
}
