//! `auth create-token`: makes a key by the scopes of older tools.

use clap::{Args, ValueEnum};
use domain::names::Name;
use serde_json::json;

use crate::client::as_of::AsOfArgs;
use crate::client::graphql::text;
use crate::client::limits::LimitArgs;
use crate::client::names::find_account;
use crate::client::new_key::{self, NewKeyArgs, QuietArgs};
use crate::client::when::Expiry;
use crate::client::{AttemptArgs, ClientArgs, ClientError, Server, show};
use crate::commands::service_account::create::CREATE;
use crate::error::CliError;
use crate::output::{self, Output};

const EXAMPLES: &str = "\
Examples:
  keyledger auth create-token -n my-runner -s RUNNER
  TOKEN=$(keyledger auth create-token -n my-runner -s RUNNER -q)

What the scopes of older tools become:
  USER    a key of your own: the same as auth create-key
  RUNNER  a key of the service account NAME with the role runner
  TENANT  a key of the service account NAME with the role administrator
A service account of that name is made if the tenant has none. One that has another role is an
error: nothing is made, and its role is not changed.";

/// What the key is to be.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CreateTokenArgs {
    /// What people will call it, and its service account
    #[arg(long, short, value_name = "NAME", value_parser = Name::parse)]
    name: Name,
    /// USER, RUNNER or TENANT
    #[arg(long, short, value_name = "SCOPE", value_enum, ignore_case = true, hide_possible_values = true)]
    scope: OldScope,
    /// When it ends: 30d, 12h, 2031-01-01T00:00:00Z or never [default: as the tenant's policy says, else never]
    #[arg(long, short, value_name = "WHEN", value_parser = Expiry::parse, allow_hyphen_values = true)]
    expires: Option<Expiry>,
    #[command(flatten)]
    quiet: QuietArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// The scopes of the product that this replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OldScope {
    #[value(name = "USER")]
    User,
    #[value(name = "RUNNER")]
    Runner,
    #[value(name = "TENANT")]
    Tenant,
}

/// Makes it.
pub fn run(args: CreateTokenArgs) -> Result<(), CliError> {
    let server = args.client.server()?;
    let owner = match args.scope {
        OldScope::User => text(&server.whoami()?, "id").to_owned(),
        OldScope::Runner => account(&server, &args, "runner")?,
        OldScope::Tenant => account(&server, &args, "administrator")?,
    };
    let limits = LimitArgs::default();
    let (name, expires) = (args.name, args.expires);
    let key = NewKeyArgs { name, expires, scope: vec![], confine_to: None, note: None, limits };
    new_key::create(&server, &owner, &key, &args.attempt, &args.quiet, args.client.form())
}

/// The service account of that name and role: the one that is there, or a new one.
fn account(server: &Server, args: &CreateTokenArgs, role: &'static str) -> Result<String, CliError> {
    let name = args.name.as_str();
    if let Some(account) = find_account(server, None, &args.name, &AsOfArgs::NOW)? {
        if text(&account, "role") != role {
            let (name, role_found) = (name.to_owned(), text(&account, "role").to_owned());
            return Err(ClientError::RoleDiffers { name, role: role_found, wanted: role }.into());
        }
        return Ok(text(&account, "id").to_owned());
    }
    // The attempt's name is for the key; the account is found if this is tried again.
    let made = server.mutate(CREATE, json!({"name": name, "role": role}), &AttemptArgs::default())?;
    let id = text(&made, "id").to_owned();
    if args.client.form() == Output::Table && !args.quiet.quiet {
        output::remark(&format!(
            "made service account {id}, named {}, with the role {role}\n",
            show::plain(name)
        ));
    }
    Ok(id)
}
