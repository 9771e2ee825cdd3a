//! `audit show`: lists the events of a log.

use std::io;

use clap::{Args, ValueEnum};
use domain::ids::{KeyId, TenantId};
use domain::time::Position;
use replay::{ActorFilter, Audit, Filter, Format, Names, Repair, parse_event_type};
use store::codec::event_type::EventType;

use crate::args::{DataArgs, MalformedValue};
use crate::error::CliError;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  keyledger audit show --data /var/lib/keyledger
  keyledger audit show --data ./data --type KeyRevoked,KeyRotated --from 100
  keyledger audit show --data ./data --key 01890a5d-ac96-774b-bcce-b302099a8057 -o jsonl";

/// Which events to list, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    #[command(flatten)]
    data: DataArgs,
    /// From this position on
    #[arg(long, value_name = "N", value_parser = parse_position, default_value = "1", hide_default_value = true)]
    from: Position,
    /// Up to and including this position
    #[arg(long, value_name = "N", value_parser = parse_position)]
    to: Option<Position>,
    /// Of this type, such as KeyRevoked; several with commas between
    #[arg(long = "type", value_name = "EVENT", value_parser = parse_event_type, value_delimiter = ',')]
    types: Vec<EventType>,
    /// About this tenant, or what belongs to it
    #[arg(long, value_name = "ID", value_parser = TenantId::parse)]
    tenant: Option<TenantId>,
    /// About this key
    #[arg(long, value_name = "ID", value_parser = KeyId::parse)]
    key: Option<KeyId>,
    /// By this user or service account, or with this key or token; or by console or server
    #[arg(long, value_name = "ID", value_parser = ActorFilter::parse)]
    actor: Option<ActorFilter>,
    /// At most so many, the oldest first
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The form of the listing and of errors: table, json (one array) or jsonl (one object a line)
    #[arg(long, short, value_name = "FORM", value_enum, default_value_t, hide_possible_values = true)]
    output: Listing,
}

/// The form of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Listing {
    /// For people.
    #[default]
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// Lists the events.
pub fn run(args: ShowArgs) -> Result<(), CliError> {
    let ShowArgs { data, from, to, types, tenant, key, actor, limit, output } = args;
    let format = match output {
        Listing::Table => Format::Table,
        Listing::Json => Format::Json,
        Listing::Jsonl => Format::Jsonl,
    };
    let audit = Audit::open(&data.folder(None), Repair::Forbidden)?;
    if tenant.is_some() || output == Listing::Table {
        // The log proves itself while it is read; rows, which tell what belongs to whom and its names, do not.
        audit.check_pages()?;
    }
    let snapshot = audit.snapshot()?;
    let names = Names::read(audit.folder());
    if let (Some(missing), Listing::Table) = (names.missing(), output) {
        output::remark(&format!("note: names stay sealed, for their keys cannot be read: {missing}\n"));
    }
    let filter = Filter { from, to, types, tenant, key, actor, limit };
    replay::show(&snapshot, &names, &filter, format, io::stdout().lock())?;
    Ok(())
}

pub(super) fn parse_position(text: &str) -> Result<Position, MalformedValue> {
    let malformed = MalformedValue("a position is a whole number, as the first column of audit show has it");
    text.parse().map(Position::new).map_err(|_| malformed)
}
