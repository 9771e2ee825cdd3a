//! The commands, one file each.

pub mod init;
pub mod serve;
pub mod recover;
pub mod audit;

use crate::args::Command;
use crate::error::CliError;

/// Carries a command out.
pub fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Recover(args) => recover::run(args),
        Command::Audit(command) => audit::run(command),
    }
}
