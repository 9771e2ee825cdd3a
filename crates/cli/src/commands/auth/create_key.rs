//! `auth create-key`: makes a key for oneself.

use clap::Args;

use crate::client::graphql::text;
use crate::client::new_key::{self, NewKeyArgs, QuietArgs};
use crate::client::{AttemptArgs, ClientArgs};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger auth create-key -n laptop
  keyledger auth create-key -n ci --expires 30d --scope keyledger:read
  KEY=$(keyledger auth create-key -n ci -q)
  keyledger auth create-key -n gateway --expires 2031-01-01T00:00:00Z -o json

The key alone is written to standard output, this once; remarks go to standard error.";

/// What the key is to be.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CreateKeyArgs {
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
pub fn run(args: CreateKeyArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let who = server.whoami()?;
    new_key::create(&server, text(&who, "id"), &args.key, &args.attempt, &args.quiet, args.client.form())
}
