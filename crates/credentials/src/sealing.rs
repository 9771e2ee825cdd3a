//! Personal text, encrypted for the entity that it describes; erasing that entity's key erases the text.
//!
//! The text is padded to a multiple of 16 bytes, so that a ciphertext tells its length only roughly: one
//! byte 0x80, then as many zero bytes as are missing (ISO/IEC 7816-4), always at least one byte. Then
//! XChaCha20-Poly1305, with the subject's tag and 16 bytes of id as associated data: a text copied to
//! another subject does not open.

use std::fmt;

use domain::sealed::{Sealed, Subject};
use zeroize::Zeroizing;

use crate::aead;

/// What is shown for a text whose key was destroyed.
pub const ERASED_TEXT: &str = "[erased]";
/// What stands in the place of a text that whoever reads may not see.
pub const SEALED_TEXT: &str = "[sealed]";

/// Texts are padded to a multiple of so many bytes.
const BLOCK_BYTES: usize = 16;
const PADDING_BEGINS: u8 = 0x80;

/// The key that seals the texts of one subject. Hides itself, and is wiped when dropped.
pub struct SubjectKey(Zeroizing<[u8; 32]>);

/// Why a sealed text was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key is not its subject's, or the text was changed or moved to another subject.
    #[error("sealed under another key, or changed since")]
    Refused,
    /// It opened, but does not hold a padded text: something else wrote it.
    #[error("opened, but not a text that this program sealed")]
    Malformed,
}

/// Seals a text for its subject. The 24 bytes must be fresh from the system's random source: under one
/// key no nonce may serve twice.
pub fn seal(key: &SubjectKey, subject: Subject, nonce: [u8; 24], text: &str) -> Sealed {
    let padded = padded(text);
    Sealed { subject, ciphertext: aead::encrypt(&key.0, nonce, &associated_data(subject), &padded) }
}

/// Opens a sealed text with its subject's key.
pub fn open(key: &SubjectKey, sealed: &Sealed) -> Result<String, OpenError> {
    let padded = aead::decrypt(&key.0, &associated_data(sealed.subject), &sealed.ciphertext);
    unpadded(&padded.ok_or(OpenError::Refused)?).ok_or(OpenError::Malformed)
}

impl SubjectKey {
    /// A key of 32 bytes, fresh from the system's random source or read from where it is kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves, to keep them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(…)")
    }
}

/// The tags are never changed: every text sealed rests on them.
fn associated_data(subject: Subject) -> [u8; 17] {
    let (tag, id) = match subject {
        Subject::Tenant(id) => (1, id.bytes()),
        Subject::User(id) => (2, id.bytes()),
        Subject::ServiceAccount(id) => (3, id.bytes()),
    };
    let mut data = [tag; 17];
    data[1..].copy_from_slice(&id);
    data
}

fn padded(text: &str) -> Zeroizing<Vec<u8>> {
    let length = (text.len() + 1).next_multiple_of(BLOCK_BYTES);
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    padded.extend_from_slice(text.as_bytes());
    padded.push(PADDING_BEGINS);
    padded.resize(length, 0);
    padded
}

fn unpadded(padded: &[u8]) -> Option<String> {
    let end = padded.iter().rposition(|byte| *byte != 0)?;
    let shaped = padded[end] == PADDING_BEGINS
        && padded.len().is_multiple_of(BLOCK_BYTES)
        && padded.len() - end <= BLOCK_BYTES;
    let text = shaped.then(|| &padded[..end])?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use domain::ids::{ServiceAccountId, TenantId, UserId};
    use proptest::prelude::*;

    use super::*;

    const ADA: Subject = Subject::User(UserId::from_bytes([1; 16]));

    fn key() -> SubjectKey {
        SubjectKey::from_bytes([9; 32])
    }

    #[test]
    fn another_key_or_subject_opens_nothing() {
        let sealed = seal(&key(), ADA, [3; 24], "Ada");
        assert_eq!(open(&SubjectKey::from_bytes([8; 32]), &sealed), Err(OpenError::Refused));
        let others = [
            Subject::User(UserId::from_bytes([2; 16])),
            Subject::Tenant(TenantId::from_bytes([1; 16])),
            Subject::ServiceAccount(ServiceAccountId::from_bytes([1; 16])),
        ];
        for subject in others {
            let moved = Sealed { subject, ciphertext: sealed.ciphertext.clone() };
            assert_eq!(open(&key(), &moved), Err(OpenError::Refused), "{subject:?}");
        }
    }

    #[test]
    fn a_change_anywhere_opens_nothing() {
        let sealed = seal(&key(), ADA, [3; 24], "ada@example.com, of London");
        for place in 0..sealed.ciphertext.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed.ciphertext[place] ^= 1 << bit;
                assert_eq!(open(&key(), &changed), Err(OpenError::Refused), "{place}.{bit}");
            }
            let cut = Sealed { subject: ADA, ciphertext: sealed.ciphertext[..place].to_vec() };
            assert_eq!(open(&key(), &cut), Err(OpenError::Refused), "{place}");
        }
    }

    #[test]
    fn lengths_show_in_steps_of_16() {
        for (length, blocks) in [(0, 1), (1, 1), (15, 1), (16, 2), (31, 2), (32, 3)] {
            let sealed = seal(&key(), ADA, [3; 24], &"x".repeat(length));
            assert_eq!(sealed.ciphertext.len(), aead::OVERHEAD_BYTES + 16 * blocks, "{length}");
        }
    }

    #[test]
    fn other_padding_is_malformed() {
        let zeros = [0; 16];
        let too_much = [[0x80].as_slice(), &[0; 31]].concat();
        let not_utf8 = [[0xff, 0x80].as_slice(), &[0; 14]].concat();
        for plain in [b"".as_slice(), &zeros, b"no padding here!", b"x\x80", &too_much, &not_utf8] {
            let ciphertext = aead::encrypt(&[9; 32], [3; 24], &associated_data(ADA), plain);
            assert_eq!(open(&key(), &Sealed { subject: ADA, ciphertext }), Err(OpenError::Malformed));
        }
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", key()), "SubjectKey(…)");
    }

    proptest! {
        #[test]
        fn round_trip(key: [u8; 32], nonce: [u8; 24], id: [u8; 16], text in "[\\PC\0\u{80}]{0,80}") {
            let key = SubjectKey::from_bytes(key);
            let sealed = seal(&key, Subject::Tenant(TenantId::from_bytes(id)), nonce, &text);
            prop_assert_eq!(open(&key, &sealed), Ok(text));
        }
    }
}
