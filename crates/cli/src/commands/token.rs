//! `token`: exchanges the key for a short-lived token.

use clap::Args;

use crate::client::graphql::text;
use crate::client::new_key::parse_scope;
use crate::client::{ClientArgs, show};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger token
  keyledger token --tenant acme --scope keyledger:read --audience https://api.example.com
  curl -H \"Authorization: Bearer $(keyledger token)\" https://api.example.com/jobs

The token alone is written to standard output. It says no more than the key does: scopes and
audience only narrow. It dies with its key.";

/// What the token is to be.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TokenArgs {
    /// Narrow it to this scope; several with commas between [default: as wide as the key]
    #[arg(long, value_name = "SCOPE", value_parser = parse_scope, value_delimiter = ',')]
    scope: Vec<String>,
    /// For whom it is: a service that checks it; may be given several times [default: the server's issuer]
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Exchanges, and writes the token out.
pub fn run(args: TokenArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let mut form = vec![];
    if !args.scope.is_empty() {
        form.push(("scope", args.scope.join(" ")));
    }
    form.extend(args.audience.into_iter().map(|audience| ("audience", audience)));
    form.extend(tenant.map(|tenant| ("tenant", tenant)));
    let answer = server.http().exchange(&form)?;
    show::result(args.client.form(), &answer, || text(&answer, "access_token").to_owned())
}
