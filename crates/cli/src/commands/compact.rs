//! `compact`: writes the ledger's tables anew with full pages, and gives the rest of the file back.

use clap::Args;
use serde_json::json;
use store::{Ledger, OpenOptions, Sharing};

use crate::args::DataArgs;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  keyledger compact --data /var/lib/keyledger
  keyledger compact --data ./data -o json

Stop the server first: nobody else may have the ledger open. There must be room for a second copy of it on the
same disk. No event and no view changes; a crash on the way loses nothing.";

/// What to compact.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompactArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Compacts, and tells what came of it.
pub fn run(args: CompactArgs) -> Result<(), CliError> {
    let folder = args.data.folder_of_a_ledger(None)?;
    let path = folder.ledger();
    let bytes = || std::fs::metadata(&path).map(|file| file.len()).unwrap_or_default();
    let before = bytes();
    let options = OpenOptions { sharing: Sharing::Exclusive, ..OpenOptions::default() };
    let _lock = folder.has_ledger()?.then(|| folder.lock()).transpose()?;
    let mut ledger = Ledger::open(&path, &options)?;
    ledger.compact()?;
    let head = ledger.snapshot().map(|snapshot| snapshot.head())?;
    ledger.close()?;
    let after = bytes();
    let text = match args.output.output {
        Output::Json => {
            let json = json!({
                "data": args.data.data.to_string_lossy(),
                "position": head.position.to_string(),
                "hash": head.hash.to_string(),
                "bytes_before": before,
                "bytes_after": after,
            });
            format!("{json}\n")
        }
        Output::Table => format!(
            "Compacted {}: {after} bytes, {before} before; {} events, chained up to {}\n",
            path.display(),
            head.position,
            head.hash
        ),
    };
    output::write(&text)?;
    Ok(())
}
