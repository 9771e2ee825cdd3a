//! The commands that talk to a server: all of them on one screen.

use clap::Subcommand;

use super::auth::{self, AuthCommand};
use super::completions::{self, CompletionsArgs};
use super::diff::{self, DiffArgs};
use super::erase::{self, EraseArgs};
use super::events::{self, EventsArgs};
use super::key::{self, KeyCommand};
use super::man::{self, ManArgs};
use super::member::{self, MemberCommand};
use super::refusals::{self, RefusalsArgs};
use super::revoke_tokens::{self, RevokeTokensArgs};
use super::service_account::{self, ServiceAccountCommand};
use super::signing_key::{self, SigningKeyCommand};
use super::tenant::{self, TenantCommand};
use super::token::{self, TokenArgs};
use super::user::{self, UserCommand};
use super::verify::{self, VerifyArgs};
use super::whoami::{self, WhoamiArgs};
use crate::error::CliError;

const AUTH: &str = "\
Examples:
  keyledger auth login --url https://keys.example.com
  keyledger auth create-key -n laptop --expires 90d
  keyledger auth switch-tenant acme";
const KEY: &str = "\
Examples:
  keyledger key list
  keyledger key create --owner etl-agent -n 'etl in production'
  keyledger key rotate 01890a5d-ac96-774b-bcce-b302099a8057 --overlap 24h";
const SERVICE_ACCOUNT: &str = "\
Examples:
  keyledger service-account create etl-agent --role runner
  keyledger service-account list
  keyledger service-account remove etl-agent";
const MEMBER: &str = "\
Examples:
  keyledger member add grace@example.com --first-key
  keyledger member change-role grace@example.com administrator";
const USER: &str = "\
Examples:
  keyledger user suspend grace@example.com
  keyledger user grant-operator grace@example.com";
const TENANT: &str = "\
Examples:
  keyledger tenant create acme --admin ada@example.com
  keyledger tenant policy acme --key-life-max 90d --key-life-default 30d";
const SIGNING_KEY: &str = "\
Examples:
  keyledger signing-key list
  keyledger signing-key rotate --active-from 1h";

/// What can be asked of a server, and what helps to ask it.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Log in to a server, and manage your own keys
    #[command(subcommand, after_help = AUTH)]
    Auth(AuthCommand),
    /// Say as whom, where and until when the key is accepted
    Whoami(WhoamiArgs),
    /// Exchange the key for a short-lived token
    Token(TokenArgs),
    /// Ask what a key or token that somebody showed is worth
    Verify(VerifyArgs),
    /// Manage keys, of whatever owner
    #[command(subcommand, after_help = KEY)]
    Key(KeyCommand),
    /// Manage the service accounts of a tenant
    #[command(subcommand, after_help = SERVICE_ACCOUNT)]
    ServiceAccount(ServiceAccountCommand),
    /// Manage the members of a tenant
    #[command(subcommand, after_help = MEMBER)]
    Member(MemberCommand),
    /// Suspend or remove users, and make operators: for operators
    #[command(subcommand, after_help = USER)]
    User(UserCommand),
    /// Manage tenants
    #[command(subcommand, after_help = TENANT)]
    Tenant(TenantCommand),
    /// Manage the keys that sign tokens: for operators
    #[command(subcommand, after_help = SIGNING_KEY)]
    SigningKey(SigningKeyCommand),
    /// Refuse all tokens of one target that were minted until now
    RevokeTokens(RevokeTokensArgs),
    /// Make every text about something removed unreadable, for good
    Erase(EraseArgs),
    /// List what happened: the events that concern the tenant
    Events(EventsArgs),
    /// List the commands that were refused in the tenant
    Refusals(RefusalsArgs),
    /// List what differs between two moments
    Diff(DiffArgs),
    /// Print a script that completes commands in a shell
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
}

/// Carries it out.
pub fn run(command: ClientCommand) -> Result<(), CliError> {
    match command {
        ClientCommand::Auth(command) => auth::run(command),
        ClientCommand::Whoami(args) => whoami::run(args),
        ClientCommand::Token(args) => token::run(args),
        ClientCommand::Verify(args) => verify::run(args),
        ClientCommand::Key(command) => key::run(command),
        ClientCommand::ServiceAccount(command) => service_account::run(command),
        ClientCommand::Member(command) => member::run(command),
        ClientCommand::User(command) => user::run(command),
        ClientCommand::Tenant(command) => tenant::run(command),
        ClientCommand::SigningKey(command) => signing_key::run(command),
        ClientCommand::RevokeTokens(args) => revoke_tokens::run(args),
        ClientCommand::Erase(args) => erase::run(args),
        ClientCommand::Events(args) => events::run(args),
        ClientCommand::Refusals(args) => refusals::run(args),
        ClientCommand::Diff(args) => diff::run(args),
        ClientCommand::Completions(args) => completions::run(args),
        ClientCommand::Man(args) => man::run(args),
    }
}
