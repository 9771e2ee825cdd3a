//! The arguments that every reading audit shares: which log, and which moment of it.

use std::path::PathBuf;

use authority::Clock;
use clap::Args;
use domain::time::{Position, Timestamp};
use replay::{AsOf, Names, Repair, Source};
use store::DataFolder;

use crate::args::MalformedValue;
use crate::client::when::When;
use crate::error::CliError;
use crate::output;

/// Which log to read.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The data folder, or the file of a backup or of an export
    #[arg(long, value_name = "PATH", env = "KEYLEDGER_DATA", hide_env_values = true)]
    data: PathBuf,
    /// A file of settings, in TOML; flags and the environment win over it
    #[arg(long, value_name = "FILE", env = "KEYLEDGER_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The data folder whose secrets open the names [default: that of --data; names in a file stay sealed]
    #[arg(long, value_name = "DIR")]
    names: Option<PathBuf>,
}

/// Whether rows are read, which the log's chain does not prove, or the log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Rows,
    LogAlone,
}

impl LogArgs {
    /// Opens it.
    pub fn open(&self, reads: Reads) -> Result<Source, CliError> {
        let source = Source::open(&self.data, Repair::Forbidden)?;
        if reads == Reads::Rows {
            source.check_rows()?;
        }
        Ok(source)
    }

    /// What opens its names. Read after the log: a subject's key is kept before its event.
    pub fn names(&self, source: &Source) -> Names {
        match &self.names {
            Some(folder) => Names::read(&DataFolder::at(folder)),
            None => source.names(),
        }
    }

    /// The same, for people, who are told why they see none.
    pub fn names_for_people(&self, source: &Source) -> Names {
        let names = self.names(source);
        if let Some(missing) = names.missing() {
            output::remark(&format!("note: names stay sealed, for their keys cannot be read: {missing}\n"));
        }
        names
    }
}

/// A moment of the log, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    When(When),
    /// Just after the event at this position.
    Position(Position),
}

impl Moment {
    /// Reads an instant, a time ago, a position with or without `@`, or `before:` and a position.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        let malformed = MalformedValue(
            "give an instant such as 2026-01-01T00:00:00Z, a time ago such as -2h, a position such as 1042 or @1042, or before:1042",
        );
        let position = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        if let Some(after) = text.strip_prefix("before:") {
            let before = position(after).and_then(|number: u64| number.checked_sub(1));
            return before.map(|number| Self::Position(Position::new(number))).ok_or(malformed);
        }
        if let Some(number) = position(text.strip_prefix('@').unwrap_or(text)) {
            return Ok(Self::Position(Position::new(number)));
        }
        When::parse(text).map(Self::When).map_err(|_| malformed)
    }

    /// The moment, by a clock.
    pub fn as_of(self, clock: &Clock) -> AsOf {
        match self {
            Self::Position(position) => AsOf::Position(position),
            Self::When(when) => AsOf::Instant(when.by(clock)),
        }
    }
}

/// This instant. A log is read after it was opened: what was recorded until then is the past.
pub fn now() -> Timestamp {
    Clock::System.now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_times_ago_and_positions_are_moments() {
        let at = |number| Moment::Position(Position::new(number));
        for (text, moment) in
            [("1042", at(1042)), ("@1042", at(1042)), ("before:1042", at(1041)), ("before:1", at(0))]
        {
            assert_eq!(Moment::parse(text).unwrap(), moment, "{text}");
        }
        assert_eq!(Moment::parse("-2h").unwrap(), Moment::When(When::FromNow { seconds: -7_200 }));
        assert!(matches!(Moment::parse("2026-01-01T00:00:00Z").unwrap(), Moment::When(When::At(_))));
        for bad in ["", "@", "before:", "before:0", "-1", "1.5", "yesterday", "@-1", "99999999999999999999"] {
            assert!(Moment::parse(bad).is_err(), "{bad}");
        }
    }
}
