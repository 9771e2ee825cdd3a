//! `service-account list`: lists the service accounts of a tenant.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::List;
use crate::client::{AsOfArgs, ClientArgs, RoleArgs, StateArgs, show};
use crate::error::CliError;

const ACCOUNTS: List =
    List { name: "service_accounts", selection: "id tenant_id name role standing created_at" };

const EXAMPLES: &str = "\
Examples:
  keyledger service-account list
  keyledger service-account list --role administrator --state living
  keyledger service-account list --state removed --tenant acme -o json

Those that were removed are listed when they are asked for.";

/// Which of them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    role: RoleArgs,
    /// Whose name holds this text, in any letter case
    #[arg(long, value_name = "TEXT")]
    named: Option<String>,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: ListArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let filter = json!({"state": args.state.asked(), "role": args.role.asked(), "name_contains": args.named});
    let arguments = [("tenant_id", "uuid", json!(tenant)), ("filter", "service_account_filter", filter)];
    let accounts = server.all_as_of(ACCOUNTS, &arguments, &args.as_of)?;
    show::list(args.client.form(), accounts, ["NAME", "ID", "ROLE", "STANDING"], |account: &Value| {
        ["name", "id", "role", "standing"].map(|name| show::cell(account, name))
    })
}
