//! The origin: what a log calls itself in its checkpoints, and the name of the key that signs them.

use std::fmt;

use crate::ids::LedgerId;

/// What the origin of a log begins with that nobody named; the ledger's id follows.
const OF_A_LEDGER: &str = "keyledger/";

/// The name of a log, unlike that of any other: by custom its URL without the scheme, such as keys.example.com/tlog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOrigin(String);

/// A text that no log can be called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin has 1 to {} visible ASCII characters without spaces and without +, such as keys.example.com/tlog",
    LogOrigin::BYTES_MAX
)]
pub struct MalformedOrigin;

impl LogOrigin {
    /// The most characters of an origin.
    pub const BYTES_MAX: usize = 200;

    /// Accepts what C2SP signed-note admits as the name of a key, in ASCII.
    pub fn parse(text: &str) -> Result<Self, MalformedOrigin> {
        let named = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        if named && fits { Ok(Self(text.to_owned())) } else { Err(MalformedOrigin) }
    }

    /// That of a log which nobody named.
    pub fn of(ledger: LedgerId) -> Self {
        Self(format!("{OF_A_LEDGER}{ledger}"))
    }

    /// The ledger that it names, if it is such a one.
    pub fn ledger(&self) -> Option<LedgerId> {
        LedgerId::parse(self.0.strip_prefix(OF_A_LEDGER)?).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_one_word_without_a_plus() {
        for good in ["x", "keys.example.com/tlog", &"x".repeat(200)] {
            assert_eq!(LogOrigin::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " x", "a b", "a+b", "x\n", "é", "\u{7f}", &"x".repeat(201)] {
            assert_eq!(LogOrigin::parse(bad), Err(MalformedOrigin), "{bad:?}");
        }
    }

    #[test]
    fn an_origin_that_nobody_named_names_its_ledger() {
        let ledger = LedgerId::from_bytes([7; 16]);
        let origin = LogOrigin::of(ledger);
        assert_eq!(LogOrigin::parse(origin.as_str()).as_ref(), Ok(&origin));
        assert_eq!(origin.ledger(), Some(ledger));
        assert_eq!(LogOrigin::parse("keys.example.com/tlog").unwrap().ledger(), None);
    }
}
