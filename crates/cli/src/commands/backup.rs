//! `backup`: writes a consistent and verified copy of the log, also beside a running server.

use std::path::PathBuf;

use clap::Args;
use replay::{Audit, Repair};
use serde_json::json;
use store::backup::{self, Summary};

use crate::args::DataArgs;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs, shell_word};
use crate::progress::Progress;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  keyledger backup --data /var/lib/keyledger --to /backup/keyledger-2026-11-25
  keyledger backup --data ./data --to ./today -o json

The chain is checked while it is copied, and the file is read back before it gets its name; a file
that is there is never replaced. The secrets are NOT in it: keep a copy of DIR/secrets, made after
the backup, apart from it.";

/// What to back up, and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BackupArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The file to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes the backup, and tells what it holds.
pub fn run(args: BackupArgs) -> Result<(), CliError> {
    if args.to.as_os_str() == "-" {
        let message = "--to: a backup is a file that is read back, and not standard output".to_owned();
        let hint = Some("name a file; one that is called so is ./-".to_owned());
        return Err(UsageError { code: "USAGE", message, hint }.into());
    }
    let audit = Audit::open(&args.data.folder(None), Repair::Forbidden)?;
    let mut progress = Progress::new(args.output.output);
    let summary = replay::reading(|| {
        let snapshot = audit.snapshot()?;
        backup::write(&snapshot, &args.to, &mut |step, done, total| progress.tell_step(step, done, total))
            .map_err(CliError::from)
    });
    drop(progress);
    let Summary { ledger, head, bytes } = summary?;
    let secrets = audit.folder().secrets();
    let text = match args.output.output {
        Output::Json => format!(
            "{}\n",
            json!({
                "file": args.to.to_string_lossy(),
                "ledger": ledger.to_string(),
                "position": head.position.to_string(),
                "bytes": bytes,
                "hash": head.hash.to_string(),
                "secrets_included": false,
            })
        ),
        Output::Table => format!(
            "\
OK: the log up to position {position} is in {file}, and was read back
  ledger  {ledger}
  hash    {hash}
  bytes   {bytes}

The secrets are NOT in it. Copy them now, and keep them apart from it: {secrets}
Restore with: keyledger restore --from {word} --data DIR
",
            position = head.position,
            hash = head.hash,
            file = args.to.display(),
            secrets = secrets.display(),
            word = shell_word(&args.to.to_string_lossy()),
        ),
    };
    output::write(&text)?;
    Ok(())
}
