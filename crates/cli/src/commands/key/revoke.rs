//! `key revoke`: revokes a key for good.

use clap::{Args, ValueEnum};
use domain::ids::KeyId;
use domain::names::Note;
use serde_json::json;

use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation};
use crate::error::CliError;

const REVOKE: Mutation = Mutation::plain("delete_api_key", "delete_api_key_input");

const EXAMPLES: &str = "\
Examples:
  keyledger key revoke 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger key revoke 01890a5d-ac96-774b-bcce-b302099a8057 --dry-run
  keyledger key revoke 01890a5d-ac96-774b-bcce-b302099a8057 --reason key_compromise --note 'seen in a build log'

The key and every token minted from it are refused at the next request. This cannot be undone; to
stop a key for a while, see: keyledger key disable --help";

/// Which key, and why.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RevokeArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Why a key is revoked.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    /// Why: unspecified, key_compromise, affiliation_changed, superseded, cessation_of_operation or privilege_withdrawn
    #[arg(long, value_name = "REASON", value_enum, hide_possible_values = true)]
    reason: Option<Reason>,
    /// A remark for whoever reads the log
    #[arg(long, value_name = "TEXT", value_parser = Note::parse)]
    note: Option<Note>,
}

/// The reasons of RFC 5280, section 5.3.1, spelt as in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Reason {
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    PrivilegeWithdrawn,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key_compromise",
            Self::AffiliationChanged => "affiliation_changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation_of_operation",
            Self::PrivilegeWithdrawn => "privilege_withdrawn",
        }
    }
}

/// Revokes it.
pub fn run(args: RevokeArgs) -> Result<(), CliError> {
    revoke(&args.client, args.key, &args.reason, &args.attempt, args.dry_run)
}

/// Revokes a key, and says so.
pub fn revoke(
    client: &ClientArgs,
    key: KeyId,
    why: &ReasonArgs,
    attempt: &AttemptArgs,
    dry_run: DryRunArgs,
) -> Result<(), CliError> {
    let input = json!({
        "key_id": key.to_string(),
        "reason": why.reason.map(Reason::as_str),
        "note": why.note.as_ref().map(Note::as_str),
    });
    let change = Change { mutation: REVOKE, input, attempt, dry_run };
    let said = |done: &serde_json::Value| {
        let is = format!("Key {key} is revoked, with every token minted from it");
        let before = done["changed"] == false;
        let why = if why.reason.is_some() || why.note.is_some() {
            "; the reason and note of then stay"
        } else {
            ""
        };
        if before { format!("{is}; it was revoked before{why}") } else { is }
    };
    change.carry_out(&client.server()?, client.form(), said)
}
