//! XChaCha20-Poly1305 in one shape: nonce (24 bytes) ‖ ciphertext ‖ tag (16 bytes).
//!
//! The nonce is long enough to be drawn at random for every text under one key.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// How much longer the sealed form is than what it seals.
pub(crate) const OVERHEAD_BYTES: usize = NONCE_BYTES + 16;

const NONCE_BYTES: usize = 24;

pub(crate) fn encrypt(key: &[u8; 32], nonce: [u8; NONCE_BYTES], context: &[u8], text: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(key.into());
    let ciphertext = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: context })
        .expect("texts are far shorter than the 256 GiB that this cipher takes");
    [nonce.as_slice(), &ciphertext].concat()
}

/// None if the key or the context is another, or any bit was changed.
pub(crate) fn decrypt(key: &[u8; 32], context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let payload = Payload { msg: ciphertext, aad: context };
    cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
}
