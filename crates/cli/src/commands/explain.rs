//! `explain`: what a stable code means, and what to do next.

use clap::Args;
use serde_json::{Value, json};

use crate::catalogue::{self, ENTRIES, Entry, Family};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  keyledger explain KEY_REVOKED
  keyledger explain --all
  keyledger explain --all -o json";

/// What to explain.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// The code, as an error, a log line or `WWW-Authenticate` has it
    #[arg(value_name = "CODE", required_unless_present = "all")]
    code: Option<String>,
    /// Every code
    #[arg(long, conflicts_with = "code")]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes the explanation.
pub fn run(args: ExplainArgs) -> Result<(), CliError> {
    let text = match (&args.code, args.output.output) {
        (Some(code), Output::Table) => paragraph(found(code)?),
        (Some(code), Output::Json) => format!("{}\n", object(found(code)?)),
        (None, Output::Table) => every_family(),
        (None, Output::Json) => format!("{}\n", ENTRIES.iter().map(object).collect::<Value>()),
    };
    output::write(&text)?;
    Ok(())
}

fn found(code: &str) -> Result<&'static Entry, CliError> {
    catalogue::find(code).ok_or_else(|| {
        let near = catalogue::nearest(code);
        let hint = near.map_or_else(
            || "keyledger explain --all lists every code".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        // What was given may be anything, a key too: it is not repeated.
        UsageError { code: "USAGE", message: "there is no such code".to_owned(), hint: Some(hint) }.into()
    })
}

fn paragraph(entry: &Entry) -> String {
    let Entry { code, meaning, next, family: _ } = entry;
    format!("{code}\n  {meaning}\n  {next}\n")
}

fn every_family() -> String {
    let of = |family: Family| {
        let entries = ENTRIES.iter().filter(|entry| entry.family == family).map(paragraph);
        format!("{}\n\n{}", family.heading(), entries.collect::<Vec<_>>().join("\n"))
    };
    Family::ALL.map(of).join("\n")
}

fn object(entry: &Entry) -> Value {
    let Entry { code, family, meaning, next } = entry;
    json!({ "code": code, "family": family.as_str(), "meaning": meaning, "next": next })
}
