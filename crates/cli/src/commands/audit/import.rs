//! `audit import`: makes a ledger from an export.

use std::path::PathBuf;
use std::{env, io};

use clap::Args;

use crate::args::{DataArgs, GuardArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger audit import --from log.jsonl --data ./copy
  keyledger audit replay --data ./copy --as-of -24h
  ssh keys.example.com keyledger audit export --data /var/lib/keyledger | keyledger audit import --from - --data ./copy

The whole export is checked before anything is made; from standard input it is kept among the temporary
files until then. As with a restored backup, secrets are not in
it, and a guard that saw a later position keeps a server from starting on the copy.";

/// What to import, and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// The file of the export, or - for standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Imports.
pub fn run(args: ImportArgs) -> Result<(), CliError> {
    let folder = args.data.folder(Some(&args.guard));
    let mut progress = Progress::new(args.output.output);
    let mut tell = |step, done, total| progress.tell_step(step, done, total);
    let restored = if args.from.as_os_str() == "-" {
        replay::import_stream(io::stdin().lock(), &env::temp_dir(), &folder, &mut tell)
    } else {
        replay::import(&args.from, &folder, &mut tell)
    };
    drop(progress);
    let summary = restored?.summary;
    let (position, hash) = (summary.head.position, summary.head.hash);
    let text = match args.output.output {
        Output::Table => {
            format!("OK: a ledger up to position {position}, hash {hash}, in {}\n", folder.root().display())
        }
        Output::Json => {
            let (ledger, position) = (summary.ledger.to_string(), position.to_string());
            format!(
                "{}\n",
                serde_json::json!({"ok": true, "ledger": ledger, "head_position": position, "head_hash": hash.to_string()})
            )
        }
    };
    output::write(&text)?;
    Ok(())
}
