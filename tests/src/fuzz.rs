//! What fuzzers feed: one function for each place where a stranger's bytes are read.
//!
//! Each takes any bytes and panics if something is wrong. libFuzzer calls them (`make fuzz`), and so do the tests,
//! with the same corpora and with changes of their own.

mod callback;
mod corpus;
mod graphql;
mod jwt;
mod key_string;
mod mutation;
mod record;
mod token_form;
mod world;

pub use corpus::Corpus;
pub use mutation::Mutator;

/// A place where a stranger's bytes are read.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: that of its corpus, of its dictionary, and of its program under `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Reads the bytes, and panics if something is wrong.
    pub run: fn(&[u8]),
    /// How many changes of the corpus the tests feed, if nothing else is said.
    pub runs: usize,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "key_string", run: key_string::run, runs: 20_000 },
    Target { name: "record", run: record::run, runs: 20_000 },
    Target { name: "jwt", run: jwt::run, runs: 4_000 },
    Target { name: "graphql", run: graphql::run, runs: 2_000 },
    Target { name: "token_form", run: token_form::run, runs: 3_000 },
    Target { name: "callback", run: callback::run, runs: 3_000 },
];

/// Runs a target by its name, as the programs under `fuzz/fuzz_targets` do.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of the list");
    (target.run)(bytes);
}
