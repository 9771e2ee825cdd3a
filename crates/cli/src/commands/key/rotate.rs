//! `key rotate`: makes a key's successor.

use clap::Args;
use domain::ids::KeyId;
use serde_json::json;

use crate::client::graphql::text;
use crate::client::new_key::QuietArgs;
use crate::client::seconds::Seconds;
use crate::client::when::Expiry;
use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation, show};
use crate::error::CliError;

const ROTATE: Mutation = Mutation {
    name: "rotate_api_key",
    input: "rotate_api_key_input",
    selection: "id key_id: id key expires_at grace_ends_at position",
};

const EXAMPLES: &str = "\
Examples:
  keyledger key rotate 01890a5d-ac96-774b-bcce-b302099a8057 --overlap 24h
  KEY=$(keyledger key rotate 01890a5d-ac96-774b-bcce-b302099a8057 --overlap 7d -q)

The successor has the name, owner, reach and scopes of the old key. Its secret alone is written to
standard output, this once. Without --overlap the old key is refused at once.";

/// Which key, and how long both are accepted.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RotateArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    /// How long the old key is accepted beside the new one, at most 90d
    #[arg(long, value_name = "TIME", value_parser = Seconds::parse, default_value = "0")]
    overlap: Seconds,
    /// When the successor ends: 30d, 12h, 2031-01-01T00:00:00Z or never [default: as the tenant's policy says]
    #[arg(long, short, value_name = "WHEN", value_parser = Expiry::parse, allow_hyphen_values = true)]
    expires: Option<Expiry>,
    #[command(flatten)]
    quiet: QuietArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Rotates it, and hands the successor over.
pub fn run(args: RotateArgs) -> Result<(), CliError> {
    let end = args.expires.map(|end| end.asked_in(&args.attempt)).transpose()?.flatten();
    let input = json!({
        "key_id": args.key.to_string(),
        "overlap_seconds": args.overlap.0,
        "expires_at": end,
    });
    let server = args.client.server()?;
    if args.dry_run.dry_run {
        let change = Change { mutation: ROTATE, input, attempt: &args.attempt, dry_run: args.dry_run };
        return change.carry_out(&server, args.client.form(), |_| String::new());
    }
    let made = server.mutate(ROTATE, input, &args.attempt)?;
    let (new, grace) = (text(&made, "id"), show::cell(&made, "grace_ends_at"));
    let remark = format!("made key {new}, shown this once; key {} is refused from {grace} on\n", args.key);
    show::secret(args.client.form(), &made, (!args.quiet.quiet).then_some(&remark))
}
