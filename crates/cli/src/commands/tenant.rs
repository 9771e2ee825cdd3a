//! `tenant`: tenants and their rules.

pub mod list;
pub mod create;
pub mod policy;
pub mod change;

use clap::Subcommand;

use self::change::{RemoveArgs, RenameArgs, TenantArgs};
use self::create::CreateArgs;
use self::list::ListArgs;
use self::policy::PolicyArgs;
use crate::error::CliError;

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// List the tenants in which the key acts; with --all every one of the deployment, for operators
    List(ListArgs),
    /// Make a tenant with its first administrator: for operators
    Create(CreateArgs),
    /// Give a tenant another display name
    Rename(RenameArgs),
    /// Show or replace a tenant's rules for the life of keys
    Policy(PolicyArgs),
    /// Refuse all that rests on a tenant until it is resumed: for operators
    Suspend(TenantArgs),
    /// Accept a suspended tenant again: for operators
    Resume(TenantArgs),
    /// Remove a tenant for good, with all that rests on it: for operators
    Remove(RemoveArgs),
}

/// Carries it out.
pub fn run(command: TenantCommand) -> Result<(), CliError> {
    match command {
        TenantCommand::List(args) => list::run(args),
        TenantCommand::Create(args) => create::run(args),
        TenantCommand::Rename(args) => change::rename(args),
        TenantCommand::Policy(args) => policy::run(args),
        TenantCommand::Suspend(args) => change::suspend(args),
        TenantCommand::Resume(args) => change::resume(args),
        TenantCommand::Remove(args) => change::remove(args),
    }
}
