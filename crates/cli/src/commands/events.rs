//! `events`: lists what happened, from the server's log.

use clap::Args;
use domain::ids::{KeyId, RequestId};
use domain::time::Position;
use replay::parse_event_type;
use serde_json::{Map, Value, json};
use store::codec::event_type::EventType;

use crate::args::MalformedValue;
use crate::client::graphql::List;
use crate::client::names::{AccountName, UserName};
use crate::client::when::When;
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::error::CliError;
use crate::output;

const EVENTS: List = List {
    name: "events",
    selection: "position recorded_at type summary actor { kind id key_id token_id } way request_id idempotency_key \
                cause tenant_id user_id service_account_id key_id signing_key_id details { name value }",
};

const EXAMPLES: &str = "\
Examples:
  keyledger events
  keyledger events --key 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger events --type KeyRevoked,KeyDisabled --since -7d --limit 1000
  keyledger events --service-account etl-agent -o json

Those that concern the tenant, for its administrators; the newest comes last. The log itself, which
needs no server, is listed by: keyledger audit show";

/// Which events.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct EventsArgs {
    /// About this key
    #[arg(long, value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: Option<KeyId>,
    /// About this service account or its keys: its name or id
    #[arg(long, value_name = "NAME", value_parser = AccountName::parse, conflicts_with = "user")]
    service_account: Option<AccountName>,
    /// About this user, its memberships or its keys: a member's e-mail address, or an id
    #[arg(long, value_name = "USER", value_parser = UserName::parse)]
    user: Option<UserName>,
    /// By the user, service account, key or token with this id
    #[arg(long, value_name = "ID", value_parser = RequestId::parse)]
    actor: Option<RequestId>,
    /// Of this type, such as KeyRevoked; several with commas between
    #[arg(long = "type", value_name = "EVENT", value_parser = parse_event_type, value_delimiter = ',')]
    types: Vec<EventType>,
    /// From this position on
    #[arg(long, value_name = "N", value_parser = parse_position)]
    from: Option<Position>,
    /// Up to and including this position
    #[arg(long, value_name = "N", value_parser = parse_position)]
    to: Option<Position>,
    /// Recorded then or later: -2h, -7d, 2026-01-01T00:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = When::parse_past, allow_hyphen_values = true)]
    since: Option<When>,
    /// Recorded before then
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_hyphen_values = true)]
    until: Option<When>,
    /// Every event of the deployment: for operators and auditors of it
    #[arg(long)]
    deployment: bool,
    /// At most so many, the newest of them
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lists them.
pub fn run(args: EventsArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let instant = |when: Option<When>| when.map(When::asked);
    let types: Vec<_> = args.types.iter().map(EventType::to_string).collect();
    let mut filter = json!({
        "key_id": args.key.map(|key| key.to_string()),
        "actor_id": args.actor.map(|actor| actor.to_string()),
        "types": (!types.is_empty()).then_some(types),
        "from": args.from.map(|position| position.to_string()),
        "to": args.to.map(|position| position.to_string()),
        "since": instant(args.since),
        "until": instant(args.until),
    });
    let place = tenant.as_deref();
    if let Some(account) = &args.service_account {
        filter["service_account_id"] = json!(account.id_to_look_at(&server, place, &args.as_of)?);
    }
    if let Some(user) = &args.user {
        filter["user_id"] = json!(user.id_anywhere(&server, place, &args.as_of)?);
    }
    let given: Map<_, _> = match filter {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => unreachable!("a filter is an object"),
    };
    let arguments = [
        ("tenant_id", "uuid", json!(tenant)),
        ("all", "Boolean", json!(args.deployment)),
        ("filter", "event_filter", Value::Object(given)),
        ("newest_first", "Boolean", json!(true)),
    ];
    let mut page = server.at_most(EVENTS, &arguments, &args.as_of, args.limit)?;
    page.entries.reverse();
    let more = page.more;
    show::list(args.client.form(), page, ["POSITION", "RECORDED AT", "WAY", "WHAT"], |event| {
        [
            show::cell(event, "position"),
            show::cell(event, "recorded_at"),
            show::cell(event, "way"),
            show::line(event, "summary"),
        ]
    })?;
    if more {
        output::remark(&format!("note: older ones are left out; --limit shows more than {}\n", args.limit));
    }
    Ok(())
}

fn parse_position(text: &str) -> Result<Position, MalformedValue> {
    let malformed = MalformedValue("a position is a whole number, as the first column has it");
    text.parse().map(Position::new).map_err(|_| malformed)
}
