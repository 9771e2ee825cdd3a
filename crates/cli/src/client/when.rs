//! Instants and spans of time as people write them: RFC 3339, `30d`, `-2h`, `never`.

use authority::Clock;
use domain::time::Timestamp;
use jiff::{Span, SpanRelativeTo};

use super::args::AttemptArgs;
use crate::args::MalformedValue;
use crate::error::CliError;
use crate::usage::UsageError;

/// An instant, or how far it is from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// RFC 3339 with an offset.
    At(Timestamp),
    /// So many seconds from now; before now, if negative.
    FromNow {
        /// How many.
        seconds: i64,
    },
}

impl When {
    /// Reads `2031-01-01T00:00:00Z`, `30d`, `1d12h`, `-2h` or `now`. A day has 24 hours.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        let malformed = MalformedValue(
            "give an instant such as 2031-01-01T00:00:00Z, or a time from now such as 30d, 12h, 1d12h or -2h",
        );
        if text == "now" {
            return Ok(Self::FromNow { seconds: 0 });
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Timestamp::from_unix_ms(instant.as_millisecond()).map(Self::At).ok_or(malformed);
        }
        seconds_of(text).map(|seconds| Self::FromNow { seconds }).ok_or(malformed)
    }

    /// The same for what lies behind: what comes of a time from now looks like an answer, and is none.
    pub fn parse_past(text: &str) -> Result<Self, MalformedValue> {
        let when = Self::parse(text)?;
        let now = Clock::System.now();
        let is_to_come = when.since(now) > now;
        let to_come =
            MalformedValue("this lies in the future; a time ago begins with a minus, such as -2h or -90d");
        if is_to_come { Err(to_come) } else { Ok(when) }
    }

    /// The same for what is to come, or is to be now.
    pub fn parse_to_come(text: &str) -> Result<Self, MalformedValue> {
        let when = Self::parse(text)?;
        let now = Clock::System.now();
        let is_past = when != Self::FromNow { seconds: 0 } && when.since(now) < now;
        let past = MalformedValue(
            "this lies in the past; leave it away for at once, or give a time from now such as 1h",
        );
        if is_past { Err(past) } else { Ok(when) }
    }

    /// The instant, by a clock.
    pub fn by(self, clock: &Clock) -> Timestamp {
        self.since(clock.now())
    }

    /// The instant, if it is counted from this one. Beyond the years 1970 to 9999 it is the nearest end of them.
    fn since(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::FromNow { seconds } => {
                let ms = now.unix_ms().saturating_add(seconds.saturating_mul(1000));
                Timestamp::from_unix_ms(ms.clamp(Timestamp::MIN.unix_ms(), Timestamp::MAX.unix_ms()))
                    .expect("clamped into range")
            }
        }
    }

    /// As the API takes it: RFC 3339.
    pub fn asked(self) -> String {
        replay::print::instant(self.by(&Clock::System))
    }

    /// The same for a change: whoever tries it again under the same name asks for the same instant.
    pub fn asked_in(self, attempt: &AttemptArgs) -> Result<String, CliError> {
        let instant = match (self, attempt.began()) {
            (Self::At(instant), _) => instant,
            (Self::FromNow { .. }, Some(began)) => self.since(began),
            (Self::FromNow { .. }, None) => return Err(another_each_time().into()),
        };
        Ok(replay::print::instant(instant))
    }
}

fn another_each_time() -> UsageError {
    UsageError {
        code: "VALUE_INVALID",
        message: "with an --idempotency-key of your own, a time from now is another instant at each attempt, and so another command".to_owned(),
        hint: Some("give an instant, such as 2031-01-01T00:00:00Z, the same at each attempt; or take a UUIDv7 for the key".to_owned()),
    }
}

/// When something ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Never, as far as the tenant's policy allows.
    Never,
    /// Then.
    When(When),
}

impl Expiry {
    /// Reads an instant, a time from now, or `never`.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let malformed = MalformedValue(
            "give a time from now such as 30d or 12h, an instant such as 2031-01-01T00:00:00Z, or never",
        );
        When::parse(text).map(Self::When).map_err(|_| malformed)
    }

    /// As the API takes it: RFC 3339, or none. The same at each attempt of this name.
    pub fn asked_in(self, attempt: &AttemptArgs) -> Result<Option<String>, CliError> {
        match self {
            Self::Never => Ok(None),
            Self::When(when) => when.asked_in(attempt).map(Some),
        }
    }
}

/// Whole seconds of a span such as `1d12h`, in units from weeks to seconds.
pub fn seconds_of(text: &str) -> Option<i64> {
    let span: Span = text.parse().ok()?;
    // Months and years have no length of their own.
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (length.subsec_nanos() == 0).then_some(length.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn spans_are_counted_from_now() {
        for (text, seconds) in [
            ("30d", 30 * DAY),
            ("12h", 43_200),
            ("1d12h", DAY + 43_200),
            ("1d 12h", DAY + 43_200),
            ("-2h", -7_200),
            ("90s", 90),
            ("15m", 900),
            ("2w", 14 * DAY),
            ("now", 0),
            ("PT1H", 3_600),
        ] {
            assert_eq!(When::parse(text).unwrap(), When::FromNow { seconds }, "{text}");
        }
        let noon = Timestamp::from_unix_ms(43_200_000).unwrap();
        let clock = Clock::manual(noon);
        let at = |text: &str| When::parse(text).unwrap().by(&clock).unix_ms();
        assert_eq!((at("1h"), at("-2h")), (46_800_000, 36_000_000));
        assert_eq!(at("-30d"), 0, "nothing is before 1970");
    }

    #[test]
    fn what_lies_behind_is_not_in_the_future_and_what_is_to_come_is_not_past() {
        for past in ["-2h", "now", "2026-01-01T00:00:00Z"] {
            assert_eq!(When::parse_past(past).unwrap(), When::parse(past).unwrap());
        }
        for to_come in ["1s", "2h", "90d", "9000-01-01T00:00:00Z"] {
            let said = When::parse_past(to_come).unwrap_err().to_string();
            assert!(said.contains("begins with a minus, such as -2h"), "{said}");
            assert_eq!(When::parse_to_come(to_come).unwrap(), When::parse(to_come).unwrap());
        }
        assert!(When::parse_to_come("now").is_ok());
        assert!(When::parse_to_come("-1s").is_err() && When::parse_to_come("2020-01-01T00:00:00Z").is_err());
    }

    #[test]
    fn instants_have_an_offset() {
        let at = |text: &str| match When::parse(text).unwrap() {
            When::At(at) => at.unix_ms(),
            When::FromNow { .. } => panic!("{text} is an instant"),
        };
        assert_eq!(at("2031-01-01T00:00:00Z"), 1_924_992_000_000);
        assert_eq!(at("2031-01-01T02:00:00+02:00"), at("2031-01-01T00:00:00Z"));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "30",
            "d",
            "1mo",
            "1y",
            "tomorrow",
            "2031-01-01",
            "2031-01-01T00:00:00",
            "never",
            "1.5s",
            "9999999w",
            "1969-01-01T00:00:00Z",
        ] {
            assert!(When::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Expiry::parse("never").unwrap(), Expiry::Never);
        assert_eq!(Expiry::parse("1h").unwrap(), Expiry::When(When::FromNow { seconds: 3_600 }));
        assert!(Expiry::parse("soon").is_err());
    }
}
