//! `auth revoke-key`: revokes a key by its id.

use clap::Args;
use domain::ids::KeyId;

use crate::client::{AttemptArgs, ClientArgs, DryRunArgs};
use crate::commands::key::revoke::{self, ReasonArgs};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger auth revoke-key -i 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger auth revoke-key -i 01890a5d-ac96-774b-bcce-b302099a8057 --reason key_compromise

The key and every token minted from it are refused at the next request. This cannot be undone.";

/// Which key, and why.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RevokeOwnKeyArgs {
    /// The key's id, as list-keys shows it
    #[arg(long, short, value_name = "ID", value_parser = KeyId::parse)]
    id: KeyId,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Revokes it.
pub fn run(args: RevokeOwnKeyArgs) -> Result<(), CliError> {
    revoke::revoke(&args.client, args.id, &args.reason, &args.attempt, args.dry_run)
}
