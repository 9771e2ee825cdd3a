//! `key blast-radius`: what somebody who had a key could do, and what was done with it.

use clap::Args;
use serde_json::{Value, json};

use super::named::KeyNamedArgs;
use super::show::unused;
use crate::client::graphql::text;
use crate::client::{AsOfArgs, ClientArgs, as_of, living_tokens, show};
use crate::error::CliError;

const DOCUMENT: &str = "\
query($key: key_named_input!, $as_of: as_of_input) {
  blast_radius(key: $key, as_of: $as_of) {
    key_id user_id scopes created_at revocation_reason
    earlier spells { tenant_id tenant_name role position from until }
    events { position recorded_at type summary way } events_count
    keys_made predecessor_ids successor_ids tokens_dead_at
    usage { first_used_at last_used_at count callers last_way approximate } usage_withheld
    tokens { living last_ends_at counted_since uncounted_until approximate }
    contain_with as_of { position instant head }
  }
}";

const EXAMPLES: &str = "\
Examples:
  keyledger key blast-radius 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger key blast-radius --secret-file ./leaked -o json
  keyledger key blast-radius --digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

How it was used is approximate. Keys that were made with it outlive it: look at each of them, too.";

/// Which key.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BlastRadiusArgs {
    #[command(flatten)]
    key: KeyNamedArgs,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Tells it.
pub fn run(args: BlastRadiusArgs) -> Result<(), CliError> {
    let (_, _, moment) = args.as_of.argument();
    let past = args.as_of.as_of.is_some();
    let variables = json!({"key": args.key.asked(&args.client)?, "as_of": moment});
    let radius = args.client.server()?.query("blast_radius", DOCUMENT, variables)?;
    show::result(args.client.form(), &radius, || told(&radius, past))
}

fn told(radius: &Value, past: bool) -> String {
    let (used, by, still) = if past {
        ("used last, roughly, as known now", "by, roughly, as known now", "then")
    } else {
        ("used last, roughly", "by, roughly", "now")
    };
    let list = |name: &str| radius[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines = vec![as_of::line(&radius["as_of"]), String::new()];
    lines.push(show::facts(&[
        ("key", show::cell(radius, "key_id")),
        ("owner", show::cell(radius, "user_id")),
        ("scopes", show::cell_or(radius, "scopes", "all that the role permits")),
        ("made", show::cell(radius, "created_at")),
        ("revoked", show::cell_or(radius, "revocation_reason", "no")),
        ("took the place of", show::cell(radius, "predecessor_ids")),
        ("replaced by", show::cell(radius, "successor_ids")),
        (used, show::cell_or(&radius["usage"], "last_used_at", unused(radius, "never, as far as is known"))),
        (by, show::cell(&radius["usage"], "callers")),
        ("tokens alive, roughly", living_tokens::words(&radius["tokens"])),
        ("tokens dead at", show::cell_or(radius, "tokens_dead_at", "never: more can be minted")),
        ("contain it with", show::cell_or(radius, "contain_with", "nothing: it is revoked")),
    ]));
    let earlier = radius["earlier"].as_bool().unwrap_or_default();
    let left_out = if earlier { " (earlier stretches are left out)" } else { "" };
    lines.push(format!("\nIt was accepted{left_out}:"));
    lines.extend(list("spells").iter().map(|spell| {
        let tenant = match (spell["tenant_id"].as_str(), spell["tenant_name"].as_str()) {
            (None, _) => "outside of tenants".to_owned(),
            (Some(id), None) => format!("in tenant {id}"),
            (Some(id), Some(name)) => format!("in tenant {name} ({id})"),
        };
        format!(
            "  {tenant} as {} from {} until {}",
            show::cell_or(spell, "role", "operator"),
            text(spell, "from"),
            show::cell_or(spell, "until", still)
        )
    }));
    lines.push(format!("\nWith it were made {} keys, which outlive it:", list("keys_made").len()));
    lines.extend(list("keys_made").iter().map(|key| format!("  {}", key.as_str().unwrap_or_default())));
    lines.push(format!("\nWith it were made {} events, the last first:", radius["events_count"]));
    let event = |event: &Value| {
        let (position, at) = (text(event, "position"), text(event, "recorded_at"));
        format!("  {position}  {at}  {}", show::line(event, "summary"))
    };
    lines.extend(list("events").iter().map(event));
    lines.join("\n")
}
