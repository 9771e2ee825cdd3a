//! `audit rebuild`: builds the views anew from the log, or says whether that would change anything.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use store::anew::Rebuilt;

use crate::args::DataArgs;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger audit rebuild --data /var/lib/keyledger
  keyledger audit rebuild --data /var/lib/keyledger --check

The log is the truth and is not changed. Stop the server first: there is one writer at a time. Where
pages of the views are damaged, the ledger's file is written anew from its log, which takes as much
room again; it takes the old one's place when it is whole, and the old one is kept beside it. With
--check nothing is written into the data folder, and a server may go on: the views are built beside
the live ones, which takes as much room there as the ledger, and compared byte by byte.";

/// What to rebuild.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RebuildArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Only compare: the state hash of the live views and of those that the log gives, and where they part first
    #[arg(long)]
    check: bool,
    /// Where to build them for the check [default: the folder for temporary files]
    #[arg(long, value_name = "DIR", requires = "check")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Rebuilds, and tells how many rows there are now; or compares.
pub fn run(args: RebuildArgs) -> Result<(), CliError> {
    let mut progress = Progress::new(args.output.output);
    let mut tell = |done, total| progress.tell("building", done, total);
    let folder = args.data.folder(None);
    if args.check {
        let scratch = args.scratch.unwrap_or_else(std::env::temp_dir);
        let compared = replay::rebuild::check(&folder, &scratch, &mut tell);
        drop(progress);
        return told(&compared?, args.output.output);
    }
    let rows = replay::rebuild(&folder, &mut tell);
    drop(progress);
    let Rebuilt { rows, kept } = rows?;
    let kept = kept.map(|kept| kept.to_string_lossy().into_owned());
    let text = match (args.output.output, kept) {
        (Output::Table, None) => format!("OK: the views were built anew from the log: {rows} rows\n"),
        (Output::Table, Some(kept)) => format!(
            "OK: pages of the views were damaged, so the ledger was written anew from its log: {rows} rows\nWhat it was is kept in {kept}: look at the disk before you remove that\n"
        ),
        (Output::Json, kept) => format!("{}\n", json!({"ok": true, "rows": rows, "kept": kept})),
    };
    output::write(&text)?;
    Ok(())
}

fn told(compared: &replay::rebuild::Compared, form: Output) -> Result<(), CliError> {
    output::write(&match form {
        Output::Table => compared.table(),
        Output::Json => compared.json(),
    })?;
    match compared.divergence() {
        None => Ok(()),
        Some(verdict) => Err(CliError::VerificationFailed { verdict }),
    }
}
