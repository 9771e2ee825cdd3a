//! `key expire`: changes when a key ends.

use clap::Args;
use domain::ids::KeyId;
use serde_json::json;

use crate::client::when::Expiry;
use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation};
use crate::error::CliError;

const EXPIRE: Mutation = Mutation::plain("change_api_key_expiry", "change_api_key_expiry_input");

const EXAMPLES: &str = "\
Examples:
  keyledger key expire 01890a5d-ac96-774b-bcce-b302099a8057 30d
  keyledger key expire 01890a5d-ac96-774b-bcce-b302099a8057 2031-01-01T00:00:00Z
  keyledger key expire 01890a5d-ac96-774b-bcce-b302099a8057 never

never means: as the tenant's policy says, counted from when the key was made. A key that has
ended stays ended. To end one now, revoke or disable it.";

/// Which key, and its end.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExpireArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    /// When it ends: 30d, 12h, 2031-01-01T00:00:00Z or never
    #[arg(value_name = "WHEN", value_parser = Expiry::parse, allow_hyphen_values = true)]
    expires: Expiry,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Changes it.
pub fn run(args: ExpireArgs) -> Result<(), CliError> {
    let end = args.expires.asked_in(&args.attempt)?;
    let input = json!({"key_id": args.key.to_string(), "expires_at": end});
    let change = Change { mutation: EXPIRE, input, attempt: &args.attempt, dry_run: args.dry_run };
    change.carry_out(&args.client.server()?, args.client.form(), |_| match &end {
        Some(end) => format!("Key {} expires at {end}", args.key),
        None => format!("Key {} expires when the tenant's policy says, else never", args.key),
    })
}
