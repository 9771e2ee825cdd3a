//! `auth list-tenants`: lists the tenants in which the key acts.

use clap::Args;
use serde_json::{Value, json};

use crate::client::graphql::{List, text};
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::error::CliError;

const OWN_TENANTS: List = List { name: "tenants", selection: "id slug name standing" };

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
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: ListTenantsArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let who = server.whoami()?;
    let mut tenants = server.all_as_of(OWN_TENANTS, &[], &args.as_of)?;
    tenants.entries.sort_by(|a, b| text(a, "slug").cmp(text(b, "slug")));
    for tenant in &mut tenants.entries {
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
