//! `audit diff`: what differs between two moments.

use std::io;

use authority::Clock;
use clap::Args;
use domain::ids::TenantId;
use replay::{AsOf, DiffFilter, Format, Which};

use crate::commands::audit::log::{LogArgs, Reads, now};
use crate::commands::audit::show::ListingArgs;
use crate::error::CliError;
use crate::moment::Moment;
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger audit diff -24h --data /var/lib/keyledger
  keyledger audit diff 2026-03-01T00:00:00Z 2026-03-02T00:00:00Z --data ./data --only-increases
  keyledger audit diff before:1042 1042 --data backup.keyledger -o jsonl

+ is new, - has ended, ~ is otherwise than it was. What ends by itself, such as a key that expires,
is no difference; what is stopped by what it rests on is told there: a removed tenant is one line.";

/// Between which moments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    #[command(flatten)]
    log: LogArgs,
    /// The earlier moment: 2026-01-01T00:00:00Z, -2h, a position such as 1042, or before:1042
    #[arg(value_name = "FROM", value_parser = Moment::parse, allow_hyphen_values = true)]
    from: Moment,
    /// The later moment, likewise [default: the end of the log]
    #[arg(value_name = "TO", value_parser = Moment::parse, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Only what lets somebody do more
    #[arg(long)]
    only_increases: bool,
    /// Of this tenant, or what belongs to it
    #[arg(long, value_name = "ID", value_parser = TenantId::parse)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    listing: ListingArgs,
}

/// Lists what differs.
pub fn run(args: DiffArgs) -> Result<(), CliError> {
    let DiffArgs { log, from, to, only_increases, tenant, listing } = args;
    let source = log.open(Reads::Rows)?;
    let names =
        if listing.format() == Format::Table { log.names_for_people(&source) } else { log.names(&source) };
    let from = from.as_of(&Clock::System);
    // A time ago may lie after the last event: then the end is this instant, and not before it.
    let end = match (from, source.audit()) {
        (AsOf::Instant(_), Some(_)) => AsOf::Instant(now()),
        (AsOf::Instant(_) | AsOf::Position(_), _) => AsOf::Position(source.head().position),
    };
    let to = to.map_or(end, |moment| moment.as_of(&Clock::System));
    let mut progress = Progress::new(listing.watched());
    let window = source.window(from, to, now(), &mut |done, total| progress.tell("replaying", done, total));
    drop(progress);
    let window = window?;
    if let Some(tenant) = tenant {
        // If it was removed in between, that is a difference.
        let after = source.tenant_as_of(tenant, &window.after)?;
        if source.tenant_as_of(tenant, &window.before).is_ok_and(|before| before == after) {
            listing.say_if_removed(tenant, after);
        }
    }
    listing.say_where_csv_cannot(|| window.said());
    let which = if only_increases { Which::OnlyIncreases } else { Which::All };
    replay::diff(&window, &names, DiffFilter { tenant, which }, listing.format(), io::stdout().lock())?;
    Ok(())
}
