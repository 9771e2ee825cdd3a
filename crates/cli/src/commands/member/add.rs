//! `member add`: makes a user a member of a tenant.

use clap::Args;
use domain::names::{Email, Name};
use domain::role::Role;
use serde_json::json;

use crate::client::graphql::text;
use crate::client::names::parse_role;
use crate::client::new_key::{self, QuietArgs};
use crate::client::{AttemptArgs, ClientArgs, Mutation, show};
use crate::error::CliError;

const ADD: Mutation = Mutation {
    name: "add_member",
    input: "add_member_input",
    selection: "id: user_id user_id key key_id position",
};

const EXAMPLES: &str = "\
Examples:
  keyledger member add grace@example.com
  keyledger member add grace@example.com --name 'Grace' --role administrator
  KEY=$(keyledger member add grace@example.com --first-key -q)

With --first-key the user's key alone is written to standard output, this once; without it, the
user's id.";

/// Whom, and as what.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AddArgs {
    /// The user's e-mail address: of a known user, or of a new one
    #[arg(value_name = "EMAIL", value_parser = Email::parse)]
    email: Email,
    /// A new user's own name
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    name: Option<Name>,
    /// What the user may do: administrator, member, runner or read_only [default: member]
    #[arg(long, value_name = "ROLE", value_parser = parse_role)]
    role: Option<Role>,
    /// Make a first key for the user to begin with
    #[arg(long)]
    first_key: bool,
    #[command(flatten)]
    quiet: QuietArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Adds the user.
pub fn run(args: AddArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let input = json!({
        "tenant_id": tenant,
        "email": args.email.as_str(),
        "name": args.name.as_ref().map(Name::as_str),
        "role": args.role.map(Role::as_str),
        "first_key": args.first_key.then_some(true),
    });
    let made = server.mutate(ADD, input, &args.attempt)?;
    let role = args.role.unwrap_or(Role::Member).as_str();
    let user = text(&made, "user_id");
    let mut remark = format!("{} is {role} now: user {user}\n", show::plain(args.email.as_str()));
    if !args.first_key {
        return new_key::hand_over(args.client.form(), &made, "user_id", &remark, &args.quiet);
    }
    remark += "the user's first key is shown this once\n";
    show::secret(args.client.form(), &made, (!args.quiet.quiet).then_some(&remark))
}
