//! `config`: shows the settings of the server.

pub mod show;

use clap::Subcommand;

use crate::commands::config::show::ShowArgs;
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger config show
  keyledger config show --origin --config /etc/keyledger.toml";

/// What can be asked of the configuration.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum ConfigCommand {
    /// List every setting of serve, its value, and where that comes from
    Show(ShowArgs),
}

/// Carries it out.
pub fn run(command: ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Show(args) => show::run(args),
    }
}
