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

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// RFC 3339 in UTC, with three digits of a second in every case: as texts, instants sort as they follow.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY_MS);
        let ms = self.0 % DAY_MS;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        // Listings have millions of them: digits are quicker than numbers with a width.
        let mut text = *b"1970-01-01T00:00:00.000Z";
        let parts = [(0..4, year), (5..7, month), (8..10, day), (11..13, hour), (14..16, minute)];
        for (place, mut number) in parts.into_iter().chain([(17..19, second), (20..23, ms % 1000)]) {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        f.pad(str::from_utf8(&text).expect("digits are ASCII"))
    }
}

/// Year, month and day of the day so many days after 1970-01-01. Years are counted from March, so that the day that not
/// every year has comes last in them; in 400 years there are 146,097 days.
const fn date(days: i64) -> (i64, i64, i64) {
    let since_march_of_0 = days + 719_468;
    let (era, day) = (since_march_of_0 / 146_097, since_march_of_0 % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_with_milliseconds_and_in_utc() {
        let written = |ms| Timestamp::from_unix_ms(ms).unwrap().to_string();
        assert_eq!(Timestamp::MIN.to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(written(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(written(1_767_225_600_320), "2026-01-01T00:00:00.320Z");
        assert_eq!(written(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }
}
