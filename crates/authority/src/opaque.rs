//! Opaque secrets: 256 random bits as hexadecimal digits, of which nothing is kept but the SHA-256. They open sessions
//! and set-up links.

use credentials::digest::sha256_digest;
use credentials::secret::SecretText;
use domain::key::KeyDigest;
use zeroize::Zeroizing;

use crate::entropy;

/// A secret for the one who is given it, and nobody else.
#[derive(Clone)]
pub struct OpaqueSecret(Zeroizing<String>);

impl OpaqueSecret {
    /// A fresh one.
    pub(crate) fn draw() -> Self {
        let bytes = entropy::secret();
        let mut digits = Zeroizing::new(String::with_capacity(64));
        for byte in bytes.iter() {
            for nibble in [byte >> 4, byte & 15] {
                digits
                    .push(char::from_digit(u32::from(nibble), 16).expect("a nibble is a hexadecimal digit"));
            }
        }
        Self(digits)
    }

    /// The digits.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub(crate) fn digest(&self) -> KeyDigest {
        digest(&self.0).expect("64 digits have the form of a secret")
    }
}

/// What would be kept of a text that somebody shows; none, if it has not the form of such a secret.
pub(crate) fn digest(shown: &str) -> Option<KeyDigest> {
    let right = shown.len() == 64 && shown.bytes().all(|byte| byte.is_ascii_hexdigit());
    SecretText::parse(shown).ok().filter(|_| right).map(sha256_digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_64_digits_that_nobody_can_foretell() {
        let (one, other) = (OpaqueSecret::draw(), OpaqueSecret::draw());
        assert!(one.expose() != other.expose() && one.digest() != other.digest());
        assert_eq!(digest(one.expose()), Some(one.digest()));
        for malformed in ["", "x", &one.expose()[1..], &format!("{}0", one.expose()), &"g".repeat(64)] {
            assert_eq!(digest(malformed), None, "{malformed}");
        }
    }
}
