//! `man`: writes the manual pages, one for each command.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;
use serde_json::json;

use crate::args::Cli;
use crate::client::{ClientError, show};
use crate::error::CliError;
use crate::output::OutputArgs;

const EXAMPLES: &str = "\
Examples:
  keyledger man --to ./man1 && man ./man1/keyledger-auth-login.1
  keyledger man --to /usr/local/share/man/man1";

/// Where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManArgs {
    /// The folder; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes them.
pub fn run(args: ManArgs) -> Result<(), CliError> {
    let folder = &args.to;
    let failed = |error| ClientError::Manual { folder: folder.clone(), error };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let pages = write(&command, folder).map_err(failed)?;
    let made = json!({"folder": folder.display().to_string(), "pages": pages});
    show::result(args.output.output, &made, || format!("Wrote {pages} manual pages to {}", folder.display()))
}

/// Writes the page of a command and those below it. Tells how many.
fn write(command: &clap::Command, folder: &Path) -> std::io::Result<usize> {
    let mut pages = 1;
    Man::new(command.clone()).generate_to(folder)?;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages += write(command, folder)?;
    }
    Ok(pages)
}
