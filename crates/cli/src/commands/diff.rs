//! `diff`: what differs between two moments, from the server.

use clap::Args;
use serde_json::json;

use crate::client::graphql::text;
use crate::client::{ClientArgs, difference, show};
use crate::error::CliError;
use crate::moment::Moment;
use crate::output::{self, Output};

const DOCUMENT: &str = "\
query($from: as_of_input!, $to: as_of_input, $tenant_id: uuid, $all: Boolean, $only_increases: Boolean, $limit: Int) {
  state_diff(
    from: $from, to: $to, tenant_id: $tenant_id, all: $all, only_increases: $only_increases, limit: $limit
  ) {
    from { position instant head }
    to { position instant head }
    events_count
    count
    entries { what kind id tenant_id increases_access summary fields { name before after } }
  }
}";

const EXAMPLES: &str = "\
Examples:
  keyledger diff -1d
  keyledger diff 1042 before:1100 --only-increases
  keyledger diff 2026-01-01T00:00:00Z --deployment -o json

What was added (+), removed (-) or changed (~) in the tenant, for its administrators. The same without a
server, and however much lies between: keyledger audit diff";

/// Between which moments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// The first moment: 2026-01-01T00:00:00Z, -2h, a position such as 1042 or @1042, or before:1042
    #[arg(value_name = "FROM", value_parser = Moment::parse_past, allow_hyphen_values = true)]
    from: Moment,
    /// The second moment; now, if it is left out
    #[arg(value_name = "TO", value_parser = Moment::parse_past, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Only what lets somebody do more
    #[arg(long)]
    only_increases: bool,
    /// In every tenant: for operators and auditors of the deployment
    #[arg(long)]
    deployment: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u16,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists it.
pub fn run(args: DiffArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let variables = json!({
        "from": args.from.asked(),
        "to": args.to.map(Moment::asked),
        "tenant_id": tenant,
        "all": args.deployment,
        "only_increases": args.only_increases,
        "limit": args.limit,
    });
    let diff = server.query("state_diff", DOCUMENT, variables)?;
    if args.client.form() == Output::Json {
        return show::result(Output::Json, &diff, String::new);
    }
    let entries = diff["entries"].as_array().cloned().unwrap_or_default();
    let mut lines = vec![format!(
        "From position {}, {}, to position {}, {}: {}; the log ends at position {}",
        text(&diff["from"], "position"),
        text(&diff["from"], "instant"),
        text(&diff["to"], "position"),
        text(&diff["to"], "instant"),
        show::counted(&diff["events_count"], "event"),
        text(&diff["to"], "head"),
    )];
    for entry in &entries {
        lines.push(difference::line(entry));
    }
    output::write(&format!("{}\n", lines.join("\n")))?;
    let left = diff["count"].as_u64().unwrap_or(0).saturating_sub(entries.len() as u64);
    if left > 0 {
        output::remark(&format!("note: {left} more are left out; --limit shows more than {}\n", args.limit));
    }
    Ok(())
}
