//! `make demo`: plays fixtures/demo.story.toml, or the story file given, and exits with 1 if a check fails.

use std::ffi::OsString;
use std::io::{IsTerminal as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use keyledger_tests::demo::story::Story;
use keyledger_tests::demo::teller::{Ink, Teller};
use keyledger_tests::demo::{Props, agent, play};
use keyledger_tests::server;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(word), None) if word == "agent" => agent::run(),
        (Some(word), _) if word.as_encoded_bytes().starts_with(b"-") => usage(),
        (story, None) => demo(&story.map_or_else(default_story, PathBuf::from)),
        (_, Some(_)) => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: demo [STORY.toml]\n\nPlays the story, by default fixtures/demo.story.toml. DEMO_KEEP=1 keeps the scratch folder.\n\
         Exit codes: 0 every check passed, 1 one failed, 2 the story cannot be read."
    );
    ExitCode::from(2)
}

fn default_story() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/demo.story.toml")
}

fn demo(file: &Path) -> ExitCode {
    let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let story = match read.and_then(|text| Story::parse(&text).map_err(|error| error.to_string())) {
        Ok(story) => story,
        Err(why) => {
            eprintln!("error: the story {} cannot be played: {why}", file.display());
            return ExitCode::from(2);
        }
    };
    let made = tempfile::Builder::new().prefix("keyledger-demo-").tempdir();
    let (scratch, program) = match (made, std::env::current_exe()) {
        (Ok(scratch), Ok(program)) => (scratch, program),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("error: the demo cannot begin: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Built before the curtain rises.
    server::binary();

    let mut out = stdout();
    let mut teller = Teller::new(&mut out, ink());
    let props = Props { scratch: scratch.path().to_owned(), program };
    let report = play(&story, &props, &mut teller);
    teller.raw(&format!("\n{}", report.table(teller.ink)));
    if !report.is_ok() || set("DEMO_KEEP") {
        teller.raw(&format!("\nThe scratch folder is kept: {}\n", scratch.keep().display()));
    }
    if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Colours for a terminal, unless NO_COLOR (no-color.org) says otherwise.
fn ink() -> Ink {
    if stdout().is_terminal() && !set("NO_COLOR") { Ink::Coloured } else { Ink::Plain }
}

fn set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value: OsString| !value.is_empty() && value != "0")
}
