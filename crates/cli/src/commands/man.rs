//! `man`: writes the manual pages, one for each command.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use serde_json::json;

use crate::client::{ClientError, show};
use crate::error::CliError;
use crate::help;
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
    let mut command = help::command().disable_help_subcommand(true);
    command.build();
    let pages = write(&command, folder).map_err(failed)?;
    let made = json!({"folder": folder.display().to_string(), "pages": pages});
    show::result(args.output.output, &made, || format!("Wrote {pages} manual pages to {}", folder.display()))
}

/// Writes the page of a command and those below it. Tells how many.
fn write(command: &Command, folder: &Path) -> io::Result<usize> {
    let mut pages = 1;
    let page = Man::new(command.clone());
    let mut file = BufWriter::new(File::create(folder.join(page.get_filename()))?);
    page.render_title(&mut file)?;
    page.render_name_section(&mut file)?;
    page.render_synopsis_section(&mut file)?;
    page.render_description_section(&mut file)?;
    page.render_options_section(&mut file)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut file)?;
    }
    below(command).to_writer(&mut file)?;
    if command.get_version().is_some() {
        page.render_version_section(&mut file)?;
    }
    file.flush()?;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages += write(command, folder)?;
    }
    Ok(pages)
}

/// What the help has below the options, each part under its heading. Indented lines are kept: they are there to be copied.
fn below(command: &Command) -> Roff {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (mut roff, mut under) = (Roff::default(), "");
    for part in text.split("\n\n").filter(|part| !part.is_empty()) {
        let (heading, part) = match part.split_once('\n') {
            Some(("Examples:", lines)) => ("EXAMPLES", lines),
            Some(("Exit codes:", lines)) => ("EXIT STATUS", lines),
            Some(_) | None => ("NOTES", part),
        };
        if heading == under {
            roff.control("PP", []);
        } else {
            roff.control("SH", [heading]);
        }
        under = heading;
        for line in part.lines() {
            if line.starts_with(' ') {
                roff.control("nf", []).text([roman(line)]).control("fi", []);
            } else {
                roff.text([roman(line)]);
            }
        }
    }
    roff
}
