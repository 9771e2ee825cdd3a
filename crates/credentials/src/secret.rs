//! A secret as its bearer shows it: a text of any shape that hides itself.

use std::fmt;

use domain::key::LastFour;
use zeroize::Zeroizing;

/// An API key as its bearer shows it, ours or imported: opaque, wiped when dropped, never printed.
pub struct Secret(Zeroizing<String>);

/// A text that cannot be an API key. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {} visible ASCII characters, without spaces", Secret::BYTES_MAX)]
pub struct MalformedSecret;

impl Secret {
    /// The most characters of a key.
    pub const BYTES_MAX: usize = 512;

    /// Secrets shorter than this show nothing of themselves in lists.
    const BYTES_MIN_FOR_LAST_FOUR: usize = 16;

    /// Accepts 1 to 512 visible ASCII characters (0x21 to 0x7E).
    pub fn parse(text: &str) -> Result<Self, MalformedSecret> {
        SecretText::parse(text).map(|text| Self(Zeroizing::new(text.0.to_owned())))
    }

    /// The text itself: for the one reply that shows it, and for digests.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same, where it is.
    pub fn as_text(&self) -> SecretText<'_> {
        SecretText(&self.0)
    }

    /// What lists show of it. Characters that a list cannot show are `_`; so are all four when the
    /// secret has fewer than 16 characters, of which four would be too many.
    pub fn last_four(&self) -> LastFour {
        let admitted = |b: u8| if b.is_ascii_alphanumeric() || b == b'-' { b } else { b'_' };
        let shown = match self.0.as_bytes().last_chunk::<4>() {
            Some(last) if self.0.len() >= Self::BYTES_MIN_FOR_LAST_FOUR => last.map(admitted),
            Some(_) | None => [b'_'; 4],
        };
        LastFour::parse(shown).expect("every other character was replaced")
    }
}

/// A secret where it was shown. It is not copied, so nothing of it is left to be wiped.
#[derive(Clone, Copy)]
pub struct SecretText<'a>(&'a str);

impl<'a> SecretText<'a> {
    /// Accepts what [`Secret::parse`] does.
    pub fn parse(text: &'a str) -> Result<Self, MalformedSecret> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        let fits = (1..=Secret::BYTES_MAX).contains(&text.len());
        if visible && fits { Ok(Self(text)) } else { Err(MalformedSecret) }
    }

    /// The text itself: for digests.
    pub fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for SecretText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_ascii_of_any_shape_is_accepted() {
        let longest = "x".repeat(512);
        for good in ["x", "sk-proj-ab+/=", "hunter2", &longest] {
            assert_eq!(Secret::parse(good).unwrap().expose(), good);
        }
        let too_long = "x".repeat(513);
        for bad in ["", " x", "x\n", "a b", "é", "\u{7f}", &too_long] {
            assert_eq!(Secret::parse(bad).unwrap_err(), MalformedSecret, "{bad:?}");
        }
    }

    #[test]
    fn lists_show_little_and_debug_shows_nothing() {
        let last_four = |text: &str| Secret::parse(text).unwrap().last_four().as_str().to_owned();
        assert_eq!(last_four("sk-0123456789-Ab_9"), "Ab_9");
        assert_eq!(last_four("c2VjcmV0LXNlY3JldA=="), "dA__");
        assert_eq!(last_four("only-15-letters"), "____");
        assert_eq!(last_four("abc"), "____");
        assert_eq!(format!("{:?}", Secret::parse("hunter2").unwrap()), "Secret(…)");
    }
}
