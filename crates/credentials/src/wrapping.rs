//! Private signing keys, encrypted under the deployment's master key for keeping.

use std::fmt;

use domain::ids::SigningKeyId;
use zeroize::Zeroizing;

use crate::aead;
use crate::signing_key::Seed;

/// Before the signing key's id, what the cipher authenticates with the seed. Never changed.
const CONTEXT: &[u8] = b"keyledger 2026-11-21 private signing key";

/// The same for the key that signs notes. Never changed.
const NOTE_CONTEXT: &[u8] = b"keyledger 2026-11-25 private note key";

/// The key that wraps private signing keys. Hides itself, and is wiped when dropped.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// A private signing key as it is kept: nonce (24 bytes) ‖ ciphertext (32) ‖ tag (16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrappedKey(pub [u8; WrappedKey::BYTES]);

/// A wrapped key that this master key does not open for this signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private signing key was wrapped under another master key or for another id, or changed since")]
pub struct UnwrapError;

impl WrappedKey {
    /// Its length.
    pub const BYTES: usize = aead::OVERHEAD_BYTES + 32;
}

impl MasterKey {
    /// A key of 32 bytes, fresh from the system's random source or read from where it is kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves, to keep them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Wraps a private signing key. The 24 bytes must be fresh from the system's random source.
    pub fn wrap(&self, id: SigningKeyId, nonce: [u8; 24], seed: &Seed) -> WrappedKey {
        let wrapped = aead::encrypt(&self.0, nonce, &context(id), seed.expose());
        WrappedKey(wrapped.try_into().expect("a seed has 32 bytes"))
    }

    /// Wraps the private key that signs notes. The 24 bytes must be fresh from the system's random source.
    pub fn wrap_note_key(&self, nonce: [u8; 24], seed: &Seed) -> WrappedKey {
        let wrapped = aead::encrypt(&self.0, nonce, NOTE_CONTEXT, seed.expose());
        WrappedKey(wrapped.try_into().expect("a seed has 32 bytes"))
    }

    /// Unwraps the private key that signs notes.
    pub fn unwrap_note_key(&self, wrapped: &WrappedKey) -> Result<Seed, UnwrapError> {
        let seed = aead::decrypt(&self.0, NOTE_CONTEXT, &wrapped.0).ok_or(UnwrapError)?;
        seed.as_slice().try_into().map(Seed::from_bytes).map_err(|_| UnwrapError)
    }

    /// Unwraps the private signing key with this id.
    pub fn unwrap(&self, id: SigningKeyId, wrapped: &WrappedKey) -> Result<Seed, UnwrapError> {
        let seed = aead::decrypt(&self.0, &context(id), &wrapped.0).ok_or(UnwrapError)?;
        seed.as_slice().try_into().map(Seed::from_bytes).map_err(|_| UnwrapError)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

fn context(id: SigningKeyId) -> Vec<u8> {
    [CONTEXT, &id.bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SigningKeyId = SigningKeyId::from_bytes([5; 16]);

    #[test]
    fn only_its_master_key_and_id_unwrap_a_key() {
        let master = MasterKey::from_bytes([1; 32]);
        let wrapped = master.wrap(ID, [2; 24], &Seed::from_bytes([3; 32]));
        assert_eq!(master.unwrap(ID, &wrapped).unwrap().expose(), &[3; 32]);
        let other = SigningKeyId::from_bytes([6; 16]);
        assert_eq!(master.unwrap(other, &wrapped).unwrap_err(), UnwrapError);
        assert_eq!(MasterKey::from_bytes([0; 32]).unwrap(ID, &wrapped).unwrap_err(), UnwrapError);
        for place in 0..WrappedKey::BYTES {
            let mut changed = wrapped;
            changed.0[place] ^= 1;
            assert_eq!(master.unwrap(ID, &changed).unwrap_err(), UnwrapError, "{place}");
        }
    }

    #[test]
    fn a_key_for_notes_is_no_key_for_tokens() {
        let (master, seed) = (MasterKey::from_bytes([1; 32]), Seed::from_bytes([3; 32]));
        let wrapped = master.wrap_note_key([2; 24], &seed);
        assert_eq!(master.unwrap_note_key(&wrapped).unwrap().expose(), &[3; 32]);
        assert_eq!(master.unwrap(ID, &wrapped).unwrap_err(), UnwrapError);
        assert_eq!(master.unwrap_note_key(&master.wrap(ID, [2; 24], &seed)).unwrap_err(), UnwrapError);
        assert_eq!(MasterKey::from_bytes([0; 32]).unwrap_note_key(&wrapped).unwrap_err(), UnwrapError);
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", MasterKey::from_bytes([1; 32])), "MasterKey(…)");
    }
}
