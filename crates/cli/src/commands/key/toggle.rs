//! `key disable` with its way back, `key enable`.

use clap::Args;
use domain::ids::KeyId;
use serde_json::json;

use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation};
use crate::error::CliError;

const DISABLE: Mutation = Mutation::plain("disable_api_key", "key_id_input");
const ENABLE: Mutation = Mutation::plain("enable_api_key", "key_id_input");

const EXAMPLES: &str = "\
Examples:
  keyledger key disable 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger key enable 01890a5d-ac96-774b-bcce-b302099a8057

A disabled key and its tokens are refused at the next request, until it is enabled.";

/// Which key.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ToggleArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Disables it.
pub fn disable(args: ToggleArgs) -> Result<(), CliError> {
    toggle(args, DISABLE, "disabled")
}

/// Enables it.
pub fn enable(args: ToggleArgs) -> Result<(), CliError> {
    toggle(args, ENABLE, "enabled")
}

fn toggle(args: ToggleArgs, mutation: Mutation, now: &str) -> Result<(), CliError> {
    let input = json!({"key_id": args.key.to_string()});
    let change = Change { mutation, input, attempt: &args.attempt, dry_run: args.dry_run };
    change.carry_out(&args.client.server()?, args.client.form(), |_| format!("Key {} is {now}", args.key))
}
