//! Instants at the edge: RFC 3339 with an offset, in and out.

use domain::time::Timestamp;

/// The instant as RFC 3339 in UTC.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    // As a civil time, whose range is all of the years 1970 to 9999; jiff's own instants end two hours early.
    let since = jiff::SignedDuration::from_millis(at.unix_ms());
    let civil = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(since);
    format!("{}Z", civil.expect("the years 1970 to 9999 are in range"))
}

/// Reads RFC 3339 with an offset, within the years 1970 to 9999.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    Timestamp::from_unix_ms(instant.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_needed_and_microseconds_are_read() {
        let at = parse("2031-01-01T00:00:00+00:00").unwrap();
        assert_eq!(rfc3339(at), "2031-01-01T00:00:00Z");
        assert_eq!(parse("2031-01-01T02:00:00.000999+02:00"), Some(at));
        for bad in ["", "2031-01-01", "2031-01-01T00:00:00", "tomorrow", "1969-12-31T23:59:59Z"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(rfc3339(Timestamp::from_unix_ms(1).unwrap()), "1970-01-01T00:00:00.001Z");
        assert_eq!(rfc3339(Timestamp::MAX), "9999-12-31T23:59:59.999Z");
    }
}
