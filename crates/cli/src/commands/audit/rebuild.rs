//! `audit rebuild`: builds the views anew from the log.

use clap::Args;

use crate::args::DataArgs;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger audit rebuild --data /var/lib/keyledger

The log is the truth and is not changed. Stop the server first: there is one writer at a time.";

/// What to rebuild.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RebuildArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Rebuilds, and tells how many rows there are now.
pub fn run(args: RebuildArgs) -> Result<(), CliError> {
    let mut progress = Progress::new(args.output.output);
    let rows =
        replay::rebuild(&args.data.folder(None), &mut |done, total| progress.tell("building", done, total));
    drop(progress);
    let rows = rows?;
    let text = match args.output.output {
        Output::Table => format!("OK: the views were built anew from the log: {rows} rows\n"),
        Output::Json => format!("{}\n", serde_json::json!({"ok": true, "rows": rows})),
    };
    output::write(&text)?;
    Ok(())
}
