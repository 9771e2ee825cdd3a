//! `audit show` and `audit verify`, run on what `init` made.

use std::fs;
use std::os::unix::fs::FileExt as _;

use serde_json::Value;

use crate::support::{Deployment, run, text};

const BOOTSTRAP: [&str; 6] =
    ["TenantCreated", "UserCreated", "OperatorGranted", "MemberAdded", "KeyCreated", "SigningKeyAdded"];

#[test]
fn the_first_events_are_listed_in_three_forms() {
    let deployment = Deployment::new();
    let table = deployment.run(&["audit", "show"]);
    assert_eq!((table.code, table.err.as_str()), (0, ""));
    assert!(table.out.starts_with("POSITION  TIME"), "{}", table.out);
    for event in BOOTSTRAP {
        assert!(table.out.contains(event), "{event} is not in {}", table.out);
    }
    assert!(table.out.contains("ada@example.com"), "{}", table.out);

    let json = deployment.run(&["audit", "show", "-o", "json"]).json();
    let lines = deployment.run(&["audit", "show", "-o", "jsonl"]).out;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json, Value::from(lines));
    let events: Vec<_> =
        json.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(events, BOOTSTRAP);
    assert!(!json.to_string().contains(deployment.id("key")));
}

#[test]
fn listings_are_narrowed() {
    let deployment = Deployment::new();
    let positions = |arguments: &[&str]| {
        let ended = deployment.run(&[&["audit", "show", "-o", "json"], arguments].concat());
        assert_eq!(ended.code, 0, "{}", ended.err);
        let position = |event: &Value| event["position"].as_str().unwrap().to_owned();
        ended.json().as_array().unwrap().iter().map(position).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(positions(&[]), "1 2 3 4 5 6");
    assert_eq!(positions(&["--from", "2", "--to", "3"]), "2 3");
    assert_eq!(positions(&["--limit", "1"]), "1");
    assert_eq!(positions(&["--type", "KeyCreated,usercreated"]), "2 5");
    assert_eq!(positions(&["--key", deployment.id("key_id")]), "5");
    assert_eq!(positions(&["--actor", "console"]), "1 2 3 4 5 6");
    assert_eq!(positions(&["--actor", "server"]), "");
    assert_eq!(positions(&["--tenant", deployment.id("tenant_id"), "--type", "KeyRevoked"]), "");
    let of_tenant = positions(&["--tenant", deployment.id("tenant_id")]);
    assert!(
        of_tenant.starts_with("1 ") && of_tenant.contains('5') && !of_tenant.contains('6'),
        "{of_tenant}"
    );
}

/// The wrong file is no reason to believe that events were changed.
#[test]
fn a_checkpoint_of_another_log_is_told_from_one_that_is_not_kept() {
    let (deployment, other) = (Deployment::new(), Deployment::new());
    let checkpoint = |of: &Deployment| of.data().join("guard.checkpoint").display().to_string();
    let verified = |file: &str| deployment.run(&["audit", "verify", "--against", file, "-o", "json"]);
    assert_eq!(verified(&checkpoint(&deployment)).code, 0);
    let ended = verified(&checkpoint(&other));
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (1, "PROOF_INVALID"));
    assert!(message.contains("guard.checkpoint: the checkpoint is of another log, keyledger/"), "{message}");
    // One that was signed under another name, which a log may have had once: whoever gives the key of that time says so.
    let note = fs::read_to_string(checkpoint(&deployment)).unwrap();
    let renamed = deployment.data().join("renamed");
    let (_, rest) = note.split_once('\n').unwrap();
    fs::write(&renamed, format!("keys.example.com/log\n{rest}")).unwrap();
    let (code, message) = verified(&renamed.display().to_string()).error();
    assert_eq!(code, "PROOF_INVALID");
    assert!(message.contains("give the key of that time with --verifier-key"), "{message}");
    // That of a time when the log was called by its ledger's id is its own, whatever it is called now.
    let own = deployment.data().join("own");
    fs::rename(checkpoint(&deployment), &own).unwrap();
    fs::rename(&renamed, checkpoint(&deployment)).unwrap();
    // We did not sign it; without the key, nobody can tell.
    fs::remove_file(deployment.data().join("secrets/note.key")).unwrap();
    assert_eq!(verified(&own.display().to_string()).code, 0);
}

/// A mistyped id is no reason to believe that nothing happened.
#[test]
fn an_id_that_the_log_does_not_know_is_refused() {
    let deployment = Deployment::new();
    let export = deployment.folder.path().join("log.jsonl");
    assert_eq!(deployment.run(&["audit", "export", "--to", text(&export)]).code, 0);
    let user = deployment.id("user_id");
    let unknown = [("--key", user), ("--tenant", user), ("--actor", deployment.id("tenant_id"))];
    for ((flag, id), expected) in unknown.into_iter().zip(["NO_SUCH_KEY", "NO_SUCH_TENANT", "NO_SUCH_ACTOR"])
    {
        for data in [deployment.data(), export.clone()] {
            let ended = run(&["audit", "show", flag, id, "--to", "2", "--data", text(&data), "-o", "json"]);
            assert_eq!((ended.code, ended.out.as_str()), (5, ""), "{flag}: {}", ended.err);
            let (code, message) = ended.error();
            assert!(code == expected && message.contains(id), "{code}: {message}");
        }
        // It may come yet, and that nothing more is wanted ends this listing.
        let followed = deployment.run(&["audit", "show", "-f", flag, id, "--to", "2"]);
        assert_eq!(followed.code, 0, "{}", followed.err);
        assert!(followed.err.starts_with("note: the log knows no "), "{}", followed.err);
    }
    assert_eq!(deployment.run(&["audit", "show", "--actor", user]).code, 0, "who did nothing is known");
}

/// A line that was cut short by a crash is no damage; any other that cannot be read is told.
#[test]
fn names_whose_keys_are_damaged_stay_sealed_and_people_are_told() {
    let deployment = Deployment::new();
    let path = deployment.data().join("secrets/subjects");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}user:01890a5d")).unwrap();
    assert_eq!(deployment.run(&["audit", "show"]).err, "");
    fs::write(&path, format!("garbage\n{}", whole.split_once('\n').unwrap().1)).unwrap();
    let ended = deployment.run(&["audit", "show"]);
    assert_eq!(ended.code, 0);
    assert!(ended.err.starts_with("note: names stay sealed whose keys cannot be read: "), "{}", ended.err);
    assert!(ended.out.contains("[sealed]"), "{}", ended.out);
}

#[test]
fn names_stay_sealed_without_the_secrets() {
    let deployment = Deployment::new();
    fs::remove_dir_all(deployment.data().join("secrets")).unwrap();
    let ended = deployment.run(&["audit", "show"]);
    assert_eq!(ended.code, 0);
    assert!(ended.err.starts_with("note: names stay sealed"), "{}", ended.err);
    assert!(ended.out.contains("[sealed]") && !ended.out.contains("ada@example.com"), "{}", ended.out);
}

#[test]
fn a_new_ledger_passes() {
    let deployment = Deployment::new();
    let table = deployment.run(&["audit", "verify", "--full"]);
    assert_eq!((table.code, table.err.as_str()), (0, ""), "{}", table.out);
    assert!(table.out.lines().last().unwrap().starts_with("OK: 6 events"), "{}", table.out);
    let report = deployment.run(&["audit", "verify", "--full", "-o", "json"]).json();
    assert_eq!((&report["ok"], &report["events"]), (&Value::from(true), &Value::from(6)));
}

#[test]
fn what_is_left_to_a_full_verification_is_named() {
    let deployment = Deployment::new();
    let left = "causes, encoding, entities, versions, rows, lists, counts, sums, pages";
    let table = deployment.run(&["audit", "verify"]);
    assert_eq!((table.code, table.err.as_str()), (0, ""), "{}", table.out);
    assert!(table.out.trim_end().ends_with(&format!("; left to --full: {left}")), "{}", table.out);
    let unsaid = |arguments: &[&str]| {
        let report = deployment.run(arguments).json();
        let checks = report["checks"].as_array().unwrap().iter();
        let names = checks.filter(|check| check["ok"].is_null()).map(|check| check["name"].as_str().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(unsaid(&["audit", "verify", "-o", "json"]), left);
    assert_eq!(unsaid(&["audit", "verify", "--full", "-o", "json"]), "");
}

#[test]
fn a_rolled_back_ledger_fails_with_a_report() {
    let deployment = Deployment::new();
    let guard = deployment.data().join("guard");
    let text = fs::read_to_string(&guard).unwrap();
    fs::write(&guard, text.replace("position 6", "position 7")).unwrap();

    let ended = deployment.run(&["audit", "verify", "-o", "json"]);
    assert_eq!((ended.code, &ended.json()["ok"]), (1, &Value::from(false)));
    assert_eq!(ended.error().0, "VERIFICATION_FAILED");
    let ended = deployment.run(&["audit", "verify", "--full"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.lines().last().unwrap().starts_with("FAILED: "), "{}", ended.out);
    assert!(ended.err.starts_with("error: the ledger did not pass: "), "{}", ended.err);
}

/// Wherever a byte is changed, the answer is a report or an error of ours, never a panic.
#[test]
fn damage_is_told_as_an_error() {
    let deployment = Deployment::new();
    let ledger = deployment.data().join("ledger.redb");
    let good = fs::read(&ledger).unwrap();
    for at in (0..good.len()).step_by(good.len() / 40 + 1) {
        fs::write(&ledger, &good).unwrap();
        let file = fs::File::options().write(true).open(&ledger).unwrap();
        file.write_all_at(&[good[at] ^ 0x55], at as u64).unwrap();
        for command in ["show", "verify"] {
            let ended = deployment.run(&["audit", command, "-o", "json"]);
            if ended.code == 0 {
                assert_eq!(ended.err, "", "{command}, byte {at}");
            } else {
                assert_eq!(ended.code, 1, "{command}, byte {at}: {}", ended.err);
                assert_ne!(ended.error().0, "DEFECT", "{command}, byte {at}: {}", ended.err);
            }
        }
    }
}

#[test]
fn a_folder_without_a_ledger_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["show", "verify"] {
        let ended = run(&["audit", command, "--data", text(folder.path()), "-o", "json"]);
        let (code, message) = ended.error();
        assert_eq!((ended.code, code.as_str()), (5, "NO_LEDGER"));
        let init = format!("keyledger init --data {} --tenant SLUG --admin EMAIL", text(folder.path()));
        assert!(message.contains(&init), "{message}");
    }
}

/// An upgrade is no damage. In the file, the version follows the other values of its table.
#[test]
fn views_of_another_version_are_called_that() {
    let deployment = Deployment::new();
    let ledger = deployment.data().join("ledger.redb");
    let good = fs::read(&ledger).unwrap();
    let of_version = |change: i8| {
        let (keys, mut bytes) = (b"headledgerviews", good.clone());
        for at in (0..bytes.len() - 100).filter(|at| good[*at..].starts_with(keys)) {
            let version = at + keys.len() + 48 + 16;
            bytes[version] = good[version].wrapping_add_signed(change);
        }
        fs::write(&ledger, bytes).unwrap();
    };
    for (change, advice) in [(-1, "keyledger audit rebuild"), (1, "use the keyledger that wrote them")] {
        of_version(change);
        for command in ["show", "verify", "replay", "stats", "export"] {
            let ended = deployment.run(&["audit", command, "-o", "json"]);
            let (code, message) = ended.error();
            assert_eq!((ended.code, code.as_str()), (1, "VIEWS_OF_ANOTHER_VERSION"), "{command}: {message}");
            assert!(message.contains("nothing is damaged") && message.contains(advice), "{message}");
        }
    }
    of_version(0);
    assert_eq!(deployment.run(&["audit", "verify", "--full"]).code, 0);
}

/// Here a link that leads to itself, as `root` is kept out by no permissions. Who is told that there is none makes one.
#[test]
fn a_ledger_that_cannot_be_looked_at_is_not_called_missing() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("ledger.redb", folder.path().join("ledger.redb")).unwrap();
    let data = ["--data", text(folder.path())];
    for command in
        [&["audit", "show"][..], &["audit", "verify", "--full"], &["serve", "--listen", "127.0.0.1:0"]]
    {
        let ended = run(&[command, &data].concat());
        let told = ended.err.contains("ledger.redb: ") && !ended.err.contains("keyledger init");
        assert!(ended.code == 1 && told, "{command:?}: {}", ended.err);
    }
}

#[test]
fn views_are_built_anew_and_are_what_they_were() {
    let deployment = Deployment::new();
    let rebuilt = deployment.run(&["audit", "rebuild", "-o", "json"]).json();
    assert_eq!(rebuilt["ok"], true);
    assert!(rebuilt["rows"].as_u64().unwrap() > 6, "{rebuilt}");
    assert_eq!(deployment.run(&["audit", "rebuild", "-o", "json"]).json(), rebuilt);
    let verified = deployment.run(&["audit", "verify", "--full"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    let nowhere = deployment.data().join("nowhere");
    assert_eq!(run(&["audit", "rebuild", "--data", text(&nowhere)]).code, 5);
}

/// Wherever a page is damaged: either the log is whole, and a rebuild leaves a ledger that passes and keeps the damaged file; or
/// it refuses, and nothing was changed. Damage of the views is always mended.
#[test]
fn damaged_pages_of_the_views_are_thrown_away() {
    let deployment = Deployment::new();
    let (ledger, kept) =
        (deployment.data().join("ledger.redb"), deployment.data().join("ledger.redb.damaged"));
    let good = fs::read(&ledger).unwrap();
    let log = deployment.run(&["audit", "export"]).out;
    let (mut mended, mut refused) = (0, 0);
    for at in (0..good.len()).step_by(4096).map(|page| page + 40) {
        let mut damaged = good.clone();
        damaged[at] ^= 0x55;
        fs::write(&ledger, &damaged).unwrap();
        let verified = deployment.run(&["audit", "verify", "--full", "-o", "json"]);
        let said = verified.out.clone();
        let names_a_view = ["views", "links", "lifetimes", "histories", "tree", "attempts"]
            .iter()
            .any(|name| said.contains(&format!("table \\\"{name}\\\": the page")));
        if names_a_view {
            assert!(said.contains("keyledger audit rebuild"), "{said}");
        }
        let rebuilt = deployment.run(&["audit", "rebuild", "-o", "json"]);
        if rebuilt.code == 0 {
            let verified = deployment.run(&["audit", "verify", "--full"]);
            assert_eq!(verified.code, 0, "byte {at}: {}", verified.out);
            assert_eq!(deployment.run(&["audit", "export"]).out, log);
            if let Some(path) = rebuilt.json()["kept"].as_str() {
                assert_eq!(path, text(&kept));
                assert!(fs::read(&kept).unwrap() == damaged, "byte {at}");
                fs::remove_file(&kept).unwrap();
                mended += 1;
            }
        } else {
            assert!(!names_a_view, "byte {at}: {}", rebuilt.err);
            assert!(fs::read(&ledger).unwrap() == damaged && !kept.exists(), "byte {at}");
            refused += 1;
        }
        let left: Vec<_> =
            fs::read_dir(deployment.data()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name == "ledger.redb.unfinished"), "{left:?}");
    }
    assert!(mended > 3 && refused > 1, "{mended} mended, {refused} refused");
}

#[test]
fn an_error_for_people_holds_nothing_that_a_terminal_would_obey() {
    let ended = run(&["audit", "verify", "--data", "/nowhere/\u{1b}[2J"]);
    assert!(ended.code == 5 && ended.err.contains("/nowhere/\\u{1b}[2J"), "{}", ended.err);
    assert!(ended.err.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", ended.err);
}
