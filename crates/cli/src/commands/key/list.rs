//! `key list`: lists the keys that the caller may manage.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::client::graphql::List;
use crate::client::names::OwnerName;
use crate::client::seconds::Seconds;
use crate::client::when::When;
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::error::CliError;

/// Every key that the caller sees.
pub const KEYS: List = List {
    name: "keys",
    selection: "id name note expires_at user_id owner_name tenant_id prefix last_four scopes allowed_addresses rate_limit { requests period_seconds } status created_at grace_ends_at successor_id predecessor_id revocation_reason usage { first_used_at last_used_at count callers last_way approximate agents { id type name first_seen_at last_poll_at polls } } usage_withheld tokens { living last_ends_at counted_since uncounted_until approximate }",
};

const EXAMPLES: &str = "\
Examples:
  keyledger key list
  keyledger key list --owner etl-agent
  keyledger key list --all -o json
  keyledger key list --state active --unused-since -90d
  keyledger key list --expiring-within 14d
  keyledger key list --all --as-of -2h

STATUS is ACTIVE, or the code with which the key is refused; with --as-of, was refused then. LAST USED is
approximate, and always what is known now.";

/// Which keys.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Those that have ended for good, too
    #[arg(long)]
    all: bool,
    /// Of this owner: a service account's name, a member's e-mail address, or an id
    #[arg(long, value_name = "OWNER", value_parser = OwnerName::parse)]
    owner: Option<OwnerName>,
    /// In this state: active, expired, disabled, revoked, rotated, suspended or ended; several with commas between
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',', hide_possible_values = true)]
    state: Vec<State>,
    /// That end by themselves within this time, such as 14d
    #[arg(long, value_name = "TIME", value_parser = Seconds::parse)]
    expiring_within: Option<Seconds>,
    /// Not used since then, as far as is known: -90d, 2026-01-01T00:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = When::parse_past, allow_hyphen_values = true)]
    unused_since: Option<When>,
    /// Whose name holds this text, in any letter case
    #[arg(long, value_name = "TEXT")]
    named: Option<String>,
    /// Whose name holds this text, whose id begins with it (at least 8 digits), or whose last four characters are these
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// The states of a key, spelt as in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    Active,
    Expired,
    Disabled,
    Revoked,
    Rotated,
    Suspended,
    Ended,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
            Self::Rotated => "rotated",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
        }
    }
}

/// Lists them.
pub fn run(args: ListArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let owner = args.owner.map(|owner| owner.id_to_look_at(&server, &args.as_of)).transpose()?;
    let states: Vec<_> = args.state.iter().map(|state| state.as_str()).collect();
    let filter = json!({
        "user_id": owner,
        "state": (!states.is_empty()).then_some(states),
        "expiring_within_seconds": args.expiring_within.map(|time| time.0),
        "last_used_before": args.unused_since.map(When::asked),
        "name_contains": args.named,
        "search": args.search,
    });
    let arguments = [("all", "Boolean", json!(args.all)), ("filter", "key_filter", filter)];
    let keys = server.all_as_of(KEYS, &arguments, &args.as_of)?;
    let headings = ["NAME", "ID", "OWNER", "ENDS WITH", "EXPIRES AT", "LAST USED (ROUGHLY)", "STATUS"];
    show::list(args.client.form(), keys, headings, |key: &Value| {
        [
            show::cell(key, "name"),
            show::cell(key, "id"),
            show::cell(key, if key["owner_name"].is_null() { "user_id" } else { "owner_name" }),
            show::cell(key, "last_four"),
            show::cell_or(key, "expires_at", "NEVER"),
            show::cell_or(&key["usage"], "last_used_at", "NEVER"),
            show::cell(key, "status"),
        ]
    })
}
