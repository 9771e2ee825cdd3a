//! `explain` and the catalogue: every code that the sources can say is in it, and docs/errors.md is made from it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::run;

/// Words in capitals that are no codes: variables of the environment, words of GraphQL.
const NO_CODES: [&str; 10] = [
    "RUST_LOG",
    "NON_NULL",
    "CREDENTIALS_DIRECTORY",
    "CARGO_PKG_VERSION",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "XDG_CONFIG_HOME",
    "KEY_ID",
    "KEY_",
];

fn catalogue() -> Vec<Value> {
    run(&["explain", "--all", "-o", "json"]).json().as_array().unwrap().clone()
}

fn of(entry: &Value, field: &str) -> String {
    entry[field].as_str().unwrap().to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// Every literal of the built sources, but for the catalogue's own, that is a word in capitals.
fn words_in_capitals() -> BTreeSet<String> {
    let mut paths = vec![];
    for room in fs::read_dir(root().join("crates")).unwrap() {
        sources(&room.unwrap().path().join("src"), &mut paths);
    }
    let mut words = BTreeSet::new();
    for path in paths.iter().filter(|path| !path.ends_with("catalogue.rs")) {
        let text = fs::read_to_string(path).unwrap();
        let built = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
        for word in built.split('"').skip(1).step_by(1) {
            let capitals = |c: char| c.is_ascii_uppercase() || c == '_';
            if word.len() > 2 && word.chars().all(capitals) && word.starts_with(|c: char| c != '_') {
                words.insert(word.to_owned());
            }
        }
    }
    words
}

#[test]
fn every_code_that_the_sources_can_say_is_in_the_catalogue() {
    let known: BTreeSet<_> = catalogue().iter().map(|entry| of(entry, "code")).collect();
    let said = words_in_capitals();
    let compound = said.iter().filter(|word| word.contains('_'));
    let code = |word: &&String| {
        !word.starts_with("KEYLEDGER_")
            && !word.starts_with("PREFECT__")
            && !NO_CODES.contains(&word.as_str())
    };
    let missing: Vec<_> = compound.filter(code).filter(|word| !known.contains(*word)).collect();
    assert!(missing.is_empty(), "the catalogue does not explain {missing:?}");
    let never_said: Vec<_> = known.iter().filter(|code| !said.contains(*code)).collect();
    assert!(never_said.is_empty(), "nothing says {never_said:?}");
}

#[test]
fn entries_are_sentences_and_stand_once() {
    let entries = catalogue();
    let codes: BTreeSet<_> = entries.iter().map(|entry| of(entry, "code")).collect();
    assert_eq!(codes.len(), entries.len(), "a code stands twice");
    for entry in &entries {
        for field in ["meaning", "next"] {
            let text = of(entry, field);
            assert!(text.ends_with('.') || text.ends_with('`'), "{}: {text}", of(entry, "code"));
        }
    }
}

#[test]
fn a_code_is_explained_in_any_spelling_and_a_near_one_is_suggested() {
    let whole = run(&["explain", "KEY_REVOKED"]);
    assert_eq!((whole.code, whole.err.as_str()), (0, ""));
    assert!(whole.out.starts_with("KEY_REVOKED\n  The key was revoked"), "{}", whole.out);
    assert_eq!(run(&["explain", "key-revoked"]).out, whole.out);
    let near = run(&["explain", "KEY_REVOCKED"]);
    assert_eq!(
        (near.code, near.err.as_str()),
        (2, "error: there is no such code\nhint: did you mean KEY_REVOKED?\n")
    );
    let far = run(&["explain", "klu_000000000000000000000000"]);
    assert_eq!((far.code, far.out.as_str()), (2, ""));
    assert!(!far.err.contains("klu_"), "what was given is not repeated: {}", far.err);
    assert_eq!(run(&["explain"]).code, 2);
    assert!(run(&["explain", "UNAUTHENTICATED"]).out.contains("`reason`"));
    assert_eq!(run(&["explain", "KEY_REVOKED", "-o", "json"]).json()["family"], "credential");
}

/// `UPDATE_DOCS=1` writes it.
#[test]
fn the_page_of_errors_is_made_from_the_catalogue() {
    let path = root().join("docs/errors.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, page, "run `make errors` and read the difference");
}

fn page() -> String {
    let entries = catalogue();
    let mut page = "# Codes\n\nEvery refusal has a stable code: in `WWW-Authenticate` (unless nothing was shown), in the body of REST and OAuth\nanswers, in \
        `extensions.code` of GraphQL (a failed authentication: `UNAUTHENTICATED`, with the code as `reason`), in errors of\nthe \
        command line with `-o json`, and in the server's log line. `keyledger explain CODE` says the same as this page,\nwhich is \
        made from the program's own catalogue.\n"
        .to_owned();
    for (family, heading) in [
        ("credential", "A key or token is not accepted"),
        ("rules", "The rules say no"),
        ("request", "The request is not well formed"),
        ("server", "The server cannot do it now"),
        ("machine", "At the machine, and on the command line"),
    ] {
        page += &format!("\n## {heading}\n\n| Code | What it means | What to do |\n|---|---|---|\n");
        for entry in entries.iter().filter(|entry| entry["family"] == family) {
            page +=
                &format!("| `{}` | {} | {} |\n", of(entry, "code"), of(entry, "meaning"), of(entry, "next"));
        }
    }
    page
}
