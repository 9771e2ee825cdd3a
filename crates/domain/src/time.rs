//! Instants and places in the log. Values only: nothing here reads a clock.

use std::fmt;

/// An instant, in milliseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant: 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// The last instant: 9999-12-31T23:59:59.999Z, the end of what RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The instant so many milliseconds after 1970, or none outside the years 1970 to 9999.
    pub const fn from_unix_ms(ms: i64) -> Option<Self> {
        if ms >= Self::MIN.0 && ms <= Self::MAX.0 { Some(Self(ms)) } else { None }
    }

    /// Milliseconds since 1970.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down: the NumericDate of RFC 7519.
    pub const fn unix_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// The instant so many seconds later, at most [`Timestamp::MAX`].
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        let later = (self.0 as u64).saturating_add(seconds.saturating_mul(1000));
        if later > Self::MAX.0 as u64 { Self::MAX } else { Self(later as i64) }
    }
}

/// A length of time in the largest unit in which it is whole, such as 90 days.
pub fn in_words(seconds: u64) -> String {
    let (number, unit) = match seconds {
        _ if seconds.is_multiple_of(86_400) => (seconds / 86_400, "day"),
        _ if seconds.is_multiple_of(3_600) => (seconds / 3_600, "hour"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// A place in the log: dense, from 1. Zero is the place before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The place before the first event.
    pub const START: Self = Self(0);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of the place.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The place after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The place before this one; before the first place there is none other.
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When something happened: its place in the log, and the instant recorded there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The place in the log.
    pub position: Position,
    /// The recorded instant; never before that of an earlier place.
    pub at: Timestamp,
}
