//! `user`: people across all tenants, for operators.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::args::ConfirmArgs;
use crate::client::confirm::confirm;
use crate::client::graphql::List;
use crate::client::names::UserName;
use crate::client::{AsOfArgs, AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation, StateArgs, show};
use crate::error::CliError;

const USERS: List = List { name: "users", selection: "id email name operator standing created_at" };
const SUSPEND: Mutation = Mutation::plain("suspend_user", "user_id_input");
const RESUME: Mutation = Mutation::plain("resume_user", "user_id_input");
const REMOVE: Mutation = Mutation::plain("remove_user", "user_id_input");
const GRANT: Mutation = Mutation::plain("grant_operator", "user_id_input");
const WITHDRAW: Mutation = Mutation::plain("withdraw_operator", "user_id_input");

const EXAMPLES: &str = "\
Examples:
  keyledger user suspend ada@example.com
  keyledger user resume ada@example.com
  keyledger user grant-operator 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger user withdraw-operator ada@example.com

An e-mail address is looked up among all users of the deployment.";

const LIST_EXAMPLES: &str = "\
Examples:
  keyledger user list
  keyledger user list --state suspended
  keyledger user list --operators -o json

Those that were removed are listed when they are asked for: --state removed.";

const REMOVE_EXAMPLES: &str = "\
Examples:
  keyledger user remove ada@example.com
  keyledger user remove 01890a5d-ac96-774b-bcce-b302099a8057 --yes

All keys of the user are refused at the next request, for good. On a terminal it is asked first.
To end one membership only, see: keyledger member remove --help";

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List the users of the deployment, across all tenants
    List(ListArgs),
    /// Refuse a user in every tenant until resumed
    Suspend(UserArgs),
    /// Accept a suspended user again
    Resume(UserArgs),
    /// Remove a user for good, with all keys
    Remove(RemoveArgs),
    /// Make a user an operator of the deployment
    GrantOperator(UserArgs),
    /// Make an operator an ordinary user again
    WithdrawOperator(UserArgs),
}

/// Which users.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub struct ListArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Whose name or e-mail address holds this text, in any letter case
    #[arg(long, value_name = "TEXT")]
    named: Option<String>,
    /// Operators only
    #[arg(long)]
    operators: bool,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which user.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct UserArgs {
    /// The user, by e-mail address or id
    #[arg(value_name = "USER", value_parser = UserName::parse)]
    user: UserName,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which user to remove.
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
pub struct RemoveArgs {
    #[command(flatten)]
    user: UserArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Carries it out.
pub fn run(command: UserCommand) -> Result<(), CliError> {
    match command {
        UserCommand::List(args) => list(&args),
        UserCommand::Suspend(args) => change(&args, SUSPEND, "is suspended"),
        UserCommand::Resume(args) => change(&args, RESUME, "is resumed"),
        UserCommand::GrantOperator(args) => change(&args, GRANT, "is an operator"),
        UserCommand::WithdrawOperator(args) => change(&args, WITHDRAW, "is no operator"),
        UserCommand::Remove(args) => {
            if !args.user.dry_run.dry_run {
                confirm(&args.confirm, "The user is removed from every tenant, with all keys.")?;
            }
            change(&args.user, REMOVE, "is removed, with all keys")
        }
    }
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let filter = json!({
        "state": args.state.asked(),
        "name_contains": args.named,
        "operator": args.operators.then_some(true),
    });
    let users = args.client.server()?.all_as_of(USERS, &[("filter", "user_filter", filter)], &args.as_of)?;
    show::list(args.client.form(), users, ["EMAIL", "ID", "NAME", "OPERATOR", "STANDING", "SINCE"], |user| {
        [
            show::cell(user, "email"),
            show::cell(user, "id"),
            show::cell(user, "name"),
            show::cell(user, "operator"),
            show::cell(user, "standing"),
            show::cell(user, "created_at"),
        ]
    })
}

fn change(args: &UserArgs, mutation: Mutation, now: &str) -> Result<(), CliError> {
    let server = args.client.server()?;
    let id = args.user.id_in_deployment(&server)?;
    let input = json!({"user_id": id});
    let change = Change { mutation, input, attempt: &args.attempt, dry_run: args.dry_run };
    change.carry_out(&server, args.client.form(), |_| format!("User {id} {now}"))
}
