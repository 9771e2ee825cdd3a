//! The published set of keys by which anyone checks tokens (RFC 7517, section 5; RFC 8037, section 2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::event::PublicKey;
use serde::Serialize;

use crate::jws::Algorithm;
use crate::signing_key::Kid;

/// The JSON text of a key set, with the keys in the order given.
///
/// `alg` is what the deployment writes into tokens: libraries refuse a token whose `alg` is not its key's.
pub fn jwks(keys: impl IntoIterator<Item = PublicKey>, algorithm: Algorithm) -> String {
    let keys = keys.into_iter().map(|key| Jwk::of(&key, algorithm)).collect();
    serde_json::to_string(&Jwks { keys }).expect("texts always become JSON")
}

#[derive(Serialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Serialize)]
struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
}

impl Jwk {
    fn of(key: &PublicKey, algorithm: Algorithm) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            x: URL_SAFE_NO_PAD.encode(key.0),
            kid: Kid::of(key).to_string(),
            usage: "sig",
            alg: algorithm.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_the_public_halves() {
        // RFC 8037, appendix A.2 and A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = PublicKey(URL_SAFE_NO_PAD.decode(x).unwrap().try_into().unwrap());
        let expected = concat!(
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","#,
            r#""kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","use":"sig","alg":"EdDSA"}]}"#,
        );
        assert_eq!(jwks([key], Algorithm::EdDsa), expected);
        assert_eq!(jwks([], Algorithm::EdDsa), r#"{"keys":[]}"#);
        assert!(jwks([key, key], Algorithm::Ed25519).ends_with(r#""alg":"Ed25519"}]}"#));
    }
}
