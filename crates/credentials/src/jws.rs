//! Signed tokens in the compact form of RFC 7515: `header.payload.signature`, read strictly.
//!
//! The header is exactly `{"alg":"EdDSA"|"Ed25519","kid":"<thumbprint>","typ":"at+jwt"}`. Nothing in it
//! chooses the type of the key or brings a key along (RFC 8725); `kid` names one of the keys that the
//! reader already has, and every other member is refused. Nothing of the payload is looked at before the
//! signature is found good.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::claims::{Claims, ClaimsError};
use crate::signing_key::{Kid, SigningKeyPair, VerifyingKey};

/// The most bytes of a token.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The `alg` written into headers. Both mean Ed25519, and both are accepted whichever is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// `EdDSA` of RFC 8037: what libraries accept today.
    #[default]
    EdDsa,
    /// `Ed25519` of RFC 9864, which deprecates the other.
    Ed25519,
}

/// Signs tokens with one key.
pub struct Signer {
    pair: SigningKeyPair,
    algorithm: Algorithm,
    /// The header with the dot after it, the same for every token.
    header: String,
}

/// A token of the right form whose signature has not been checked yet.
pub struct Unverified<'a> {
    kid: Kid,
    signing_input: &'a str,
    payload: &'a str,
    signature: [u8; 64],
}

/// Why a text is not a token of ours. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// More than [`TOKEN_BYTES_MAX`].
    #[error("a token has at most {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not three segments with something in each.
    #[error("not a token: one has three parts with dots between them")]
    Segments,
    /// A segment that is not base64url without padding, in its one spelling.
    #[error("a part of the token is not base64url without padding")]
    Base64,
    /// Not a JSON object of `alg`, `kid` and `typ`, each once, each a string, and no other member.
    #[error("the token's header is not the one that this issuer writes")]
    Header,
    /// `alg` is neither `EdDSA` nor `Ed25519`.
    #[error("the token's algorithm is not accepted: only EdDSA and Ed25519 are")]
    Algorithm,
    /// `typ` is not `at+jwt` (RFC 9068, section 2.1).
    #[error("not an access token: its type is not at+jwt")]
    Type,
    /// `kid` is not the thumbprint of a key.
    #[error("the token's key id is not one of this issuer")]
    Kid,
    /// The signature is not the key's over this token.
    #[error("the token's signature is wrong")]
    Signature,
    /// The signature is good, and the claims are not those that this version reads.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

impl Algorithm {
    /// As headers and key sets spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Reads the spelling, which has one case (RFC 7515, section 4.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        [Self::EdDsa, Self::Ed25519].into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

impl Signer {
    /// A signer with this key, which writes this `alg`.
    pub fn new(pair: SigningKeyPair, algorithm: Algorithm) -> Self {
        let header = format!(r#"{{"alg":"{}","kid":"{}","typ":"at+jwt"}}"#, algorithm.as_str(), pair.kid());
        let header = URL_SAFE_NO_PAD.encode(header) + ".";
        Self { pair, algorithm, header }
    }

    /// The name of the key.
    pub fn kid(&self) -> Kid {
        self.pair.kid()
    }

    /// The `alg` that it writes.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half of the key.
    pub fn verifying_key(&self) -> &VerifyingKey {
        self.pair.verifying_key()
    }

    /// Mints a token. The bounds of each claim keep it below [`TOKEN_BYTES_MAX`].
    pub fn sign(&self, claims: &Claims) -> String {
        let mut token = self.header.clone();
        URL_SAFE_NO_PAD.encode_string(claims.to_json(), &mut token);
        let signature = self.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        debug_assert!(token.len() <= TOKEN_BYTES_MAX);
        token
    }
}

impl<'a> Unverified<'a> {
    /// Reads the form and the header, and tells by [`Unverified::kid`] which key is needed.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Segments)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Segments)?;
        let parts = [header, payload, signature];
        if parts.iter().any(|part| part.is_empty()) || payload.contains('.') {
            return Err(JwsError::Segments);
        }
        if !parts.iter().all(|part| part.bytes().all(is_base64url)) {
            return Err(JwsError::Base64);
        }
        let kid = kid_of(&decode(header)?)?;
        let signature = decode(signature)?.try_into().map_err(|_| JwsError::Signature)?;
        Ok(Self { kid, signing_input, payload, signature })
    }

    /// The name of the key that it says signed it.
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// Checks the signature, then reads the claims. The key must be the one that [`Unverified::kid`] names.
    ///
    /// Says nothing of whether the token is still accepted: its times, issuer and audience are for
    /// [`Claims`] to check, its revocation for who knows the log.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Claims, JwsError> {
        if key.kid() != self.kid {
            return Err(JwsError::Signature);
        }
        key.verify(self.signing_input.as_bytes(), &self.signature).map_err(|_| JwsError::Signature)?;
        Ok(Claims::parse(&decode(self.payload)?)?)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, {}, …)", self.algorithm.as_str(), self.kid())
    }
}

/// A token is a bearer's secret; only its key's name is shown.
impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified(kid {}, …)", self.kid)
    }
}

/// The header as JSON holds it. A member twice, or any other (`crit`, `jwk`, `jku`, `x5u`, `x5c`), is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

fn kid_of(header: &[u8]) -> Result<Kid, JwsError> {
    // serde reads a struct from an array, too.
    if !header.starts_with(b"{") {
        return Err(JwsError::Header);
    }
    let header: Header = serde_json::from_slice(header).map_err(|_| JwsError::Header)?;
    Algorithm::parse(&header.alg).ok_or(JwsError::Algorithm)?;
    // Media types are compared without regard to case, and `application/` may be left out (RFC 7515, section 4.1.9).
    let types = ["at+jwt", "application/at+jwt"];
    if !types.iter().any(|accepted| header.typ.eq_ignore_ascii_case(accepted)) {
        return Err(JwsError::Type);
    }
    Kid::parse(&header.kid).map_err(|_| JwsError::Kid)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Refuses padding and set trailing bits, so that one token has one text.
fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Base64)
}

#[cfg(test)]
mod tests {
    use domain::ids::{KeyId, TenantId, TokenId, UserId};
    use domain::key::Owner;
    use domain::role::{Role, Scope, Scopes};
    use domain::time::{Position, Timestamp};

    use super::*;
    use crate::claims::{Audience, Issuer};
    use crate::signing_key::Seed;

    fn signer(algorithm: Algorithm) -> Signer {
        Signer::new(SigningKeyPair::from_seed(&Seed::from_bytes([7; 32])), algorithm)
    }

    fn claims() -> Claims {
        Claims {
            issuer: Issuer::parse("https://keys.example.com").unwrap(),
            audience: Audience::parse("api").unwrap(),
            owner: Owner::User(UserId::from_bytes([1; 16])),
            key: KeyId::from_bytes([2; 16]),
            tenant: TenantId::from_bytes([3; 16]),
            role: Role::Runner,
            scopes: Scopes::All,
            seq: Position::new(7),
            token: TokenId::from_bytes([4; 16]),
            issued_at: Timestamp::from_unix_ms(1_700_000_000_000).unwrap(),
            not_before: Timestamp::from_unix_ms(1_700_000_000_000).unwrap(),
            expires_at: Timestamp::from_unix_ms(1_700_000_600_000).unwrap(),
        }
    }

    /// Signs any header and payload with the signer's key.
    fn forged(header: &str, payload: &[u8]) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = signer(Algorithm::EdDsa).pair.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn read(token: &str) -> Result<Claims, JwsError> {
        Unverified::parse(token)?.verify(signer(Algorithm::EdDsa).verifying_key())
    }

    #[test]
    fn both_algorithms_are_written_and_read() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Ed25519] {
            let signer = signer(algorithm);
            let token = signer.sign(&claims());
            let header = decode(token.split('.').next().unwrap()).unwrap();
            let expected =
                format!(r#"{{"alg":"{}","kid":"{}","typ":"at+jwt"}}"#, algorithm.as_str(), signer.kid());
            assert_eq!(String::from_utf8(header).unwrap(), expected);
            assert_eq!(Unverified::parse(&token).unwrap().kid(), signer.kid());
            assert_eq!(read(&token), Ok(claims()));
        }
    }

    #[test]
    fn headers_that_mean_the_same_are_read() {
        let kid = signer(Algorithm::EdDsa).kid();
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            let header = format!(r#"{{ "typ" : "{typ}", "kid":"{kid}", "alg":"\u0045d25519" }}"#);
            assert_eq!(read(&forged(&header, &claims().to_json())), Ok(claims()), "{header}");
        }
    }

    #[test]
    fn the_largest_claims_fit() {
        let scopes = (0..Scopes::COUNT_MAX).map(|n| Scope::parse(&format!("{n:0>64}")).unwrap());
        let service = "x".repeat(512);
        let claims = Claims {
            issuer: Issuer::parse(&service).unwrap(),
            audience: Audience::of([service.as_str(); Audience::COUNT_MAX]).unwrap(),
            scopes: Scopes::only(scopes).unwrap(),
            role: Role::Administrator,
            seq: Position::new(u64::MAX),
            expires_at: Timestamp::MAX,
            ..claims()
        };
        let token = signer(Algorithm::Ed25519).sign(&claims);
        assert!(token.len() <= TOKEN_BYTES_MAX, "{}", token.len());
        let whole_seconds = Timestamp::from_unix_ms(253_402_300_799_000).unwrap();
        assert_eq!(read(&token), Ok(Claims { expires_at: whole_seconds, ..claims }));
    }

    #[test]
    fn any_change_of_any_character_is_refused() {
        let token = signer(Algorithm::EdDsa).sign(&claims());
        for place in 0..token.len() {
            for other in *b"ABEQabeq019-_.=+/ " {
                let mut bytes = token.clone().into_bytes();
                if bytes[place] != other {
                    bytes[place] = other;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert!(read(&changed).is_err(), "{place} {}", other as char);
                }
            }
        }
    }

    #[test]
    fn the_payload_is_not_read_before_the_signature_is_good() {
        let kid = signer(Algorithm::EdDsa).kid();
        let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#);
        let good = forged(&header, b"not claims");
        assert_eq!(read(&good), Err(JwsError::Claims(ClaimsError::Malformed)));
        let (input, signature) = good.rsplit_once('.').unwrap();
        assert_eq!(read(&format!("{input}A.{signature}")), Err(JwsError::Signature));
        let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
        assert_eq!(read(&format!("{input}.{zeros}")), Err(JwsError::Signature));
    }

    #[test]
    fn a_key_of_another_name_verifies_nothing() {
        let token = signer(Algorithm::EdDsa).sign(&claims());
        let other = SigningKeyPair::from_seed(&Seed::from_bytes([8; 32]));
        assert_eq!(
            Unverified::parse(&token).unwrap().verify(other.verifying_key()),
            Err(JwsError::Signature)
        );
    }

    #[test]
    fn debug_hides_key_and_token() {
        let signer = signer(Algorithm::EdDsa);
        let token = signer.sign(&claims());
        assert_eq!(format!("{signer:?}"), format!("Signer(EdDSA, {}, …)", signer.kid()));
        let unverified = Unverified::parse(&token).unwrap();
        assert_eq!(format!("{unverified:?}"), format!("Unverified(kid {}, …)", signer.kid()));
    }
}
