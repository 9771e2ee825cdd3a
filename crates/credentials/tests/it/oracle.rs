//! jsonwebtoken's opinion of our tokens, and ours of its.

use domain::role::Scopes;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm as Alg, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use keyledger_credentials::claims::Claims;
use keyledger_credentials::jwks::jwks;
use keyledger_credentials::jws::{Algorithm, JwsError, Unverified};
use proptest::prelude::*;
use serde_json::Value;

use crate::samples::{SEED, service_account_claims, signer, user_claims};

/// The seed in the form of RFC 8410, section 7.
fn encoding_key() -> EncodingKey {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend_from_slice(&SEED);
    EncodingKey::from_ed_der(&der)
}

/// The key that the published set names for the token.
fn theirs(token: &str) -> Option<Value> {
    let published = jwks([signer(Algorithm::EdDsa).verifying_key().public_key()], Algorithm::EdDsa);
    let set: JwkSet = serde_json::from_str(&published).expect("a key set");
    let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
    let key = DecodingKey::from_jwk(set.find(&kid)?).expect("a usable key");
    let mut validation = Validation::new(Alg::EdDSA);
    validation.set_audience(&["https://api.example.com", "https://b.example.com"]);
    validation.set_issuer(&["https://keys.example.com"]);
    decode::<Value>(token, &key, &validation).ok().map(|read| read.claims)
}

fn ours(token: &str) -> Result<Claims, JwsError> {
    Unverified::parse(token)?.verify(signer(Algorithm::EdDsa).verifying_key())
}

fn header() -> Header {
    let kid = signer(Algorithm::EdDsa).kid().to_string();
    Header { typ: Some("at+jwt".to_owned()), kid: Some(kid), ..Header::new(Alg::EdDSA) }
}

#[test]
fn tokens_that_we_sign_are_read_there() {
    let read = theirs(&signer(Algorithm::EdDsa).sign(&user_claims())).unwrap();
    assert_eq!(read["sub"], "01010101-0101-0101-0101-010101010101");
    assert_eq!(read["sub_kind"], "user");
    assert_eq!(read["seq"], 42);
    assert_eq!(read.get("scope"), None);
    let read = theirs(&signer(Algorithm::EdDsa).sign(&service_account_claims())).unwrap();
    assert_eq!(read["aud"][1], "https://b.example.com");
    assert_eq!(read["scope"], "flows:run keyledger:read");
}

#[test]
fn tokens_that_it_signs_are_read_here() {
    for claims in [user_claims(), service_account_claims()] {
        let payload = theirs(&signer(Algorithm::EdDsa).sign(&claims)).unwrap();
        let token = encode(&header(), &payload, &encoding_key()).unwrap();
        assert_eq!(ours(&token), Ok(claims));
    }
}

#[test]
fn what_it_signs_with_another_algorithm_is_refused_here() {
    let payload = theirs(&signer(Algorithm::EdDsa).sign(&user_claims())).unwrap();
    let public = signer(Algorithm::EdDsa).verifying_key().public_key().0;
    for alg in [Alg::HS256, Alg::HS384, Alg::HS512] {
        let token =
            encode(&Header { alg, ..header() }, &payload, &EncodingKey::from_secret(&public)).unwrap();
        assert_eq!(ours(&token), Err(JwsError::Algorithm), "{alg:?}");
    }
    let untyped = Header { typ: Some("JWT".to_owned()), ..header() };
    assert_eq!(ours(&encode(&untyped, &payload, &encoding_key()).unwrap()), Err(JwsError::Type));
    let nameless = Header { kid: None, ..header() };
    assert_eq!(ours(&encode(&nameless, &payload, &encoding_key()).unwrap()), Err(JwsError::Header));
}

#[test]
fn it_cannot_read_the_newer_algorithm_name_yet() {
    // When this fails, writing Ed25519 by default can be considered anew.
    assert_eq!(theirs(&signer(Algorithm::Ed25519).sign(&user_claims())), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_agree_on_any_claims(seq: u64, id: [u8; 16], scopes in "[a-z]{1,5}( [a-z:]{1,5}){0,5}") {
        let claims = Claims {
            seq: domain::time::Position::new(seq),
            token: domain::ids::TokenId::from_bytes(id),
            scopes: Scopes::parse(&scopes).unwrap(),
            ..user_claims()
        };
        let token = signer(Algorithm::EdDsa).sign(&claims);
        let payload = theirs(&token).unwrap();
        let again = encode(&header(), &payload, &encoding_key()).unwrap();
        prop_assert_eq!(ours(&token), Ok(claims.clone()));
        prop_assert_eq!(ours(&again), Ok(claims));
    }

    #[test]
    fn no_change_of_one_character_is_accepted_by_either(place in 0..700_usize, other in "[A-Za-z0-9_.-]") {
        let mut token = signer(Algorithm::EdDsa).sign(&user_claims());
        prop_assume!(place < token.len() && !token[place..].starts_with(&other));
        token.replace_range(place..=place, &other);
        prop_assert!(ours(&token).is_err());
        prop_assert_eq!(theirs(&token), None);
    }
}
