//! The commands, one file each.

pub mod init;
pub mod serve;
pub mod audit;
pub mod backup;
pub mod restore;
pub mod config;
pub mod doctor;

use crate::args::Command;
use crate::error::CliError;

/// Carries a command out.
pub fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Audit(command) => audit::run(command),
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Config(command) => config::run(command),
        Command::Doctor(args) => doctor::run(args),
    }
}
