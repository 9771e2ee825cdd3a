//! `restore`: makes the ledger of a data folder from a backup, and tells what its guard will say to it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use store::backup::{self, Restored};
use store::{DataFolder, StoreError};

use crate::args::{DataArgs, GuardArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs, shell_word};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger restore --from /backup/keyledger-2026-11-25 --data /var/lib/keyledger
  keyledger restore --from ./today --data ./data --guard /mnt/other/guard -o json

Stop the server first. DIR must not hold a ledger: move a broken one away, and leave its guard and its
secrets where they are. Every byte of the backup is checked, and nothing is left behind if it is damaged.
A ledger older than its guard is refused at start: what was revoked since works again in it.";

/// What to restore, and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RestoreArgs {
    /// The backup
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Restores, and tells what comes next.
pub fn run(args: RestoreArgs) -> Result<(), CliError> {
    let folder = args.data.folder(Some(&args.guard));
    let mut progress = Progress::new(args.output.output);
    let restored =
        backup::restore(&args.from, &folder, &mut |step, done, total| progress.tell_step(step, done, total));
    drop(progress);
    let restored = restored?;
    let missing = missing_secrets(&folder);
    let text = match args.output.output {
        Output::Json => for_programs(&args, &restored, &missing),
        Output::Table => for_people(&args, &folder, &restored, &missing),
    };
    output::write(&text)?;
    Ok(())
}

fn for_programs(args: &RestoreArgs, restored: &Restored, missing: &[PathBuf]) -> String {
    let (verdict, message) = match &restored.guard {
        Ok(()) => ("agrees", None),
        Err(error) => (word(error), Some(error.to_string())),
    };
    let json = json!({
        "file": args.from.to_string_lossy(),
        "data": args.data.data.to_string_lossy(),
        "ledger": restored.summary.ledger.to_string(),
        "position": restored.summary.head.position.to_string(),
        "bytes": restored.summary.bytes,
        "hash": restored.summary.head.hash.to_string(),
        "guard": verdict,
        "guard_message": message,
        "secrets_missing": missing.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
    });
    format!("{json}\n")
}

const fn word(error: &StoreError) -> &'static str {
    match error {
        StoreError::RolledBack { .. } => "older",
        StoreError::NoGuard { .. } => "missing",
        StoreError::OtherLedger { .. } => "other_ledger",
        _ => "unreadable",
    }
}

fn for_people(args: &RestoreArgs, folder: &DataFolder, restored: &Restored, missing: &[PathBuf]) -> String {
    let mut serve = format!("keyledger serve --data {}", shell(&args.data.data));
    if let Some(guard) = &args.guard.guard {
        serve += &format!(" --guard {}", shell(guard));
    }
    let head = restored.summary.head;
    let mut text = format!(
        "OK: the ledger in {} is that of {}, up to position {}, hash {}\n\n",
        folder.root().display(),
        args.from.display(),
        head.position,
        head.hash
    );
    text += &match &restored.guard {
        Ok(()) => "The guard agrees: nothing that it saw is missing.\n".to_owned(),
        Err(StoreError::OtherLedger { guard, .. }) => format!(
            "The guard {} is of another ledger, {guard}: a start is refused. Name this ledger's guard with --guard.\n",
            folder.guard().display()
        ),
        Err(StoreError::RolledBack { guard, .. }) => {
            serve += " --accept-rollback";
            format!(
                "The guard saw position {guard}, and that is not in this ledger: a start is refused, for what was revoked since\n\
                 that backup works again. To go on all the same, {GO_ON}"
            )
        }
        Err(_) => {
            let guard = folder.guard();
            format!(
                "The guard {} is missing or unreadable, and a start is refused without it.\n\
                 If it is kept elsewhere, name it with --guard or --config: it tells whether this ledger is older.\n\
                 If it is lost for good, what was revoked since that backup works again, and nothing shows it;\n\
                 {GO_ON}",
                guard.display()
            )
        }
    };
    if !missing.is_empty() {
        let listed: String = missing.iter().map(|path| format!("  {}\n", path.display())).collect();
        text += &format!(
            "\nSecrets are not in a backup. Put these back before the start, unless they are kept elsewhere:\n{listed}"
        );
    }
    format!("{text}\nNext:\n\n  {serve}\n")
}

/// What goes on with a ledger that may be older than what was served.
const GO_ON: &str = "start once with --accept-rollback; every signing key is then replaced.
REPEAT every revocation and removal made since that backup.
";

/// What a start looks for in the data folder and does not find there.
fn missing_secrets(folder: &DataFolder) -> Vec<PathBuf> {
    let (pepper, master_key) = (folder.pepper(), folder.master_key());
    let wanted = [pepper, master_key, folder.subjects(), folder.note_key(), folder.secrets().join("signing")];
    wanted.into_iter().filter(|path| !path.exists()).collect()
}

fn shell(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}
