//! `tenant list`: lists tenants.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::List;
use crate::client::{AsOfArgs, ClientArgs, StateArgs, show};
use crate::error::CliError;

/// The tenants in which the key acts, or all.
pub const TENANTS: List = List {
    name: "tenants",
    selection: "id slug name standing created_at key_life_seconds_max key_life_seconds_default",
};

const EXAMPLES: &str = "\
Examples:
  keyledger tenant list
  keyledger tenant list --all -o json
  keyledger tenant list --all --state suspended,removed";

/// Which tenants.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Every tenant of the deployment, removed ones too: for operators
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    state: StateArgs,
    /// Whose name or slug holds this text, in any letter case
    #[arg(long, value_name = "TEXT")]
    named: Option<String>,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: ListArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let filter = json!({"state": args.state.asked(), "name_contains": args.named});
    let arguments = [("all", "Boolean", json!(args.all)), ("filter", "tenant_filter", filter)];
    let tenants = server.all_as_of(TENANTS, &arguments, &args.as_of)?;
    show::list(args.client.form(), tenants, ["NAME", "SLUG", "ID", "STANDING"], |tenant: &Value| {
        ["name", "slug", "id", "standing"].map(|name| show::cell(tenant, name))
    })
}
