//! What proves who is calling: key strings, digests, sealed texts, signing keys and signed tokens.
//!
//! A caller shows a [`key_string::KeyString`] (or an imported [`secret::Secret`] of any shape); what is
//! stored of it is a digest under a [`digest::Pepper`]. Exchanged for a token, it becomes
//! [`claims::Claims`] signed by a [`jws::Signer`], which anyone can check with the keys of [`jwks`].
//! Checkpoints of the log are signed as a [`note`]. Personal text is [`sealing`] for its subject; private signing keys are [`wrapping`] under a master key.
//!
//! Pure cryptography: nothing here reads a clock, draws a random number or touches a disk, and nothing
//! here says whether a credential is still accepted. Random bytes and instants arrive as arguments.
//! No type that holds a secret shows it: `Debug` hides it, and there is one method, `expose`, to show it.

pub mod key_string;
pub mod secret;
pub mod digest;
pub mod sealing;
pub mod signing_key;
pub mod claims;
pub mod jws;
pub mod mark;
pub mod jwks;
pub mod note;
pub mod wrapping;
mod aead;
mod base62;
