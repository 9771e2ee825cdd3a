//! `tenant list`: lists tenants.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::List;
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::error::CliError;

/// The tenants in which the key acts, or all.
pub const TENANTS: List = List {
    name: "tenants",
    selection: "id slug name standing created_at key_life_seconds_max key_life_seconds_default",
};

const EXAMPLES: &str = "\
Examples:
  keyledger tenant list
  keyledger tenant list --all -o json";

/// Which tenants.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Every tenant of the deployment, removed ones too: for operators
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: ListArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let tenants = server.all_as_of(TENANTS, &[("all", "Boolean", json!(args.all))], &args.as_of)?;
    show::list(args.client.form(), tenants, ["NAME", "SLUG", "ID", "STANDING"], |tenant: &Value| {
        ["name", "slug", "id", "standing"].map(|name| show::cell(tenant, name))
    })
}
