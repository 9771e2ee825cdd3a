//! `doctor`: a healthy deployment passes, and each thing that is wrong is found.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::server::Server;
use crate::support::{Deployment, Ended, text};

/// The level and the detail of a check.
fn check(ended: &Ended, name: &str, level: &str) -> String {
    let json = ended.json();
    let checks = json["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name && check["level"] == level);
    let found: &Value = found.unwrap_or_else(|| panic!("no check {name} is {level}: {json:#}"));
    assert_eq!(found["next"].is_null(), level == "ok", "{found}");
    found["detail"].as_str().unwrap().to_owned()
}

fn doctor(deployment: &Deployment, more: &[&str]) -> Ended {
    deployment.run(&[&["doctor", "-o", "json"], more].concat())
}

#[test]
fn a_healthy_deployment_passes_at_rest_and_in_service() {
    let deployment = Deployment::new();
    let ended = doctor(&deployment, &[]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for name in ["configuration", "permissions", "ledger", "clock", "pepper", "master key", "names"] {
        check(&ended, name, "ok");
    }
    let server = Server::start(&deployment, &[]);
    let url = server.line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    let ended = doctor(&deployment, &["--url", &url]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for name in ["ledger", "reachable", "ready", "server's clock", "proxy"] {
        check(&ended, name, "ok");
    }
    assert_eq!(server.stop("-TERM").0, 0);
    let ended = doctor(&deployment, &["--url", &url]);
    assert_eq!(ended.code, 1);
    check(&ended, "reachable", "fail");
}

#[test]
fn open_permissions_and_lost_secrets_fail() {
    let deployment = Deployment::new();
    let data = deployment.data();
    let pepper = data.join("secrets/pepper");
    fs::set_permissions(&pepper, Permissions::from_mode(0o644)).unwrap();
    let ended = doctor(&deployment, &[]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "permissions", "fail").contains("mode 644"));
    fs::write(&pepper, format!("01890a5d-ac96-774b-bcce-b302099a8057 {}\n", "ab".repeat(32))).unwrap();
    assert!(check(&doctor(&deployment, &[]), "pepper", "fail").contains("were digested under"));
    fs::write(data.join("secrets/master.key"), format!("{}\n", "ab".repeat(32))).unwrap();
    assert!(check(&doctor(&deployment, &[]), "master key", "fail").contains("private signing key"));
    fs::remove_file(data.join("secrets/subjects")).unwrap();
    check(&doctor(&deployment, &[]), "names", "fail");
    fs::remove_file(data.join("guard")).unwrap();
    check(&doctor(&deployment, &[]), "guard's place", "fail");
}

/// A secret may be kept elsewhere, by an option or behind a link: there others must not get at it, either.
#[test]
fn open_secrets_are_found_behind_links_and_where_options_point() {
    let deployment = Deployment::new();
    let secrets = deployment.data().join("secrets");
    let elsewhere = deployment.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let mode = |file: &Path, mode| fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    for (name, option) in [("pepper", "--pepper-file"), ("master.key", "--master-key-file")] {
        let (usual, kept) = (secrets.join(name), elsewhere.join(name));
        fs::rename(&usual, &kept).unwrap();
        mode(&kept, 0o600);
        let by_option = [option, text(&kept)];
        assert_eq!(doctor(&deployment, &by_option).code, 0, "{name} is where it is said to be");
        mode(&kept, 0o640);
        let said = check(&doctor(&deployment, &by_option), "permissions", "fail");
        assert!(said.starts_with(&format!("{} has mode 640", kept.display())), "{said}");

        // A link says nothing of who may read what is behind it: its own mode is 777.
        symlink(&kept, &usual).unwrap();
        let said = check(&doctor(&deployment, &[]), "permissions", "fail");
        assert!(said.contains(&format!("{} has mode 640", usual.display())), "{said}");
        mode(&kept, 0o600);
        assert_eq!(doctor(&deployment, &[]).code, 0, "{name} behind a link, and its owner's alone");
    }
}

#[test]
fn a_rolled_back_or_missing_ledger_fails() {
    let deployment = Deployment::new();
    let guard = deployment.data().join("guard");
    let seen = fs::read_to_string(&guard).unwrap();
    fs::write(&guard, seen.replace("position 6", "position 7")).unwrap();
    assert!(check(&doctor(&deployment, &[]), "ledger", "fail").starts_with("guard: "));
    fs::remove_file(deployment.data().join("ledger.redb")).unwrap();
    let ended = doctor(&deployment, &[]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "ledger", "fail").contains("there is no ledger"));
}

#[test]
fn unknown_settings_are_a_finding_among_the_others() {
    let deployment = Deployment::new();
    let config = deployment.folder.path().join("config.toml");
    fs::write(&config, "lisden = \"127.0.0.1:1\"\ntoken_life = \"1h\"\n").unwrap();
    let ended = doctor(&deployment, &["--config", text(&config)]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "configuration", "fail").contains("did you mean listen?"));
    check(&ended, "ledger", "ok");
}

/// Whoever noted the verifier key must not be told later that all was well.
#[test]
fn a_lost_key_for_checkpoints_fails_and_the_start_warns() {
    let deployment = Deployment::new();
    let note_key = deployment.data().join("secrets/note.key");
    let kept = fs::read(&note_key).unwrap();
    fs::remove_file(&note_key).unwrap();
    let ended = doctor(&deployment, &[]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "checkpoint key", "fail").contains("note.key is not there"));
    let (code, _, log) = Server::start(&deployment, &[]).stop("-TERM");
    assert_eq!(code, 0, "{log}");
    assert!(log.contains(r#""code":"NO_CHECKPOINT""#), "{log}");
    // The start made another key, which signed the highest checkpoint once more; the old one did not sign that.
    check(&doctor(&deployment, &[]), "checkpoint key", "ok");
    fs::write(&note_key, kept).unwrap();
    check(&doctor(&deployment, &[]), "checkpoint key", "fail");
    check(&doctor(&deployment, &[]), "master key", "ok");
}

#[test]
fn the_keys_of_subjects_are_held_against_the_log() {
    let deployment = Deployment::new();
    let subjects = deployment.data().join("secrets/subjects");
    let good = fs::read_to_string(&subjects).unwrap();
    fs::write(&subjects, "").unwrap();
    let said = check(&doctor(&deployment, &[]), "names", "fail");
    assert!(said.starts_with("the keys of 2 of the 2 subjects"), "{said}");
    let (code, _, log) = Server::start(&deployment, &[]).stop("-TERM");
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("lacks keys of subjects"), "{log}");
    fs::write(&subjects, "garbage\n").unwrap();
    check(&doctor(&deployment, &[]), "names", "fail");
    let refused = deployment.run(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]);
    assert!(refused.err.contains("FILE_FAILED") && refused.err.contains("mend that line"), "{}", refused.err);
    fs::write(&subjects, good).unwrap();
    assert_eq!(doctor(&deployment, &[]).code, 0);
    let (_, _, log) = Server::start(&deployment, &[]).stop("-TERM");
    assert!(!log.contains("lacks keys of subjects"), "{log}");
}

/// An erasure outlives a rollback to before it: the key is gone, and the log does not say so.
#[test]
fn a_key_that_was_destroyed_is_not_asked_for_after_a_rollback() {
    let deployment = Deployment::new();
    let subjects = deployment.data().join("secrets/subjects");
    let good = fs::read_to_string(&subjects).unwrap();
    let tenant = good.lines().find(|line| line.starts_with("tenant:")).unwrap();
    let (name, key) = tenant.split_once(' ').unwrap();
    fs::write(&subjects, good.replace(key, "erased")).unwrap();
    let said = check(&doctor(&deployment, &[]), "names", "warn");
    assert!(said.contains(&name.replace(':', " ")) && said.contains("rolled back"), "{said}");
    let (code, _, log) = Server::start(&deployment, &[]).stop("-TERM");
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("repeat that with keyledger erase"), "{log}");
    assert!(!log.contains("lacks keys of subjects"), "{log}");
}

#[test]
fn a_guard_behind_a_link_stays_there_and_the_doctor_says_where() {
    let deployment = Deployment::new();
    let (guard, elsewhere) = (deployment.data().join("guard"), deployment.folder.path().join("kept"));
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(&guard, elsewhere.join("its.guard")).unwrap();
    symlink(elsewhere.join("its.guard"), &guard).unwrap();
    assert_eq!(Server::start(&deployment, &[]).stop("-TERM").0, 0);
    assert!(guard.is_symlink());
    let said = check(&doctor(&deployment, &[]), "guard's place", "ok");
    assert!(said.contains("leads to") && said.contains("its.guard"), "{said}");
}

#[test]
fn of_a_folder_that_is_not_there_nothing_else_is_said() {
    let deployment = Deployment::new();
    let nowhere = deployment.folder.path().join("nowhere");
    let ended = crate::support::run(&["doctor", "--data", text(&nowhere), "-o", "json"]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "data folder", "fail").ends_with("nowhere is not there"));
    assert_eq!(ended.json()["checks"].as_array().unwrap().len(), 1);
}

#[test]
fn settings_that_do_not_fit_together_are_found_as_a_start_finds_them() {
    let deployment = Deployment::new();
    for more in ["signing_key_rotation = \"30m\"", "signing_key_prepublish = \"40d\""] {
        let config = deployment.folder.path().join("config.toml");
        fs::write(&config, more).unwrap();
        check(&doctor(&deployment, &["--config", text(&config)]), "configuration", "fail");
        let shown = crate::support::run(&["config", "show", "--config", text(&config), "-o", "json"]);
        assert_eq!((shown.code, shown.error().0.as_str()), (2, "SCHEDULE_INVALID"), "{more}");
    }
}

#[test]
fn a_ledger_that_no_database_is_in_leads_to_the_runbook() {
    let deployment = Deployment::new();
    let ledger = deployment.data().join("ledger.redb");
    let good = fs::read(&ledger).unwrap();
    let overwritten = [&b"XXXXXXXX"[..], &good[8..]].concat();
    for bad in [vec![], good[..good.len() / 2].to_vec(), overwritten] {
        fs::write(&ledger, &bad).unwrap();
        let ended = doctor(&deployment, &[]);
        let checks = ended.json()["checks"].as_array().unwrap().clone();
        let failed = checks.iter().find(|check| check["name"] == "ledger").unwrap();
        assert_eq!(failed["level"], "fail");
        let next = failed["next"].as_str().unwrap();
        assert!(next.contains("docs/runbooks/restore.md"), "{} bytes: {failed}", bad.len());
    }
}

#[test]
fn what_others_can_read_beside_the_ledger_is_found() {
    let deployment = Deployment::new();
    assert_eq!(Server::start(&deployment, &[]).stop("-TERM").0, 0);
    for name in ["guard", "guard.checkpoint", "usage.redb", "secrets/note.key"] {
        let file = deployment.data().join(name);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let said = check(&doctor(&deployment, &[]), "permissions", "fail");
        assert!(said.contains(&format!("{name} has mode 644")), "{said}");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(doctor(&deployment, &[]).code, 0);
}

/// `/proc` is of another file system, which has no room at all.
#[test]
fn the_guards_own_storage_is_looked_at() {
    let deployment = Deployment::new();
    let ended = doctor(&deployment, &["--guard", "/proc/guard"]);
    check(&ended, "guard's disk", "fail");
    check(&ended, "guard's place", "fail");
}

/// A server in the middle of something says itself why it is not ready; what helps one harms another.
#[test]
fn why_a_server_is_not_ready_is_told_with_what_helps() {
    let deployment = Deployment::new();
    for (code, message, helps) in [
        ("RECOVERING", "because there is no room on the disk", "docs/runbooks/disk-full.md"),
        ("RECOVERING", "because the disk failed", "leave it running"),
        ("STOPPED", "the ledger takes no changes", "starting it again"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let body = format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut asked = [0; 4096];
                let length = stream.read(&mut asked).unwrap();
                let live = String::from_utf8_lossy(&asked[..length]).contains("/livez");
                let (status, body) =
                    if live { ("200 OK", "{}") } else { ("503 Service Unavailable", &*body) };
                let head = format!("HTTP/1.1 {status}\r\nx-request-id: 1\r\nconnection: close");
                write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            }
        });
        let ended = doctor(&deployment, &["--url", &url]);
        assert!(check(&ended, "ready", "fail").contains(message));
        assert!(ended.out.contains(helps), "{}", ended.out);
    }
}

/// What cannot be looked at is not taken for what is not there. Only root can ask as somebody else.
#[test]
fn as_another_user_the_doctor_tells_of_permissions_and_of_nothing_lost() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let deployment = Deployment::new();
    let data = deployment.data();
    // Where that user finds it, the binary, too.
    fs::set_permissions(deployment.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let binary = deployment.folder.path().join("keyledger");
    fs::copy(env!("CARGO_BIN_EXE_keyledger"), &binary).unwrap();
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", text(&binary), "doctor"]);
        let output = command.args(["-o", "json", "--data", text(&data)]).output();
        Ended::of(output.expect("util-linux has setpriv"))
    };
    let ended = as_nobody();
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(check(&ended, "permissions", "fail").contains("belongs to user 0, and this is user 65534"));
    assert!(check(&ended, "guard's place", "fail").contains("Permission denied"));
    assert!(ended.out.contains("chown -R 65534"), "{}", ended.out);
    assert!(!ended.out.contains("--accept-rollback"), "{}", ended.out);
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    assert!(check(&as_nobody(), "writable", "fail").contains("cannot be written: Permission denied"));
}
