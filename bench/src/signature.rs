//! One signature over so many bytes: what is made for each token, and checked for each that was never seen.

use std::hint::black_box;

use credentials::signing_key::{Seed, SigningKeyPair};

/// A key pair, a message, and its signature.
pub struct Signature {
    pair: SigningKeyPair,
    message: Vec<u8>,
    made: [u8; 64],
}

impl Signature {
    /// Over so many bytes.
    pub fn over(bytes: usize) -> Self {
        let pair = SigningKeyPair::from_seed(&Seed::from_bytes([7; 32]));
        let message = vec![b'x'; bytes];
        let made = pair.sign(&message);
        Self { pair, message, made }
    }

    /// Makes it anew.
    pub fn sign(&self) {
        black_box(self.pair.sign(black_box(&self.message)));
    }

    /// Checks it.
    pub fn check(&self) {
        let checked = self.pair.verifying_key().verify(black_box(&self.message), &self.made);
        checked.expect("it was signed with this key");
    }
}
