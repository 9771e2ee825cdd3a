//! `service-account list`: lists the service accounts of a tenant.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::List;
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::error::CliError;

const ACCOUNTS: List =
    List { name: "service_accounts", selection: "id tenant_id name role standing created_at" };

const EXAMPLES: &str = "\
Examples:
  keyledger service-account list
  keyledger service-account list --tenant acme -o json";

/// Of which tenant.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: ListArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let accounts = server.all_as_of(ACCOUNTS, &[("tenant_id", "uuid", json!(tenant))], &args.as_of)?;
    show::list(args.client.form(), accounts, ["NAME", "ID", "ROLE", "STANDING"], |account: &Value| {
        ["name", "id", "role", "standing"].map(|name| show::cell(account, name))
    })
}
