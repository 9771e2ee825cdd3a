//! The ways to hand over a key: each works, and none of them shows it.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::scene::{Scene, refusal, text};
use crate::support::{Ended, keyledger, run};

/// Runs a command with this on its standard input, through a pipe.
fn piped(mut command: Command, input: &str) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ended::of(child.wait_with_output().unwrap())
}

#[test]
fn by_standard_input_file_or_environment() {
    let scene = Scene::new();
    let line = format!("{}\n", scene.key());
    let file = scene.file("key", &line);
    assert_eq!(piped(scene.anonymous(&["whoami", "--key-file", "-"]), &line).code, 0);
    assert_eq!(Ended::of(scene.anonymous(&["whoami", "--key-file", &file]).output().unwrap()).code, 0);
    assert_eq!(scene.run(&["whoami"]).code, 0);
    let mut by_variable = scene.anonymous(&["whoami"]);
    assert_eq!(Ended::of(by_variable.env("KEYLEDGER_KEY_FILE", &file).output().unwrap()).code, 0);
    // The flag comes before the environment.
    let status = scene.done_as("klu_not-this-one", &["auth", "status", "--key-file", &file]);
    assert_eq!(text(&status, "key_from"), format!("--key-file {file}"));
    let mut both = scene.anonymous(&["whoami", "-o", "json"]);
    both.env("KEYLEDGER_KEY", scene.key()).env("KEYLEDGER_KEY_FILE", &file);
    assert_eq!(Ended::of(both.output().unwrap()).error().0, "CREDENTIAL_AMBIGUOUS");
}

#[test]
fn a_login_reads_a_pipe_or_a_file_without_being_told() {
    let scene = Scene::new();
    let ended = piped(scene.anonymous(&["auth", "login"]), scene.key());
    assert_eq!(ended.code, 0, "{}", ended.err);
    let mut from_file = scene.anonymous(&["auth", "login", "--profile", "other"]);
    let file = File::open(scene.file("key", scene.key())).unwrap();
    assert_eq!(Ended::of(from_file.stdin(file).output().unwrap()).code, 0);
    let empty = piped(scene.anonymous(&["auth", "login", "-o", "json"]), "");
    assert_eq!((empty.code, empty.error().0.as_str()), (3, "CREDENTIAL_MISSING"));
    // A pipe that was merely left open does not keep it waiting for ever.
    let mut open = scene.anonymous(&["auth", "login", "-o", "json"]);
    let mut child = open.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let held = child.stdin.take();
    let ended = Ended::of(child.wait_with_output().unwrap());
    drop(held);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "STANDARD_INPUT"));
}

#[test]
fn what_is_no_key_is_told_without_repeating_it() {
    let scene = Scene::new();
    let whoami = |file: &str| {
        Ended::of(scene.anonymous(&["whoami", "--key-file", file, "-o", "json"]).output().unwrap())
    };
    let told = |contents: &str| {
        let ended = whoami(&scene.file("bad", contents));
        assert!(contents.trim().is_empty() || !ended.err.contains(contents.trim()), "{}", ended.err);
        (ended.code, ended.error().0)
    };
    assert_eq!(told(""), refusal(2, "CREDENTIAL_EMPTY"));
    assert_eq!(told("two words"), refusal(2, "CREDENTIAL_MALFORMED"));
    assert_eq!(told("one\ntwo"), refusal(2, "CREDENTIAL_MALFORMED"));
    assert_eq!(told(&"x".repeat(100_000)), refusal(2, "CREDENTIAL_MALFORMED"));
    assert_eq!(told(&scene.key()[..40]), refusal(3, "KEY_MISTYPED"));
    let other = if scene.key().ends_with('x') { 'y' } else { 'x' };
    let mistyped = format!("{}{other}", &scene.key()[..scene.key().len() - 1]);
    assert_eq!(told(&mistyped).0, 3);
    let nowhere = whoami("/nowhere/key");
    assert_eq!((nowhere.code, nowhere.error().0.as_str()), (2, "KEY_FILE_UNREADABLE"));
}

#[test]
fn a_key_as_an_argument_is_refused_and_never_echoed() {
    let key = format!("klu_{}_{}", "0".repeat(22), "s".repeat(49));
    let assigned = format!("--key={key}");
    let token = format!("eyJhbGciOiJFZERTQSJ9.{}.c2lnbmF0dXJl", "e30");
    for line in [
        &["auth", "login", "--key", &key][..],
        &["auth", "login", &assigned],
        &["auth", "login", "-k", &key],
        &["auth", "login", &key],
        &["auth", "login", "-t", "something-else-secret"],
        &["auth", "login", "--key"],
        &["whoami", "--key-file", &key],
        &["verify", &token],
        &["bogus", &key],
        &["auth", "revoke-key", "-i", &key],
        &["key", "show", &key[..40]],
    ] {
        for form in [&[][..], &["-o", "json"]] {
            let ended = run(&[line, form].concat());
            assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{line:?}: {}", ended.err);
            for secret in [&key[..40], &token, "something-else-secret"] {
                assert!(!ended.err.contains(secret), "{}", ended.err);
            }
            if form.is_empty() {
                assert!(
                    ended.err.contains("--key-file") && ended.err.contains("KEYLEDGER_KEY"),
                    "{}",
                    ended.err
                );
            } else {
                assert_eq!(ended.error().0, "SECRET_IN_ARGUMENTS", "{line:?}");
            }
        }
    }
}

#[test]
fn without_a_server_or_a_home_it_says_what_to_do() {
    let ended = Ended::of(keyledger(&["whoami"]).env("KEYLEDGER_KEY", "klu_x").output().unwrap());
    assert_eq!(ended.code, 2);
    let hint = "hint: log in, which saves both: keyledger auth login --url URL; or set KEYLEDGER_URL\n";
    assert!(ended.err.ends_with(hint), "{}", ended.err);
    let ended = run(&["auth", "login", "--url", "http://127.0.0.1:9", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (1, "NO_HOME"));
    for url in ["keys.example.com", "https://user:secret@x", ""] {
        let ended = run(&["whoami", "--url", url, "-o", "json"]);
        assert_eq!((ended.code, ended.error().0.as_str()), (2, "VALUE_INVALID"));
        assert!(!ended.err.contains("secret"));
    }
    let mut command = keyledger(&["whoami", "-o", "json"]);
    let ended = Ended::of(command.env("KEYLEDGER_URL", "x").env("KEYLEDGER_KEY", "klu_x").output().unwrap());
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "VALUE_INVALID"));
}
