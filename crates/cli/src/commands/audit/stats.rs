//! `audit stats`: what there is in a log, and how often.

use std::io::{self, Write as _};

use clap::Args;

use crate::commands::audit::log::{LogArgs, Reads};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger audit stats --data /var/lib/keyledger
  keyledger audit stats --data backup.keyledger -o json";

/// What to count.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatsArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Counts.
pub fn run(args: StatsArgs) -> Result<(), CliError> {
    let source = args.log.open(Reads::LogAlone)?;
    let mut progress = Progress::new(args.output.output);
    let stats = replay::stats(&source, &mut |done, total| progress.tell("counting", done, total));
    drop(progress);
    let stats = stats?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = match args.output.output {
        Output::Table => stats.write_table(&mut out),
        Output::Json => stats.write_json(&mut out),
    };
    output::unless_left(written.and_then(|()| out.flush()))?;
    Ok(())
}
