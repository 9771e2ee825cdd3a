//! Lengths of time that the API counts in seconds: an overlap, the longest life of a key.

use super::when::seconds_of;
use crate::args::MalformedValue;

/// A length of time in whole seconds, as GraphQL's Int can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub i32);

/// A length of time, or a word that stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<Seconds>);

impl Seconds {
    /// Reads `24h`, `7d` or `0`.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        let malformed = MalformedValue("give a length of time such as 24h, 7d or 0");
        let seconds = if text == "0" { Some(0) } else { seconds_of(text) };
        let seconds = seconds.and_then(|seconds| i32::try_from(seconds).ok()).filter(|seconds| *seconds >= 0);
        seconds.map(Self).ok_or(malformed)
    }
}

impl Limit {
    /// Reads a length of time, or `none`.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        if text == "none" {
            return Ok(Self(None));
        }
        let malformed = MalformedValue("give a length of time such as 90d or 24h, or none");
        match Seconds::parse(text) {
            Ok(seconds) if seconds.0 > 0 => Ok(Self(Some(seconds))),
            Ok(_) | Err(_) => Err(malformed),
        }
    }

    /// As the API takes it.
    pub fn asked(self) -> Option<i32> {
        self.0.map(|seconds| seconds.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_not_negative_and_fit() {
        assert_eq!(Seconds::parse("24h").unwrap(), Seconds(86_400));
        assert_eq!(Seconds::parse("0").unwrap(), Seconds(0));
        for bad in ["", "-1h", "10", "never", "4000w", "1mo"] {
            assert!(Seconds::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Limit::parse("none").unwrap().asked(), None);
        assert_eq!(Limit::parse("1d").unwrap().asked(), Some(86_400));
        assert!(Limit::parse("0").is_err());
    }
}
