//! `whoami`: as whom, where and until when the key is accepted.

use clap::Args;
use serde_json::Value;

use crate::client::{ClientArgs, show};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger whoami
  keyledger whoami --key-file ./key --url https://keys.example.com -o json";

/// Of which login.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WhoamiArgs {
    #[command(flatten)]
    client: ClientArgs,
}

/// Says it.
pub fn run(args: WhoamiArgs) -> Result<(), CliError> {
    let who = args.client.server()?.whoami()?;
    show::result(args.client.form(), &who, || show::facts(&facts(&who)))
}

/// The answer for people.
pub fn facts(who: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("kind", show::cell(who, "kind").replace('_', " ")),
        ("id", show::cell(who, "id")),
        ("key", show::cell(who, "key_id")),
        ("tenant", show::cell_or(who, "tenant_id", "none")),
        ("role", show::cell_or(who, "role", "none")),
        ("scopes", show::cell_or(who, "scopes", "all that the role permits")),
        ("expires", show::cell_or(who, "expires_at", "never")),
    ]
}
