//! The README's tour, command by command, as a new user would type it.

use std::collections::BTreeMap;
use std::path::Path;

use keyledger_tests::server::{Server, events_of, init, run_examples};

/// What stands in the README for the key that `make run` shows.
const PLACEHOLDER: &str = "klu_…";

/// The `sh` blocks of the tour, in order.
fn tour() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let (_, after) = readme.split_once("\n## A tour\n").expect("the README has a tour");
    let (tour, _) = after.split_once("\n## ").expect("something follows the tour");
    let blocks = tour.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// One command a line; what each printed is told apart by a line before it.
fn script(blocks: &[String], url: &str, key: &str) -> String {
    let mut script = "set -eu\n".to_owned();
    for line in blocks.iter().flat_map(|block| block.lines()) {
        let line = line.split("  #").next().unwrap().trim_end();
        if line.is_empty() || line.starts_with("alias ") {
            continue;
        }
        script += &format!("echo '>>> {}'\n", line.replace('\'', r"'\''"));
        let line = line.replace("http://127.0.0.1:4200", url).replace(PLACEHOLDER, key);
        script += &format!("{line}\n");
    }
    script
}

#[test]
fn the_tour_of_the_readme_works_command_by_command() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("keyledger-data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let blocks = tour();
    assert!(blocks.len() >= 5, "the tour has its commands: {blocks:?}");
    assert!(blocks[0].contains(PLACEHOLDER), "the tour says where the key goes");

    let out = run_examples(&script(&blocks, server.url(), &made.key), scratch.path());

    let said: BTreeMap<&str, &str> = out
        .split(">>> ")
        .skip(1)
        .map(|section| section.split_once('\n').expect("each command is told on a line"))
        .collect();
    let of = |begins: &str| {
        let found: Vec<_> = said.iter().filter(|(command, _)| command.starts_with(begins)).collect();
        assert_eq!(found.len(), 1, "one command of the tour begins with {begins}: {found:?}");
        *found[0].1
    };
    assert!(of("keyledger whoami").contains("administrator"), "{out}");
    assert!(out.contains(r#""kind":"service_account""#), "the agent's key is accepted: {out}");
    let refused: Vec<_> = out.lines().filter(|line| line.contains(r#""code":"KEY_REVOKED""#)).collect();
    assert_eq!(refused.len(), 1, "the token is refused once the key is revoked: {out}");
    for listing in ["keyledger events", "keyledger audit show"] {
        let listing = of(listing);
        assert!(listing.contains("KeyRevoked") && listing.contains("ada@example.com"), "{listing}");
    }
    assert!(of("keyledger explain").contains("revoked"), "{out}");
    assert_eq!(events_of(&data).iter().filter(|recorded| recorded.event.name() == "KeyRevoked").count(), 1);
}
