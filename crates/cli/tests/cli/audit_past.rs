//! `audit replay`, `diff`, `timeline`, `stats`, `export`, `import`: on a data folder, a backup and an export.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::Value;

use crate::scene::Scene;
use crate::support::{Deployment, Ended, keyledger, run, text};

/// A deployment with a service account, whose key is then revoked; the server runs all the time.
struct Past {
    scene: Scene,
    key: String,
}

impl Past {
    fn new() -> Self {
        let scene = Scene::new();
        scene.done(&["service-account", "create", "etl", "--role", "runner"]);
        let key = scene.done(&["key", "create", "--owner", "etl", "-n", "nightly"]);
        let key = key["key_id"].as_str().or(key["id"].as_str()).unwrap().to_owned();
        scene.done(&["key", "revoke", &key, "--reason", "key_compromise"]);
        Self { scene, key }
    }

    fn audit(&self, arguments: &[&str]) -> Ended {
        self.scene.deployment.run(&[&["audit"], arguments].concat())
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.audit(&[arguments, &["-o", "json"]].concat());
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{arguments:?}: {}", ended.out);
        ended.json()
    }

    /// The position of the first event of this name.
    fn position(&self, event: &str) -> u64 {
        let shown = self.json(&["show", "--type", event]);
        shown[0]["position"].as_str().unwrap().parse().unwrap()
    }
}

fn status<'a>(replayed: &'a Value, id: &str) -> Option<&'a str> {
    replayed["rows"].as_array().unwrap().iter().find(|row| row["id"] == id)?["status"].as_str()
}

#[test]
fn the_past_is_told_beside_a_running_server() {
    let past = Past::new();
    let revoked = past.position("KeyRevoked");
    let before = past.json(&["replay", "--as-of", &format!("before:{revoked}")]);
    assert_eq!(status(&before, &past.key), Some("accepted"));
    assert_eq!(before["as_of"]["position"], (revoked - 1).to_string());
    let after = past.json(&["replay", "--as-of", &revoked.to_string()]);
    assert_eq!(status(&after, &past.key), Some("KEY_REVOKED"));
    let living = past.json(&["replay", "--living"]);
    assert_eq!(status(&living, &past.key), None);

    let diff = past.json(&["diff", "6", "--only-increases"]);
    let kinds: Vec<_> =
        diff["differences"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["service_account"], "the key came and went");
    let table = past.audit(&["diff", &format!("before:{revoked}"), &revoked.to_string()]);
    assert!(table.out.contains("revoked none → key_compromise"), "{}", table.out);

    let life = past.audit(&["timeline", &past.key]);
    assert_eq!(life.code, 0, "{}", life.err);
    let events: Vec<_> =
        life.out.lines().skip(1).map(|line| line.split_whitespace().nth(3).unwrap()).collect();
    assert_eq!(events, ["KeyCreated", "KeyRevoked"], "{}", life.out);
    assert!(life.out.contains("nightly") && life.out.contains("ada@example.com"), "{}", life.out);

    let stats = past.json(&["stats"]);
    assert_eq!(stats["by_event"]["KeyRevoked"], 1);
    assert_eq!(stats["by_way"]["cli"].as_u64().or(stats["by_way"]["graphql"].as_u64()), Some(3), "{stats}");
    let checked = past.json(&["rebuild", "--check"]);
    assert_eq!((&checked["ok"], &checked["live"]), (&Value::from(true), &checked["rebuilt"]));
}

#[test]
fn a_backup_and_an_export_tell_the_same() {
    let past = Past::new();
    let folder = past.scene.deployment.folder.path();
    let (backup, export, copy) = (folder.join("backup"), folder.join("log.jsonl"), folder.join("copy"));
    let data = past.scene.deployment.data();
    assert_eq!(run(&["backup", "--data", text(&data), "--to", text(&backup)]).code, 0);
    let ended = past.audit(&["export", "--to", text(&export)]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(past.audit(&["export"]).out, std::fs::read_to_string(&export).unwrap());
    let again = past.audit(&["export", "--to", text(&export)]);
    assert_eq!(again.code, 6, "never over another file: {}", again.out);
    assert!(again.err.contains("is there already; choose another name"), "{}", again.err);
    let again = past.audit(&["export", "--to", text(&export), "-o", "json"]);
    assert_eq!((again.code, again.error().0.as_str()), (6, "FILE_EXISTS"));
    let other = folder.join("other.jsonl");
    let told = past.json(&["export", "--to", text(&other)]);
    assert_eq!((&told["ok"], &told["file"]), (&Value::from(true), &Value::from(text(&other))));

    let sealed = past.json(&["show"]);
    for file in [&backup, &export] {
        let verified = run(&["audit", "verify", "--full", "--data", text(file)]);
        assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
        let shown = run(&["audit", "show", "--data", text(file), "--names", text(&data), "-o", "json"]);
        assert_eq!(shown.json(), sealed, "{}", file.display());
        let names_sealed = run(&["audit", "replay", "--data", text(file)]);
        assert!(!names_sealed.out.contains("ada@example.com") && names_sealed.out.contains("[sealed]"));
    }
    let imported = run(&["audit", "import", "--from", text(&export), "--data", text(&copy)]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    assert_eq!(run(&["audit", "verify", "--full", "--data", text(&copy)]).code, 0);
    let twice = run(&["audit", "import", "--from", text(&export), "--data", text(&copy), "-o", "json"]);
    assert_eq!((twice.code, twice.error().0.as_str()), (6, "LEDGER_EXISTS"));

    let whole = std::fs::read(&export).unwrap();
    std::fs::write(&export, &whole[..whole.len() / 2]).unwrap();
    for arguments in [&["audit", "verify", "--full"][..], &["audit", "stats"], &["audit", "replay"]] {
        let ended = run(&[arguments, &["--data", text(&export), "-o", "json"]].concat());
        assert_eq!(ended.code, 1, "{arguments:?}: {}", ended.out);
        let code = ended.error().0;
        assert!(code == "EXPORT_DAMAGED" || code == "VERIFICATION_FAILED", "{arguments:?}: {code}");
    }
}

/// Of a version that is yet to come, and not damaged.
#[test]
fn a_file_of_a_newer_version_is_told_from_a_damaged_one() {
    let deployment = Deployment::new();
    let folder = deployment.folder.path();
    let (backup, export) = (folder.join("backup"), folder.join("log.jsonl"));
    assert_eq!(deployment.run(&["backup", "--to", text(&backup)]).code, 0);
    let mut bytes = std::fs::read(&backup).unwrap();
    bytes[16] = 7;
    std::fs::write(&backup, bytes).unwrap();
    std::fs::write(&export, "{\"keyledger_export\":7}\n").unwrap();
    let (copy, new) = (folder.join("copy"), "--data");
    for (file, make) in [(&backup, "restore"), (&export, "audit import")] {
        let make: Vec<_> = make.split(' ').chain(["--from", text(file), new, text(&copy)]).collect();
        for arguments in [vec!["audit", "verify", "--full", "--data", text(file)], make] {
            let ended = run(&[&arguments[..], &["-o", "json"]].concat());
            let (code, message) = ended.error();
            assert_eq!((ended.code, code.as_str()), (1, "NEWER_VERSION"), "{arguments:?}: {message}");
            assert!(message.contains("version 7") && message.contains("version 1;"), "{message}");
        }
        let ended = run(&["audit", "rebuild", "--data", text(file), "-o", "json"]);
        assert_eq!(ended.error().0, "NOT_A_DATA_FOLDER");
    }
    assert!(!copy.exists());
}

/// A backup or an export in the place of a data folder is called what it is, and what to do with it is said.
#[test]
fn a_file_that_is_no_data_folder_is_told_for_what_it_is() {
    let deployment = Deployment::new();
    let folder = deployment.folder.path();
    let (backup, export, other) = (folder.join("backup"), folder.join("log.jsonl"), folder.join("other"));
    assert_eq!(deployment.run(&["backup", "--to", text(&backup)]).code, 0);
    assert_eq!(deployment.run(&["audit", "export", "--to", text(&export)]).code, 0);
    std::fs::write(&other, "hello\n").unwrap();
    let evidence = folder.join("evidence");
    for (file, what) in [
        (
            &backup,
            format!(
                "is a backup, and this command needs a data folder; make one of it, with: keyledger restore --from {} ",
                text(&backup)
            ),
        ),
        (
            &export,
            format!(
                "is an export, and this command needs a data folder; make one of it, with: keyledger audit import --from {} ",
                text(&export)
            ),
        ),
        (&other, "is a file, and neither a backup nor an export".to_owned()),
    ] {
        for arguments in [
            &["rebuild"][..],
            &["rebuild", "--check"],
            &["bundle", "--to", text(&evidence)],
            &["prove", "--position", "1"],
        ] {
            let ended = run(&[&["audit"], arguments, &["--data", text(file), "-o", "json"]].concat());
            let (code, message) = ended.error();
            assert_eq!((ended.code, code.as_str()), (2, "NOT_A_DATA_FOLDER"), "{arguments:?}: {message}");
            assert!(message.contains(&what), "{arguments:?}: {message}");
        }
    }
    // Nor is a ledger made where a file is.
    for arguments in [
        &["init", "--tenant", "acme", "--admin", "ada@example.com"][..],
        &["restore", "--from", text(&backup)],
        &["audit", "import", "--from", text(&export)],
    ] {
        let ended = run(&[arguments, &["--data", text(&other), "-o", "json"]].concat());
        let (code, message) = ended.error();
        assert_eq!((ended.code, code.as_str()), (1, "FILE_FAILED"), "{arguments:?}: {message}");
        assert!(message.contains("a file has this name; a data folder needs another"), "{message}");
    }
    let copy = folder.join("copy");
    for (from, what) in [
        ("/nonexist", "/nonexist: there is no such file; name that of an export"),
        ("/proc/self", "/proc/self: a folder without a ledger; name the file of an export"),
    ] {
        let nothing = run(&["audit", "import", "--from", from, "--data", text(&copy)]);
        assert_eq!(nothing.code, 1);
        assert!(nothing.err.contains(what), "{}", nothing.err);
        assert!(!copy.exists());
    }
}

/// What a killed one left is in nobody's way, and nobody takes it for an export.
#[test]
fn an_export_that_is_killed_leaves_none_of_its_name() {
    let deployment = Deployment::new();
    let to = deployment.folder.path().join("log.jsonl");
    let left = deployment.folder.path().join("log.jsonl.unfinished");
    for round in 0..20 {
        let mut command =
            keyledger(&["audit", "export", "--data", text(&deployment.data()), "--to", text(&to)]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        if !to.exists() {
            std::fs::write(&left, "{\"keyledger_exp").unwrap();
            assert_eq!(deployment.run(&["audit", "export", "--to", text(&to)]).code, 0);
        }
        assert_eq!(run(&["audit", "verify", "--full", "--data", text(&to)]).code, 0);
        assert!(!left.exists());
        std::fs::remove_file(&to).unwrap();
    }
    std::os::unix::fs::symlink("elsewhere", &left).unwrap();
    let ended = deployment.run(&["audit", "export", "--to", text(&to), "-o", "json"]);
    let (code, message) = ended.error();
    assert!(code == "FILE_FAILED" && message.contains("no unfinished export of yours"), "{message}");
}

/// An export can be piped, and one that is cut short leaves nothing.
#[test]
fn an_export_is_imported_from_standard_input() {
    let deployment = Deployment::new();
    let (copy, scratch) = (deployment.folder.path().join("copy"), deployment.folder.path().join("scratch"));
    std::fs::create_dir(&scratch).unwrap();
    let export = deployment.run(&["audit", "export"]).out;
    let import = |bytes: &[u8]| {
        let mut command = keyledger(&["audit", "import", "--from", "-", "--data", text(&copy), "-o", "json"]);
        let command = command.env("TMPDIR", &scratch).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        // A reader that has seen enough may leave before the end.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        Ended::of(child.wait_with_output().unwrap())
    };
    let short = import(&export.as_bytes()[..export.len() - 9]);
    let (code, message) = short.error();
    assert_eq!((short.code, code.as_str()), (1, "EXPORT_DAMAGED"));
    assert!(message.starts_with("what came by standard input is no whole export"), "{message}");
    assert!(!copy.exists());
    let whole = import(export.as_bytes());
    assert_eq!((whole.code, &whole.json()["head_position"]), (0, &Value::from("6")), "{}", whole.err);
    assert_eq!(run(&["audit", "export", "--data", text(&copy)]).out, export);
    assert_eq!(import(export.as_bytes()).error().0, "LEDGER_EXISTS");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "nothing is left behind");
}

/// Nor does one that is killed, while a part has come and the rest is waited for.
#[test]
fn an_import_that_is_killed_leaves_nothing() {
    let deployment = Deployment::new();
    let (copy, scratch) = (deployment.folder.path().join("copy"), deployment.folder.path().join("scratch"));
    std::fs::create_dir(&scratch).unwrap();
    let export = deployment.run(&["audit", "export"]).out;
    let mut command = keyledger(&["audit", "import", "--from", "-", "--data", text(&copy)]);
    let mut child = command.env("TMPDIR", &scratch).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&export.as_bytes()[..export.len() / 2]).unwrap();
    // More than a pipe holds: that all of it was taken says that it is read, so the file is there.
    stdin.write_all(&vec![b'x'; 1 << 20]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    assert!(!copy.exists());
}

/// Names leave the folder only where somebody says so.
#[test]
fn events_of_ocsf_have_the_names_that_are_asked_for() {
    let deployment = Deployment::new();
    let (data, export) = (deployment.data(), deployment.folder.path().join("log.jsonl"));
    assert_eq!(deployment.run(&["audit", "export", "--to", text(&export)]).code, 0);
    let sealed = deployment.run(&["audit", "export", "--form", "ocsf"]);
    assert!(sealed.code == 0 && !sealed.out.contains("ada@example.com"), "{}", sealed.out);
    for log in [&data, &export] {
        let arguments = ["audit", "export", "--form", "ocsf", "--data", text(log), "--names", text(&data)];
        let opened = run(&arguments);
        assert_eq!((opened.code, opened.err.as_str()), (0, ""));
        let user = opened.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let user = user.into_iter().find(|event| event["metadata"]["event_code"] == "UserCreated").unwrap();
        assert_eq!(user["unmapped"]["payload"]["email"]["text"], "ada@example.com");
    }
    let ended = deployment.run(&["audit", "export", "--names", text(&data), "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "USAGE"), "{}", ended.out);
}

#[test]
fn bad_moments_and_keys_have_codes() {
    let deployment = Deployment::new();
    let code = |arguments: &[&str]| {
        let ended = deployment.run(&[&["audit"], arguments, &["-o", "json"]].concat());
        assert_eq!(ended.out, "", "{arguments:?}");
        (ended.code, ended.error().0)
    };
    let refused = |code: &str| (2, code.to_owned());
    assert_eq!(code(&["replay", "--as-of", "7"]), refused("AS_OF_BEYOND_HEAD"));
    assert_eq!(code(&["replay", "--as-of", "before:1"]), refused("AS_OF_BEFORE_FIRST_EVENT"));
    assert_eq!(code(&["replay", "--as-of", "-10d"]), refused("AS_OF_BEFORE_FIRST_EVENT"));
    assert_eq!(code(&["replay", "--as-of", "1h"]), refused("AS_OF_IN_FUTURE"));
    assert_eq!(code(&["diff", "4", "3"]), refused("AS_OF_BACKWARDS"));
    assert_eq!(code(&["show", "--from", "4", "--to", "3"]), refused("AS_OF_BACKWARDS"));
    assert_eq!(code(&["show", "--since", "-1h", "--until", "-2h"]), refused("AS_OF_BACKWARDS"));
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(code(&["timeline", nobody]), (5, "NO_SUCH_KEY".to_owned()));
    let key = deployment.id("key_id");
    assert_eq!(code(&["timeline", key, "--until", "30d"]), refused("AS_OF_IN_FUTURE"));
    let before = ["timeline", key, "--until", "2020-01-01T00:00:00Z"];
    assert_eq!(code(&before), (5, "MADE_LATER".to_owned()));
    assert_eq!(code(&["timeline", nobody, "--until", "2020-01-01T00:00:00Z"]), (5, "NO_SUCH_KEY".to_owned()));
    let said = deployment.run(&[&["audit"], &before[..]].concat()).err;
    assert!(said.contains("was made later, at position 5, "), "{said}");
    let ended = deployment.run(&["audit", "replay", "--as-of", "yesterday"]);
    assert!(ended.code == 2 && ended.err.contains("before:1042"), "{}", ended.err);
}

/// An empty answer would say that a tenant has nothing.
#[test]
fn a_tenant_that_the_moment_does_not_know_is_told() {
    let scene = Scene::new();
    let made = scene.done(&["tenant", "create", "other", "--admin", "eve@example.com"]);
    let tenant = made["tenant_id"].as_str().or(made["id"].as_str()).unwrap_or_else(|| panic!("{made}"));
    let run = |arguments: &[&str]| {
        scene.deployment.run(&[&["audit"], arguments, &["--tenant", tenant, "-o", "json"]].concat())
    };
    let shown = run(&["show", "--type", "TenantCreated"]).json();
    let position = shown[0]["position"].as_str().unwrap().to_owned();
    assert!(!run(&["replay"]).json()["rows"].as_array().unwrap().is_empty());
    assert!(!run(&["diff", "6"]).json()["differences"].as_array().unwrap().is_empty());
    for arguments in [&["replay", "--as-of", "6"][..], &["diff", "2", "6"]] {
        let ended = run(arguments);
        let (code, message) = ended.error();
        assert_eq!((ended.code, code.as_str(), ended.out.as_str()), (5, "MADE_LATER", ""), "{arguments:?}");
        assert!(message.contains(&format!("was made later, at position {position}, ")), "{message}");
    }
    for arguments in [&["replay"][..], &["diff", "2", "6"]] {
        let nobody = ["--tenant", crate::scene::NOBODY, "-o", "json"];
        let ended = scene.deployment.run(&[&["audit"], arguments, &nobody].concat());
        assert_eq!((ended.code, ended.error().0.as_str()), (5, "NO_SUCH_TENANT"), "{arguments:?}");
    }
    scene.done(&["tenant", "remove", "other", "--yes"]);
    let removed = scene.deployment.run(&["audit", "replay", "--living", "--tenant", tenant]);
    assert_eq!((removed.code, removed.err), (0, format!("note: tenant {tenant} had been removed by then\n")));
}

#[test]
fn csv_has_headings_and_times_narrow() {
    let deployment = Deployment::new();
    let csv = deployment.run(&["audit", "show", "-o", "csv"]).out;
    let headings = "position,recorded_at,event,actor,actor_id,actor_key,actor_token,tenant,user,service_account,keys,signing_key,way,request_id,idempotency_key,cause,hash,what\r\n1,";
    assert!(csv.starts_with(headings), "{csv}");
    assert_eq!(csv.lines().count(), 7);
    // Rows can be joined by whole ids: the key's has its owner and its tenant.
    let made: Vec<_> = csv.lines().nth(5).unwrap().split(',').collect();
    let ids = ["tenant_id", "user_id"].map(|name| deployment.id(name));
    assert_eq!((made[2], &made[7..9], made[10]), ("KeyCreated", &ids[..], deployment.id("key_id")));
    let life = deployment.run(&["audit", "timeline", deployment.id("key_id"), "-o", "csv"]).out;
    assert!(life.lines().next().unwrap().ends_with(",hash,what,status"), "{life}");
    assert!(life.lines().nth(1).unwrap().ends_with(",accepted"), "{life}");
    let replayed = deployment.run(&["audit", "replay", "--as-of", "5", "-o", "csv"]);
    assert!(replayed.out.starts_with("kind,id,tenant,status,what\r\n"), "{}", replayed.out);
    assert!(replayed.err.starts_with("note: As of position 5, "), "{}", replayed.err);
    assert!(replayed.err.ends_with("; the log ends at position 6\n"), "{}", replayed.err);
    let diff = deployment.run(&["audit", "diff", "4", "5", "-o", "csv"]);
    assert!(diff.out.starts_with("change,kind,id,tenant,access,what\r\nadded,key,"), "{}", diff.out);
    assert!(diff.err.starts_with("note: From position 4, "), "{}", diff.err);
    let count = |arguments: &[&str]| {
        let ended = deployment.run(&[&["audit", "show", "-o", "jsonl"], arguments].concat());
        assert_eq!(ended.code, 0, "{}", ended.err);
        ended.out.lines().count()
    };
    assert_eq!((count(&["--since", "-1h"]), count(&["--until", "-1h"])), (6, 0));
}

#[test]
fn what_comes_is_followed() {
    let scene = Scene::new();
    let data = scene.deployment.data();
    let mut child = keyledger(&[
        "audit",
        "show",
        "-f",
        "-o",
        "jsonl",
        "--type",
        "ServiceAccountCreated",
        "--data",
        text(&data),
    ])
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["one", "two"] {
        scene.done(&["service-account", "create", name]);
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(event["payload"]["name"]["text"], name);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What can have no more entries ends, and does not wait for an interruption.
#[test]
fn following_ends_where_nothing_more_can_come() {
    let scene = Scene::new();
    let data = scene.deployment.data();
    let listed = |form: &str, arguments: &[&str]| {
        let arguments = [&["audit", "show", "-f", "-o", form, "--data", text(&data)], arguments].concat();
        let mut child = keyledger(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let began = std::time::Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(began.elapsed().as_secs() < 20, "{arguments:?} goes on");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        BufReader::new(child.stdout.take().unwrap()).lines().count()
    };
    let lines = |arguments: &[&str]| listed("jsonl", arguments);
    assert_eq!(lines(&["--to", "3"]), 3);
    assert_eq!(lines(&["--limit", "1"]), 1);
    assert_eq!(lines(&["--limit", "0"]), 0);
    assert_eq!(lines(&["--until", "-1h"]), 0);
    // Six of init, and how long tokens live, which the server said when it started.
    assert_eq!(lines(&["--until", "1s"]), 7);
    // And with what comes meanwhile.
    std::thread::scope(|threads| {
        let awaited = threads.spawn(|| lines(&["--from", "8", "--limit", "1"]));
        scene.done(&["service-account", "create", "one"]);
        assert_eq!(awaited.join().unwrap(), 1);
        // The headings stand once, also where more came later.
        let awaited = ["csv", "table"]
            .map(|form| threads.spawn(move || listed(form, &["--from", "7", "--limit", "3"])));
        std::thread::sleep(std::time::Duration::from_millis(300));
        scene.done(&["service-account", "create", "two"]);
        assert_eq!(awaited.map(|listing| listing.join().unwrap()), [4, 4]);
    });
    assert_eq!(lines(&["--to", "7"]), 7);
}
