//! What changes a service account: its name, its role, its standing.

use clap::Args;
use domain::names::Name;
use domain::role::Role;
use serde_json::{Value, json};

use crate::client::args::ConfirmArgs;
use crate::client::confirm::confirm;
use crate::client::names::{AccountName, parse_role};
use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation, show};
use crate::error::CliError;

const RENAME: Mutation = Mutation::plain("rename_service_account", "rename_service_account_input");
const CHANGE_ROLE: Mutation =
    Mutation::plain("change_service_account_role", "change_service_account_role_input");
const SUSPEND: Mutation = Mutation::plain("suspend_service_account", "service_account_id_input");
const RESUME: Mutation = Mutation::plain("resume_service_account", "service_account_id_input");
const REMOVE: Mutation = Mutation::plain("delete_service_account", "delete_service_account_input");

const RENAME_EXAMPLES: &str = "\
Examples:
  keyledger service-account rename etl-agent etl-agent-eu";

const ROLE_EXAMPLES: &str = "\
Examples:
  keyledger service-account change-role etl-agent runner

It holds from the next request of its keys and tokens on.";

const ACCOUNT_EXAMPLES: &str = "\
Examples:
  keyledger service-account suspend etl-agent
  keyledger service-account resume etl-agent

Its keys and tokens are refused at the next request, until it is resumed.";

const REMOVE_EXAMPLES: &str = "\
Examples:
  keyledger service-account remove etl-agent
  keyledger service-account remove etl-agent --yes

Its keys and tokens are refused at the next request, for good. On a terminal it is asked first.";

/// Which service account, and its name.
#[derive(Debug, Args)]
#[command(after_help = RENAME_EXAMPLES)]
pub struct RenameArgs {
    /// The service account, by name or id
    #[arg(value_name = "ACCOUNT", value_parser = AccountName::parse)]
    account: AccountName,
    /// Its name from now on
    #[arg(value_name = "NAME", value_parser = Name::parse)]
    name: Name,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which service account, and its role.
#[derive(Debug, Args)]
#[command(after_help = ROLE_EXAMPLES)]
pub struct ChangeRoleArgs {
    /// The service account, by name or id
    #[arg(value_name = "ACCOUNT", value_parser = AccountName::parse)]
    account: AccountName,
    /// What it may do: administrator, member, runner or read_only
    #[arg(value_name = "ROLE", value_parser = parse_role)]
    role: Role,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which service account.
#[derive(Debug, Args)]
#[command(after_help = ACCOUNT_EXAMPLES)]
pub struct AccountArgs {
    /// The service account, by name or id
    #[arg(value_name = "ACCOUNT", value_parser = AccountName::parse)]
    account: AccountName,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which service account to remove.
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
pub struct RemoveArgs {
    /// The service account, by name or id
    #[arg(value_name = "ACCOUNT", value_parser = AccountName::parse)]
    account: AccountName,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Gives it another name.
pub fn rename(args: RenameArgs) -> Result<(), CliError> {
    let more = json!({"name": args.name.as_str()});
    let now = format!("is named {} now", show::plain(args.name.as_str()));
    change(&args.client, &args.account, RENAME, more, (&args.attempt, DryRunArgs::default()), &now)
}

/// Changes its role.
pub fn change_role(args: ChangeRoleArgs) -> Result<(), CliError> {
    let more = json!({"role": args.role.as_str()});
    let now = format!("is {} now", args.role.as_str());
    change(&args.client, &args.account, CHANGE_ROLE, more, (&args.attempt, args.dry_run), &now)
}

/// Suspends it.
pub fn suspend(args: AccountArgs) -> Result<(), CliError> {
    change(&args.client, &args.account, SUSPEND, json!({}), (&args.attempt, args.dry_run), "is suspended")
}

/// Resumes it.
pub fn resume(args: AccountArgs) -> Result<(), CliError> {
    change(&args.client, &args.account, RESUME, json!({}), (&args.attempt, args.dry_run), "is resumed")
}

/// Removes it.
pub fn remove(args: RemoveArgs) -> Result<(), CliError> {
    if !args.dry_run.dry_run {
        confirm(&args.confirm, "The service account is removed with all its keys.")?;
    }
    change(
        &args.client,
        &args.account,
        REMOVE,
        json!({}),
        (&args.attempt, args.dry_run),
        "is removed, with its keys",
    )
}

fn change(
    client: &ClientArgs,
    account: &AccountName,
    mutation: Mutation,
    mut input: Value,
    (attempt, dry_run): (&AttemptArgs, DryRunArgs),
    now: &str,
) -> Result<(), CliError> {
    let (server, tenant) = client.server_and_tenant()?;
    let id = account.id(&server, tenant.as_deref())?;
    input["service_account_id"] = json!(id);
    let change = Change { mutation, input, attempt, dry_run };
    change.carry_out(&server, client.form(), |_| format!("Service account {id} {now}"))
}
