//! What is stored instead of a secret or a name: digests under a pepper.
//!
//! A key has 256 bits of chance, so a fast keyed hash is enough and a slow one would only help who floods
//! the server. Names have little, so their digests are worth no more than the secrecy of the pepper,
//! which is kept outside the ledger.

use std::fmt;

use domain::ids::PepperId;
use domain::key::{DigestScheme, KeyDigest};
use domain::sealed::TextDigest;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::{Secret, SecretText};

/// Contexts of BLAKE3's key derivation. Never changed: every digest stored rests on them.
const KEY_CONTEXT: &str = "keyledger 2026-11-21 digests of API keys";
const TEXT_CONTEXT: &str = "keyledger 2026-11-21 digests of names";

/// The keys under which digests are made, one for API keys and one for names, derived from one master.
pub struct Pepper {
    id: PepperId,
    keys: Zeroizing<[u8; 32]>,
    texts: Zeroizing<[u8; 32]>,
}

/// What a digested text names. Equal texts of two kinds have unrelated digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// A tenant's slug.
    TenantSlug,
    /// A tenant's display name.
    TenantName,
    /// A user's e-mail address. Digested in its folded form, however it is given.
    Email,
    /// The name of a service account.
    AccountName,
    /// The name of an API key.
    KeyName,
    /// What a command asked for, names included: recognises a repeated command by its idempotency key.
    Command,
}

impl Pepper {
    /// Derives the pepper from 32 bytes of the system's random source, kept outside the ledger.
    pub fn derive(id: PepperId, master: &[u8; 32]) -> Self {
        let derived = |context| Zeroizing::new(blake3::derive_key(context, master));
        Self { id, keys: derived(KEY_CONTEXT), texts: derived(TEXT_CONTEXT) }
    }

    /// Which pepper it is, as digests name it.
    pub fn id(&self) -> PepperId {
        self.id
    }

    /// What is stored of a key: the keyed BLAKE3 hash of its whole text.
    pub fn digest(&self, key: &Secret) -> KeyDigest {
        self.digest_shown(key.as_text())
    }

    /// The same of a key where it was shown.
    pub fn digest_shown(&self, key: SecretText<'_>) -> KeyDigest {
        let hash = blake3::keyed_hash(&self.keys, key.expose().as_bytes());
        KeyDigest { scheme: DigestScheme::KeyedBlake3(self.id), bytes: *hash.as_bytes() }
    }

    /// What recognises a name: the first 16 bytes of the keyed BLAKE3 hash of the kind's byte and the text.
    pub fn text_digest(&self, kind: TextKind, text: &str) -> TextDigest {
        let mut hasher = blake3::Hasher::new_keyed(&self.texts);
        hasher.update(&[kind.byte()]);
        match kind {
            TextKind::Email => hasher.update(Zeroizing::new(text.to_lowercase()).as_bytes()),
            TextKind::TenantSlug
            | TextKind::TenantName
            | TextKind::AccountName
            | TextKind::KeyName
            | TextKind::Command => hasher.update(text.as_bytes()),
        };
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        TextDigest(bytes)
    }
}

impl TextKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::TenantSlug, Self::TenantName, Self::Email, Self::AccountName, Self::KeyName, Self::Command];

    /// Never changed, never reused: every digest stored rests on it.
    const fn byte(self) -> u8 {
        match self {
            Self::TenantSlug => 1,
            Self::TenantName => 2,
            Self::Email => 3,
            Self::AccountName => 4,
            Self::KeyName => 5,
            Self::Command => 6,
        }
    }
}

/// The 32 bytes of a digest written as hexadecimal digits.
pub fn parse_digest(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&digits[place..place + 2], 16).ok()?;
    }
    Some(bytes)
}

/// What is stored of a key imported from elsewhere: the plain SHA-256 of its whole text.
pub fn sha256_digest(key: SecretText<'_>) -> KeyDigest {
    KeyDigest { scheme: DigestScheme::Sha256, bytes: Sha256::digest(key.expose()).into() }
}

/// Whether two digests are of one key, in a time that does not tell how much of them agrees.
pub fn matches(left: &KeyDigest, right: &KeyDigest) -> bool {
    left.scheme == right.scheme && bool::from(left.bytes.ct_eq(&right.bytes))
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper({}, …)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::names::Email;

    use super::*;

    fn pepper(number: u8) -> Pepper {
        Pepper::derive(PepperId::from_bytes([number; 16]), &[number; 32])
    }

    fn secret(text: &str) -> Secret {
        Secret::parse(text).unwrap()
    }

    #[test]
    fn digests_of_keys_differ_by_key_pepper_and_scheme() {
        let (one, two) = (pepper(1), pepper(2));
        let digest = one.digest(&secret("key"));
        assert_eq!(digest.scheme, DigestScheme::KeyedBlake3(one.id()));
        assert!(matches(&digest, &one.digest(&secret("key"))));
        assert!(!matches(&digest, &one.digest(&secret("kez"))));
        assert_ne!(digest.bytes, two.digest(&secret("key")).bytes);
        assert!(!matches(&digest, &KeyDigest { scheme: DigestScheme::Sha256, ..digest }));
        for byte in 0..32 {
            let mut other = digest;
            other.bytes[byte] ^= 0x80;
            assert!(!matches(&digest, &other), "{byte}");
        }
    }

    #[test]
    fn imported_keys_have_the_sha_256_that_everyone_computes() {
        // FIPS 180-2, appendix B.1.
        let digest = sha256_digest(secret("abc").as_text());
        assert_eq!(digest.scheme, DigestScheme::Sha256);
        assert_eq!(digest.bytes[..8], [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
    }

    #[test]
    fn digests_of_texts_differ_by_kind_text_and_pepper() {
        let (one, two) = (pepper(1), pepper(2));
        let mut seen = HashSet::new();
        for kind in TextKind::ALL {
            for text in ["", "a", "acme"] {
                assert!(seen.insert(one.text_digest(kind, text)), "{kind:?} {text}");
                assert!(seen.insert(two.text_digest(kind, text)), "{kind:?} {text}");
                assert_eq!(one.text_digest(kind, text), one.text_digest(kind, text));
            }
        }
        assert!(seen.insert(TextDigest(one.digest(&secret("acme")).bytes[..16].try_into().unwrap())));
    }

    #[test]
    fn addresses_are_digested_in_their_folded_form() {
        let (one, given) = (pepper(1), Email::parse("Ada@Example.com").unwrap());
        let digest = one.text_digest(TextKind::Email, given.as_str());
        assert_eq!(digest, one.text_digest(TextKind::Email, &given.folded()));
        let name = |text| one.text_digest(TextKind::KeyName, text);
        assert_ne!(name("Ada"), name("ada"));
    }

    #[test]
    fn debug_hides_the_keys() {
        let shown = format!("{:?}", pepper(7));
        assert_eq!(shown, "Pepper(07070707-0707-0707-0707-070707070707, …)");
    }
}
