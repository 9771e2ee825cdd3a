//! `auth`: who one is, and one's own keys.

pub mod login;
pub mod logout;
pub mod status;
pub mod create_key;
pub mod list_keys;
pub mod revoke_key;
pub mod list_tenants;
pub mod switch_tenant;
pub mod create_token;

use clap::Subcommand;

use self::create_key::CreateKeyArgs;
use self::create_token::CreateTokenArgs;
use self::list_keys::ListKeysArgs;
use self::list_tenants::ListTenantsArgs;
use self::login::LoginArgs;
use self::logout::LogoutArgs;
use self::revoke_key::RevokeOwnKeyArgs;
use self::status::StatusArgs;
use self::switch_tenant::SwitchTenantArgs;
use crate::error::CliError;

/// What can be done about oneself.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Check a key, and save it with its server as a profile
    Login(LoginArgs),
    /// Forget a profile; the key stays valid until it is revoked
    Logout(LogoutArgs),
    /// Say which server, which key and which tenant are used
    Status(StatusArgs),
    /// Make a key for yourself
    CreateKey(CreateKeyArgs),
    /// List your own keys
    ListKeys(ListKeysArgs),
    /// Revoke a key for good
    RevokeKey(RevokeOwnKeyArgs),
    /// List the tenants in which the key acts
    ListTenants(ListTenantsArgs),
    /// Act in another tenant from now on
    #[command(alias = "switch-tenants")]
    SwitchTenant(SwitchTenantArgs),
    /// Make a key by the scopes of older tools: USER, RUNNER or TENANT
    CreateToken(CreateTokenArgs),
    /// List every key that you may manage, as older tools do
    ListTokens(ListKeysArgs),
    /// The same as revoke-key
    RevokeToken(RevokeOwnKeyArgs),
}

/// Carries it out.
pub fn run(command: AuthCommand) -> Result<(), CliError> {
    match command {
        AuthCommand::Login(args) => login::run(args),
        AuthCommand::Logout(args) => logout::run(args),
        AuthCommand::Status(args) => status::run(args),
        AuthCommand::CreateKey(args) => create_key::run(args),
        AuthCommand::ListKeys(args) => list_keys::run(args, list_keys::Whose::Own),
        AuthCommand::RevokeKey(args) | AuthCommand::RevokeToken(args) => revoke_key::run(args),
        AuthCommand::ListTenants(args) => list_tenants::run(args),
        AuthCommand::SwitchTenant(args) => switch_tenant::run(args),
        AuthCommand::CreateToken(args) => create_token::run(args),
        AuthCommand::ListTokens(args) => list_keys::run(args, list_keys::Whose::Everyones),
    }
}
