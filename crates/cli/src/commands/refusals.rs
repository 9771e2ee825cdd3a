//! `refusals`: lists the commands that were refused in a tenant.

use clap::Args;
use domain::ids::KeyId;
use serde_json::{Value, json};

use crate::client::graphql::List;
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::error::CliError;
use crate::output;

const REFUSALS: List = List {
    name: "refusals",
    selection: "at code command actor { kind id key_id token_id } way request_id about_kind about_id",
};

const EXAMPLES: &str = "\
Examples:
  keyledger refusals
  keyledger refusals --limit 1000 -o json
  keyledger refusals --key 01890a5d-ac96-774b-bcce-b302099a8057

For the tenant's administrators; the newest comes last. A refused command is no event: nothing
happened. Of each tenant the last 1,000 are kept, beside the log.";

/// How many, and of which tenant.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RefusalsArgs {
    /// Those of no tenant: for operators and auditors of the deployment
    #[arg(long)]
    outside: bool,
    /// Only what was asked with this key, or a token minted from it, or about it
    #[arg(long, value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: Option<KeyId>,
    /// At most so many, the newest of them
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: RefusalsArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let arguments = [
        ("tenant_id", "uuid", json!(tenant)),
        ("outside", "Boolean", json!(args.outside)),
        ("key_id", "uuid", json!(args.key.map(|key| key.to_string()))),
    ];
    let mut page = server.at_most(REFUSALS, &arguments, &args.as_of, args.limit)?;
    page.entries.reverse();
    let more = page.more;
    let headings = ["AT", "CODE", "COMMAND", "BY", "WITH KEY", "ABOUT", "WAY"];
    show::list(args.client.form(), page, headings, |refusal: &Value| {
        let actor = &refusal["actor"];
        [
            show::cell(refusal, "at"),
            show::cell(refusal, "code"),
            show::cell(refusal, "command"),
            format!("{} {}", show::cell(actor, "kind"), show::cell(actor, "id")),
            show::cell(actor, "key_id"),
            format!("{} {}", show::cell(refusal, "about_kind"), show::cell(refusal, "about_id")),
            show::cell(refusal, "way"),
        ]
    })?;
    if more {
        output::remark(&format!("note: older ones are left out; --limit shows more than {}\n", args.limit));
    }
    Ok(())
}
