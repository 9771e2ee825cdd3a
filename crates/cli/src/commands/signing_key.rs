//! `signing-key`: the keys that sign tokens, for operators.

use clap::{Args, Subcommand, ValueEnum};
use domain::ids::SigningKeyId;
use serde_json::{Value, json};

use crate::client::graphql::{List, text};
use crate::client::when::When;
use crate::client::{AsOfArgs, AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation, show};
use crate::error::CliError;
use crate::output;

const SIGNING_KEYS: List =
    List { name: "signing_keys", selection: "id kid active_from retired_at reason created_at" };
const ROTATE: Mutation = Mutation {
    name: "rotate_signing_key",
    input: "rotate_signing_key_input",
    selection: "id kid active_from position",
};
const RETIRE: Mutation = Mutation {
    name: "retire_signing_key",
    input: "retire_signing_key_input",
    selection: "success replacement_id position",
};

const LIST_EXAMPLES: &str = "\
Examples:
  keyledger signing-key list
  keyledger signing-key list -o json";

const ROTATE_EXAMPLES: &str = "\
Examples:
  keyledger signing-key rotate
  keyledger signing-key rotate --active-from 1h

It is published at once; a later instant gives every service that keeps the key set time to fetch it.
Until it does, it refuses what the new key signed: without --active-from that is a minute, or as long
as it keeps the set. The older keys stay until they are retired.";

/// What whoever is in no hurry should know.
const AT_ONCE: &str = "\
warning: the new key signs at once: services that keep the key set refuse its tokens until they fetch it again
  with --active-from 1h they have fetched it before it signs
";

const RETIRE_EXAMPLES: &str = "\
Examples:
  keyledger signing-key retire 01890a5d-ac96-774b-bcce-b302099a8057 --reason superseded
  keyledger signing-key retire 01890a5d-ac96-774b-bcce-b302099a8057 --reason compromised

What a superseded key signed is accepted until it expires. A compromised one is replaced in the
same moment, and nothing that it signed is accepted any more.";

/// What can be done with signing keys.
#[derive(Debug, Subcommand)]
pub enum SigningKeyCommand {
    /// List the signing keys, retired ones too
    List(ListArgs),
    /// Make a signing key that takes over, at once or later
    Rotate(RotateArgs),
    /// Retire a signing key for good
    Retire(RetireArgs),
}

/// Of which server.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub struct ListArgs {
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// From when on.
#[derive(Debug, Args)]
#[command(after_help = ROTATE_EXAMPLES)]
pub struct RotateArgs {
    /// From when on it signs: 1h, 2031-01-01T00:00:00Z [default: at once]
    #[arg(long, value_name = "WHEN", value_parser = When::parse_to_come, allow_hyphen_values = true)]
    active_from: Option<When>,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which, and why.
#[derive(Debug, Args)]
#[command(after_help = RETIRE_EXAMPLES)]
pub struct RetireArgs {
    /// The signing key's id
    #[arg(value_name = "ID", value_parser = SigningKeyId::parse)]
    id: SigningKeyId,
    /// Why: superseded or compromised
    #[arg(long, value_name = "REASON", value_enum, hide_possible_values = true)]
    reason: Reason,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reason {
    Superseded,
    Compromised,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Compromised => "compromised",
        }
    }
}

/// Carries it out.
pub fn run(command: SigningKeyCommand) -> Result<(), CliError> {
    match command {
        SigningKeyCommand::List(args) => list(args),
        SigningKeyCommand::Rotate(args) => rotate(args),
        SigningKeyCommand::Retire(args) => retire(args),
    }
}

fn list(args: ListArgs) -> Result<(), CliError> {
    let keys = args.client.server()?.all_as_of(SIGNING_KEYS, &[], &args.as_of)?;
    show::list(
        args.client.form(),
        keys,
        ["ID", "KID", "SIGNS FROM", "RETIRED AT", "REASON"],
        |key: &Value| ["id", "kid", "active_from", "retired_at", "reason"].map(|name| show::cell(key, name)),
    )
}

fn rotate(args: RotateArgs) -> Result<(), CliError> {
    let from = args.active_from.map(|when| when.asked_in(&args.attempt)).transpose()?;
    let made = args.client.server()?.mutate(ROTATE, json!({"active_from": from}), &args.attempt)?;
    show::result(args.client.form(), &made, || {
        format!(
            "Signing key {} signs from {} on, as kid {}",
            text(&made, "id"),
            text(&made, "active_from"),
            text(&made, "kid")
        )
    })?;
    if args.active_from.is_none() {
        output::remark(AT_ONCE);
    }
    Ok(())
}

fn retire(args: RetireArgs) -> Result<(), CliError> {
    let input = json!({"signing_key_id": args.id.to_string(), "reason": args.reason.as_str()});
    let change = Change { mutation: RETIRE, input, attempt: &args.attempt, dry_run: args.dry_run };
    change.carry_out(&args.client.server()?, args.client.form(), |done| {
        let replaced = match done["replacement_id"].as_str() {
            Some(id) => format!("; {id} took its place"),
            None => String::new(),
        };
        format!("Signing key {} is retired{replaced}", args.id)
    })
}
