//! Tokens: what we accept another library accepts too, and reads the same in it.
//!
//! An input is a token; or `S`, a header, a line feed and a payload, which are signed with the right key, so that
//! what lies behind the signature is reached.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::claims::Claims;
use credentials::jws::{Algorithm, JwsError, Signer, Unverified};
use credentials::signing_key::{Seed, SigningKeyPair};
use domain::key::Owner;
use jsonwebtoken::{Algorithm as Alg, DecodingKey, Validation, decode};
use serde_json::{Value, json};

/// The seed that the corpus is signed with.
const SEED: [u8; 32] = [7; 32];

pub(super) fn run(bytes: &[u8]) {
    let pair = SigningKeyPair::from_seed(&Seed::from_bytes(SEED));
    let token = match bytes.split_first() {
        Some((b'S', rest)) => {
            let (header, payload) = halves(rest);
            let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
            format!("{input}.{}", URL_SAFE_NO_PAD.encode(pair.sign(input.as_bytes())))
        }
        Some(_) | None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return,
        },
    };
    let Ok(claims) = ours(&token, &pair) else { return };
    let again = Signer::new(pair, Algorithm::EdDsa).sign(&claims);
    let pair = SigningKeyPair::from_seed(&Seed::from_bytes(SEED));
    assert_eq!(ours(&again, &pair).as_ref(), Ok(&claims), "what was read can be written and read");
    // It does not know the newer name of the algorithm.
    if header_of(&token)["alg"] == "EdDSA" {
        agree(&claims, &theirs(&token, &pair).expect("what we accept is accepted elsewhere"));
    }
}

/// Header and payload; the latter is empty if there is no line feed.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.map_or((bytes, &[]), |end| (&bytes[..end], &bytes[end + 1..]))
}

fn ours(token: &str, pair: &SigningKeyPair) -> Result<Claims, JwsError> {
    Unverified::parse(token)?.verify(pair.verifying_key())
}

fn header_of(token: &str) -> Value {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).expect("a token that is accepted is base64url");
    serde_json::from_slice(&header).expect("a token that is accepted has a header of JSON")
}

fn theirs(token: &str, pair: &SigningKeyPair) -> Result<Value, jsonwebtoken::errors::Error> {
    let key = DecodingKey::from_ed_der(&pair.public_key().0);
    // Times, issuer and audience are no business of the signature, neither here nor there.
    let mut validation = Validation::new(Alg::EdDSA);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    decode::<Value>(token, &key, &validation).map(|read| read.claims)
}

fn agree(claims: &Claims, read: &Value) {
    let (sub, kind) = match claims.owner {
        Owner::User(id) => (id.to_string(), "user"),
        Owner::ServiceAccount(id) => (id.to_string(), "service_account"),
    };
    assert_eq!((&read["sub"], &read["sub_kind"]), (&json!(sub), &json!(kind)));
    assert_eq!(read["iss"], json!(claims.issuer.as_str()));
    assert_eq!(read["key_id"], json!(claims.key.to_string()));
    assert_eq!(read["tenant"], json!(claims.tenant.to_string()));
    assert_eq!(read["seq"], json!(claims.seq.number()));
    assert_eq!(read["jti"], json!(claims.token.to_string()));
    for (name, at) in [("iat", claims.issued_at), ("nbf", claims.not_before), ("exp", claims.expires_at)] {
        assert_eq!(read[name], json!(at.unix_ms() / 1000), "{name}");
    }
    let audience = match &read["aud"] {
        Value::String(one) => vec![one.clone()],
        several => serde_json::from_value(several.clone()).expect("an audience is texts"),
    };
    assert_eq!(audience, claims.audience.as_slice());
}
