//! `key rename`: gives a key another name.

use clap::Args;
use domain::ids::KeyId;
use domain::names::Name;
use serde_json::json;

use crate::client::{AttemptArgs, ClientArgs, Mutation, show};
use crate::error::CliError;

const RENAME: Mutation = Mutation::plain("rename_api_key", "rename_api_key_input");

const EXAMPLES: &str = "\
Examples:
  keyledger key rename 01890a5d-ac96-774b-bcce-b302099a8057 'etl in production'";

/// Which key, and its name.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RenameArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    /// Its name from now on
    #[arg(value_name = "NAME", value_parser = Name::parse)]
    name: Name,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Renames it.
pub fn run(args: RenameArgs) -> Result<(), CliError> {
    let input = json!({"key_id": args.key.to_string(), "name": args.name.as_str()});
    let done = args.client.server()?.mutate(RENAME, input, &args.attempt)?;
    show::result(args.client.form(), &done, || {
        format!("Key {} is named {} now", args.key, show::plain(args.name.as_str()))
    })
}
