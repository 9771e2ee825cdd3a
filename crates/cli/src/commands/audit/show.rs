//! `audit show`: lists the events of a log, and goes on with what comes.

use std::io;
use std::thread;
use std::time::Duration;

use authority::Clock;
use clap::{Args, ValueEnum};
use domain::ids::{KeyId, TenantId};
use domain::row::Standing;
use domain::time::Position;
use replay::{ActorFilter, AsOfError, Filter, Format, ReplayError, Wait, parse_event_type};
use store::codec::event_type::EventType;

use crate::args::MalformedValue;
use crate::client::when::When;
use crate::commands::audit::log::{LogArgs, Reads, now};
use crate::error::CliError;
use crate::output::{self, Output};

const EXAMPLES: &str = "\
Examples:
  keyledger audit show --data /var/lib/keyledger
  keyledger audit show --data ./data --type KeyRevoked,KeyRotated --from 100
  keyledger audit show --data ./data --key 01890a5d-ac96-774b-bcce-b302099a8057 -o jsonl
  keyledger audit show --data ./data --since -2h -f
  keyledger audit show --data backup.keyledger --until 2026-03-01T00:00:00Z -o csv

csv has whole ids, each in a column of its own. A cell that a spreadsheet would take for a formula,
since it begins with =, +, - or @, gets an apostrophe before it.";

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// Which events to list, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    #[command(flatten)]
    log: LogArgs,
    /// From this position on
    #[arg(long, value_name = "N", value_parser = parse_position, default_value = "1", hide_default_value = true)]
    from: Position,
    /// Up to and including this position
    #[arg(long, value_name = "N", value_parser = parse_position)]
    to: Option<Position>,
    /// Recorded then or later: -2h, -7d, 2026-01-01T00:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = When::parse_past, allow_hyphen_values = true)]
    since: Option<When>,
    /// Recorded before then
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_hyphen_values = true)]
    until: Option<When>,
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
    /// Go on with what is appended, until interrupted or nothing more can be wanted; json is then jsonl. A file has an end
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    listing: ListingArgs,
}

/// The form of a listing.
#[derive(Debug, Args)]
pub struct ListingArgs {
    /// The form of the listing and of errors: table, json (one text), jsonl (one object a line) or csv
    #[arg(long, short, value_name = "FORM", value_enum, default_value_t, hide_possible_values = true)]
    output: Form,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Table,
    /// One JSON text.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}

impl ListingArgs {
    /// How entries are listed.
    pub fn format(&self) -> Format {
        match self.output {
            Form::Table => Format::Table,
            Form::Json => Format::Json,
            Form::Jsonl => Format::Jsonl,
            Form::Csv => Format::Csv,
        }
    }

    /// Says what the answer rests on where its form has no place for that.
    pub fn say_where_csv_cannot(&self, said: impl FnOnce() -> String) {
        if self.output == Form::Csv {
            output::remark(&format!("note: {}\n", said()));
        }
    }

    /// Says to people why there is little to be told of a tenant.
    pub fn say_if_removed(&self, tenant: TenantId, standing: Standing) {
        if standing == Standing::Removed && matches!(self.output, Form::Table | Form::Csv) {
            output::remark(&format!("note: tenant {tenant} had been removed by then\n"));
        }
    }

    /// Whether somebody may watch it being made.
    pub fn watched(&self) -> Output {
        if self.output == Form::Table { Output::Table } else { Output::Json }
    }
}

/// Lists the events.
pub fn run(args: ShowArgs) -> Result<(), CliError> {
    let ShowArgs { log, from, to, since, until, types, tenant, key, actor, limit, follow, listing } = args;
    let format = match listing.format() {
        Format::Json if follow => Format::Jsonl,
        format => format,
    };
    // The log proves itself while it is read; rows, which tell what belongs to whom and its names, do not.
    let told = matches!(format, Format::Table | Format::Csv);
    let source = log.open(if tenant.is_some() || told { Reads::Rows } else { Reads::LogAlone })?;
    let names = if format == Format::Table { log.names_for_people(&source) } else { log.names(&source) };
    let instant = |when: Option<When>| when.map(|when| when.by(&Clock::System));
    let (since, until) = (instant(since), instant(until));
    // An empty listing would say that there was nothing.
    if to.is_some_and(|to| to < from) || since.zip(until).is_some_and(|(since, until)| until < since) {
        return Err(ReplayError::from(AsOfError::Backwards).into());
    }
    let filter = Filter { from, to, since, until, types, tenant, key, actor, limit };
    let shown = replay::show(&source, &names, &filter, format, io::stdout().lock())?;
    let followed = source.audit().filter(|_| follow);
    if let Some(unknown) = shown.unknown {
        let error = CliError::from(unknown);
        if followed.is_none() {
            return Err(error);
        }
        output::remark(&format!("note: {error}; waiting for it\n"));
    }
    if let Some(audit) = followed {
        let left = limit.map(|limit| limit.saturating_sub(shown.events));
        let filter = Filter { limit: left, ..filter };
        let mut last_look = false;
        replay::follow(audit, source.head(), &shown, &filter, format, io::stdout().lock(), || {
            if last_look {
                return Wait::Ended;
            }
            // What is recorded from then on is not wanted; what was before is there at the next look.
            last_look = filter.until.is_some_and(|until| now() >= until);
            thread::sleep(LOOK);
            Wait::Over
        })?;
    }
    Ok(())
}

pub(super) fn parse_position(text: &str) -> Result<Position, MalformedValue> {
    let malformed = MalformedValue("a position is a whole number, as the first column of audit show has it");
    text.parse().map(Position::new).map_err(|_| malformed)
}
