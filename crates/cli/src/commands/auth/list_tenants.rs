//! `auth list-tenants`: lists the tenants in which the key acts.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::text;
use crate::client::{ClientArgs, show};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger auth list-tenants
  keyledger auth list-tenants -o json

A star marks the tenant in which commands act now.";

/// As whom.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListTenantsArgs {
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: ListTenantsArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let who = server.whoami()?;
    let document = "query { tenant(order_by: [{slug: asc}]) { id slug name standing } }";
    let mut tenants = server.query("tenant", document, json!({}))?;
    let mut tenants: Vec<Value> = tenants.as_array_mut().map(std::mem::take).unwrap_or_default();
    for tenant in &mut tenants {
        tenant["active"] = json!(tenant["id"] == who["tenant_id"]);
    }
    show::list(args.client.form(), tenants, ["NAME", "SLUG", "ID", ""], |tenant: &Value| {
        let star = if tenant["active"] == json!(true) { "*" } else { "" };
        [
            show::cell(tenant, "name"),
            show::cell(tenant, "slug"),
            text(tenant, "id").to_owned(),
            star.to_owned(),
        ]
    })
}
