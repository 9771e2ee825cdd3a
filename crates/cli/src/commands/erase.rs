//! `erase`: makes every text about something removed unreadable, for good.

use clap::{ArgGroup, Args};
use domain::ids::{ServiceAccountId, TenantId, UserId};
use serde_json::json;

use crate::client::args::ConfirmArgs;
use crate::client::confirm::confirm;
use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation};
use crate::error::CliError;

const ERASE: Mutation = Mutation::plain("erase_subject", "erase_subject_input");

const EXAMPLES: &str = "\
Examples:
  keyledger user list -o json     the id, before the user is removed
  keyledger user remove ada@example.com
  keyledger erase --user 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger erase --service-account 01890a5d-ac96-774b-bcce-b302099a8057 --dry-run

Only what is removed can be erased. The key that seals its name, its address, the names of its keys and
the notes on them is destroyed: they read [erased] from then on, at every moment asked about. The events
stay, and every proof and checkpoint with them. Backups of the secrets keep the key until they are gone.
Who may do it: operators; of a service account also its tenant's administrators.";

/// Whose texts. What is removed has no name to be found by: it goes by its id.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("subject").required(true)))]
pub struct EraseArgs {
    /// A removed user
    #[arg(long, value_name = "ID", value_parser = UserId::parse, group = "subject")]
    user: Option<UserId>,
    /// A removed service account, or one of a removed tenant
    #[arg(long, value_name = "ID", value_parser = ServiceAccountId::parse, group = "subject")]
    service_account: Option<ServiceAccountId>,
    /// A removed tenant: its slug and name
    #[arg(long, value_name = "ID", value_parser = TenantId::parse, group = "subject")]
    whole_tenant: Option<TenantId>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Erases it.
pub fn run(args: EraseArgs) -> Result<(), CliError> {
    if !args.dry_run.dry_run {
        confirm(&args.confirm, "Its texts are destroyed; nobody can read them again.")?;
    }
    let server = args.client.server()?;
    let input = json!({
        "user_id": args.user.map(|id| id.to_string()),
        "service_account_id": args.service_account.map(|id| id.to_string()),
        "tenant_id": args.whole_tenant.map(|id| id.to_string()),
    });
    let change = Change { mutation: ERASE, input, attempt: &args.attempt, dry_run: args.dry_run };
    change.carry_out(&server, args.client.form(), |_| "Its texts are erased".to_owned())
}
