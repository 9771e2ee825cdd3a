//! `audit bundle` and `audit check-bundle`: evidence for a third party, in a folder.

use std::path::PathBuf;

use clap::Args;
use credentials::note::NoteVerifier;
use domain::ids::{KeyId, TenantId};
use domain::time::Position;
use replay::{Audit, Bundled, Filter, Names, Prover, Repair, check_bundle, write_bundle};
use serde_json::json;

use super::show::parse_position;
use crate::args::{DataArgs, GuardArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  keyledger audit bundle --data /var/lib/keyledger --to ./evidence --key 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger audit bundle --data ./data --to ./evidence --from 100 --until 200

The folder has the events, a proof of each, the signed checkpoint, the key that checks it, and a
README for whoever gets it. history.txt in it shows names: leave it away where they must not be seen.";

/// Which events, and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BundleArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    guard: GuardArgs,
    /// The folder to make
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// The life of this key
    #[arg(long, value_name = "ID", value_parser = KeyId::parse)]
    key: Option<KeyId>,
    /// About this tenant, or what belongs to it
    #[arg(long, value_name = "ID", value_parser = TenantId::parse)]
    tenant: Option<TenantId>,
    /// From this position on
    #[arg(long, value_name = "N", value_parser = parse_position, default_value = "1", hide_default_value = true)]
    from: Position,
    /// Up to and including this position [default: as far as the signed checkpoint covers]
    #[arg(long, value_name = "N", value_parser = parse_position)]
    until: Option<Position>,
    #[command(flatten)]
    output: OutputArgs,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  keyledger audit check-bundle ./evidence --verifier-key 'keys.example.com/tlog+1f3b0c2a+AAAA…'

Ends with 1 and PROOF_INVALID if anything of it does not hold. The key must be known from elsewhere.";

/// What to check.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckBundleArgs {
    /// The folder
    #[arg(value_name = "FOLDER")]
    bundle: PathBuf,
    /// The key that must have signed its checkpoint, as NAME+HASH+KEY
    #[arg(long, value_name = "KEY", value_parser = NoteVerifier::parse)]
    verifier_key: NoteVerifier,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes the bundle.
pub fn run(args: BundleArgs) -> Result<(), CliError> {
    let audit = Audit::open(&args.data.folder(Some(&args.guard)), Repair::Forbidden)?;
    // Rows tell what belongs to whom.
    audit.check_pages()?;
    let prover = Prover::new(&audit)?;
    let covered = prover.signed().checkpoint.size;
    let (key, tenant, from) = (args.key, args.tenant, args.from);
    let filter = Filter { from, to: args.until.or(Some(covered)), tenant, key, ..Filter::default() };
    let names = Names::read(audit.folder());
    let bundled = write_bundle(&prover, &names, &filter, &args.to)?;
    tell(&bundled, args.output.output, &format!("wrote {}", args.to.display()))
}

/// Checks a bundle.
pub fn check(args: CheckBundleArgs) -> Result<(), CliError> {
    let bundled = check_bundle(&args.bundle, &args.verifier_key)?;
    tell(&bundled, args.output.output, "OK")
}

fn tell(Bundled { events, origin, size }: &Bundled, output: Output, done: &str) -> Result<(), CliError> {
    let text = match output {
        Output::Table => format!("{done}: {events} of the {size} events of {origin}, each proved\n"),
        Output::Json => {
            let json = json!({"ok": true, "events": events, "origin": origin, "tree_size": size.to_string()});
            format!("{json}\n")
        }
    };
    output::write(&text)?;
    Ok(())
}
