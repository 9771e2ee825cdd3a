//! As of: the moment that a reading command asks about, as people write it.

use clap::Args;
use domain::time::Position;
use serde_json::{Value, json};

use super::graphql::{Argument, text};
use super::when::When;
use crate::args::MalformedValue;

/// The moment asked about.
#[derive(Debug, Default, Args)]
pub struct AsOfArgs {
    /// As it was at this moment: 2026-01-01T00:00:00Z, -2h, a position such as 1042 or @1042, or before:1042 for
    /// just before that event
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse, allow_hyphen_values = true)]
    pub as_of: Option<Moment>,
}

/// A moment of the log.
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
        match When::parse(text) {
            // The clocks of client and server differ a little, and the future is refused.
            Ok(When::FromNow { seconds: 0.. }) | Err(_) => Err(malformed),
            Ok(when) => Ok(Self::When(when)),
        }
    }

    /// As the API takes it.
    pub fn asked(self) -> Value {
        match self {
            Self::When(when) => json!({"instant": when.asked()}),
            Self::Position(position) => json!({"position": position.to_string()}),
        }
    }
}

impl AsOfArgs {
    /// The argument of a query; null, if now is meant.
    pub fn argument(&self) -> Argument {
        ("as_of", "as_of_input", self.as_of.map_or(Value::Null, Moment::asked))
    }
}

/// What an answer rests on, for people.
pub fn line(as_of: &Value) -> String {
    format!(
        "As of position {}, {}; the log ends at position {}",
        text(as_of, "position"),
        text(as_of, "instant"),
        text(as_of, "head")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_times_ago_and_positions_are_moments() {
        let asked = |text: &str| Moment::parse(text).unwrap().asked();
        assert_eq!(asked("1042"), json!({"position": "1042"}));
        assert_eq!(asked("@1042"), json!({"position": "1042"}));
        assert_eq!(asked("before:1042"), json!({"position": "1041"}));
        assert_eq!(asked("2026-01-01T00:00:00Z"), json!({"instant": "2026-01-01T00:00:00.000Z"}));
        assert_eq!(Moment::parse("-2h").unwrap(), Moment::When(When::FromNow { seconds: -7_200 }));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "@",
            "before:",
            "before:0",
            "@-1",
            "before:@3",
            "2h",
            "now",
            "yesterday",
            "99999999999999999999",
        ] {
            assert!(Moment::parse(bad).is_err(), "{bad}");
        }
    }
}
