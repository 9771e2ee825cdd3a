//! `completions`: prints a script that completes commands in a shell.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use serde_json::json;

use crate::args::Cli;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  keyledger completions bash > /etc/bash_completion.d/keyledger
  keyledger completions zsh > ~/.zfunc/_keyledger
  keyledger completions fish > ~/.config/fish/completions/keyledger.fish";

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// bash, zsh or fish
    #[arg(value_name = "SHELL", value_enum, hide_possible_values = true)]
    shell: KnownShell,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

/// Prints it.
pub fn run(args: CompletionsArgs) -> Result<(), CliError> {
    let (shell, name) = match args.shell {
        KnownShell::Bash => (Shell::Bash, "bash"),
        KnownShell::Zsh => (Shell::Zsh, "zsh"),
        KnownShell::Fish => (Shell::Fish, "fish"),
    };
    let mut script = vec![];
    clap_complete::generate(shell, &mut Cli::command(), "keyledger", &mut script);
    let script = String::from_utf8(script).expect("the names of commands are text");
    output::write(&match args.output.output {
        Output::Table => script,
        Output::Json => format!("{}\n", json!({"shell": name, "script": script})),
    })?;
    Ok(())
}
