//! Vectors in fixtures/tokens that must never change: what is stored, or in somebody's hands, rests on them.
//!
//! Files are only added to. To see what the code makes now, read the message of the failing test.

use domain::ids::{KeyId, PepperId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::{DigestScheme, KeyPrefix};
use domain::sealed::{Sealed, Subject};
use keyledger_credentials::digest::{Pepper, TextKind, sha256_digest};
use keyledger_credentials::jwks::jwks;
use keyledger_credentials::jws::{Algorithm, Unverified};
use keyledger_credentials::key_string::KeyString;
use keyledger_credentials::sealing::{SubjectKey, open, seal};
use keyledger_credentials::secret::Secret;
use keyledger_credentials::signing_key::{Seed, SigningKeyPair};
use keyledger_credentials::wrapping::{MasterKey, WrappedKey};
use serde_json::Value;

use crate::samples::{service_account_claims, signer, user_claims};

fn fixture(name: &str) -> Value {
    let path = format!("{}/../../fixtures/tokens/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

fn vectors(name: &str) -> Vec<Value> {
    let vectors = fixture(name)["vectors"].as_array().expect("vectors").clone();
    assert!(!vectors.is_empty());
    vectors
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap_or_else(|| panic!("{member} is a string in {vector}"))
}

fn bytes<const N: usize>(vector: &Value, member: &str) -> [u8; N] {
    from_hex(text(vector, member)).try_into().expect("as many bytes as it should have")
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hex")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn key_strings() {
    for vector in vectors("key_strings") {
        let prefix = KeyPrefix::parse(text(&vector, "prefix")).unwrap();
        let id = KeyId::from_bytes(bytes(&vector, "id"));
        let made = KeyString::make(prefix, id, bytes(&vector, "secret"));
        assert_eq!(made.expose(), text(&vector, "key"));
        assert_eq!(KeyString::parse(text(&vector, "key")).unwrap().id(), id);
    }
}

#[test]
fn digests() {
    for vector in vectors("digests") {
        let id = PepperId::from_bytes(bytes(&vector, "pepper_id"));
        let pepper = Pepper::derive(id, &bytes(&vector, "pepper_master"));
        let given = text(&vector, "text");
        let made = match text(&vector, "kind") {
            "key" => {
                let digest = pepper.digest(&Secret::parse(given).unwrap());
                assert_eq!(digest.scheme, DigestScheme::KeyedBlake3(id));
                hex(&digest.bytes)
            }
            "imported_key" => hex(&sha256_digest(Secret::parse(given).unwrap().as_text()).bytes),
            "tenant_slug" => hex(&pepper.text_digest(TextKind::TenantSlug, given).0),
            "tenant_name" => hex(&pepper.text_digest(TextKind::TenantName, given).0),
            "email" => hex(&pepper.text_digest(TextKind::Email, given).0),
            "account_name" => hex(&pepper.text_digest(TextKind::AccountName, given).0),
            "key_name" => hex(&pepper.text_digest(TextKind::KeyName, given).0),
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(made, text(&vector, "digest"), "{vector}");
    }
}

#[test]
fn sealed_texts() {
    for vector in vectors("sealed") {
        let id = bytes(&vector, "subject_id");
        let subject = match text(&vector, "subject") {
            "tenant" => Subject::Tenant(TenantId::from_bytes(id)),
            "user" => Subject::User(UserId::from_bytes(id)),
            "service_account" => Subject::ServiceAccount(ServiceAccountId::from_bytes(id)),
            other => panic!("unknown subject {other}"),
        };
        let key = SubjectKey::from_bytes(bytes(&vector, "key"));
        let made = seal(&key, subject, bytes(&vector, "nonce"), text(&vector, "text"));
        assert_eq!(hex(&made.ciphertext), text(&vector, "ciphertext"));
        let kept = Sealed { subject, ciphertext: from_hex(text(&vector, "ciphertext")) };
        assert_eq!(open(&key, &kept).unwrap(), text(&vector, "text"));
    }
}

#[test]
fn wrapped_keys() {
    for vector in vectors("wrapped_keys") {
        let master = MasterKey::from_bytes(bytes(&vector, "master_key"));
        let id = SigningKeyId::from_bytes(bytes(&vector, "signing_key_id"));
        let seed = Seed::from_bytes(bytes(&vector, "seed"));
        let made = master.wrap(id, bytes(&vector, "nonce"), &seed);
        assert_eq!(hex(&made.0), text(&vector, "wrapped"));
        let kept = master.unwrap(id, &WrappedKey(bytes(&vector, "wrapped"))).unwrap();
        assert_eq!(kept.expose(), seed.expose());
    }
}

#[test]
fn access_tokens() {
    let fixture = fixture("access_tokens");
    let pair = SigningKeyPair::from_seed(&Seed::from_bytes(bytes(&fixture, "seed")));
    assert_eq!(pair.kid().to_string(), text(&fixture, "kid"));
    assert_eq!(jwks([pair.public_key()], Algorithm::EdDsa), text(&fixture, "jwks"));
    for vector in vectors("access_tokens") {
        let algorithm = Algorithm::parse(text(&vector, "alg")).unwrap();
        let claims = match text(&vector, "claims_of") {
            "user" => user_claims(),
            "service_account" => service_account_claims(),
            other => panic!("unknown claims {other}"),
        };
        assert_eq!(signer(algorithm).sign(&claims), text(&vector, "token"));
        let read = Unverified::parse(text(&vector, "token")).unwrap().verify(pair.verifying_key());
        assert_eq!(read, Ok(claims));
    }
}
