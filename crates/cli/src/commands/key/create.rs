//! `key create`: makes a key for a user or a service account.

use clap::Args;

use crate::client::names::OwnerName;
use crate::client::new_key::{self, NewKeyArgs, QuietArgs};
use crate::client::{AttemptArgs, ClientArgs};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger key create --owner etl-agent -n 'etl in production' --expires 90d
  KEY=$(keyledger key create --owner etl-agent -n etl -q)

The key alone is written to standard output, this once; remarks go to standard error.";

/// What the key is to be, and whose.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CreateArgs {
    /// Whose: a service account's name, a user's e-mail address, or an id
    #[arg(long, value_name = "OWNER", value_parser = OwnerName::parse)]
    owner: OwnerName,
    #[command(flatten)]
    key: NewKeyArgs,
    #[command(flatten)]
    quiet: QuietArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Makes it.
pub fn run(args: CreateArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let owner = args.owner.id(&server)?;
    new_key::create(&server, &owner, &args.key, &args.attempt, &args.quiet, args.client.form())
}
