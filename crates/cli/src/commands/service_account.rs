//! `service-account`: the machine identities of a tenant.

pub mod create;
pub mod list;
pub mod change;

use clap::Subcommand;

use self::change::{AccountArgs, ChangeRoleArgs, RemoveArgs, RenameArgs};
use self::create::CreateArgs;
use self::list::ListArgs;
use crate::error::CliError;

/// What can be done with service accounts.
#[derive(Debug, Subcommand)]
pub enum ServiceAccountCommand {
    /// Make a service account; it is administrator of the tenant unless --role says less
    Create(CreateArgs),
    /// List the service accounts of the tenant
    List(ListArgs),
    /// Give a service account another name
    Rename(RenameArgs),
    /// Change what a service account may do
    ChangeRole(ChangeRoleArgs),
    /// Refuse a service account's keys until it is resumed
    Suspend(AccountArgs),
    /// Accept a suspended service account again
    Resume(AccountArgs),
    /// Remove a service account for good, with its keys
    Remove(RemoveArgs),
}

/// Carries it out.
pub fn run(command: ServiceAccountCommand) -> Result<(), CliError> {
    match command {
        ServiceAccountCommand::Create(args) => create::run(args),
        ServiceAccountCommand::List(args) => list::run(args),
        ServiceAccountCommand::Rename(args) => change::rename(args),
        ServiceAccountCommand::ChangeRole(args) => change::change_role(args),
        ServiceAccountCommand::Suspend(args) => change::suspend(args),
        ServiceAccountCommand::Resume(args) => change::resume(args),
        ServiceAccountCommand::Remove(args) => change::remove(args),
    }
}
