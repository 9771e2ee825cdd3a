//! `auth list-keys`: lists one's own keys.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::text;
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::commands::key::list::KEYS;
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger auth list-keys
  keyledger auth list-keys --all -o json

Never a secret. For keys of service accounts, see: keyledger key list";

/// Which keys.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListKeysArgs {
    /// Those that have ended for good, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Whose keys are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The caller's.
    Own,
    /// Those that the caller may manage.
    Everyones,
}

/// Lists them.
pub fn run(args: ListKeysArgs, whose: Whose) -> Result<(), CliError> {
    let server = args.client.server()?;
    let mut keys = server.all_as_of(KEYS, &[("all", "Boolean", json!(args.all))], &args.as_of)?;
    if whose == Whose::Own {
        let who = server.whoami()?;
        keys.entries.retain(|key| text(key, "user_id") == text(&who, "id"));
    }
    show::list(args.client.form(), keys, ["NAME", "ID", "EXPIRES AT", "STATUS"], |key: &Value| {
        [
            show::cell(key, "name"),
            show::cell(key, "id"),
            show::cell_or(key, "expires_at", "NEVER"),
            show::cell(key, "status"),
        ]
    })
}
