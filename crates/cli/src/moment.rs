//! Moments of the log as people write them: an instant, a time ago, a position, or just before one.

use authority::Clock;
use domain::time::Position;
use replay::AsOf;
use serde_json::{Value, json};

use crate::args::MalformedValue;
use crate::client::when::When;

const MALFORMED: MalformedValue = MalformedValue(
    "give an instant such as 2026-01-01T00:00:00Z, a time ago such as -2h, a position such as 1042 or @1042, or before:1042",
);

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
        let position = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        if let Some(after) = text.strip_prefix("before:") {
            let before = position(after).and_then(|number: u64| number.checked_sub(1));
            return before.map(|number| Self::Position(Position::new(number))).ok_or(MALFORMED);
        }
        if let Some(number) = position(text.strip_prefix('@').unwrap_or(text)) {
            return Ok(Self::Position(Position::new(number)));
        }
        When::parse(text).map(Self::When).map_err(|_| MALFORMED)
    }

    /// The same for a server, whose clock differs a little, and which refuses the future: no time from now.
    pub fn parse_past(text: &str) -> Result<Self, MalformedValue> {
        match Self::parse(text)? {
            Self::When(When::FromNow { seconds: 0.. }) => Err(MALFORMED),
            moment @ (Self::When(_) | Self::Position(_)) => Ok(moment),
        }
    }

    /// As the API takes it.
    pub fn asked(self) -> Value {
        match self {
            Self::When(when) => json!({"instant": when.asked()}),
            Self::Position(position) => json!({"position": position.to_string()}),
        }
    }

    /// As the audit takes it, by a clock.
    pub fn as_of(self, clock: &Clock) -> AsOf {
        match self {
            Self::Position(position) => AsOf::Position(position),
            Self::When(when) => AsOf::Instant(when.by(clock)),
        }
    }
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
        assert_eq!(asked("before:1"), json!({"position": "0"}));
        assert_eq!(asked("2026-01-01T00:00:00Z"), json!({"instant": "2026-01-01T00:00:00.000Z"}));
        assert_eq!(Moment::parse("-2h").unwrap(), Moment::When(When::FromNow { seconds: -7_200 }));
        let position = Position::new(1042);
        assert_eq!(Moment::Position(position).as_of(&Clock::System), AsOf::Position(position));
    }

    #[test]
    fn everything_else_is_refused() {
        let bad = [
            "",
            "@",
            "before:",
            "before:0",
            "before:@3",
            "-1",
            "1.5",
            "@-1",
            "yesterday",
            "99999999999999999999",
        ];
        for bad in bad {
            assert!(Moment::parse(bad).is_err() && Moment::parse_past(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_server_is_asked_about_the_past_alone() {
        for ahead in ["2h", "now"] {
            assert!(Moment::parse(ahead).is_ok() && Moment::parse_past(ahead).is_err(), "{ahead}");
        }
        for past in ["-2h", "1042", "2026-01-01T00:00:00Z"] {
            assert_eq!(Moment::parse_past(past).unwrap(), Moment::parse(past).unwrap(), "{past}");
        }
    }
}
