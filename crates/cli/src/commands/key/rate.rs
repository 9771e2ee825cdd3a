//! `key rate`: changes how often a key is accepted.

use clap::Args;
use domain::ids::KeyId;
use serde_json::json;

use crate::client::limits::Rate;
use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation};
use crate::error::CliError;

const CHANGE: Mutation = Mutation::plain("change_api_key_rate", "change_api_key_rate_input");

const EXAMPLES: &str = "\
Examples:
  keyledger key rate 01890a5d-ac96-774b-bcce-b302099a8057 100/1m
  keyledger key rate 01890a5d-ac96-774b-bcce-b302099a8057 --unlimited

A whole period's requests may come at once; then they come back evenly. Each server counts for
itself, in memory.";

/// Which key, and how often.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RateArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    /// Requests and a time: 100/1m, 5/s, 10000/24h
    #[arg(value_name = "RATE", value_parser = Rate::parse, required_unless_present = "unlimited")]
    rate: Option<Rate>,
    /// Accept it as often as it is shown
    #[arg(long, conflicts_with = "rate")]
    unlimited: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Changes it.
pub fn run(args: RateArgs) -> Result<(), CliError> {
    let input = json!({"key_id": args.key.to_string(), "rate_limit": args.rate.map(Rate::input)});
    let change = Change { mutation: CHANGE, input, attempt: &args.attempt, dry_run: args.dry_run };
    change.carry_out(&args.client.server()?, args.client.form(), |_| match args.rate {
        None => format!("Key {} is accepted as often as it is shown", args.key),
        Some(Rate(rate)) => {
            let (requests, seconds) = (rate.requests(), rate.period_seconds());
            format!("Key {} is accepted {requests} times in {seconds} seconds", args.key)
        }
    })
}
