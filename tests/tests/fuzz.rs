//! What the fuzzers do, on any compiler: the corpora are read again, and changes of them, drawn from a seed.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use keyledger_tests::fuzz::{Corpus, Mutator, TARGETS, Target};

/// How many changes each target is fed, instead of its own number.
const RUNS_VARIABLE: &str = "KEYLEDGER_FUZZ_RUNS";
/// The seed that a failure named.
const SEED_VARIABLE: &str = "KEYLEDGER_FUZZ_SEED";

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

fn feed(target: Target, bytes: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        panic!("{}: {what}: {:?}", target.name, String::from_utf8_lossy(bytes));
    }
}

fn play(name: &str) {
    let target = *TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = Corpus::of(name);
    assert!(corpus.inputs.len() >= 15 && corpus.words.len() >= 8, "{name} has a corpus and words");
    for (path, bytes) in &corpus.inputs {
        feed(target, bytes, &path.display().to_string());
    }
    let others: Vec<&[u8]> = corpus.inputs.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let runs = number(RUNS_VARIABLE).map_or(target.runs, |runs| usize::try_from(runs).unwrap());
    // Another one each day: what was not found today may be found tomorrow. A failure says which it was.
    let days = jiff::Timestamp::now().as_second().unsigned_abs() / 86_400;
    let seed = number(SEED_VARIABLE).unwrap_or(days << 32);
    for run in 0..runs as u64 {
        let mut mutator = Mutator::of(seed.wrapping_add(run));
        let input = others[mutator.below(others.len())];
        let bytes = mutator.change(input, &others, &corpus.words);
        let again = format!("{SEED_VARIABLE}={} {RUNS_VARIABLE}=1 plays it again", seed.wrapping_add(run));
        feed(target, &bytes, &again);
    }
}

#[test]
fn key_strings() {
    play("key_string");
}

#[test]
fn records() {
    play("record");
}

#[test]
fn tokens() {
    play("jwt");
}

#[test]
fn graphql_requests() {
    play("graphql");
}

#[test]
fn forms_of_the_token_endpoint() {
    play("token_form");
}

#[test]
fn callbacks_of_the_browser_login() {
    play("callback");
}

/// A target without a program is never fuzzed, and one without a test is never replayed.
#[test]
fn every_target_has_a_program_a_corpus_and_a_test() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let stems = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(fuzz.join(folder)).unwrap();
        let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect()
    };
    let named: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    for folder in ["fuzz_targets", "corpus", "dictionaries"] {
        assert_eq!(stems(folder), named, "fuzz/{folder}");
    }
    let manifest: toml::Table = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap().parse().unwrap();
    let programs = manifest["bin"].as_array().unwrap().iter();
    assert_eq!(programs.map(|bin| bin["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), named);
    for name in &named {
        assert!(include_str!("fuzz.rs").contains(&format!("play(\"{name}\")")), "{name} is not replayed");
    }
}

/// The seed is all that a change depends on.
#[test]
fn a_seed_draws_the_same_again() {
    let words = vec![b"word".to_vec()];
    let change = |seed| Mutator::of(seed).change(b"an input of some length", &[b"another"], &words);
    assert_eq!(change(7), change(7));
    assert!((0..50).map(change).collect::<BTreeSet<_>>().len() > 40);
}
