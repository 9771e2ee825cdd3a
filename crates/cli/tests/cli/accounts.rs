//! Service accounts, members, users, tenants and signing keys, managed through a real server.

use serde_json::Value;

use crate::scene::{NOBODY, Scene, refusal, text};

#[test]
fn a_service_account_lives_and_ends() {
    let scene = Scene::new();
    let ended = scene.run(&["service-account", "create", "etl"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let id = ended.out.trim_end().to_owned();
    assert!(ended.err.contains("which is administrator, for no --role was given"), "{}", ended.err);
    assert!(ended.err.contains(&format!("keyledger key create --owner {id} --name=etl")), "{}", ended.err);
    assert_eq!(scene.refused(&["service-account", "create", "etl"]), refusal(6, "NAME_TAKEN"));
    assert_eq!(
        scene.refused(&["service-account", "create", "x", "--role", "root"]),
        refusal(2, "VALUE_INVALID")
    );
    let quiet = scene.run(&["service-account", "create", "quiet one", "--role", "read_only", "-q"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));

    let key = scene.run(&["key", "create", "--owner", "etl", "-n", "etl", "-q"]).out.trim_end().to_owned();
    assert_eq!(scene.done_as(&key, &["whoami"])["id"], id.as_str());
    assert_eq!(scene.refused(&["key", "create", "--owner", "nobody", "-n", "x"]), refusal(5, "NOT_FOUND"));
    assert_eq!(scene.refused(&["key", "create", "--owner", NOBODY, "-n", "x"]), refusal(5, "NOT_FOUND"));
    scene.done(&["service-account", "change-role", "etl", "runner"]);
    assert_eq!(scene.done_as(&key, &["whoami"])["role"], "runner");
    assert_eq!(scene.refused_as(&key, &["service-account", "list"]), refusal(4, "FORBIDDEN"));
    scene.done(&["service-account", "rename", "etl", "etl-eu"]);
    scene.done(&["service-account", "suspend", "etl-eu"]);
    assert_eq!(scene.refused_as(&key, &["whoami"]), refusal(3, "OWNER_SUSPENDED"));
    scene.done(&["service-account", "resume", &id]);
    assert_eq!(scene.run_as(&key, &["whoami"]).code, 0);
    assert_eq!(scene.done(&["key", "list", "--owner", "etl-eu"]).as_array().unwrap().len(), 1);

    // Off a terminal nothing is asked.
    assert!(scene.said(&["service-account", "remove", "etl-eu"]).contains("is removed, with its keys"));
    assert_eq!(scene.refused_as(&key, &["whoami"]), refusal(3, "OWNER_REMOVED"));
    assert_eq!(scene.refused(&["service-account", "resume", &id]), refusal(6, "REMOVED"));
    for command in ["suspend", "resume", "remove"] {
        assert_eq!(
            scene.refused(&["service-account", command, "etl-eu"]),
            refusal(5, "NOT_FOUND"),
            "{command}"
        );
    }
    assert_eq!(scene.refused(&["service-account", "rename", NOBODY, "x"]), refusal(5, "NOT_FOUND"));
    assert_eq!(scene.refused(&["service-account", "change-role", NOBODY, "runner"]), refusal(5, "NOT_FOUND"));
    let list = scene.said(&["service-account", "list"]);
    assert!(list.contains("quiet one") && list.contains("read_only"), "{list}");
}

#[test]
fn members_and_users_come_and_go() {
    let scene = Scene::new();
    let added = scene.run(&["member", "add", "grace@example.com", "--name", "Grace", "--first-key"]);
    assert_eq!(added.code, 0, "{}", added.err);
    let key = added.out.trim_end().to_owned();
    assert!(
        key.starts_with("klu_") && added.err.contains("grace@example.com is member now"),
        "{}",
        added.err
    );
    let id = text(&scene.done_as(&key, &["whoami"]), "id");
    let again = scene.run(&["member", "add", "grace@example.com"]);
    assert_eq!((again.code, again.out.trim_end()), (0, id.as_str()), "{}", again.err);
    assert_eq!(
        scene.refused(&["member", "add", "grace@example.com", "--role", "runner"]),
        refusal(6, "ALREADY_MEMBER")
    );
    assert_eq!(scene.refused_as(&key, &["member", "add", "x@example.com"]), refusal(4, "FORBIDDEN"));
    scene.done(&["member", "change-role", "grace@example.com", "read_only"]);
    assert_eq!(scene.done_as(&key, &["whoami"])["role"], "read_only");
    assert_eq!(
        scene.refused(&["member", "change-role", "ada@example.com", "member"]),
        refusal(6, "LAST_ADMINISTRATOR")
    );
    assert!(scene.said(&["member", "list"]).contains("Grace"));

    scene.done(&["user", "suspend", "GRACE@example.com"]);
    assert_eq!(scene.refused_as(&key, &["whoami"]), refusal(3, "OWNER_SUSPENDED"));
    scene.done(&["user", "resume", &id]);
    scene.done(&["user", "grant-operator", &id]);
    assert_eq!(scene.run_as(&key, &["tenant", "list", "--all"]).code, 0);
    scene.done(&["user", "withdraw-operator", &id]);
    assert_eq!(scene.refused_as(&key, &["tenant", "list", "--all"]), refusal(4, "FORBIDDEN"));
    assert_eq!(scene.refused_as(&key, &["user", "suspend", &id]).0, 4);
    assert_eq!(scene.refused(&["user", "withdraw-operator", "ada@example.com"]), refusal(6, "LAST_OPERATOR"));
    scene.done(&["member", "remove", "grace@example.com"]);
    assert_eq!(scene.refused(&["member", "remove", "grace@example.com"]), refusal(5, "NOT_FOUND"));
    scene.done(&["user", "remove", &id, "--yes"]);
    assert_eq!(scene.refused_as(&key, &["whoami"]), refusal(3, "OWNER_REMOVED"));
    assert_eq!(scene.refused(&["user", "resume", &id]), refusal(6, "REMOVED"));
    for command in ["suspend", "resume", "remove", "grant-operator", "withdraw-operator"] {
        assert_eq!(scene.refused(&["user", command, NOBODY]), refusal(5, "NOT_FOUND"), "{command}");
        assert_eq!(scene.refused(&["user", command, "x@example.com"]), refusal(5, "NOT_FOUND"), "{command}");
    }
}

#[test]
fn tenants_are_made_ruled_and_removed() {
    let scene = Scene::new();
    let made =
        scene.done(&["tenant", "create", "umbrella", "--admin", "eve@example.com", "--key-life-max", "90d"]);
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    let people = scene.run(&["tenant", "create", "third", "--admin", "eve@example.com", "--name", "Third"]);
    assert!(
        people.out.contains("\nslug           third\n") && people.err.contains("no key is shown"),
        "{}",
        people.out
    );
    assert_eq!(
        scene.refused(&["tenant", "create", "umbrella", "--admin", "x@example.com"]),
        refusal(6, "SLUG_TAKEN")
    );
    assert_eq!(
        scene.refused_as(&key, &["tenant", "create", "x", "--admin", "x@example.com"]),
        refusal(4, "FORBIDDEN")
    );

    assert_eq!(scene.run_as(&key, &["whoami", "--tenant", "umbrella"]).code, 0);
    assert_eq!(
        scene.refused_as(
            &key,
            &[
                "auth",
                "create-key",
                "-n",
                "x",
                "--expires",
                "91d",
                "--tenant",
                "umbrella",
                "--confine-to",
                "umbrella"
            ]
        ),
        refusal(2, "KEY_LIFE_TOO_LONG")
    );
    let confined = ["auth", "create-key", "-n", "x", "--expires", "never", "--confine-to", "umbrella"];
    let ended = scene.run_as(&key, &confined);
    assert!(ended.err.contains("the tenant's policy gives every key an end"), "{}", ended.err);

    // An operator speaks of tenants of which it is no member, by slug, too.
    assert!(scene.said(&["tenant", "policy", "umbrella"]).contains("longest life of a key  90d"));
    let both = ["tenant", "policy", "umbrella", "--key-life-max", "none", "--key-life-default", "none"];
    assert_eq!(scene.refused(&both), refusal(5, "NOT_FOUND"), "its policy is its administrators' business");
    assert_eq!(scene.run_as(&key, &both).code, 0);
    let changed = scene.done(&["tenant", "policy", "umbrella"]);
    assert_eq!(changed["key_life_seconds_max"], Value::Null);
    assert_eq!(scene.refused(&["tenant", "policy", "acme", "--key-life-max", "1d"]), refusal(2, "USAGE"));
    let contradiction = ["tenant", "policy", "acme", "--key-life-max", "1d", "--key-life-default", "2d"];
    assert_eq!(scene.refused(&contradiction), refusal(2, "POLICY_CONTRADICTS"));

    scene.done(&["tenant", "rename", "acme", "Acme Corporation"]);
    assert!(scene.said(&["tenant", "list"]).contains("Acme Corporation"));
    assert_eq!(scene.done(&["tenant", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(scene.done(&["tenant", "list", "--all"]).as_array().unwrap().len(), 3);
    scene.done(&["member", "add", "guest@example.com", "--tenant", "umbrella"]);
    scene.done(&["tenant", "suspend", "umbrella"]);
    assert_eq!(scene.refused_as(&key, &["member", "list", "--tenant", &id]).0, 3);
    scene.done(&["tenant", "resume", "umbrella"]);
    assert!(scene.said(&["tenant", "remove", "umbrella"]).contains("is removed, with all that rests on it"));
    assert_eq!(scene.refused(&["tenant", "resume", &id]), refusal(6, "REMOVED"));
    assert_eq!(scene.refused(&["tenant", "remove", "umbrella"]), refusal(5, "NOT_FOUND"));
    for command in ["suspend", "resume", "remove"] {
        assert_eq!(scene.refused(&["tenant", command, NOBODY]), refusal(5, "NOT_FOUND"), "{command}");
    }
    assert_eq!(scene.refused(&["tenant", "rename", NOBODY, "x"]), refusal(5, "NOT_FOUND"));
}

#[test]
fn signing_keys_are_rotated_and_retired() {
    let scene = Scene::new();
    let first = text(&scene.done(&["signing-key", "list"])[0], "id");
    assert_eq!(
        scene.refused(&["signing-key", "retire", &first, "--reason", "superseded"]),
        refusal(6, "LAST_SIGNING_KEY")
    );
    let ahead = scene.run(&["signing-key", "rotate", "--active-from", "1h"]);
    assert!(ahead.out.starts_with("Signing key ") && ahead.err.is_empty(), "{}{}", ahead.out, ahead.err);
    let at_once = scene.run(&["signing-key", "rotate", "-o", "json"]);
    assert!(at_once.err.contains("warning") && at_once.err.contains("--active-from 1h"), "{}", at_once.err);
    let second = text(&at_once.json(), "id");
    let retired = scene.done(&["signing-key", "retire", &first, "--reason", "superseded"]);
    assert_eq!(retired["replacement_id"], Value::Null);
    let said = scene.said(&["signing-key", "retire", &second, "--reason", "compromised"]);
    assert!(said.contains("took its place"), "{said}");
    assert!(scene.said(&["signing-key", "list"]).contains("compromised"));
    assert_eq!(
        scene.refused(&["signing-key", "retire", NOBODY, "--reason", "superseded"]),
        refusal(5, "NOT_FOUND")
    );
    let key = text(&scene.done(&["auth", "create-key", "-n", "x", "--scope", "keyledger:read"]), "key");
    assert_eq!(scene.refused_as(&key, &["signing-key", "rotate"]), refusal(4, "FORBIDDEN"));
    assert_eq!(scene.refused_as(&key, &["signing-key", "list"]), refusal(4, "FORBIDDEN"));
}

/// What an operator does in an incident: the person is in no tenant of theirs, or gone.
#[test]
fn an_operator_asks_about_people_elsewhere_and_gone_by_their_address() {
    let scene = Scene::new();
    let made = scene.done(&["tenant", "create", "globex", "--admin", "eve@globex.example"]);
    let (eve, key) = (text(&made, "administrator_id"), text(&made, "key_id"));
    let named = |who: &str| {
        let keys = scene.done(&["key", "list", "--all", "--owner", who]);
        keys.as_array().unwrap().iter().map(|it| text(it, "id")).collect::<Vec<_>>()
    };
    assert_eq!(named("EVE@globex.example"), [key.as_str()]);
    assert!(
        scene
            .said(&["revoke-tokens", "--user", "eve@globex.example", "--dry-run"])
            .contains("Nothing was done")
    );
    let events = scene.done(&["events", "--deployment", "--user", "eve@globex.example"]);
    assert!(!events.as_array().unwrap().is_empty());
    assert_eq!(scene.refused(&["key", "list", "--owner", "nobody@globex.example"]), refusal(5, "NOT_FOUND"));
    // Whoever is no operator sees no more than before.
    assert_eq!(
        scene.refused_as(&text(&made, "key"), &["events", "--user", "ada@example.com"]),
        refusal(5, "NOT_FOUND")
    );

    let hers = text(&made, "key");
    scene.done_as(&hers, &["member", "add", "bob@globex.example", "--role", "administrator"]);
    scene.done(&["user", "remove", &eve]);
    assert_eq!(named("eve@globex.example"), [key.as_str()], "also when they are removed");
    scene.done(&["service-account", "create", "etl", "--role", "runner"]);
    scene.done(&["service-account", "remove", "etl"]);
    let events = scene.done(&["events", "--service-account", "etl"]);
    assert_eq!(events.as_array().unwrap().len(), 2, "{events}");
}

#[test]
fn a_change_says_whether_it_changed_anything_and_a_hint_names_an_account_by_its_id() {
    let scene = Scene::new();
    let ended = scene.run(&["service-account", "create", "-dash", "--role", "runner"]);
    assert_eq!(ended.code, 2, "{}", ended.err);
    let ended = scene.run(&["service-account", "create", "--role", "runner", "--", "-dash"]);
    let id = ended.out.trim_end();
    let hint = format!("hint: make its key: keyledger key create --owner {id} --name=-dash\n");
    assert!(ended.err.ends_with(&hint), "{}", ended.err);
    let made = scene.run(&["key", "create", "--owner", id, "--name=-dash"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let suspend = ["service-account", "suspend", id];
    assert_eq!(scene.done(&suspend)["changed"], true);
    assert_eq!(scene.done(&suspend)["changed"], false);
}

#[test]
fn lists_are_narrowed_by_standing_role_and_name() {
    let scene = Scene::new();
    scene.done(&["tenant", "create", "globex", "--admin", "eve@globex.example"]);
    scene.done(&["member", "add", "grace@example.com", "--name", "Grace", "--role", "runner"]);
    for (name, role) in [("etl", "runner"), ("scan", "read_only"), ("gone", "runner")] {
        scene.done(&["service-account", "create", name, "--role", role]);
    }
    scene.done(&["service-account", "suspend", "scan"]);
    scene.done(&["service-account", "remove", "gone"]);
    scene.done(&["user", "suspend", "grace@example.com"]);
    scene.done(&["tenant", "suspend", "globex"]);
    let listed = |what: &str, told: &str, wanted: &[&str]| {
        let list = scene.done(&[&[what, "list"][..], wanted].concat());
        list.as_array().unwrap().iter().map(|it| text(it, told)).collect::<Vec<_>>()
    };
    for (what, told, wanted, expected) in [
        ("service-account", "name", &[][..], &["etl", "scan"][..]),
        ("service-account", "name", &["--state", "suspended"], &["scan"]),
        ("service-account", "name", &["--state", "suspended,removed"], &["gone", "scan"]),
        ("service-account", "name", &["--role", "runner"], &["etl"]),
        ("service-account", "name", &["--role", "runner,read_only", "--named", "SC"], &["scan"]),
        ("member", "name", &["--role", "runner"], &["Grace"]),
        ("member", "name", &["--state", "suspended"], &["Grace"]),
        ("member", "name", &["--named", "GRACE@", "--state", "living"], &[]),
        ("user", "email", &["--state", "suspended"], &["grace@example.com"]),
        ("user", "email", &["--named", "globex"], &["eve@globex.example"]),
        ("user", "email", &["--state", "removed"], &[]),
        ("tenant", "slug", &["--all", "--state", "suspended"], &["globex"]),
        ("tenant", "slug", &["--all", "--named", "lobe"], &["globex"]),
        ("tenant", "slug", &["--state", "suspended"], &[]),
    ] {
        let mut found = listed(what, told, wanted);
        found.sort_unstable();
        assert_eq!(found, expected, "{what} list {wanted:?}");
    }
    for what in ["service-account", "member", "user", "tenant"] {
        assert_eq!(scene.refused(&[what, "list", "--state", "active"]), refusal(2, "USAGE"), "{what}");
    }
}

#[test]
fn an_operator_finds_people_of_every_tenant_by_their_address() {
    let scene = Scene::new();
    scene.done(&["tenant", "create", "globex", "--admin", "eve@globex.example"]);
    let users = scene.said(&["user", "list"]);
    assert!(users.contains("ada@example.com") && users.contains("eve@globex.example"), "{users}");
    let operators = scene.done(&["user", "list", "--operators"]);
    assert_eq!(operators.as_array().unwrap().len(), 1, "{operators}");
    assert!(scene.said(&["user", "grant-operator", "eve@globex.example"]).ends_with("is an operator\n"));
    assert_eq!(scene.refused(&["user", "suspend", "nobody@globex.example"]), refusal(5, "NOT_FOUND"));
}

#[test]
fn events_say_who_did_what_and_filters_narrow_them() {
    let scene = Scene::new();
    let made = scene.done(&["auth", "create-key", "-n", "ci \"two\""]);
    let id = text(&made, "id");
    scene.said(&["key", "revoke", &id, "--reason", "superseded"]);
    let listing = scene.said(&["events", "--key", &id]);
    let lines: Vec<_> = listing.lines().collect();
    assert_eq!(lines.len(), 3, "{listing}");
    assert!(lines[0].starts_with("POSITION") && lines[1].contains("KeyCreated"), "{listing}");
    assert!(
        lines[2].contains("KeyRevoked: key \"ci \\\"two\\\"\"") && lines[2].contains("superseded"),
        "{listing}"
    );
    assert!(lines[2].contains("by user \"ada@example.com\""), "{listing}");
    let revoked = scene.done(&["events", "--type", "KeyRevoked", "--since", "-1h"]);
    assert_eq!(revoked.as_array().unwrap().len(), 1, "{revoked}");
    assert_eq!(scene.done(&["events", "--until", "-1h"]).as_array().unwrap().len(), 0);
    let newest = scene.run(&["events", "--limit", "1"]);
    assert_eq!((newest.out.lines().count(), newest.code), (2, 0), "{}", newest.out);
    assert!(newest.err.contains("--limit"), "{}", newest.err);

    let account = scene.done(&["service-account", "create", "etl", "--role", "runner"]);
    let key = scene.done(&["key", "create", "--owner", "etl", "-n", "etl"]);
    assert_eq!(
        scene.refused_as(&text(&key, "key"), &["service-account", "create", "x"]),
        refusal(4, "FORBIDDEN")
    );
    let refusals = scene.done(&["refusals"]);
    assert_eq!(text(&refusals[0], "code"), "FORBIDDEN");
    assert_eq!(refusals[0]["actor"]["id"], account["id"]);
    assert_eq!(scene.refused_as(&text(&key, "key"), &["refusals"]), refusal(4, "FORBIDDEN"));
}
