//! `audit replay`: the state as of a moment.

use std::io;

use authority::Clock;
use clap::Args;
use domain::ids::TenantId;
use replay::{AsOf, Ended, Format, RowFilter};

use crate::commands::audit::log::{LogArgs, Reads, now};
use crate::commands::audit::show::ListingArgs;
use crate::error::CliError;
use crate::moment::Moment;
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger audit replay --data /var/lib/keyledger --as-of -2h
  keyledger audit replay --data ./data --as-of before:1042 --living
  keyledger audit replay --data backup.keyledger --as-of 2026-03-01T00:00:00Z --tenant 01890a5d-ac96-774b-bcce-b302099a8057 -o json

The log is read up to that moment, and its chain checked. What ends by itself is judged at that
moment: a key that had expired by then is KEY_EXPIRED.";

/// Which moment.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    #[command(flatten)]
    log: LogArgs,
    /// As it was at this moment: 2026-01-01T00:00:00Z, -2h, a position such as 1042, or before:1042 for just before
    /// that event [default: the end of the log]
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse, allow_hyphen_values = true)]
    as_of: Option<Moment>,
    /// Of this tenant, or what belongs to it
    #[arg(long, value_name = "ID", value_parser = TenantId::parse)]
    tenant: Option<TenantId>,
    /// Only what lives then, and of keys those that are accepted
    #[arg(long)]
    living: bool,
    #[command(flatten)]
    listing: ListingArgs,
}

/// Lists the rows.
pub fn run(args: ReplayArgs) -> Result<(), CliError> {
    let ReplayArgs { log, as_of, tenant, living, listing } = args;
    let source = log.open(Reads::Rows)?;
    let names =
        if listing.format() == Format::Table { log.names_for_people(&source) } else { log.names(&source) };
    let moment = as_of.map_or(AsOf::Position(source.head().position), |moment| moment.as_of(&Clock::System));
    let mut progress = Progress::new(listing.watched());
    let past =
        source.past_of(tenant, moment, now(), &mut |done, total| progress.tell("replaying", done, total));
    drop(progress);
    let past = past?;
    if let Some(tenant) = tenant {
        listing.say_if_removed(tenant, source.tenant_as_of(tenant, &past)?);
    }
    listing.say_where_csv_cannot(|| past.basis.said());
    let ended = if living { Ended::Left } else { Ended::Shown };
    replay::state(&past, &names, RowFilter { tenant, ended }, listing.format(), io::stdout().lock())?;
    Ok(())
}
