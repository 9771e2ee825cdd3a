//! `member`: the users of a tenant.

pub mod add;

use clap::{Args, Subcommand};
use domain::role::Role;
use serde_json::{Value, json};

use self::add::AddArgs;
use crate::client::args::ConfirmArgs;
use crate::client::confirm::confirm;
use crate::client::graphql::List;
use crate::client::names::{UserName, parse_role};
use crate::client::{
    AsOfArgs, AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation, RoleArgs, StateArgs, show,
};
use crate::error::CliError;

const MEMBERS: List = List { name: "members", selection: "user_id email name role standing since" };
const CHANGE_ROLE: Mutation = Mutation::plain("change_member_role", "change_member_role_input");
const REMOVE: Mutation = Mutation::plain("remove_member", "member_input");

const LIST_EXAMPLES: &str = "\
Examples:
  keyledger member list
  keyledger member list --role administrator
  keyledger member list --state suspended --tenant acme -o json

STANDING is that of the user. Members that were removed are not listed; events tell of them.";

const ROLE_EXAMPLES: &str = "\
Examples:
  keyledger member change-role ada@example.com administrator

It holds from the next request on, for all keys and tokens of the user in this tenant.";

const REMOVE_EXAMPLES: &str = "\
Examples:
  keyledger member remove ada@example.com
  keyledger member remove ada@example.com --tenant acme --yes

The user's keys are refused in this tenant at the next request; those confined to it, for good.
On a terminal it is asked first.";

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// List the members of the tenant
    List(ListArgs),
    /// Make a user a member of the tenant
    Add(AddArgs),
    /// Change what a member may do
    ChangeRole(ChangeRoleArgs),
    /// End a membership, with the keys confined to it
    Remove(RemoveArgs),
}

/// Which of them.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub struct ListArgs {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    role: RoleArgs,
    /// Whose name or e-mail address holds this text, in any letter case
    #[arg(long, value_name = "TEXT")]
    named: Option<String>,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which member, and the role.
#[derive(Debug, Args)]
#[command(after_help = ROLE_EXAMPLES)]
pub struct ChangeRoleArgs {
    /// The member, by e-mail address or id
    #[arg(value_name = "USER", value_parser = UserName::parse)]
    user: UserName,
    /// What the user may do from now on: administrator, member, runner or read_only
    #[arg(value_name = "ROLE", value_parser = parse_role)]
    role: Role,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which member to remove.
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
pub struct RemoveArgs {
    /// The member, by e-mail address or id
    #[arg(value_name = "USER", value_parser = UserName::parse)]
    user: UserName,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Carries it out.
pub fn run(command: MemberCommand) -> Result<(), CliError> {
    match command {
        MemberCommand::List(args) => list(args),
        MemberCommand::Add(args) => add::run(args),
        MemberCommand::ChangeRole(args) => {
            let more = json!({"role": args.role.as_str()});
            let now = format!("is {} now", args.role.as_str());
            let attempt = (&args.attempt, args.dry_run);
            change(&args.client, &args.user, CHANGE_ROLE, more, attempt, &now)
        }
        MemberCommand::Remove(args) => {
            if !args.dry_run.dry_run {
                confirm(&args.confirm, "The member loses this tenant, and the keys confined to it.")?;
            }
            let attempt = (&args.attempt, args.dry_run);
            change(&args.client, &args.user, REMOVE, json!({}), attempt, "is no member any more")
        }
    }
}

fn list(args: ListArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let filter = json!({"state": args.state.asked(), "role": args.role.asked(), "name_contains": args.named});
    let arguments = [("tenant_id", "uuid", json!(tenant)), ("filter", "member_filter", filter)];
    let members = server.all_as_of(MEMBERS, &arguments, &args.as_of)?;
    show::list(args.client.form(), members, ["EMAIL", "NAME", "ID", "ROLE", "STANDING"], |member: &Value| {
        ["email", "name", "user_id", "role", "standing"].map(|name| show::cell(member, name))
    })
}

fn change(
    client: &ClientArgs,
    user: &UserName,
    mutation: Mutation,
    mut input: Value,
    (attempt, dry_run): (&AttemptArgs, DryRunArgs),
    now: &str,
) -> Result<(), CliError> {
    let (server, tenant) = client.server_and_tenant()?;
    let id = user.id(&server, tenant.as_deref())?;
    input["user_id"] = json!(id);
    input["tenant_id"] = json!(tenant);
    let change = Change { mutation, input, attempt, dry_run };
    change.carry_out(&server, client.form(), |_| format!("User {id} {now}"))
}
