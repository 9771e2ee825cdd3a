//! `audit timeline`: the life of a key.

use authority::Clock;
use clap::Args;
use domain::ids::KeyId;

use crate::client::when::When;
use crate::commands::audit::log::{LogArgs, Reads, now};
use crate::commands::audit::show::ListingArgs;
use crate::error::CliError;
use crate::output;
use crate::progress::Progress;
use replay::{AsOf, Format, ReplayError};

const EXAMPLES: &str = "\
Examples:
  keyledger audit timeline 01890a5d-ac96-774b-bcce-b302099a8057 --data /var/lib/keyledger
  keyledger audit timeline 01890a5d-ac96-774b-bcce-b302099a8057 --data backup.keyledger -o jsonl

Every event about the key, and every other that befell it: of its owner, its memberships, its tenants, and
those by which its tokens were refused. STATUS is how the key stood just after; CAUSE is the first event of
the command that did it. When the key was used is not in the log.";

/// Whose life.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TimelineArgs {
    /// The key's id, which is not its secret
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    #[command(flatten)]
    log: LogArgs,
    /// Up to this instant, which must have passed: 2026-01-01T00:00:00Z, -2h [default: now]
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_hyphen_values = true)]
    until: Option<When>,
    #[command(flatten)]
    listing: ListingArgs,
}

/// Lists it.
pub fn run(args: TimelineArgs) -> Result<(), CliError> {
    let TimelineArgs { key, log, until, listing } = args;
    let source = log.open(Reads::Rows)?;
    let names =
        if listing.format() == Format::Table { log.names_for_people(&source) } else { log.names(&source) };
    // What a copy does not know of may have happened since: its time ends where it does.
    let end = if source.audit().is_some() { now() } else { source.head().recorded_at };
    let until = until.map_or(end, |until| until.by(&Clock::System));
    // What is to come may come otherwise.
    source.check_moment(AsOf::Instant(until), now()).map_err(ReplayError::from)?;
    let (mut progress, mut out) = (Progress::new(listing.watched()), vec![]);
    let mut tell = |done, total| progress.tell("reading", done, total);
    let told = replay::timeline(&source, &names, key, until, listing.format(), &mut out, &mut tell);
    drop(progress);
    told?;
    output::write(&String::from_utf8_lossy(&out))?;
    Ok(())
}
