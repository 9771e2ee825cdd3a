//! `audit`: reads a data folder, also beside a running server, and changes nothing of the log.

pub mod rebuild;
pub mod show;
pub mod verify;

use clap::Subcommand;

use crate::commands::audit::rebuild::RebuildArgs;
use crate::commands::audit::show::ShowArgs;
use crate::commands::audit::verify::VerifyArgs;
use crate::error::CliError;

/// What can be asked of a log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List the events of the log
    Show(ShowArgs),
    /// Read the whole log, check its chain, and compare the views and the guard with it
    Verify(VerifyArgs),
    /// Throw the views away and build them anew from the log, while no server runs
    Rebuild(RebuildArgs),
}

/// Carries it out.
pub fn run(command: AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::Show(args) => show::run(args),
        AuditCommand::Verify(args) => verify::run(args),
        AuditCommand::Rebuild(args) => rebuild::run(args),
    }
}
