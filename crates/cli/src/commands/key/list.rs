//! `key list`: lists the keys that the caller may manage.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::{List, text};
use crate::client::names::OwnerName;
use crate::client::{ClientArgs, show};
use crate::error::CliError;

/// Every key that the caller sees.
pub const KEYS: List = List {
    name: "keys",
    selection: "id name expires_at user_id tenant_id prefix last_four scopes allowed_addresses rate_limit { requests period_seconds } status created_at",
};

const EXAMPLES: &str = "\
Examples:
  keyledger key list
  keyledger key list --owner etl-agent
  keyledger key list --all -o json

STATUS is ACTIVE, or the code with which the key is refused now.";

/// Which keys.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Those that have ended for good, too
    #[arg(long)]
    all: bool,
    /// Of this owner: a service account's name, a member's e-mail address, or an id
    #[arg(long, value_name = "OWNER", value_parser = OwnerName::parse)]
    owner: Option<OwnerName>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: ListArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let owner = args.owner.map(|owner| owner.id(&server)).transpose()?;
    let mut keys = server.all(KEYS, &[("all", "Boolean", json!(args.all))])?;
    if let Some(owner) = owner {
        keys.retain(|key| text(key, "user_id") == owner);
    }
    let headings = ["NAME", "ID", "OWNER", "ENDS WITH", "EXPIRES AT", "STATUS"];
    show::list(args.client.form(), keys, headings, |key: &Value| {
        [
            show::cell(key, "name"),
            show::cell(key, "id"),
            show::cell(key, "user_id"),
            show::cell(key, "last_four"),
            show::cell_or(key, "expires_at", "NEVER"),
            show::cell(key, "status"),
        ]
    })
}
