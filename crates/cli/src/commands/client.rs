//! The commands that talk to a server: all of them on one screen.

use clap::Subcommand;

use super::auth::{self, AuthCommand};
use super::completions::{self, CompletionsArgs};
use super::key::{self, KeyCommand};
use super::man::{self, ManArgs};
use super::member::{self, MemberCommand};
use super::revoke_tokens::{self, RevokeTokensArgs};
use super::service_account::{self, ServiceAccountCommand};
use super::signing_key::{self, SigningKeyCommand};
use super::tenant::{self, TenantCommand};
use super::token::{self, TokenArgs};
use super::user::{self, UserCommand};
use super::verify::{self, VerifyArgs};
use super::whoami::{self, WhoamiArgs};
use crate::error::CliError;

/// What can be asked of a server, and what helps to ask it.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Log in to a server, and manage your own keys
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Say as whom, where and until when the key is accepted
    Whoami(WhoamiArgs),
    /// Exchange the key for a short-lived token
    Token(TokenArgs),
    /// Ask what a key or token that somebody showed is worth
    Verify(VerifyArgs),
    /// Manage keys, of whatever owner
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage the service accounts of a tenant
    #[command(subcommand)]
    ServiceAccount(ServiceAccountCommand),
    /// Manage the members of a tenant
    #[command(subcommand)]
    Member(MemberCommand),
    /// Suspend or remove users, and make operators: for operators
    #[command(subcommand)]
    User(UserCommand),
    /// Manage tenants
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Manage the keys that sign tokens: for operators
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Refuse all tokens of one target that were minted until now
    RevokeTokens(RevokeTokensArgs),
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
        ClientCommand::Completions(args) => completions::run(args),
        ClientCommand::Man(args) => man::run(args),
    }
}
