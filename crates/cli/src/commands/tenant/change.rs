//! What changes a tenant: its name, its standing.

use clap::Args;
use domain::names::Name;
use serde_json::{Value, json};

use crate::client::args::ConfirmArgs;
use crate::client::confirm::confirm;
use crate::client::names::TenantName;
use crate::client::{AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation, show};
use crate::error::CliError;

const RENAME: Mutation = Mutation::plain("rename_tenant", "rename_tenant_input");
const SUSPEND: Mutation = Mutation::plain("suspend_tenant", "tenant_id_input");
const RESUME: Mutation = Mutation::plain("resume_tenant", "tenant_id_input");
const REMOVE: Mutation = Mutation::plain("remove_tenant", "tenant_id_input");

const RENAME_EXAMPLES: &str = "\
Examples:
  keyledger tenant rename acme 'Acme Corporation'

The slug stays.";

const TENANT_EXAMPLES: &str = "\
Examples:
  keyledger tenant suspend acme
  keyledger tenant resume acme

Every key and token is refused in a suspended tenant, at the next request.";

const REMOVE_EXAMPLES: &str = "\
Examples:
  keyledger tenant remove acme
  keyledger tenant remove acme --yes

Its memberships, service accounts, keys and tokens end at the next request, for good. A new tenant
of the same slug has nothing of it. On a terminal it is asked first.";

/// Which tenant, and its name.
#[derive(Debug, Args)]
#[command(after_help = RENAME_EXAMPLES)]
pub struct RenameArgs {
    /// The tenant, by slug or id
    #[arg(value_name = "TENANT", value_parser = TenantName::parse)]
    which: TenantName,
    /// Its display name from now on
    #[arg(value_name = "NAME", value_parser = Name::parse)]
    name: Name,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which tenant.
#[derive(Debug, Args)]
#[command(after_help = TENANT_EXAMPLES)]
pub struct TenantArgs {
    /// The tenant, by slug or id
    #[arg(value_name = "TENANT", value_parser = TenantName::parse)]
    which: TenantName,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which tenant to remove.
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
pub struct RemoveArgs {
    /// The tenant, by slug or id
    #[arg(value_name = "TENANT", value_parser = TenantName::parse)]
    which: TenantName,
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
    change(&args.client, &args.which, RENAME, more, (&args.attempt, DryRunArgs::default()), &now)
}

/// Suspends it.
pub fn suspend(args: TenantArgs) -> Result<(), CliError> {
    change(&args.client, &args.which, SUSPEND, json!({}), (&args.attempt, args.dry_run), "is suspended")
}

/// Resumes it.
pub fn resume(args: TenantArgs) -> Result<(), CliError> {
    change(&args.client, &args.which, RESUME, json!({}), (&args.attempt, args.dry_run), "is resumed")
}

/// Removes it.
pub fn remove(args: RemoveArgs) -> Result<(), CliError> {
    if !args.dry_run.dry_run {
        confirm(&args.confirm, &format!("Tenant {} is removed, with all that rests on it.", args.which))?;
    }
    change(
        &args.client,
        &args.which,
        REMOVE,
        json!({}),
        (&args.attempt, args.dry_run),
        "is removed, with all that rests on it",
    )
}

fn change(
    client: &ClientArgs,
    which: &TenantName,
    mutation: Mutation,
    mut input: Value,
    (attempt, dry_run): (&AttemptArgs, DryRunArgs),
    now: &str,
) -> Result<(), CliError> {
    let (server, _) = client.server_and_tenant()?;
    let id = which.id(&server)?.to_string();
    input["tenant_id"] = json!(id);
    let change = Change { mutation, input, attempt, dry_run };
    change.carry_out(&server, client.form(), |_| format!("Tenant {id} {now}"))
}
