//! `serve` as a process: how it starts, how it is told to stop, and why it does not start.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::server::{PATIENCE, Server};
use crate::support::{Deployment, run, text};

#[test]
fn it_says_where_it_listens_and_stops_when_told() {
    let deployment = Deployment::new();
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(&deployment, &[]);
        let port = server.line.trim_end().strip_prefix("listening on http://127.0.0.1:").unwrap();
        assert_ne!(port.parse::<u16>().unwrap(), 0);
        let (code, out, log) = server.stop(signal);
        assert_eq!((code, out.as_str()), (0, ""), "{log}");
        for line in log.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["level"], "INFO", "{line}");
        }
        assert!(log.contains("the ledger is open"), "{log}");
    }
    let ended = deployment.run(&["audit", "verify", "--full"]);
    assert_eq!(ended.code, 0, "closed cleanly: {}", ended.err);
}

/// What systemd is told, through a real socket.
#[test]
fn the_service_manager_is_told_when_it_is_ready_and_when_it_stops() {
    let deployment = Deployment::new();
    let path = deployment.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut message = [0; 64];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let variables = [("NOTIFY_SOCKET", text(&path)), ("WATCHDOG_USEC", "200000")];
    let server = Server::start_with(&deployment, &[], &variables);
    assert_eq!(told(), "READY=1\nSTATUS=serving\n");
    assert_eq!(told(), "WATCHDOG=1\n");
    assert_eq!(told(), "WATCHDOG=1\n");
    assert_eq!(server.stop("-TERM").0, 0);
    let last = std::iter::repeat_with(told).find(|message| message != "WATCHDOG=1\n");
    assert_eq!(last.unwrap(), "STOPPING=1\nSTATUS=draining\n");
}

#[test]
fn people_get_a_banner_and_a_readable_log() {
    let deployment = Deployment::new();
    let server = Server::start(&deployment, &["--log", "text"]);
    let address = server.line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    let (code, banner, log) = server.stop("-TERM");
    assert_eq!(code, 0, "{log}");
    let data = deployment.data();
    insta::assert_snapshot!(banner.replace(&address, "[address]").replace(text(&data), "[data]"));
    assert!(log.contains(" INFO ") && !log.contains('{'), "{log}");
}

#[test]
fn an_audit_runs_beside_a_server_unless_it_is_exclusive() {
    let deployment = Deployment::new();
    let server = Server::start(&deployment, &[]);
    assert_eq!(deployment.run(&["audit", "show"]).code, 0);
    assert_eq!(deployment.run(&["audit", "verify", "--full"]).code, 0);
    let second = deployment.run(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]);
    assert_eq!(second.code, 6, "{}", second.err);
    assert!(second.err.contains(r#"{"error":{"code":"LEDGER_IN_USE","#), "{}", second.err);
    drop(server);

    let deployment = Deployment::new();
    let server = Server::start(&deployment, &["--exclusive"]);
    let ended = deployment.run(&["audit", "show", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (6, "LEDGER_IN_USE"));
    let ended = deployment.run(&["audit", "show"]);
    assert!(ended.err.contains("--exclusive"), "{}", ended.err);
    assert_eq!(server.stop("-TERM").0, 0);
}

#[test]
fn a_killed_server_leaves_a_ledger_that_can_be_repaired() {
    let deployment = Deployment::new();
    let mut server = Server::start(&deployment, &[]);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let ended = deployment.run(&["audit", "verify", "--full"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.err.contains("keyledger audit verify --repair --data "), "{}", ended.err);
    let ended = deployment.run(&["audit", "verify", "--full", "--repair"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn an_empty_folder_or_none_says_how_to_init() {
    let folder = tempfile::tempdir().unwrap();
    for data in [folder.path().to_owned(), folder.path().join("nowhere")] {
        let ended = run(&["serve", "--data", text(&data)]);
        assert_eq!((ended.code, ended.out.as_str()), (5, ""));
        let init = format!(
            "error: there is no ledger in {0}; make one with: keyledger init --data {0} --tenant SLUG --admin EMAIL\nhint: or let a browser make its first tenant, with: keyledger serve --data {0} --set-up\n",
            text(&data)
        );
        assert_eq!(ended.err, init);
    }
}

#[test]
fn a_taken_address_is_a_conflict() {
    let deployment = Deployment::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = deployment.run(&["serve", "--listen", &address]);
    assert_eq!(ended.code, 6, "{}", ended.err);
    assert!(ended.err.contains(&format!("error: cannot listen on {address}: ")), "{}", ended.err);
}

/// An address that no machine has: the warning comes before the failure.
#[test]
fn listening_wider_is_warned_of() {
    let deployment = Deployment::new();
    let ended = deployment.run(&["serve", "--listen", "192.0.2.1:4200", "--log", "text"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.err.contains(" WARN ") && ended.err.contains("CLEAR TEXT unless a proxy with TLS"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("--issuer"), "{}", ended.err);
}

#[test]
fn a_rolled_back_ledger_is_refused_until_that_is_accepted() {
    let deployment = Deployment::new();
    let guard = deployment.data().join("guard");
    let seen = fs::read_to_string(&guard).unwrap();
    fs::write(&guard, seen.replace("position 6", "position 7")).unwrap();
    let ended = deployment.run(&["serve", "-o", "json"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains(r#"{"error":{"code":"ROLLED_BACK","#), "{}", ended.err);

    let (code, _, log) = Server::start(&deployment, &["--accept-rollback"]).stop("-TERM");
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("Repeat those revocations now"), "{log}");
    let ended = deployment.run(&["audit", "show", "--type", "RollbackAccepted", "-o", "json"]);
    assert_eq!(ended.json().as_array().unwrap().len(), 1);

    let (code, _, log) = Server::start(&deployment, &[]).stop("-TERM");
    assert_eq!(code, 0, "{log}");
}

#[test]
fn another_pepper_is_refused_instead_of_every_key() {
    let deployment = Deployment::new();
    let pepper = deployment.data().join("other-pepper");
    std::fs::write(&pepper, format!("01890a5d-ac96-774b-bcce-b302099a8057 {}\n", "ab".repeat(32))).unwrap();
    let ended =
        deployment.run(&["serve", "--listen", "127.0.0.1:0", "--pepper-file", text(&pepper), "-o", "json"]);
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (1, "OTHER_PEPPER"), "{message}");
    assert!(message.contains("--pepper-file") && message.contains("01890a5d-ac96-774b-bcce-b302099a8057"));
    // The right name, and one digit of the key wrong.
    let good = std::fs::read_to_string(deployment.data().join("secrets/pepper")).unwrap();
    let digit = if good.trim_end().ends_with('0') { "1" } else { "0" };
    std::fs::write(&pepper, format!("{}{digit}\n", &good[..good.trim_end().len() - 1])).unwrap();
    let ended =
        deployment.run(&["serve", "--listen", "127.0.0.1:0", "--pepper-file", text(&pepper), "-o", "json"]);
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (1, "OTHER_PEPPER"), "{message}");
    assert!(message.contains("a digit of it was changed") && message.contains("put the copy"), "{message}");
    let ended = deployment.run(&["doctor", "--pepper-file", text(&pepper), "-o", "json"]);
    assert!(ended.code == 1 && ended.out.contains("digested under another key"), "{}", ended.out);
}

#[test]
fn a_hang_up_is_a_word_to_stop() {
    let deployment = Deployment::new();
    let (code, _, log) = Server::start(&deployment, &[]).stop("-HUP");
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("stopped; the ledger is closed"), "{log}");
}

/// As `nohup` does it.
#[test]
fn whoever_has_a_hang_up_ignored_is_left_alone() {
    let deployment = Deployment::new();
    let data = deployment.data();
    let told = deployment.folder.path().join("told");
    let script = r#"trap "" HUP; exec "$0" serve --data "$1" --listen 127.0.0.1:0 > "$2" 2>&1"#;
    let binary = env!("CARGO_BIN_EXE_keyledger");
    let mut child =
        Command::new("sh").args(["-c", script, binary, text(&data), text(&told)]).spawn().unwrap();
    let says = |what: &str| fs::read_to_string(&told).unwrap_or_default().contains(what);
    let begun = Instant::now();
    while !says("listening on") {
        assert!(begun.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "it did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    let signal = |signal: &str| {
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    signal("-HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!says("draining"), "{}", fs::read_to_string(&told).unwrap());
    signal("-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(says("draining"));
}

#[test]
fn the_folder_of_signing_keys_is_made_if_it_is_lost() {
    let deployment = Deployment::new();
    let signing = deployment.data().join("secrets/signing");
    fs::remove_dir_all(&signing).unwrap();
    let server = Server::start(&deployment, &[]);
    assert!(signing.is_dir());
    assert_eq!(server.stop("-TERM").0, 0);
    assert_eq!(Server::start(&deployment, &[]).stop("-TERM").0, 0);
}

#[test]
fn an_accepted_rollback_that_only_made_a_key_for_checkpoints_says_so() {
    let deployment = Deployment::new();
    fs::remove_file(deployment.data().join("guard.checkpoint")).unwrap();
    let (_, _, log) = Server::start(&deployment, &["--accept-rollback"]).stop("-TERM");
    assert!(log.contains("made a new key for checkpoints"), "{log}");
    assert!(!log.contains("was not needed"), "{log}");
    let (_, _, log) = Server::start(&deployment, &["--accept-rollback"]).stop("-TERM");
    assert!(log.contains("was not needed"), "{log}");
}

#[test]
fn names_without_keys_are_told_of_at_the_start() {
    let deployment = Deployment::new();
    let subjects = deployment.data().join("secrets/subjects");
    let good = fs::read(&subjects).unwrap();
    for (contents, lacks) in [(vec![], true), (good, false)] {
        fs::write(&subjects, contents).unwrap();
        let (code, _, log) = Server::start(&deployment, &[]).stop("-TERM");
        assert_eq!((code, log.contains("lacks keys of subjects")), (0, lacks), "{log}");
    }
}
