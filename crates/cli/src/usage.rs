//! Malformed command lines: clap's findings in our words, without echoing what was given at length.

use std::error::Error as _;

use authority::InputError;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use domain::names::NameError;

use crate::error::CliError;

/// What is wrong with the command line.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::Help(error.render().to_string()),
            ErrorKind::ValueValidation => Self::Usage(malformed_value(&error)),
            _ => Self::Usage(malformed_line(&error)),
        }
    }
}

/// A value that is not of its kind. Its parser says why; it may be 10 kB long, so it is not repeated.
fn malformed_value(error: &clap::Error) -> UsageError {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.as_str(),
        _ => "an argument",
    };
    let why = error.source();
    let name = why.and_then(|why| why.downcast_ref::<NameError>());
    let code = name.map_or("VALUE_INVALID", |name| InputError::from(name.clone()).code());
    let why = why.map_or_else(|| "it is malformed".to_owned(), ToString::to_string);
    UsageError { code, message: format!("{argument}: {why}"), hint: None }
}

/// Everything else: what clap says, its first paragraph as the message and the others as the hint.
fn malformed_line(error: &clap::Error) -> UsageError {
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let message = "no command was given".to_owned();
        return UsageError {
            code: "USAGE",
            message,
            hint: Some(format!("choose one:\n\n{}", text.trim_end())),
        };
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    // Tips, the usage, and where to read more: one line.
    let lines = rest.lines().map(|line| line.trim().trim_start_matches("tip: "));
    let hint = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let hint =
        hint.replace("Usage: ", "usage: ").replace("For more information, try '--help'.", "try --help");
    let hint = (!hint.is_empty()).then_some(hint);
    UsageError { code: "USAGE", message, hint }
}
