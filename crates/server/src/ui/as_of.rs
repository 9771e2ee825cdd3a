//! The moment that a page is asked about: `?as_of=` with a position of the log or an instant.

use serde_json::{Value, json};

use crate::instant;

/// A moment in an address. What it says is checked by the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AsOf(String);

impl AsOf {
    /// The moment that was asked about; none: now.
    pub(super) fn of(text: Option<&str>) -> Option<Self> {
        text.map(str::trim)
            .filter(|text| !text.is_empty() && *text != "now")
            .map(|text| Self(text.to_owned()))
    }

    /// Just after an event.
    pub(super) fn at(position: u64) -> Self {
        Self(position.to_string())
    }

    /// As it stands in an address.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// An address with the moment in it.
    pub(super) fn kept_in(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("as_of", &self.0);
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{path}{mark}{}", query.finish())
    }

    /// The position, if it names one.
    pub(super) fn position(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// Whether it can be a moment at all; whether there was one is what the API says.
    pub(super) fn is_well_formed(&self) -> bool {
        let instant = || instant::parse(&self.whole()).is_some();
        if self.is_position() { self.position().is_some() } else { instant() }
    }

    /// As the command line takes it: a position, or the whole instant.
    pub(super) fn on_the_command_line(&self) -> String {
        if self.is_position() {
            return self.0.clone();
        }
        let whole = self.whole();
        instant::parse(&whole).map_or(whole, |at| at.to_string())
    }

    /// As the API takes it. A date field of a browser gives neither seconds nor a zone: it is UTC here.
    pub(super) fn input(&self) -> Value {
        if self.is_position() { json!({ "position": self.0 }) } else { json!({ "instant": self.whole() }) }
    }

    /// The instant, if it is one, as the API takes it.
    pub(super) fn instant(&self) -> Option<String> {
        let whole = self.whole();
        (!self.is_position() && instant::parse(&whole).is_some()).then_some(whole)
    }

    fn is_position(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The instant with everything that was left out of it.
    fn whole(&self) -> String {
        let text = &self.0;
        let zoned =
            text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|time| time.contains(['+', '-']));
        match text.len() {
            10 => format!("{text}T00:00:00Z"),
            16 => format!("{text}:00Z"),
            _ if zoned => text.clone(),
            _ => format!("{text}Z"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_position_or_an_instant_in_any_of_its_forms() {
        let input = |text: &str| AsOf::of(Some(text)).map(|as_of| as_of.input());
        assert_eq!(input("42"), Some(json!({"position": "42"})));
        assert_eq!(input("2026-11-25"), Some(json!({"instant": "2026-11-25T00:00:00Z"})));
        assert_eq!(input("2026-11-25T10:00"), Some(json!({"instant": "2026-11-25T10:00:00Z"})));
        assert_eq!(input("2026-11-25T10:00:01"), Some(json!({"instant": "2026-11-25T10:00:01Z"})));
        assert_eq!(input("2026-11-25T10:00:01+02:00"), Some(json!({"instant": "2026-11-25T10:00:01+02:00"})));
        assert_eq!((input(" "), input("now")), (None, None));
        let on_the_command_line = |text: &str| AsOf::of(Some(text)).unwrap().on_the_command_line();
        for (text, line) in [
            ("42", "42"),
            ("2026-11-25", "2026-11-25T00:00:00.000Z"),
            ("2026-11-25T10:00", "2026-11-25T10:00:00.000Z"),
            ("2026-11-25 10:00:01.25", "2026-11-25T10:00:01.250Z"),
            ("2026-11-25T10:00:01+02:00", "2026-11-25T08:00:01.000Z"),
        ] {
            assert_eq!(on_the_command_line(text), line);
        }
        let well_formed = |text: &str| AsOf::of(Some(text)).is_some_and(|as_of| as_of.is_well_formed());
        for good in
            ["1", "18446744073709551615", "2026-11-25", "2026-11-25T10:00", "2026-11-25T10:00:01+02:00"]
        {
            assert!(well_formed(good), "{good}");
        }
        for bad in ["yesterday", "18446744073709551616", "2026-13-01", "2026-11-25T", "-1", "é"] {
            assert!(!well_formed(bad), "{bad}");
        }
    }
}
