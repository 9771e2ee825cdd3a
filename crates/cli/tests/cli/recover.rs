//! `recover`: who has lost every key is let in again, by whoever has the data folder, and the log says so.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Deployment, keyledger, run, text};

#[test]
fn a_lost_administrator_is_given_a_key_and_the_log_says_by_whom() {
    let deployment = Deployment::new();
    // However the address was written.
    let ended = deployment.run(&["recover", "--user", "Ada@Example.com", "-o", "json"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let made = ended.json();
    assert_eq!(made["user_id"], deployment.id("user_id"));
    assert!(made["key"].as_str().unwrap().starts_with("klu_"));
    assert_ne!(made["key_id"], deployment.id("key_id"));

    let shown = deployment.run(&["audit", "show", "--type", "KeyCreated", "-o", "json"]).json();
    let last = shown.as_array().unwrap().last().unwrap().clone();
    let told = last.to_string();
    assert!(told.contains(made["key_id"].as_str().unwrap()), "{told}");
    assert!(told.contains("console") && told.contains("bootstrap"), "{told}");
    assert!(!told.contains(made["key"].as_str().unwrap()));
    assert_eq!(deployment.run(&["audit", "verify", "--full"]).code, 0);

    let people = deployment.run(&["recover", "--user", "ada@example.com"]);
    assert_eq!((people.code, people.err.as_str()), (0, ""));
    assert!(people.out.contains("  klu_") && people.out.contains("shown this once"), "{}", people.out);
}

#[test]
fn nobody_is_made_up_and_nothing_is_recorded_for_a_stranger() {
    let deployment = Deployment::new();
    let before = deployment.run(&["audit", "show", "-o", "json"]).out;
    let ended = deployment.run(&["recover", "--user", "eve@example.com", "-o", "json"]);
    assert_eq!((ended.code, ended.out.as_str()), (5, ""));
    let (code, message) = ended.error();
    assert_eq!(code, "NO_SUCH_USER");
    assert!(message.contains("eve@example.com"), "{message}");
    let ended = deployment.run(&["recover", "--user", "nobody", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "NAME_INVALID"));
    assert_eq!(deployment.run(&["audit", "show", "-o", "json"]).out, before);
    let nowhere = deployment.folder.path().join("nowhere");
    let ended = run(&["recover", "--user", "ada@example.com", "--data", text(&nowhere), "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (5, "NO_LEDGER"));
}

#[test]
fn beside_a_server_and_on_an_older_ledger_it_is_refused() {
    let deployment = Deployment::new();
    let data = deployment.data();
    let mut server = keyledger(&["serve", "--listen", "127.0.0.1:0", "--data", text(&data)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    let ended = deployment.run(&["recover", "--user", "ada@example.com", "-o", "json"]);
    let stopped = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(stopped.success() && server.wait().unwrap().success());
    assert_eq!((ended.code, ended.error().0.as_str()), (6, "LEDGER_IN_USE"));

    let guard = data.join("guard");
    let seen = std::fs::read_to_string(&guard).unwrap();
    assert!(seen.contains("position 7"), "{seen}");
    std::fs::write(&guard, seen.replace("position 7", "position 8")).unwrap();
    let ended = deployment.run(&["recover", "--user", "ada@example.com", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (1, "ROLLED_BACK"));
}

/// Whoever does not get the key is told so, and which one it is.
#[test]
fn a_key_that_nobody_got_is_an_error() {
    let deployment = Deployment::new();
    let data = deployment.data();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = keyledger(&["recover", "--user", "ada@example.com", "-o", "json", "--data", text(&data)])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["code"], "KEY_LOST");
    let message = error["error"]["message"].as_str().unwrap();
    let shown = deployment.run(&["audit", "show", "--type", "KeyCreated", "-o", "json"]).json();
    let last = shown.as_array().unwrap().last().unwrap().to_string();
    let id = message.split("the key ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(last.contains(id), "{message}: {last}");
}
