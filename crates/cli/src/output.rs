//! What is written where: results to standard output, errors to standard error, in the form asked for.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write as _};

use clap::{Args, ValueEnum};
use replay::print::{harmless, harmless_json};
use serde_json::json;

use crate::error::CliError;
use crate::exit::Exit;

/// Results and errors for people or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs; errors too.
    Json,
}

/// The argument of commands that have no other form.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// The form of results and errors: table or json
    #[arg(long, short, value_name = "FORM", value_enum, default_value_t, hide_possible_values = true)]
    pub output: Output,
}

/// Writes a result. Whoever stops reading, as `head` does, has what they want: that is no error.
pub fn write(text: &str) -> io::Result<()> {
    unless_left(write_all(text))
}

/// Writes a result that somebody must have got.
pub fn write_all(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The same outcome, but that the reader left is none.
pub fn unless_left(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a help text.
pub fn help(text: &str) -> Exit {
    if write(text).is_ok() { Exit::Ok } else { Exit::Failed }
}

/// Writes to standard error. If that fails, there is nowhere left to say so.
pub fn remark(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The form in which errors are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    Text,
    Json,
}

impl ErrorForm {
    /// What these arguments ask for. Reads them without their grammar: they may be what is wrong.
    pub fn asked_for(arguments: &[OsString]) -> Self {
        let mut asked = Self::Text;
        let mut before = "";
        for argument in arguments.iter().filter_map(|argument| argument.to_str()) {
            let value = match (before, argument) {
                ("-o" | "--output", value) => value,
                (_, argument) => argument
                    .strip_prefix("--output=")
                    .or_else(|| argument.strip_prefix("-o="))
                    .or_else(|| argument.strip_prefix("-o"))
                    .unwrap_or(""),
            };
            match value {
                "json" | "jsonl" => asked = Self::Json,
                "table" => asked = Self::Text,
                _ => {}
            }
            before = argument;
        }
        asked
    }

    /// Writes the error to standard error.
    pub fn write(self, error: &CliError) {
        remark(&match self {
            Self::Text => {
                let hint = error.hint().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
                harmless(&format!("error: {error}\n{hint}"))
            }
            Self::Json => {
                let mut json = json!({ "error": { "code": error.code(), "message": error.to_string() } });
                if let Some(hint) = error.hint() {
                    json["error"]["hint"] = hint.into();
                }
                format!("{}\n", harmless_json(json.to_string()))
            }
        });
    }
}

/// A word as a shell must be given it.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_errors_is_read_from_any_spelling() {
        let asked =
            |line: &str| ErrorForm::asked_for(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for json in ["init -o json", "init -ojson", "init -o=json", "x --output json", "x --output=jsonl"] {
            assert_eq!(asked(json), ErrorForm::Json, "{json}");
        }
        for text in ["init", "init -o table", "json", "init --data json", "init -o"] {
            assert_eq!(asked(text), ErrorForm::Text, "{text}");
        }
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(shell_word("/var/lib/keyledger"), "/var/lib/keyledger");
        assert_eq!(shell_word("my data"), "'my data'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
