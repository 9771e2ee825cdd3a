//! The server's log: lines on standard error, as JSON for collectors or as text for people.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use server::traces::Traces;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

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

/// Starts the log, and traces beside it if they go anywhere. `KEYLEDGER_LOG`, or else `RUST_LOG`, says which lines
/// it has.
pub fn start(format: LogFormat, traces: Option<&Traces>) -> Result<(), CliError> {
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
    if let Some(traces) = traces {
        start_with(format, filter, traces);
        return Ok(());
    }
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

fn start_with(format: LogFormat, filter: EnvFilter, traces: &Traces) {
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false).log_internal_errors(false);
    // Spans are for the collector; lines are what they are without one.
    let filter = filter.and(filter_fn(|metadata| metadata.is_event()));
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false).with_current_span(false);
            subscriber.with(lines.with_filter(filter)).init();
        }
        LogFormat::Text => subscriber.with(lines.with_filter(filter)).init(),
    }
}
