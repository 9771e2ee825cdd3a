//! Instants on a page: a `time` element with the exact instant, and words that can be read.

use std::fmt;

use askama::filters::HtmlSafe;
use domain::time::Timestamp;
use serde::Deserialize;

use crate::instant;

/// An instant as the API writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(super) struct When(String);

impl When {
    /// The instant of so many milliseconds after 1970.
    pub(super) fn of_unix_ms(ms: i64) -> Self {
        Self(Timestamp::from_unix_ms(ms).unwrap_or(Timestamp::MIN).to_string())
    }

    /// Milliseconds after 1970; none, if it is no instant.
    pub(super) fn unix_ms(&self) -> Option<i64> {
        instant::parse(&self.0).map(Timestamp::unix_ms)
    }

    /// The instant as the API writes it.
    pub(super) fn exact(&self) -> &str {
        &self.0
    }

    /// As a field for times has it, in UTC, to the millisecond: what lies within a second comes back as it was.
    pub(super) fn field(&self) -> String {
        self.written("%Y-%m-%dT%H:%M:%S.%3f")
    }

    /// In words, to the minute.
    pub(super) fn words(&self) -> String {
        self.written("%-d %b %Y, %H:%M UTC")
    }

    /// The same with words to the millisecond: where what came first matters.
    pub(super) fn precise(&self) -> Precise<'_> {
        Precise(self)
    }

    fn written(&self, form: &str) -> String {
        match instant::parse(&self.0) {
            Some(at) => instant::civil(at).strftime(form).to_string(),
            None => self.0.clone(),
        }
    }
}

/// An instant that is shown to the millisecond.
pub(super) struct Precise<'a>(&'a When);

impl When {
    fn element(&self, words: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is no instant is shown as nothing: then there is nothing to escape.
        let Some(at) = instant::parse(&self.0) else { return Ok(()) };
        write!(f, r#"<time datetime="{at}">{words}</time>"#)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.element(&self.words(), f)
    }
}

impl fmt::Display for Precise<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.element(&self.0.written("%-d %b %Y, %H:%M:%S.%3f UTC"), f)
    }
}

/// Only digits, letters of our own and the marks of RFC 3339 are ever written.
impl HtmlSafe for When {}
impl HtmlSafe for Precise<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_exactly_and_in_words_and_nothing_else_is() {
        let when = When("2026-11-25T10:00:00.123Z".to_owned());
        assert_eq!(
            when.to_string(),
            r#"<time datetime="2026-11-25T10:00:00.123Z">25 Nov 2026, 10:00 UTC</time>"#
        );
        assert_eq!(
            when.precise().to_string(),
            r#"<time datetime="2026-11-25T10:00:00.123Z">25 Nov 2026, 10:00:00.123 UTC</time>"#
        );
        assert_eq!(when.field(), "2026-11-25T10:00:00.123");
        assert_eq!(When("2026-11-25T10:00:00Z".to_owned()).field(), "2026-11-25T10:00:00.000");
        assert_eq!(When("<script>".to_owned()).to_string(), "");
        assert_eq!(When("<script>".to_owned()).precise().to_string(), "");
        assert_eq!(When::of_unix_ms(0).exact(), "1970-01-01T00:00:00.000Z");
        assert_eq!(When("9999-12-31T23:59:59.000Z".to_owned()).words(), "31 Dec 9999, 23:59 UTC");
    }
}
