//! `audit bundle` and `audit check-bundle`: evidence for a third party, in a folder.

use std::path::PathBuf;

use clap::Args;
use credentials::note::NoteVerifier;
use domain::ids::{KeyId, TenantId};
use domain::time::Position;
use replay::{About, Audit, Bundled, Later, Names, Prover, Repair, Scope, check_bundle, write_bundle};
use serde_json::{Value, json};
use store::Pages;
use store::checkpoint::Checkpoint;

use super::show::parse_position;
use crate::args::{DataArgs, GuardArgs, WitnessKeyArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  keyledger audit bundle --data /var/lib/keyledger --to ./evidence --key 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger audit bundle --data ./data --to ./evidence --from 100 --until 200

The folder has the events, a proof of each, the signed checkpoint, the key that checks it, and a
README for whoever gets it. history.txt in it shows names: leave it away where they must not be seen.
What came after the highest signed checkpoint cannot be proved yet: if any of it belongs into the
bundle, nothing is written. Have the server sign a newer one, as the hint says, or leave it out with
--up-to-checkpoint: then the bundle says how much is missing.";

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
    /// The life of this key, as audit timeline tells it: also what stopped it through its owner, membership or tenant
    #[arg(long, value_name = "ID", value_parser = KeyId::parse)]
    key: Option<KeyId>,
    /// About this tenant, or what belongs to it
    #[arg(long, value_name = "ID", value_parser = TenantId::parse)]
    tenant: Option<TenantId>,
    /// From this position on
    #[arg(long, value_name = "N", value_parser = parse_position, default_value = "1", hide_default_value = true)]
    from: Position,
    /// Up to and including this position [default: the end of the log]
    #[arg(long, value_name = "N", value_parser = parse_position)]
    until: Option<Position>,
    /// Leave out what came after the highest signed checkpoint; the bundle says how many events that are
    #[arg(long)]
    up_to_checkpoint: bool,
    #[command(flatten)]
    output: OutputArgs,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  keyledger audit check-bundle ./evidence --verifier-key 'keys.example.com/tlog+1f3b0c2a+AAAA…'

Ends with 1 and PROOF_INVALID if anything of it does not hold. The key must be known from elsewhere, and
so must those of witnesses (--witness-key).";

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
    witnesses: WitnessKeyArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes the bundle.
pub fn run(args: BundleArgs) -> Result<(), CliError> {
    // Rows tell what belongs to whom.
    let audit =
        Audit::open(&args.data.folder(Some(&args.guard)), Repair::Forbidden)?.checking(Some(Pages::All));
    let prover = Prover::new(&audit)?;
    let about = About { key: args.key, tenant: args.tenant, from: args.from, until: args.until };
    let later = if args.up_to_checkpoint { Later::LeftOut } else { Later::Refused };
    let names = Names::read(audit.folder());
    let bundled = write_bundle(&prover, &names, about, later, &args.to)?;
    let said = bundled.scope.as_ref().map(Scope::said).into_iter().collect();
    tell(&bundled, args.output.output, &format!("wrote {}", args.to.display()), said, json!({}))
}

/// Checks a bundle.
pub fn check(args: CheckBundleArgs) -> Result<(), CliError> {
    let bundled = check_bundle(&args.bundle, &args.verifier_key)?;
    let cosigned = bundled.signed.cosigned_by(Some(&args.verifier_key), &args.witnesses.witness_key)?;
    let mut said = said_unproved(&bundled);
    said.extend(cosigned.said());
    let of_every_event = bundled.scope.as_ref().is_some_and(Scope::is_of_every_event);
    let checked = json!({
        "scope_proved": false, "none_missing_between": of_every_event, "cosignatures": cosigned.json(),
    });
    tell(&bundled, args.output.output, "OK", said, checked)
}

/// What the bundle says of itself, and what of that is shown.
fn said_unproved(bundled: &Bundled) -> Vec<String> {
    let Some(scope) = &bundled.scope else {
        let size = bundled.signed.checkpoint.size;
        return vec![format!("It tells nothing of what came after position {size}.")];
    };
    let missing = if scope.is_of_every_event() {
        "No event between those positions is missing: their numbers show it."
    } else {
        "Events of that kind may be missing: only the whole log shows that none is."
    };
    vec![format!("Its maker says, and no proof shows: {}", scope.said()), missing.to_owned()]
}

/// Says what it holds, then these lines, or in JSON these members.
fn tell(
    bundled: &Bundled,
    output: Output,
    done: &str,
    said: Vec<String>,
    more: Value,
) -> Result<(), CliError> {
    let Bundled { events, signed, scope } = bundled;
    let Checkpoint { origin, size, .. } = &signed.checkpoint;
    let text = match output {
        Output::Table => {
            let first = format!("{done}: {events} of the {size} events of {origin}, each proved");
            let lines: Vec<_> = [first].into_iter().chain(said).collect();
            format!("{}\n", lines.join("\n"))
        }
        Output::Json => {
            let mut json = json!({
                "ok": true, "events": events, "origin": origin.to_string(), "tree_size": size.to_string(),
                "scope": scope.as_ref().map(Scope::json),
            });
            if let (Some(json), Value::Object(more)) = (json.as_object_mut(), more) {
                json.extend(more);
            }
            format!("{json}\n")
        }
    };
    output::write(&text)?;
    Ok(())
}
