//! The server's log: lines on standard error, as JSON for collectors or as text for people.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::error::CliError;

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    /// Text for a terminal, JSON for everything else.
    pub fn of_standard_error() -> Self {
        if io::stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// Starts the log. `KEYLEDGER_LOG`, or else `RUST_LOG`, says which lines it has.
pub fn start(format: LogFormat) -> Result<(), CliError> {
    let set = |variable| std::env::var(variable).ok().filter(|text| !text.is_empty()).map(|t| (variable, t));
    let asked = set("KEYLEDGER_LOG").or_else(|| set("RUST_LOG"));
    let (variable, directives) = asked.unwrap_or(("KEYLEDGER_LOG", "info".to_owned()));
    if let "json" | "text" = directives.as_str() {
        let why = format!("{directives} is a form; that is set with --log or KEYLEDGER_LOG_FORMAT");
        return Err(CliError::LogFilter { variable, why });
    }
    let filter = EnvFilter::builder()
        .parse(directives)
        .map_err(|error| CliError::LogFilter { variable, why: error.to_string() })?;
    // A log that nobody reads any more must not stop the server.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .log_internal_errors(false);
    match format {
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).init(),
        LogFormat::Text => log.init(),
    }
    Ok(())
}
