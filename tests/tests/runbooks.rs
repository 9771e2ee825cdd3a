//! The runbooks, held against the real thing: every command in them exists, and is understood.

use std::fs;
use std::path::{Path, PathBuf};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, init, keyledger};
use serde_json::Value;

const AN_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn runbooks() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// What a person would put for `<what is meant>`.
fn filled_in(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (meant, after) = after.split_once('>').unwrap_or_else(|| panic!("{text}"));
        let value = match meant {
            meant if meant.contains("address") => "bob@example.com",
            meant if meant.contains("instant") => "2999-01-01T00:00:00Z",
            "position" => "1",
            meant if meant.ends_with("id") => AN_ID,
            _ => "a text",
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled + rest
}

/// The commands in a page that begin so, wherever they stand; each to the end of its line or of its back-ticks.
fn commands(page: &str, begin: &str) -> Vec<String> {
    let lines = page.lines().map(str::trim).filter(|line| line.starts_with(begin)).map(str::to_owned);
    let prose = page.replace("\n   ", " ").replace('\n', " ");
    let ticked =
        prose.split('`').skip(1).step_by(2).filter(|word| word.starts_with(begin)).map(str::to_owned);
    lines.chain(ticked.filter(|word| word.len() > begin.len()).collect::<Vec<_>>()).collect()
}

#[test]
fn there_are_those_that_an_operator_looks_for_and_each_has_its_parts() {
    let names: Vec<_> =
        runbooks().iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for name in [
        "audit",
        "disk-full",
        "leaked-key",
        "lost-administrator",
        "person-leaves",
        "restore",
        "rotate-signing-key",
    ] {
        assert!(names.contains(&format!("{name}.md")), "{names:?}");
    }
    for (path, page) in runbooks() {
        for part in ["**When:**", "\n## At once", "\n## Check that it worked", "\n## Afterwards"] {
            assert!(page.contains(part), "{} lacks {part:?}", path.display());
        }
    }
}

/// The server refuses an id that is none of its own; but never because it does not understand.
#[test]
fn every_graphql_request_is_understood() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let client = Client::holding(server.url(), &made.key);
    let mut asked = 0;
    for (path, page) in runbooks() {
        for line in page.lines().map(str::trim).filter(|line| line.starts_with("graphql '")) {
            let query = line.strip_prefix("graphql '").unwrap().strip_suffix('\'').unwrap();
            let query = filled_in(&query.replace("\\\"", "\""));
            let answer = client.graphql(&query, &Value::Null);
            let code = answer.code().unwrap_or_default();
            let understood = ["", "NOT_FOUND"].contains(&code.as_str());
            assert!(answer.status == 200 && understood, "{}: {query}\n{}", path.display(), answer.text);
            asked += 1;
        }
        for line in
            page.lines().filter(|line| line.contains("$KEYLEDGER_URL/") && !line.contains("graphql()"))
        {
            let path = line.split("$KEYLEDGER_URL").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(client.get(path).status, 200, "{path}");
        }
    }
    assert!(asked >= 20, "{asked}");
}

#[test]
fn every_command_of_the_command_line_exists_with_its_flags() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    init(&data, "acme", "ada@example.com");
    let mut seen = 0;
    for (path, page) in runbooks() {
        for command in commands(&page, "keyledger ") {
            let filled = filled_in(&command);
            let words: Vec<_> = filled.split_whitespace().skip(1).collect();
            let names: Vec<_> = words.iter().take_while(|word| !word.starts_with('-')).copied().collect();
            let help = keyledger(names.iter().copied().chain(["--help"]));
            assert!(help.status.success(), "{}: {command}", path.display());
            let help = String::from_utf8(help.stdout).unwrap();
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(
                    help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
                    "{command}: {flag}"
                );
            }
            if names == ["audit", "show"] || names == ["audit", "verify"] || names == ["audit", "rebuild"] {
                let folder = data.to_str().unwrap();
                let kept = data.join("guard.checkpoint");
                let words = words.iter().map(|word| match *word {
                    "DIR" | "COPY" => folder,
                    "CHECKPOINT" => kept.to_str().unwrap(),
                    word => word,
                });
                let ended = keyledger(words);
                // The id that stands for one is nobody's, and the command was understood.
                let nobody = filled.contains(AN_ID) && ended.status.code() == Some(5);
                let understood = ended.status.success() || nobody;
                assert!(understood, "{command}: {}", String::from_utf8_lossy(&ended.stderr));
            }
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}
