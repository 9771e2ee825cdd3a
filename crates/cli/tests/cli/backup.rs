//! `backup` and `restore` as processes, up to the refusal of what is older than its guard.

use std::fs;
use std::process::{Command, Stdio};

use crate::server::Server;
use crate::support::{Deployment, run, text};

#[test]
fn an_older_backup_is_restored_refused_at_start_and_gone_on_from_only_if_that_is_accepted() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("backup");
    let ended = deployment.run(&["backup", "--to", text(&file), "-o", "json"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "off a terminal there is no progress");
    let made = ended.json();
    assert_eq!(made["position"], "6");
    assert_eq!(made["bytes"], fs::metadata(&file).unwrap().len());
    assert_eq!(made["secrets_included"], false);
    let ended = deployment.run(&["audit", "verify", "--full", "-o", "json"]);
    assert_eq!(ended.json()["head_hash"], made["hash"]);

    // More events: a rollback that is accepted is recorded.
    let guard = deployment.data().join("guard");
    let seen = fs::read_to_string(&guard).unwrap();
    fs::write(&guard, seen.replace("position 6", "position 7")).unwrap();
    assert_eq!(Server::start(&deployment, &["--accept-rollback"]).stop("-TERM").0, 0);

    let again = deployment.run(&["restore", "--from", text(&file), "-o", "json"]);
    assert_eq!((again.code, again.error().0.as_str()), (6, "LEDGER_EXISTS"));
    fs::rename(deployment.data().join("ledger.redb"), deployment.folder.path().join("broken")).unwrap();
    let ended = deployment.run(&["restore", "--from", text(&file), "-o", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let restored = ended.json();
    assert_eq!((&restored["position"], &restored["hash"]), (&made["position"], &made["hash"]));
    assert_eq!(restored["guard"], "older");
    assert_eq!(restored["secrets_missing"], serde_json::json!([]));

    let refused = deployment.run(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains(r#""code":"ROLLED_BACK""#), "{}", refused.err);
    let (code, _, log) = Server::start(&deployment, &["--accept-rollback"]).stop("-TERM");
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("Repeat those revocations now"), "{log}");
    assert_eq!(Server::start(&deployment, &[]).stop("-TERM").0, 0);
    let ended = deployment.run(&["audit", "verify", "--full"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn people_are_told_what_is_missing_and_what_comes_next() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("backup");
    let ended = deployment.run(&["backup", "--to", text(&file)]);
    assert!(ended.out.contains("The secrets are NOT in it"), "{}", ended.out);
    let elsewhere = deployment.folder.path().join("elsewhere");
    let ended = run(&["restore", "--from", text(&file), "--data", text(&elsewhere)]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    for part in ["REPEAT every revocation", "secrets/pepper", "--accept-rollback"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    // Its guard may only not have been named.
    let told = |part: &str| ended.out.find(part).unwrap_or_else(|| panic!("{part}: {}", ended.out));
    assert!(told("--guard or --config") < told("--accept-rollback"));
    assert!(!ended.out.ends_with("--accept-rollback\n"), "{}", ended.out);
    fs::remove_file(deployment.data().join("guard")).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["recover", "--user", "ada@example.com"]] {
        let (code, message) = deployment.run(&[command, &["-o", "json"]].concat()).error();
        assert_eq!(code, "NO_GUARD", "{message}");
        // Not every command has that flag, and mostly it is not what is needed.
        assert!(message.contains("give that place with --guard or --config"), "{message}");
        assert!(!message.contains("--accept-rollback"), "{message}");
    }
    let ended = deployment.run(&["backup", "--to", text(&file), "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (6, "BACKUP_EXISTS"));
}

#[test]
fn a_damaged_backup_leaves_no_folder() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("backup");
    assert_eq!(deployment.run(&["backup", "--to", text(&file)]).code, 0);
    let whole = fs::read(&file).unwrap();
    let damaged = deployment.folder.path().join("damaged");
    fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    let elsewhere = deployment.folder.path().join("elsewhere");
    let ended = run(&["restore", "--from", text(&damaged), "--data", text(&elsewhere), "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (1, "BACKUP_DAMAGED"));
    assert!(!ended.err.contains("audit import"), "{}", ended.err);
    assert!(!elsewhere.exists());
}

#[test]
fn an_export_in_the_place_of_a_backup_is_told_from_a_damaged_one() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("log.jsonl");
    fs::write(&file, deployment.run(&["audit", "export"]).out).unwrap();
    let elsewhere = deployment.folder.path().join("elsewhere");
    let ended = run(&["restore", "--from", text(&file), "--data", text(&elsewhere)]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    let way = format!("keyledger audit import --from {} --data NEW_FOLDER", text(&file));
    assert!(ended.err.contains(&way), "{}", ended.err);
    assert!(!elsewhere.exists());
    assert_eq!(run(&["audit", "import", "--from", text(&file), "--data", text(&elsewhere)]).code, 0);
}

#[test]
fn a_backup_is_made_beside_a_server_unless_it_is_exclusive() {
    let deployment = Deployment::new();
    let server = Server::start(&deployment, &[]);
    let file = deployment.folder.path().join("backup");
    assert_eq!(deployment.run(&["backup", "--to", text(&file)]).code, 0);
    assert_eq!(server.stop("-TERM").0, 0);
    let server = Server::start(&deployment, &["--exclusive"]);
    let other = deployment.folder.path().join("other");
    let ended = deployment.run(&["backup", "--to", text(&other), "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (6, "LEDGER_IN_USE"));
    assert!(!other.exists());
    drop(server);
}

/// `script` gives the command a terminal: whoever watches sees each step, and at the end only what was asked for.
#[test]
fn on_a_terminal_each_step_is_shown_and_then_cleared() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("backup");
    let binary = env!("CARGO_BIN_EXE_keyledger");
    let line = format!("'{binary}' backup --to '{}' --data '{}'", text(&file), text(&deployment.data()));
    let mut command = Command::new("script");
    command.args(["-q", "-e", "-c", &line, "/dev/null"]).stdin(Stdio::null());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    let output = command.output().expect("util-linux has script");
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{screen}");
    for step in ["copying   [", "checking  [", " of 6 events"] {
        assert!(screen.contains(step), "{step}: {screen}");
    }
    // The line of the bar is taken back (ECMA-48, erase in line) before the result is written there.
    let (bars, result) = screen.rsplit_once("\r\u{1b}[2K").expect("the bar is cleared");
    assert!(bars.contains("checking") && result.starts_with("OK: the log up to position 6"), "{screen}");
}

#[test]
fn a_ledger_is_compacted_when_nobody_else_has_it_open_and_says_the_same() {
    let deployment = Deployment::new();
    let server = Server::start(&deployment, &[]);
    let refused = deployment.run(&["compact", "-o", "json"]);
    assert_eq!((refused.code, refused.error().0.as_str()), (6, "LEDGER_IN_USE"));
    assert_eq!(server.stop("-TERM").0, 0);
    let before = deployment.run(&["audit", "verify", "--full", "-o", "json"]).json();
    let compacted = deployment.run(&["compact", "-o", "json"]);
    assert_eq!(compacted.code, 0, "{}", compacted.err);
    let told = compacted.json();
    assert_eq!(told["position"], before["events"].to_string());
    assert_eq!(told["hash"], before["head_hash"]);
    let ledger = fs::metadata(deployment.data().join("ledger.redb")).unwrap().len();
    assert_eq!(told["bytes_after"], ledger);
    let ended = deployment.run(&["compact"]);
    assert!(ended.out.starts_with("Compacted ") && ended.out.contains("7 events"), "{}", ended.out);
    assert_eq!(deployment.run(&["audit", "verify", "--full"]).code, 0);
    assert_eq!(Server::start(&deployment, &[]).stop("-TERM").0, 0);
}

/// Moving the ledger away takes nothing from the server that has it open: two would write one guard, and what one of them revoked
/// would come back.
#[test]
fn a_server_keeps_its_folder_when_its_ledger_is_moved_away() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("backup");
    assert_eq!(deployment.run(&["backup", "--to", text(&file)]).code, 0);
    let server = Server::start(&deployment, &[]);
    let ledger = deployment.data().join("ledger.redb");
    let broken = deployment.data().join("ledger.broken");
    fs::rename(&ledger, &broken).unwrap();
    let refused = deployment.run(&["restore", "--from", text(&file), "-o", "json"]);
    assert_eq!((refused.code, refused.error().0.as_str()), (6, "LEDGER_IN_USE"), "{}", refused.err);
    fs::copy(&broken, &ledger).unwrap();
    let refused = deployment.run(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]);
    assert_eq!(refused.code, 6, "{}", refused.err);
    assert!(refused.err.contains("LEDGER_IN_USE"), "{}", refused.err);
    fs::remove_file(&ledger).unwrap();
    assert_eq!(server.stop("-TERM").0, 0);
    assert_eq!(deployment.run(&["restore", "--from", text(&file)]).code, 0);
}

#[test]
fn the_key_for_checkpoints_is_among_the_secrets_that_are_missed() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("backup");
    assert_eq!(deployment.run(&["backup", "--to", text(&file)]).code, 0);
    fs::remove_file(deployment.data().join("ledger.redb")).unwrap();
    let note_key = deployment.data().join("secrets/note.key");
    fs::remove_file(&note_key).unwrap();
    let restored = deployment.run(&["restore", "--from", text(&file), "-o", "json"]).json();
    assert_eq!(restored["secrets_missing"], serde_json::json!([text(&note_key)]));
}

#[test]
fn a_backup_is_no_stream() {
    let deployment = Deployment::new();
    let refused = deployment.run(&["backup", "--to", "-", "-o", "json"]);
    assert_eq!((refused.code, refused.error().0.as_str()), (2, "USAGE"));
    assert!(!std::path::Path::new("-").exists());
}

#[test]
fn a_backup_in_the_place_of_a_data_folder_is_told_for_what_it_is() {
    let deployment = Deployment::new();
    let file = deployment.folder.path().join("backup");
    assert_eq!(deployment.run(&["backup", "--to", text(&file)]).code, 0);
    for command in [&["serve"][..], &["compact"], &["recover", "--user", "ada@example.com"]] {
        let refused = run(&[command, &["--data", text(&file), "-o", "json"]].concat());
        assert_eq!(refused.code, 2, "{command:?}: {}", refused.err);
        assert!(refused.err.contains("NOT_A_DATA_FOLDER"), "{command:?}: {}", refused.err);
    }
}
