//! `service-account create`: makes a service account.

use clap::Args;
use domain::names::Name;
use domain::role::Role;
use serde_json::json;

use crate::client::graphql::text;
use crate::client::names::parse_role;
use crate::client::new_key::{self, QuietArgs};
use crate::client::{AttemptArgs, ClientArgs, Mutation, show};
use crate::error::CliError;
use crate::output::shell_word;

/// Makes a service account.
pub const CREATE: Mutation = Mutation {
    name: "create_service_account",
    input: "create_service_account_input",
    selection: "id role position",
};

const EXAMPLES: &str = "\
Examples:
  keyledger service-account create etl-agent --role runner
  keyledger service-account create provisioner
  ID=$(keyledger service-account create etl-agent --role runner -q)

WITHOUT --role IT IS ADMINISTRATOR: its keys may do everything in the tenant. An agent that only
fetches work needs runner; one that only looks needs read_only.
The id alone is written to standard output. Then make its key, such as:
  keyledger key create --owner etl-agent -n etl";

/// What it is to be.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CreateArgs {
    /// Its name, unique among the living of the tenant
    #[arg(value_name = "NAME", value_parser = Name::parse)]
    name: Name,
    /// What it may do: administrator, member, runner or read_only [default: administrator]
    #[arg(long, value_name = "ROLE", value_parser = parse_role)]
    role: Option<Role>,
    #[command(flatten)]
    quiet: QuietArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Makes it.
pub fn run(args: CreateArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let name = args.name.as_str();
    let input = json!({"tenant_id": tenant, "name": name, "role": args.role.map(Role::as_str)});
    let made = server.mutate(CREATE, input, &args.attempt)?;
    let role = text(&made, "role");
    let unasked = if args.role.is_none() {
        ", for no --role was given: it may do everything in the tenant"
    } else {
        ""
    };
    // By its id: a name may read as something else, such as the address of a person.
    let remark = format!(
        "made service account {}, which is {role}{unasked}\nhint: make its key: keyledger key create --owner {} --name={}\n",
        show::plain(name),
        text(&made, "id"),
        shell_word(name),
    );
    new_key::hand_over(args.client.form(), &made, "id", &remark, &args.quiet)
}
