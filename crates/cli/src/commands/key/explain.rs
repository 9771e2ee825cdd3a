//! `key explain`: whether a key would have been accepted at a moment, and which events decide it.

use std::net::IpAddr;

use clap::Args;
use serde_json::{Value, json};

use super::named::KeyNamedArgs;
use crate::client::graphql::text;
use crate::client::new_key::parse_scope;
use crate::client::{AsOfArgs, ClientArgs, as_of, show};
use crate::error::CliError;

const DOCUMENT: &str = "\
query($key: key_named_input!, $tenant_id: uuid, $scopes: [String!], $address: String, $as_of: as_of_input) {
  explain(key: $key, tenant_id: $tenant_id, scopes: $scopes, address: $address, as_of: $as_of) {
    key_id accepted code tenant_id role
    decided_by { position recorded_at type decides event { summary } }
    as_of { position instant head }
  }
}";

const EXAMPLES: &str = "\
Examples:
  keyledger key explain 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger key explain 01890a5d-ac96-774b-bcce-b302099a8057 --as-of 2026-01-01T00:00:00Z --scope jobs:run
  keyledger key explain --secret-file ./leaked --as-of before:1042 -o json

An acceptance rests on every event that is named; a refusal stands as long as one of them does. With
--tenant the question is about that tenant; otherwise about where the key acts if none is named.";

/// Which key, and what it must be good for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainKeyArgs {
    #[command(flatten)]
    key: KeyNamedArgs,
    /// A scope that it must include; several with commas between
    #[arg(long, value_name = "SCOPE", value_parser = parse_scope, value_delimiter = ',')]
    scope: Vec<String>,
    /// From which address it is shown; otherwise a list of addresses that it may have is not asked
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Explains it.
pub fn run(args: ExplainKeyArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let (_, _, moment) = args.as_of.argument();
    let variables = json!({
        "key": args.key.asked(&args.client)?,
        "tenant_id": tenant,
        "scopes": args.scope,
        "address": args.address.map(|address| address.to_string()),
        "as_of": moment,
    });
    let explained = server.query("explain", DOCUMENT, variables)?;
    show::result(args.client.form(), &explained, || told(&explained))
}

fn told(explained: &Value) -> String {
    let key = show::cell_or(explained, "key_id", "with this secret");
    let verdict = match explained["accepted"].as_bool() {
        Some(true) => format!(
            "Key {key} is accepted, in tenant {} as {}",
            show::cell_or(explained, "tenant_id", "none"),
            show::cell_or(explained, "role", "operator")
        ),
        Some(false) | None => format!("Key {key} is refused: {}", show::cell(explained, "code")),
    };
    let mut lines = vec![as_of::line(&explained["as_of"]), String::new(), verdict];
    let deciding = explained["decided_by"].as_array().map(Vec::as_slice).unwrap_or_default();
    lines.extend(deciding.iter().map(|event| {
        let what = match event["event"]["summary"].as_str() {
            Some(_) => show::line(&event["event"], "summary"),
            None => show::cell(event, "type"),
        };
        format!(
            "  {:<10} {}  {}  {what}",
            text(event, "decides"),
            text(event, "position"),
            text(event, "recorded_at")
        )
    }));
    if text(explained, "code") == "KEY_MISTYPED" {
        lines.push("  its checksum is wrong: it was mistyped or cut; copy the whole key again".to_owned());
    } else if deciding.is_empty() {
        lines.push("  no event ever made it so".to_owned());
    }
    lines.join("\n")
}
