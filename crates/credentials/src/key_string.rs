//! The text of an API key that Keyledger makes.
//!
//! ```text
//! klu_0000000000000000000000_0000000000000000000000000000000000000000000000000
//! │   │                      │                                          └ checksum, 6
//! │   │                      └ 256 bits of secret, 43
//! │   └ the key's id, 22: public, safe to log
//! └ prefix, 2 to 12 lower-case letters and digits: the kind
//! ```
//!
//! Id, secret and checksum are big-endian numbers in base 62 (0-9, A-Z, a-z) of fixed width; a value
//! that overflows is refused, so one key has one text. The checksum is the CRC-32 (ISO-HDLC) of every
//! byte before it. It tells a typo from an attack before anything is looked up and proves nothing.

use std::fmt;

use domain::ids::KeyId;
use domain::key::{KeyPrefix, LastFour, Owner};
use zeroize::{Zeroize, Zeroizing};

use crate::base62;
use crate::secret::{Secret, SecretText};

/// How the key of a user begins, unless the deployment chose otherwise.
pub const USER_PREFIX: &str = "klu";
/// How the key of a service account begins, unless the deployment chose otherwise.
pub const SERVICE_ACCOUNT_PREFIX: &str = "kls";

/// RFC 8959: a URI scheme that marks a secret as one. Not part of the key.
const SECRET_TOKEN_SCHEME: &str = "secret-token:";

const ID_CHARS: usize = 22;
const SECRET_CHARS: usize = 43;
const CHECKSUM_CHARS: usize = 6;
const TAIL_CHARS: usize = SECRET_CHARS + CHECKSUM_CHARS;

/// The largest secret, 2^256 - 1. Texts of one width compare as their numbers do.
const SECRET_MAX: &[u8; SECRET_CHARS] = b"yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";

/// The largest id, 2^128 - 1.
const ID_MAX: &[u8; ID_CHARS] = b"7n42DGM5Tflk9n8mt7Fhc7";

/// A key of ours, read or newly made. Its checksum is right; whether it exists is another question.
pub struct KeyString {
    prefix: KeyPrefix,
    id: KeyId,
    secret: Secret,
}

/// Why a text is not a key string. Says nothing of the text itself.
///
/// An imported key has any shape, so a text refused here may still be a [`Secret`] that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyStringError {
    /// It begins like a key and ends too early.
    #[error("the key is cut off: characters are missing at its end; copy it again")]
    TooShort,
    /// It begins like a key and goes on too long, or is too long for anything.
    #[error("the key is too long: something was copied with it")]
    TooLong,
    /// Not the shape of a key string.
    #[error("not a key of Keyledger: one looks like klu_<id>_<secret>")]
    Shape,
    /// The shape of a key string, but not as it was made: a typo, not an attack.
    #[error("the key's checksum is wrong: it was mistyped or damaged; copy it again")]
    Checksum,
}

/// The prefix that names the kind of the owner, unless the deployment chose otherwise.
pub fn default_prefix(owner: &Owner) -> KeyPrefix {
    let text = match owner {
        Owner::User(_) => USER_PREFIX,
        Owner::ServiceAccount(_) => SERVICE_ACCOUNT_PREFIX,
    };
    KeyPrefix::parse(text).expect("both constants are prefixes")
}

impl KeyString {
    /// The most characters of a key string.
    pub const BYTES_MAX: usize = KeyPrefix::BYTES_MAX + 1 + ID_CHARS + 1 + TAIL_CHARS;

    /// The text of a new key. The 32 bytes must be fresh from the system's random source.
    pub fn make(prefix: KeyPrefix, id: KeyId, mut secret: [u8; 32]) -> Self {
        let mut id_text = [0; ID_CHARS];
        base62::encode(&mut id.bytes(), &mut id_text);
        let mut secret_text = Zeroizing::new([0; SECRET_CHARS]);
        base62::encode(&mut secret, secret_text.as_mut_slice());
        secret.zeroize();

        let mut text = Zeroizing::new(Vec::with_capacity(Self::BYTES_MAX));
        text.extend_from_slice(prefix.as_str().as_bytes());
        text.push(b'_');
        text.extend_from_slice(&id_text);
        text.push(b'_');
        text.extend_from_slice(secret_text.as_slice());
        let checksum = checksum(&text);
        text.extend_from_slice(&checksum);

        let text = std::str::from_utf8(&text).expect("prefix and digits are ASCII");
        Self { prefix, id, secret: Secret::parse(text).expect("a key string is visible ASCII") }
    }

    /// Reads a key string, with or without the scheme of RFC 8959 before it. Trims nothing.
    pub fn parse(text: &str) -> Result<Self, KeyStringError> {
        let Parts { text, prefix, id } = Parts::of(text)?;
        let prefix = KeyPrefix::parse(prefix).ok_or(KeyStringError::Shape)?;
        let id = base62::decode(id.as_bytes()).ok_or(KeyStringError::Shape)?;
        let secret = Secret::parse(text).map_err(|_| KeyStringError::Shape)?;
        Ok(Self { prefix, id: KeyId::from_bytes(id), secret })
    }

    /// Whether there is a key string somewhere in a text, whatever stands before and behind it.
    pub fn is_in(text: &str) -> bool {
        const REST: usize = ID_CHARS + 1 + TAIL_CHARS;
        let bytes = text.as_bytes();
        let separators = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').map(|(place, _)| place);
        separators.into_iter().any(|separator| {
            let Some(end) = separator.checked_add(1 + REST).filter(|end| *end <= bytes.len()) else {
                return false;
            };
            let first = separator.saturating_sub(KeyPrefix::BYTES_MAX);
            (first..separator).any(|begin| text.get(begin..end).is_some_and(|part| Self::check(part).is_ok()))
        })
    }

    /// Whether a text is a key string, and what of it is digested; nothing is copied. Admits what [`KeyString::parse`]
    /// does.
    pub fn check(text: &str) -> Result<SecretText<'_>, KeyStringError> {
        SecretText::parse(Parts::of(text)?.text).map_err(|_| KeyStringError::Shape)
    }

    /// How it begins.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// The key's public id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What lists show of it.
    pub fn last_four(&self) -> LastFour {
        self.secret.last_four()
    }

    /// The whole text as a secret, of which digests are made.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The whole text itself: for the one reply that shows it.
    pub fn expose(&self) -> &str {
        self.secret.expose()
    }
}

impl From<KeyString> for Secret {
    fn from(key: KeyString) -> Self {
        key.secret
    }
}

impl fmt::Debug for KeyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = self.prefix.as_str().len() + 1 + ID_CHARS + 1;
        write!(f, "KeyString({}…)", &self.expose()[..public])
    }
}

/// URI schemes are compared without regard to case (RFC 3986, section 3.1). Our characters need no escapes.
fn without_scheme(text: &str) -> &str {
    match text.split_at_checked(SECRET_TOKEN_SCHEME.len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(SECRET_TOKEN_SCHEME) => key,
        Some(_) | None => text,
    }
}

/// A key string whose form and checksum are right, taken apart where it is.
struct Parts<'a> {
    /// All of it, without the scheme.
    text: &'a str,
    prefix: &'a str,
    id: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, KeyStringError> {
        let text = without_scheme(text);
        if text.len() > KeyString::BYTES_MAX {
            return Err(KeyStringError::TooLong);
        }
        let (prefix, id, tail) = split(text)?;
        match tail.len() {
            0..TAIL_CHARS => return Err(KeyStringError::TooShort),
            TAIL_CHARS => {}
            _ => return Err(KeyStringError::TooLong),
        }
        let (body, given) = text.as_bytes().split_at(text.len() - CHECKSUM_CHARS);
        if given != checksum(body) {
            return Err(KeyStringError::Checksum);
        }
        let secret = &tail.as_bytes()[..SECRET_CHARS];
        if id.as_bytes() > ID_MAX.as_slice() || secret > SECRET_MAX.as_slice() {
            return Err(KeyStringError::Shape);
        }
        Ok(Self { text, prefix, id })
    }
}

/// Prefix, id and all that follows the second underscore, each of its own characters.
fn split(text: &str) -> Result<(&str, &str, &str), KeyStringError> {
    let (prefix, rest) = text.split_once('_').ok_or(KeyStringError::Shape)?;
    if !KeyPrefix::admits(prefix) {
        return Err(KeyStringError::Shape);
    }
    // All of them are looked at, wherever the first wrong one is: many at once.
    let digits = |part: &str| part.bytes().fold(true, |all, byte| all & base62::is_digit(byte));
    match rest.split_once('_') {
        Some((id, tail)) if id.len() == ID_CHARS && digits(id) && digits(tail) => Ok((prefix, id, tail)),
        None if rest.len() <= ID_CHARS && digits(rest) => Err(KeyStringError::TooShort),
        Some(_) | None => Err(KeyStringError::Shape),
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_CHARS] {
    let mut text = [0; CHECKSUM_CHARS];
    base62::encode_u32(crc32fast::hash(body), &mut text);
    text
}

#[cfg(test)]
mod tests {
    use domain::ids::{ServiceAccountId, UserId};
    use proptest::prelude::*;

    use super::*;

    fn make(prefix: &str, id: [u8; 16], secret: [u8; 32]) -> KeyString {
        KeyString::make(KeyPrefix::parse(prefix).unwrap(), KeyId::from_bytes(id), secret)
    }

    fn refusal(text: &str) -> KeyStringError {
        let error = KeyString::parse(text).expect_err(text);
        assert_eq!(KeyString::check(text).expect_err(text), error, "both read the same");
        error
    }

    /// Any text before the checksum, with the checksum that fits it.
    fn checked(body: &str) -> String {
        format!("{body}{}", std::str::from_utf8(&checksum(body.as_bytes())).unwrap())
    }

    #[test]
    fn a_key_is_found_in_a_text_whatever_it_stands_beside() {
        for prefix in ["klu", "ab", "abcdefghijkl"] {
            let key = make(prefix, [7; 16], [9; 32]);
            let key = key.expose();
            let texts =
                ["", "it is ", "x", "_", "kls_", "é", "a_b_c_"].map(|before| format!("{before}{key}"));
            for text in texts
                .iter()
                .flat_map(|text| ["", ".", "2", "_old", "é", key].map(|end| format!("{text}{end}")))
            {
                assert!(KeyString::is_in(&text), "{text}");
            }
            assert!(!KeyString::is_in(&key[..key.len() - 1]));
            assert!(!KeyString::is_in(&key.replace('_', "-")));
        }
        for text in ["", "_", "____", "in the vault of the data team", "é_é"] {
            assert!(!KeyString::is_in(text), "{text}");
        }
    }

    #[test]
    fn the_largest_key_is_read_and_the_next_is_refused() {
        let largest = make("klu", [0xff; 16], [0xff; 32]);
        let text = largest.expose();
        assert_eq!(text.len(), 4 + 22 + 1 + 43 + 6);
        assert_eq!(&text.as_bytes()[27..70], SECRET_MAX);
        assert_eq!(KeyString::parse(text).unwrap().id(), KeyId::from_bytes([0xff; 16]));

        let id_overflows = checked(&text[..70].replace("_7n42", "_7n43"));
        assert_eq!(refusal(&id_overflows), KeyStringError::Shape);
        let secret_overflows = checked(&text[..70].replace("w8Xp1", "w8Xp2"));
        assert_eq!(refusal(&secret_overflows), KeyStringError::Shape);
    }

    #[test]
    fn each_refusal_says_which() {
        let key = make("klu", [1; 16], [2; 32]);
        let text = key.expose();
        for bad in ["", "klu", "sk-abc", "KLU_x", "klu__", "klu_é", "_", &format!("klu-{}", &text[4..])] {
            assert_eq!(refusal(bad), KeyStringError::Shape, "{bad}");
        }
        for end in [4, 5, 26, 27, 28, 70, 75] {
            assert_eq!(refusal(&text[..end]), KeyStringError::TooShort, "{end}");
        }
        assert_eq!(refusal(&format!("{text}x")), KeyStringError::TooLong);
        assert_eq!(refusal(&text.repeat(2)), KeyStringError::TooLong);
        assert_eq!(refusal(&format!("{text}\n")), KeyStringError::Shape);
        assert_eq!(refusal(&format!(" {text}")), KeyStringError::Shape);
        assert_eq!(refusal(&text.replacen("klu", "kls", 1)), KeyStringError::Checksum);
    }

    #[test]
    fn the_scheme_of_rfc_8959_is_accepted_and_not_kept() {
        let key = make("kls", [1; 16], [2; 32]);
        for scheme in ["secret-token:", "Secret-Token:"] {
            let read = KeyString::parse(&format!("{scheme}{}", key.expose())).unwrap();
            assert_eq!(read.expose(), key.expose());
        }
        assert_eq!(refusal("secret-token:"), KeyStringError::Shape);
    }

    #[test]
    fn owners_have_prefixes_of_their_kind() {
        assert_eq!(default_prefix(&Owner::User(UserId::from_bytes([1; 16]))).as_str(), "klu");
        let account = Owner::ServiceAccount(ServiceAccountId::from_bytes([1; 16]));
        assert_eq!(default_prefix(&account).as_str(), "kls");
    }

    #[test]
    fn debug_shows_the_public_part_only() {
        let key = make("klu", [0; 16], [7; 32]);
        assert_eq!(format!("{key:?}"), "KeyString(klu_0000000000000000000000_…)");
        assert_eq!(format!("{:?}", Secret::from(key)), "Secret(…)");
    }

    #[test]
    fn every_substitution_of_one_character_is_a_typo_or_no_key() {
        let key = make("klu", [0x5a; 16], [0xc3; 32]);
        for place in 0..key.expose().len() {
            for other in 0x20..0x7f_u8 {
                let mut bytes = key.expose().as_bytes().to_vec();
                if bytes[place] == other {
                    continue;
                }
                bytes[place] = other;
                let error = refusal(std::str::from_utf8(&bytes).unwrap());
                assert!(
                    matches!(error, KeyStringError::Checksum | KeyStringError::Shape),
                    "{place} {error:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn round_trip(prefix in "[a-z][a-z0-9]{1,11}", id: [u8; 16], secret: [u8; 32]) {
            let made = make(&prefix, id, secret);
            prop_assert!(made.expose().len() <= KeyString::BYTES_MAX);
            let read = KeyString::parse(made.expose()).unwrap();
            prop_assert_eq!(read.prefix().as_str(), &prefix);
            prop_assert_eq!(read.id(), KeyId::from_bytes(id));
            prop_assert_eq!(read.expose(), made.expose());
            prop_assert_eq!(KeyString::check(made.expose()).unwrap().expose(), made.expose());
            prop_assert!(made.expose().ends_with(read.last_four().as_str()));
            prop_assert_eq!(base62::decode::<32>(&read.expose().as_bytes()[prefix.len() + 24..][..43]), Some(secret));
        }

        #[test]
        fn one_typo_is_refused(id: [u8; 16], secret: [u8; 32], place in 0..76_usize, other in 0x20..0x7f_u8) {
            let mut bytes = make("klu", id, secret).expose().as_bytes().to_vec();
            prop_assume!(bytes[place] != other);
            bytes[place] = other;
            let error = refusal(std::str::from_utf8(&bytes).unwrap());
            prop_assert!(matches!(error, KeyStringError::Checksum | KeyStringError::Shape));
        }

        #[test]
        fn one_character_lost_or_gained_or_swapped_is_refused(id: [u8; 16], secret: [u8; 32], place in 0..75_usize) {
            let made = make("klu", id, secret);
            let mut lost = made.expose().to_owned();
            let gone = lost.remove(place);
            refusal(&lost);
            let mut gained = made.expose().to_owned();
            gained.insert(place, gone);
            refusal(&gained);
            let mut swapped = made.expose().as_bytes().to_vec();
            swapped.swap(place, place + 1);
            prop_assume!(swapped != made.expose().as_bytes());
            refusal(std::str::from_utf8(&swapped).unwrap());
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = KeyString::parse(&text);
            let _ = KeyString::parse(&format!("klu_{text}"));
        }
    }
}
