//! Settings by flag, environment and file: which wins, what is refused, and that the documents know them all.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Deployment, Ended, keyledger, text};

const PACKAGED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/keyledger.toml");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");

fn show(config: Option<&Path>, variables: &[(&str, &str)], flags: &[&str]) -> Ended {
    let config = config.map_or(vec![], |config| vec!["--config", text(config)]);
    let arguments = [&["config", "show", "--origin", "-o", "json"], &config[..], &["--"], flags].concat();
    Ended::of(keyledger(&arguments).envs(variables.iter().copied()).output().unwrap())
}

fn setting(shown: &Ended, name: &str) -> (Value, String) {
    let json = shown.json();
    let settings = json["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["name"] == name).expect("it is a setting");
    (found["value"].clone(), found["origin"].as_str().unwrap().to_owned())
}

#[test]
fn flags_win_over_variables_those_over_the_file_and_that_over_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let (config, secret) = (folder.path().join("config.toml"), folder.path().join("value"));
    fs::write(&config, "listen = \"127.0.0.1:1\"\ntoken_life = 600\nexclusive = true\n").unwrap();
    fs::write(&secret, " 127.0.0.1:3 \n").unwrap();
    let listen = |variables: &[(&str, &str)], flags: &[&str]| {
        let shown = show(Some(&config), variables, flags);
        assert_eq!(shown.code, 0, "{}", shown.err);
        let (value, origin) = setting(&shown, "listen");
        (value.as_str().unwrap().to_owned(), origin)
    };
    assert_eq!(listen(&[], &[]), ("127.0.0.1:1".into(), text(&config).into()));
    let variable = ("KEYLEDGER_LISTEN", "127.0.0.1:2");
    assert_eq!(listen(&[variable], &[]), ("127.0.0.1:2".into(), "KEYLEDGER_LISTEN".into()));
    let twin = ("KEYLEDGER_LISTEN_FILE", text(&secret));
    let origin = format!("KEYLEDGER_LISTEN_FILE: {}", text(&secret));
    assert_eq!(listen(&[twin], &[]), ("127.0.0.1:3".into(), origin));
    assert_eq!(listen(&[variable], &["--listen", "127.0.0.1:4"]), ("127.0.0.1:4".into(), "flag".into()));
    let shown = show(Some(&config), &[], &[]);
    assert_eq!(setting(&shown, "exclusive").0, "true");
    assert_eq!(setting(&shown, "token_life").0, "600");
    assert_eq!(setting(&shown, "guard"), (Value::Null, "default".into()));
    let shown = show(None, &[("KEYLEDGER_CONFIG", text(&config))], &[]);
    assert_eq!(setting(&shown, "listen").1, text(&config));
    let ended = show(None, &[variable, twin], &[]);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "SETTING_TWICE"));
}

#[test]
fn a_server_and_what_shares_its_settings_take_the_file() {
    let deployment = Deployment::new();
    let config = deployment.folder.path().join("config.toml");
    fs::write(&config, format!("data = {:?}\n", text(&deployment.data()))).unwrap();
    for arguments in [&["audit", "verify"][..], &["doctor"]] {
        let ended = Ended::of(keyledger(arguments).arg("--config").arg(&config).output().unwrap());
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.out, ended.err);
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "token-life = \"5m\"\n").unwrap();
    let ended = show(Some(&config), &[], &[]);
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (2, "SETTING_UNKNOWN"));
    assert_eq!(message, format!("token-life in {} is no setting; did you mean token_life?", text(&config)));
    let mut serve = keyledger(&["serve", "--data", "x", "-o", "json"]);
    let ended = Ended::of(serve.env("KEYLEDGER_LISTEM", "127.0.0.1:1").output().unwrap());
    let message = "KEYLEDGER_LISTEM in the environment is no setting; did you mean KEYLEDGER_LISTEN?";
    assert_eq!(ended.error(), ("SETTING_UNKNOWN".into(), message.into()));
    // What clients read, and what an orchestrator sets by itself, is nobody's mistake.
    for known in ["KEYLEDGER_URL", "KEYLEDGER_KEY", "KEYLEDGER_PROFILE", "KEYLEDGER_PORT_4200_TCP_ADDR"] {
        assert_eq!(show(None, &[(known, "x")], &[]).code, 0, "{known}");
    }
}

#[test]
fn malformed_settings_say_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    for (contents, code, part) in [
        ("listen = \"nowhere\"", "VALUE_INVALID", "--listen <ADDRESS>: give an IP address"),
        ("exclusive = \"perhaps\"", "VALUE_INVALID", "--exclusive: give true or false"),
        ("listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]", "VALUE_INVALID", "--listen: give one value"),
        ("listen = { a = 1 }", "VALUE_INVALID", "listen in "),
        ("listen = \n", "CONFIG_UNREADABLE", "line 1"),
    ] {
        fs::write(&config, contents).unwrap();
        let ended = show(Some(&config), &[], &[]);
        let (found, message) = ended.error();
        assert_eq!((ended.code, found.as_str()), (2, code), "{contents}: {message}");
        assert!(message.contains(part), "{contents}: {message}");
    }
    fs::write(&config, "listen = \"nowhere\"").unwrap();
    let ended = Ended::of(keyledger(&["serve", "--data", "x", "--config", text(&config)]).output().unwrap());
    assert!(ended.err.contains(&format!("hint: this is set by {}", text(&config))), "{}", ended.err);
    let ended = show(Some(&folder.path().join("none")), &[], &[]);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "CONFIG_UNREADABLE"));
}

/// `packaging/keyledger.toml` and the table of `docs/operations.md`.
#[test]
fn every_setting_is_in_the_packaged_file_and_in_the_document() {
    let packaged = fs::read_to_string(PACKAGED).unwrap();
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let is_setting = |line: &&str| line.starts_with('#') && line.contains(" = ") && !line.starts_with("# ");
    let lines: Vec<_> = packaged.lines().filter(is_setting).map(|line| &line[1..]).collect();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, lines.join("\n")).unwrap();
    let shown = show(Some(&config), &[], &[]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for shown in shown.json()["settings"].as_array().unwrap() {
        let word = |name: &str| shown[name].as_str().unwrap().to_owned();
        assert_eq!(word("origin"), text(&config), "{} is not in the packaged file", word("name"));
        let row = format!("| `{}` | `{}` | `{}` |", word("name"), word("variable"), word("flag"));
        assert!(document.contains(&row), "docs/operations.md has no row beginning {row}");
    }
}
