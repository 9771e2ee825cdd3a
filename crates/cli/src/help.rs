//! The command line as it explains itself: what stands below the options, as lines of its own or as prose that flows.
//!
//! Beside the options a help has paragraphs. Examples and lists are indented, and stay as they are; prose is broken in the
//! source where a line is full there, and flows to the width of whoever reads it.

use clap::{Command, CommandFactory as _};

use crate::args::Cli;

/// The whole command line.
pub fn command() -> Command {
    flowing(Cli::command())
}

fn flowing(command: Command) -> Command {
    let below = command.get_after_help().map(|text| joined(&text.to_string()));
    let command = command.mut_subcommands(flowing);
    match below {
        Some(text) => command.after_help(text),
        None => command,
    }
}

/// The same text with each stretch of prose on one line.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut before = "";
    for line in text.lines() {
        if !joined.is_empty() {
            joined.push(if goes_on(before, line) { ' ' } else { '\n' });
        }
        joined.push_str(line);
        before = line;
    }
    joined
}

/// Whether a line goes on with the sentences of the one before.
fn goes_on(before: &str, line: &str) -> bool {
    let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
    is_prose(before) && is_prose(line) && !before.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_flows_and_what_is_indented_stays() {
        let text =
            "Examples:\n  one\n  two\n\nA sentence that\ngoes on. Among them:\n  three\nAnd more\nof it.";
        let flowing =
            "Examples:\n  one\n  two\n\nA sentence that goes on. Among them:\n  three\nAnd more of it.";
        assert_eq!(joined(text), flowing);
        assert_eq!(joined(flowing), flowing);
    }
}
