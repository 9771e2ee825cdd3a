//! The page about the HTTP API, example by example, as a developer would type it.

use std::path::Path;

use keyledger_tests::server::{Server, init, run_examples};
use serde_json::Value;

/// What stands on the page for the key of whoever reads it.
const PLACEHOLDER: &str = "klu_…";
const ADDRESS: &str = "http://127.0.0.1:4200";

/// A block of the page: in which language, and what it says.
struct Block {
    language: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    fenced
        .map(|block| {
            let (language, text) = block.split_once('\n').unwrap();
            Block { language: language.to_owned(), text: text.to_owned() }
        })
        .collect()
}

/// Each example, and the answer that the page shows below it, if it shows one.
fn examples(page: &str) -> Vec<(String, Option<Block>)> {
    let mut examples: Vec<(String, Option<Block>)> = vec![];
    for block in blocks(page) {
        match (block.language.as_str(), examples.last_mut()) {
            ("sh", _) => examples.push((block.text, None)),
            // What a token says is shown without an example before it.
            (_, Some((_, answer @ None))) => *answer = Some(block),
            _ => {}
        }
    }
    examples
}

/// Whether an answer is one as the page shows: the same members, each of the same kind, lists of such entries, and the same words
/// where these are words of ours.
fn is_as_shown(shown: &Value, told: &Value, at: &str, wrong: &mut Vec<String>) {
    match (shown, told) {
        (Value::Object(shown), Value::Object(told)) => {
            let names = |object: &serde_json::Map<String, Value>| {
                let mut names: Vec<_> = object.keys().cloned().collect();
                names.sort();
                names
            };
            if names(shown) != names(told) {
                wrong.push(format!("{at}: shown {:?}, told {:?}", names(shown), names(told)));
            }
            for (name, shown) in shown {
                if let Some(told) = told.get(name) {
                    is_as_shown(shown, told, &format!("{at}.{name}"), wrong);
                }
            }
        }
        (Value::Array(shown), Value::Array(told)) => {
            if told.is_empty() != shown.is_empty() {
                wrong.push(format!("{at}: shown {} entries, told {}", shown.len(), told.len()));
            }
            told.iter().for_each(|told| is_as_shown(&shown[0], told, at, wrong));
        }
        (Value::String(shown), Value::String(told)) => {
            let is_ours =
                ["code", "message", "status", "kind", "sub_kind", "role", "token_type", "issued_token_type"];
            let word = at.rsplit('.').next().unwrap_or_default();
            if is_ours.contains(&word) && shown != told {
                wrong.push(format!("{at}: shown {shown}, told {told}"));
            }
        }
        (Value::Bool(shown), Value::Bool(told)) => {
            if shown != told {
                wrong.push(format!("{at}: shown {shown}, told {told}"));
            }
        }
        (shown, told) => {
            if std::mem::discriminant(shown) != std::mem::discriminant(told) {
                wrong.push(format!("{at}: shown {shown}, told {told}"));
            }
        }
    }
}

/// Of headers the page shows those that matter: each must be there.
fn has_the_headers(shown: &str, told: &str, wrong: &mut Vec<String>) {
    let told = told.replace('\r', "");
    for line in shown.lines().filter(|line| !line.is_empty()) {
        let begins = line.split(['…', '9']).next().unwrap();
        if !told.lines().any(|told| told.starts_with(begins)) {
            wrong.push(format!("no header like {line:?} in {told}"));
        }
    }
}

#[test]
fn every_example_answers_as_the_page_shows() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/http.md")).unwrap();
    let examples = examples(&page);
    assert!(examples.len() >= 10, "the page has its examples: {}", examples.len());
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let script = examples.iter().fold("set -eu\n".to_owned(), |script, (example, _)| {
        script
            + "printf '\\n>>>\\n'\n"
            + &example.replace(ADDRESS, server.url()).replace(PLACEHOLDER, &made.key)
            + "\n"
    });
    let out = run_examples(&script, scratch.path());
    let answers: Vec<_> = out.split("\n>>>\n").skip(1).collect();
    assert_eq!(answers.len(), examples.len(), "{out}");
    let mut wrong = vec![];
    for ((example, shown), told) in examples.iter().zip(answers) {
        let Some(Block { language, text }) = shown else { continue };
        if language == "json" {
            let shown: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let told: Value =
                serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}\n{example}"));
            is_as_shown(&shown, &told, "", &mut wrong);
        } else {
            has_the_headers(text, told, &mut wrong);
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{out}");
}
