//! Malformed command lines: exit code 2, a text that says what to change, and the same as JSON.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Instant;

use domain::names::{Email, Name, Slug};

use crate::scene::NOBODY;
use crate::support::{Deployment, Ended, init, keyledger, run, text};

#[test]
fn no_command_says_what_there_is() {
    let ended = run(&[]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(ended.err.starts_with("error: no command was given\nhint: choose one:\n"), "{}", ended.err);
    for command in ["init", "serve", "audit", "backup", "restore", "config", "doctor", "auth", "key", "token"]
    {
        assert!(ended.err.contains(&format!("\n  {command} ")), "{}", ended.err);
    }
}

#[test]
fn unknown_arguments_and_missing_ones_are_usage() {
    for arguments in [
        &["bogus"][..],
        &["init"],
        &["audit"],
        &["audit", "bogus"],
        &["serve", "--bogus"],
        &["serve", "--data"],
        &["init", "-o", "yaml"],
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}: {}", ended.err);
        assert!(ended.err.starts_with("error: "), "{arguments:?}: {}", ended.err);
    }
    let ended = run(&["audit", "show", "--dta", "x"]);
    let hint = "a similar argument exists: '--data'; usage: keyledger audit show --data <PATH>; try --help";
    assert_eq!(ended.err, format!("error: unexpected argument '--dta' found\nhint: {hint}\n"));
    let (code, message) = run(&["audit", "verify", "--data", "x", "-o", "jsonl"]).error();
    assert_eq!(code, "USAGE");
    assert_eq!(message, "invalid value 'jsonl' for '--output <FORM>' [possible values: table, json]");
    let ended = run(&["init", "-o", "json"]);
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (2, "USAGE"));
    assert_eq!(
        message,
        "the following required arguments were not provided: --data <DIR> --tenant <SLUG> --admin <EMAIL>"
    );
}

/// One malformed value: its arguments, the code, and the whole message.
fn check(arguments: &[&str], code: &str, message: &str) {
    let ended = run(arguments);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
    assert_eq!(ended.err, format!("error: {message}\n"));
    let ended = run(&[arguments, &["--output=json"]].concat());
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
    assert_eq!(ended.error(), (code.to_owned(), message.to_owned()));
}

#[test]
fn malformed_names_say_what_is_wrong_and_make_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let with = |tenant, admin| ["init", "--data", text(&data), "--tenant", tenant, "--admin", admin];
    let why = Slug::parse("Acme Corp").unwrap_err();
    check(&with("Acme Corp", "ada@example.com"), "NAME_INVALID", &format!("--tenant <SLUG>: {why}"));
    let why = Email::parse("ada").unwrap_err();
    check(&with("acme", "ada"), "NAME_INVALID", &format!("--admin <EMAIL>: {why}"));
    for name in [" ", "Ada\nroot", "Ada\u{202E}"] {
        let why = Name::parse(name).unwrap_err();
        let message = format!("--admin-name <NAME>: {why}");
        check(&init(&data, &["--admin-name", name]), "NAME_INVALID", &message);
    }
    assert!(!data.exists());
}

#[test]
fn a_name_of_ten_kilobytes_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (data, name) = (folder.path().join("data"), "x".repeat(10_240));
    check(
        &init(&data, &["--tenant-name", &name]),
        "NAME_TOO_LONG",
        "--tenant-name <NAME>: a name may have at most 200 bytes of UTF-8; this one has 10240",
    );
    assert!(!data.exists());
}

#[test]
fn malformed_settings_of_serve_say_what_is_wrong() {
    check(
        &["serve", "--data", "x", "--listen", "localhost:4200"],
        "VALUE_INVALID",
        "--listen <ADDRESS>: give an IP address and a port, such as 127.0.0.1:4200, [::1]:4200 or 0.0.0.0:4200",
    );
    check(
        &["serve", "--data", "x", "--token-life", "1h"],
        "VALUE_INVALID",
        "--token-life <TIME>: give 1 to 15 minutes, such as 600, 600s or 10m",
    );
    check(
        &["serve", "--data", "x", "--issuer", "keys.example.com"],
        "VALUE_INVALID",
        "--issuer <URL>: give a URL with a host and without query, fragment or closing slash, such as https://keys.example.com",
    );
}

#[test]
fn malformed_filters_of_audit_show_say_what_is_wrong() {
    check(
        &["audit", "show", "--data", "x", "--tenant", "acme"],
        "VALUE_INVALID",
        "--tenant <ID>: not an id: an id is a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057",
    );
    check(
        &["audit", "show", "--data", "x", "--to", "last"],
        "VALUE_INVALID",
        "--to <N>: a position is a whole number, as the first column of audit show has it",
    );
    let ended = run(&["audit", "show", "--data", "x", "--type", "KeyLost"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.err.starts_with("error: --type <EVENT>: \"KeyLost\" is no event; the events are "),
        "{}",
        ended.err
    );
}

/// What comes of a forgotten minus looks like an answer.
#[test]
fn a_time_from_now_is_no_time_ago() {
    let message = "this lies in the future; a time ago begins with a minus, such as -2h or -90d";
    let told = |option: &str| format!("{option} <WHEN>: {message}");
    check(&["key", "list", "--unused-since", "90d"], "VALUE_INVALID", &told("--unused-since"));
    check(&["events", "--since", "2h"], "VALUE_INVALID", &told("--since"));
    check(&["audit", "show", "--data", "x", "--since", "2h"], "VALUE_INVALID", &told("--since"));
    let message = "this lies in the past; leave it away for at once, or give a time from now such as 1h";
    let told = format!("--active-from <WHEN>: {message}");
    check(&["signing-key", "rotate", "--active-from", "-1h"], "VALUE_INVALID", &told);
}

#[test]
fn a_malformed_filter_of_the_log_is_usage() {
    for filter in ["keyledger_server=loud", "json"] {
        let mut command = keyledger(&["serve", "--data", "x", "-o", "json"]);
        let ended = Ended::of(command.env("KEYLEDGER_LOG", filter).output().unwrap());
        assert_eq!((ended.code, ended.error().0.as_str()), (2, "LOG_FILTER_INVALID"));
    }
}

#[test]
fn settings_come_from_the_environment_too() {
    let deployment = Deployment::new();
    let output = keyledger(&["audit", "verify"]).env("KEYLEDGER_DATA", deployment.data()).output().unwrap();
    let ended = Ended::of(output);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let output = keyledger(&["serve", "--data", "x"]).env("KEYLEDGER_LISTEN", "nowhere").output().unwrap();
    assert_eq!(Ended::of(output).code, 2);
}

/// Every command, in an order in which each can do its work; with the code with which it ends.
const EVERY_COMMAND: [(&str, i32); 93] = [
    ("help", 0),
    ("--version", 0),
    ("serve", 5),
    ("init --tenant acme --admin ada@example.com", 0),
    ("init --tenant acme --admin ada@example.com", 6),
    ("set-up-link", 6),
    ("audit show", 0),
    ("audit verify", 0),
    ("audit prove --position 1", 1),
    (
        "audit check-proof x --verifier-key PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        1,
    ),
    ("audit bundle --to \"$KEYLEDGER_DATA.evidence\"", 1),
    (
        "audit check-bundle x --verifier-key PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        1,
    ),
    ("audit rebuild", 0),
    ("audit replay", 0),
    ("audit diff 1", 0),
    ("audit timeline ID", 5),
    ("audit stats", 0),
    ("audit export", 0),
    ("audit import --from \"$KEYLEDGER_DATA.none\"", 6),
    ("config show --origin", 0),
    ("doctor", 0),
    ("backup --to \"$KEYLEDGER_DATA.backup\"", 0),
    ("restore --from \"$KEYLEDGER_DATA.backup\"", 6),
    ("compact", 0),
    ("recover --user ada@example.com", 0),
    ("import-keys --from /dev/null", 0),
    ("serve --listen 192.0.2.1:1", 1),
    ("", 2),
    ("completions bash", 0),
    ("man --to \"$KEYLEDGER_DATA/../man\"", 0),
    ("auth login --url http://127.0.0.1:9", 3),
    ("auth login --url http://127.0.0.1:9 --key-file -", 2),
    ("auth logout", 0),
    ("auth status", 3),
    ("auth create-key -n x", 3),
    ("auth list-keys", 3),
    ("auth revoke-key -i ID", 3),
    ("auth list-tenants", 3),
    ("auth switch-tenant acme", 3),
    ("auth create-token -n x -s RUNNER", 3),
    ("auth list-tokens", 3),
    ("auth revoke-token -i ID", 3),
    ("whoami", 3),
    ("whoami --key-file -", 2),
    ("token", 3),
    ("verify", 3),
    ("key list", 3),
    ("key show ID", 3),
    ("key explain ID", 3),
    ("key history ID", 3),
    ("key blast-radius ID", 3),
    ("key create --owner etl -n x", 3),
    ("key rename ID x", 3),
    ("key note ID --remove", 3),
    ("key expire ID 30d", 3),
    ("key addresses ID --anywhere", 3),
    ("key rate ID 100/1m", 3),
    ("explain KEY_REVOKED", 0),
    ("key disable ID", 3),
    ("key enable ID", 3),
    ("key rotate ID", 3),
    ("key revoke ID", 3),
    ("service-account create x", 3),
    ("service-account list", 3),
    ("service-account rename x y", 3),
    ("service-account change-role x runner", 3),
    ("service-account suspend x", 3),
    ("service-account resume x", 3),
    ("service-account remove x", 3),
    ("member list", 3),
    ("member add x@example.com", 3),
    ("member change-role ID runner", 3),
    ("member remove ID", 3),
    ("user list", 3),
    ("user suspend ID", 3),
    ("user resume ID", 3),
    ("user remove ID", 3),
    ("erase --user ID", 3),
    ("user grant-operator ID", 3),
    ("user withdraw-operator ID", 3),
    ("tenant list", 3),
    ("tenant create x --admin x@example.com", 3),
    ("tenant rename acme x", 3),
    ("tenant policy acme", 3),
    ("tenant suspend acme", 3),
    ("tenant resume acme", 3),
    ("tenant remove acme", 3),
    ("events", 3),
    ("diff 1", 3),
    ("refusals", 3),
    ("signing-key list", 3),
    ("signing-key rotate", 3),
    ("signing-key retire ID --reason superseded", 3),
];

/// With standard input closed rather than empty, none waits for anything.
#[test]
fn every_command_does_without_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let binary = env!("CARGO_BIN_EXE_keyledger");
    let closed = |line: &str| {
        let line = format!("exec '{binary}' {} <&-", line.replace("ID", NOBODY));
        let mut command = Command::new("sh");
        command.args(["-c", &line]).env_clear().env("KEYLEDGER_DATA", &data).env("HOME", folder.path());
        Ended::of(command.output().unwrap())
    };
    let lines = EVERY_COMMAND.into_iter().chain([("revoke-tokens --all", 3)]);
    for (line, code) in lines.clone() {
        let began = Instant::now();
        let ended = closed(line);
        assert_eq!(ended.code, code, "{line}: {}", ended.err);
        assert!(began.elapsed().as_secs() < 10, "{line} waited");
    }
    // None is missing: each command has a manual page.
    let pages = std::fs::read_dir(folder.path().join("man")).unwrap();
    let pages: Vec<String> = pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    let names: Vec<_> = pages.iter().map(|page| page.trim_end_matches(".1").to_owned()).collect();
    for name in &names {
        let above = names.iter().any(|other| other.starts_with(&format!("{name}-")));
        let run = lines.clone().any(|(line, _)| {
            let words = line.split(' ').take_while(|word| !word.starts_with('-') && *word != "ID");
            let line = words.fold("keyledger".to_owned(), |line, word| format!("{line}-{word}"));
            line == *name || line.starts_with(&format!("{name}-"))
        });
        assert!(above || run, "{name} is not run with standard input closed");
    }
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let deployment = Deployment::new();
    let data = deployment.data();
    for arguments in [
        &["help"][..],
        &["audit", "show", "-o", "json", "--data", text(&data)],
        &["audit", "verify", "--data", text(&data)],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = keyledger(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let ended = Ended::of(output);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_full_disk_under_the_output_is_an_error() {
    let deployment = Deployment::new();
    let data = deployment.data();
    for command in ["show", "verify"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = keyledger(&["audit", command, "-o", "json", "--data", text(&data)]);
        let ended = Ended::of(command.stdout(full).stderr(Stdio::piped()).output().unwrap());
        assert_eq!((ended.code, ended.error().0.as_str()), (1, "OUTPUT_FAILED"), "{}", ended.err);
    }
}
