//! Ed25519 keys (RFC 8032): the private half that signs tokens, the public half that checks them, their name.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::event::PublicKey;
use ed25519_dalek::Signature;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

/// The 32 bytes from which a key pair is made. Hides itself, and is wiped when dropped.
pub struct Seed(Zeroizing<[u8; 32]>);

/// A private signing key with its public half. Hides itself, and is wiped when dropped.
pub struct SigningKeyPair {
    /// Kept expanded: hashing the seed and multiplying the base point anew would double the cost of a signature.
    expanded: ExpandedSecretKey,
    public: VerifyingKey,
}

/// A public signing key, ready to check signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    point: ed25519_dalek::VerifyingKey,
    kid: Kid,
}

/// The name of a signing key in tokens and key sets: its RFC 7638 thumbprint, SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid([u8; 32]);

/// Bytes that no signing key has as its public half: not a point of the curve, or one of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the public half of an Ed25519 signing key")]
pub struct MalformedPublicKey;

/// A signature that is not this key's over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is wrong")]
pub struct WrongSignature;

/// A text that is not a thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a signing key: 43 characters of base64url")]
pub struct MalformedKid;

impl Seed {
    /// A seed of 32 bytes, fresh from the system's random source or unwrapped.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves, to wrap them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl SigningKeyPair {
    /// The key pair of a seed (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &Seed) -> Self {
        let expanded = ExpandedSecretKey::from(seed.expose());
        // Derived from the private half and never given beside it: signing with another public key
        // than one's own gives the private one away.
        let point = ed25519_dalek::VerifyingKey::from(&expanded);
        let kid = Kid::of(&PublicKey(point.to_bytes()));
        Self { expanded, public: VerifyingKey { point, kid } }
    }

    /// The name of the key in tokens.
    pub fn kid(&self) -> Kid {
        self.public.kid
    }

    /// The public half, as the log records it.
    pub fn public_key(&self) -> PublicKey {
        self.public.public_key()
    }

    /// The public half, ready to check signatures.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs a message (RFC 8032, section 5.1.6: pure Ed25519, deterministic).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        raw_sign::<Sha512>(&self.expanded, message, &self.public.point).to_bytes()
    }
}

impl VerifyingKey {
    /// Accepts a point of the curve that is not of small order.
    pub fn parse(key: &PublicKey) -> Result<Self, MalformedPublicKey> {
        let point = ed25519_dalek::VerifyingKey::from_bytes(&key.0).map_err(|_| MalformedPublicKey)?;
        if point.is_weak() {
            return Err(MalformedPublicKey);
        }
        Ok(Self { point, kid: Kid::of(key) })
    }

    /// The name of the key in tokens.
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// The key, as the log records it.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.point.to_bytes())
    }

    /// Checks a signature strictly: one message has one signature that is accepted, for keys made honestly.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), WrongSignature> {
        let signature = Signature::from_bytes(signature);
        self.point.verify_strict(message, &signature).map_err(|_| WrongSignature)
    }
}

impl Kid {
    /// The thumbprint of a public key: RFC 7638 over the members that RFC 8037, appendix A.3 names.
    pub fn of(key: &PublicKey) -> Self {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(key.0));
        Self(Sha256::digest(jwk).into())
    }

    /// Reads the 43 characters of base64url.
    pub fn parse(text: &str) -> Result<Self, MalformedKid> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedKid)?;
        bytes.try_into().map(Self).map_err(|_| MalformedKid)
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl fmt::Debug for SigningKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeyPair({}, …)", self.public.kid)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 8037, appendix A.1 to A.4.
    const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    const INPUT: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const SIGNATURE: &str =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
    }

    fn pair() -> SigningKeyPair {
        SigningKeyPair::from_seed(&Seed::from_bytes(bytes(D)))
    }

    #[test]
    fn the_vectors_of_rfc_8037_hold() {
        let pair = pair();
        assert_eq!(pair.public_key(), PublicKey(bytes(X)));
        assert_eq!(pair.kid().to_string(), THUMBPRINT);
        assert_eq!(Kid::parse(THUMBPRINT).unwrap(), pair.kid());
        assert_eq!(pair.sign(INPUT.as_bytes()), bytes::<64>(SIGNATURE));
        let public = VerifyingKey::parse(&PublicKey(bytes(X))).unwrap();
        assert_eq!(public, *pair.verifying_key());
        assert_eq!(public.verify(INPUT.as_bytes(), &bytes(SIGNATURE)), Ok(()));
    }

    #[test]
    fn any_change_of_a_signature_is_wrong() {
        let (pair, good) = (pair(), bytes::<64>(SIGNATURE));
        for place in 0..64 {
            let mut bad = good;
            bad[place] ^= 1;
            assert_eq!(pair.verifying_key().verify(INPUT.as_bytes(), &bad), Err(WrongSignature), "{place}");
        }
        assert_eq!(pair.verifying_key().verify(b"another", &good), Err(WrongSignature));
        // S + L names the same scalar as S; RFC 8032, section 5.1.7 refuses it.
        let order = bytes::<32>("7dP1XBpjEljWnPei3vneFAAAAAAAAAAAAAAAAAAAABA");
        let mut malleated = good;
        let mut carry = 0;
        for (byte, add) in malleated[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        assert_eq!(pair.verifying_key().verify(INPUT.as_bytes(), &malleated), Err(WrongSignature));
    }

    #[test]
    fn a_signature_with_a_nonce_of_small_order_is_wrong() {
        // Its equation holds: R is the neutral point and S = k·a, computed with the private key above.
        let signature =
            "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAARSB3Qh0XXPsHns-7iMllhXfpnzaMxcXb5RwiiIijrCw";
        let pair = pair();
        let loosely = Signature::from_bytes(&bytes(signature));
        assert!(ed25519_dalek::Verifier::verify(&pair.public.point, INPUT.as_bytes(), &loosely).is_ok());
        assert_eq!(pair.public.verify(INPUT.as_bytes(), &bytes(signature)), Err(WrongSignature));
    }

    #[test]
    fn weak_and_malformed_public_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut off_the_curve = [0; 32];
        off_the_curve[0] = 2;
        for bad in [[0; 32], identity, off_the_curve] {
            assert_eq!(VerifyingKey::parse(&PublicKey(bad)), Err(MalformedPublicKey), "{bad:?}");
        }
    }

    #[test]
    fn names_have_one_spelling() {
        let last_bits_set = format!("{}l", &THUMBPRINT[..42]);
        for bad in
            ["", "kid", &THUMBPRINT[1..], &format!("{THUMBPRINT}="), &last_bits_set, &X.replace('_', "/")]
        {
            assert_eq!(Kid::parse(bad), Err(MalformedKid), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_private_half() {
        assert_eq!(format!("{:?}", pair()), format!("SigningKeyPair({THUMBPRINT}, …)"));
        assert_eq!(format!("{:?}", Seed::from_bytes(bytes(D))), "Seed(…)");
    }

    proptest! {
        #[test]
        fn signs_as_the_library_does(seed: [u8; 32], message: Vec<u8>) {
            let pair = SigningKeyPair::from_seed(&Seed::from_bytes(seed));
            let plain = ed25519_dalek::SigningKey::from_bytes(&seed);
            prop_assert_eq!(pair.public_key().0, plain.verifying_key().to_bytes());
            let signature = pair.sign(&message);
            prop_assert_eq!(signature, ed25519_dalek::Signer::sign(&plain, &message).to_bytes());
            prop_assert_eq!(pair.verifying_key().verify(&message, &signature), Ok(()));
        }
    }
}
