//! `key addresses`: changes from where a key is accepted.

use clap::Args;
use domain::ids::KeyId;
use domain::network::Network;
use serde_json::{Value, json};

use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation, limits};
use crate::error::CliError;

const CHANGE: Mutation = Mutation::plain("change_api_key_addresses", "change_api_key_addresses_input");

const EXAMPLES: &str = "\
Examples:
  keyledger key addresses 01890a5d-ac96-774b-bcce-b302099a8057 10.0.0.0/8 2001:db8::/32
  keyledger key addresses 01890a5d-ac96-774b-bcce-b302099a8057 --anywhere

The list holds from the next request on, for tokens minted from the key, too. It cannot shut out
the key that you use from where you are, nor let another key in from more addresses than yours.";

/// Which key, and from where.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AddressesArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    /// The networks or addresses from which it is accepted
    #[arg(value_name = "CIDR", value_parser = Network::parse, required_unless_present = "anywhere")]
    networks: Vec<Network>,
    /// Accept it from everywhere
    #[arg(long, conflicts_with = "networks")]
    anywhere: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Changes it.
pub fn run(args: AddressesArgs) -> Result<(), CliError> {
    let networks = limits::networks(&args.networks);
    let input = json!({"key_id": args.key.to_string(), "allowed_addresses": networks});
    let change = Change { mutation: CHANGE, input, attempt: &args.attempt, dry_run: args.dry_run };
    change.carry_out(&args.client.server()?, args.client.form(), |_| match networks {
        Value::Null => format!("Key {} is accepted from everywhere", args.key),
        _ => {
            let list = args.networks.iter().map(Network::to_string).collect::<Vec<_>>().join(", ");
            format!("Key {} is accepted from {list} and from nowhere else", args.key)
        }
    })
}
