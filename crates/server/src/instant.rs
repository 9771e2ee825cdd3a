//! Instants at the edge, as clients give them: RFC 3339 with an offset. They are written as [`Timestamp`] writes itself.

use domain::time::Timestamp;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Reads RFC 3339 with an offset, within the years 1970 to 9999.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    // By its parts: jiff's own instants end a day before the year 9999 does.
    let pieces = Pieces::parse(text).ok()?;
    let local = pieces.date().to_datetime(pieces.time()?);
    let offset = pieces.to_numeric_offset()?;
    of_civil(local.checked_sub(SignedDuration::from_secs(offset.seconds().into())).ok()?)
}

/// The instant of a date and a time in UTC, within the years 1970 to 9999.
pub(crate) fn of_civil(utc: DateTime) -> Option<Timestamp> {
    let ms = utc.duration_since(EPOCH).as_nanos().div_euclid(1_000_000);
    Timestamp::from_unix_ms(i64::try_from(ms).ok()?)
}

/// The date and the time in UTC.
pub(crate) fn civil(at: Timestamp) -> DateTime {
    let since = SignedDuration::from_millis(at.unix_ms());
    EPOCH.checked_add(since).expect("the years 1970 to 9999 are in range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_needed_and_microseconds_are_read() {
        let at = parse("2031-01-01T00:00:00+00:00").unwrap();
        assert_eq!(at.to_string(), "2031-01-01T00:00:00.000Z");
        assert_eq!(parse("2031-01-01T02:00:00.000999+02:00"), Some(at));
        for bad in
            ["", "2031-01-01", "2031-01-01T00:00:00", "tomorrow", "1969-12-31T23:59:59Z", "2031-01-01Z"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_years_1970_to_9999_are_read_whole() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(Timestamp::MIN));
        assert_eq!(parse("1969-12-31T23:59:59.9999Z"), None);
        assert_eq!(parse("1970-01-01T00:00:00+00:01"), None);
        assert_eq!(parse("1969-12-31T23:59:00-00:01"), Some(Timestamp::MIN));
        assert_eq!(parse("9999-12-31T23:59:59.999999Z"), Some(Timestamp::MAX));
        assert_eq!(parse("9999-12-31T23:59:59Z").unwrap().to_string(), "9999-12-31T23:59:59.000Z");
        assert_eq!(parse("9999-12-31T22:59:59-02:00"), None);
        assert_eq!(parse("9999-12-31T23:59:59+02:00").unwrap().to_string(), "9999-12-31T21:59:59.000Z");
    }

    #[test]
    fn instants_are_written_as_a_library_writes_them() {
        for day in 0..=Timestamp::MAX.unix_ms() / 86_400_000 {
            let at = Timestamp::from_unix_ms(day * 86_400_000 + day * 7_919 % 86_400_000).unwrap();
            assert_eq!(at.to_string(), format!("{:.3}Z", civil(at)));
        }
    }
}
