//! Keys that another system gave out, from a file into a ledger and on to a server: accepted as they are, until rotated.

use std::fs;
use std::path::Path;

use keyledger_tests::server::keyledger;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::two_tenants::{TwoTenants, listed, text};

const OLD_USER_KEY: &str = "pcu_V1StGXR8Z5jdHi6BmyT9aQwErTyUiOp";
const OLD_AGENT_KEY: &str = "x7Qb2mN8vR4tL1sK9dF6gH3j";
const OLD_PLAIN_KEY: &str = "pcs_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6";

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Imports the lines; the exit code and the report.
fn import(data: &Path, lines: &[String], more: &[&str]) -> (Option<i32>, Value) {
    let file = data.with_extension("jsonl");
    fs::write(&file, lines.join("\n")).unwrap();
    let [data, from] = [data, &file].map(|path| path.to_str().unwrap());
    let all = ["import-keys", "--data", data, "--from", from, "-o", "json"];
    let output = keyledger(all.iter().chain(more));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&stdout).unwrap_or_else(|error| {
        panic!("{error}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.code(), report)
}

fn good_lines() -> Vec<String> {
    [
        json!({"name": "notebook", "tenant": "acme", "user": "bob@example.com", "sha256": sha256(OLD_USER_KEY),
               "prefix": "pcu", "last_four": "UiOp", "expires_at": "2199-01-01T00:00:00+00:00"}),
        json!({"name": "etl", "tenant": "acme", "service_account": "etl", "secret": OLD_AGENT_KEY}),
        json!({"name": "read", "tenant": "acme", "service_account": "etl", "secret": OLD_PLAIN_KEY,
               "scopes": ["keyledger:read"]}),
    ]
    .map(|line| line.to_string())
    .into()
}

/// `keyledger import-keys`
#[test]
fn imported_keys_are_accepted_as_they_are_until_they_are_rotated() {
    let world = TwoTenants::new();
    for key in [OLD_USER_KEY, OLD_AGENT_KEY, OLD_PLAIN_KEY] {
        assert_eq!(world.holding(key).whoami().code().as_deref(), Some("KEY_UNKNOWN"));
    }
    let before = world.position();
    let world = world.restarted_with(|data| {
        let (code, tried) = import(data, &good_lines(), &["--dry-run"]);
        assert_eq!(
            (code, &tried["dry_run"], &tried["imported"]),
            (Some(0), &json!(true), &json!(3)),
            "{tried}"
        );
        let (code, report) = import(data, &good_lines(), &[]);
        assert_eq!(
            (code, &report["imported"], &report["refused"]),
            (Some(0), &json!(3), &json!(0)),
            "{report}"
        );
        // Again, as after an import that broke off.
        let (code, again) = import(data, &good_lines(), &[]);
        assert_eq!((code, &again["imported"], &again["known"]), (Some(0), &json!(0), &json!(3)), "{again}");
    });
    assert_eq!(world.position(), before + 3, "a dry run and a second time leave nothing");

    let bob = world.holding(OLD_USER_KEY).whoami().json();
    assert_eq!(
        (&bob["kind"], &bob["id"], &bob["role"]),
        (&json!("user"), &json!(world.bob_id), &json!("member"))
    );
    assert_eq!(bob["expires_at"], "2199-01-01T00:00:00.000Z");
    let agent = world.holding(OLD_AGENT_KEY);
    assert_eq!(agent.whoami().json()["id"], json!(world.account_id));
    assert_eq!(world.holding(OLD_PLAIN_KEY).whoami().json()["scopes"], json!(["keyledger:read"]));
    assert_eq!(agent.exchange(OLD_AGENT_KEY, &[]).status, 200, "it is exchanged like any other");
    assert_ne!(world.holding(&OLD_AGENT_KEY.to_lowercase()).whoami().status, 200);

    // Lists show what is known of it; the log says how it came, and never the key.
    let keys = listed(&world.holding(OLD_USER_KEY), "keys", "", "name prefix last_four").unwrap();
    assert!(keys.contains(&json!({"name": "notebook", "prefix": "pcu", "last_four": "UiOp"})), "{keys:?}");
    let made = "all: true, newest_first: true, first: 3";
    for event in listed(&world.ada(), "events", made, "type way actor { kind }").unwrap() {
        let expected = json!({"type": "KeyCreated", "way": "import", "actor": {"kind": "console"}});
        assert_eq!(event, expected);
    }
    let ledger = fs::read(world.data.join("ledger.redb")).unwrap();
    for key in [OLD_USER_KEY, OLD_AGENT_KEY, OLD_PLAIN_KEY] {
        assert!(!ledger.windows(key.len()).any(|window| window == key.as_bytes()));
    }

    // Rotated, it is one of ours; revoked, it is refused with its reason.
    let key_id = text(&agent.whoami().json()["key_id"]);
    let rotated = world
        .ada()
        .mutate("rotate_api_key", &json!({"key_id": key_id, "overlap_seconds": 0}), "key")
        .unwrap();
    assert_eq!(world.holding(&text(&rotated["key"])).whoami().json()["id"], json!(world.account_id));
    assert_eq!(world.holding(OLD_AGENT_KEY).whoami().code().as_deref(), Some("KEY_ROTATED"));
    let other = text(&world.holding(OLD_PLAIN_KEY).whoami().json()["key_id"]);
    world.ada().mutate("delete_api_key", &json!({ "key_id": other }), "success").unwrap();
    assert_eq!(world.holding(OLD_PLAIN_KEY).whoami().code().as_deref(), Some("KEY_REVOKED"));
}

/// `keyledger import-keys`
#[test]
fn each_bad_line_is_told_and_every_other_is_imported() {
    let world = TwoTenants::new();
    let line = |more: Value| {
        let mut line =
            json!({"name": "n", "tenant": "acme", "user": "bob@example.com", "sha256": sha256("some")});
        for (field, value) in more.as_object().unwrap() {
            line[field] = value.clone();
        }
        line.to_string()
    };
    let long = "x".repeat(70_000);
    let bad = [
        ("INVALID", "{".to_owned()),
        ("INVALID", "[]".to_owned()),
        ("INVALID", line(json!({"colour": "red"}))),
        ("INVALID", line(json!({"user": 7}))),
        ("INVALID", line(json!({"user": null}))),
        ("INVALID", line(json!({"service_account": "etl"}))),
        ("INVALID", line(json!({"secret": OLD_PLAIN_KEY}))),
        ("INVALID", line(json!({"sha256": null}))),
        ("INVALID", line(json!({"sha256": "abc"}))),
        ("INVALID", line(json!({"sha256": null, "secret": "fifteen letters"}))),
        ("INVALID", line(json!({"sha256": null, "secret": "hunter2"}))),
        ("INVALID", line(json!({"sha256": null, "secret": "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJ4In0.AAAA"}))),
        ("INVALID", line(json!({"prefix": "Not A Prefix"}))),
        ("INVALID", line(json!({"last_four": "12345"}))),
        ("INVALID", line(json!({"expires_at": "tomorrow"}))),
        ("INVALID", line(json!({ "name": long }))),
        ("SCOPE_INVALID", line(json!({"scopes": ["keyledger:everything"]}))),
        ("NAME_INVALID", line(json!({"name": ""}))),
        ("EXPIRY_IN_PAST", line(json!({"expires_at": "2020-01-01T00:00:00Z"}))),
        ("NOT_FOUND", line(json!({"tenant": "nobody"}))),
        ("NOT_FOUND", line(json!({"user": "nobody@example.com"}))),
        ("NOT_FOUND", line(json!({"user": null, "service_account": "nobody"}))),
        // A user is known everywhere, but no member there.
        ("NOT_FOUND", line(json!({"tenant": "globex"}))),
    ];
    let mut lines: Vec<_> = bad.iter().map(|(_, line)| line.clone()).collect();
    lines.push(String::new());
    lines.extend(good_lines());
    // The same key for another, and once more for the same.
    let taken = json!({"name": "n", "tenant": "acme", "user": "ada@example.com", "secret": OLD_AGENT_KEY});
    lines.push(taken.to_string());
    lines.push(good_lines().remove(1));

    let world = world.restarted_with(|data| {
        for more in [["--dry-run"].as_slice(), &[]] {
            let (code, report) = import(data, &lines, more);
            assert_eq!(code, Some(1), "{report:#}");
            assert_eq!((&report["imported"], &report["known"]), (&json!(3), &json!(1)), "{report:#}");
            let told: Vec<_> = report["refusals"].as_array().unwrap().iter().collect();
            assert_eq!(told.len(), bad.len() + 1, "{report:#}");
            for (number, ((code, _), told)) in bad.iter().zip(&told).enumerate() {
                assert_eq!((&told["line"], &told["code"]), (&json!(number + 1), &json!(code)), "{told}");
                assert!(
                    !told.to_string().contains(OLD_PLAIN_KEY) && !told.to_string().contains("hunter2"),
                    "{told}"
                );
            }
            assert_eq!(told[bad.len()]["code"], "KEY_OF_ANOTHER");
        }
    });
    assert_eq!(world.holding(OLD_AGENT_KEY).whoami().json()["id"], json!(world.account_id));
}

/// `keyledger import-keys`
#[test]
fn a_running_server_keeps_its_ledger_and_a_missing_file_changes_nothing() {
    let world = TwoTenants::new();
    let file = world.data.with_extension("jsonl");
    fs::write(&file, good_lines().join("\n")).unwrap();
    let attempt = |from: &Path| {
        let [data, from] = [&world.data, from].map(|path| path.to_str().unwrap());
        keyledger(["import-keys", "--data", data, "--from", from, "-o", "json"])
    };
    let busy = attempt(&file);
    assert_ne!(busy.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&busy.stderr).contains("LEDGER_IN_USE"), "{busy:?}");
    let missing = attempt(&world.data.join("none"));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("IMPORT_UNREADABLE"), "{missing:?}");
    assert_eq!(world.holding(OLD_AGENT_KEY).whoami().status, 401);
}

/// `keyledger import-keys`
#[test]
fn a_text_met_twice_is_judged_by_what_came_of_it_and_one_of_ours_is_not_foreign() {
    let world = TwoTenants::new();
    let bob = world.bob.secret.clone();
    let line = |tenant: &str, user: &str, secret: &str| {
        json!({"name": "n", "tenant": tenant, "user": user, "secret": secret}).to_string()
    };
    let lines = [
        // Bob is no member there: the same key, a line later, must not pass for one that is here.
        line("globex", "bob@example.com", OLD_USER_KEY),
        line("acme", "bob@example.com", OLD_USER_KEY),
        line("acme", "bob@example.com", OLD_USER_KEY),
        line("acme", "bob@example.com", &bob),
        line("acme", "ada@example.com", &bob),
    ];
    let world = world.restarted_with(|data| {
        // Once it is Bob's, it is here, wherever the line would have it act.
        let first = ["NOT_FOUND", "KEY_OF_ANOTHER"].as_slice();
        for (more, known, expected) in
            [(["--dry-run"].as_slice(), 2, first), (&[], 2, first), (&[], 4, &first[1..])]
        {
            let (code, report) = import(data, &lines, more);
            assert_eq!((code, &report["known"]), (Some(1), &json!(known)), "{report:#}");
            let codes: Vec<_> =
                report["refusals"].as_array().unwrap().iter().map(|told| told["code"].clone()).collect();
            assert_eq!(codes, expected, "{report:#}");
        }
    });
    assert_eq!(world.holding(OLD_USER_KEY).whoami().json()["id"], json!(world.bob_id));
    assert_eq!(world.holding(&bob).whoami().json()["id"], json!(world.bob_id));
}

/// `keyledger import-keys --from -`
#[test]
fn a_pipe_is_read_once_and_a_byte_order_mark_says_nothing() {
    let world = TwoTenants::new();
    let world = world.restarted_with(|data| {
        let mut child = std::process::Command::new(keyledger_tests::server::binary())
            .args(["import-keys", "--from", "-", "-o", "json", "--data"])
            .arg(data)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("\u{feff}{}\r\n", good_lines().join("\r\n"));
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["imported"], &report["refused"]), (&json!(3), &json!(0)), "{report}");
    });
    assert_eq!(world.holding(OLD_AGENT_KEY).whoami().status, 200);
}

/// So many at once, beside what a commit carries.
#[test]
fn thousands_are_imported_in_few_commits() {
    let world = TwoTenants::new();
    let lines: Vec<_> = (0..3_000)
        .map(|number| {
            let sha256 = sha256(&format!("an-old-key-number-{number}"));
            json!({"name": format!("key {number}"), "tenant": "acme", "service_account": "etl", "sha256": sha256})
                .to_string()
        })
        .collect();
    let before = world.position();
    let world = world.restarted_with(|data| {
        let (code, report) = import(data, &lines, &[]);
        assert_eq!((code, &report["imported"]), (Some(0), &json!(3_000)), "{report}");
    });
    assert_eq!(world.position(), before + 3_000);
    for number in [0, 1_499, 2_999] {
        let key = format!("an-old-key-number-{number}");
        assert_eq!(world.holding(&key).whoami().json()["id"], json!(world.account_id));
    }
}
