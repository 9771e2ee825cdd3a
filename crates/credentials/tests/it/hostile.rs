//! Tokens that somebody else made, or bent. All are refused.

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use keyledger_credentials::claims::Claims;
use keyledger_credentials::jws::{Algorithm, JwsError, TOKEN_BYTES_MAX, Unverified};
use keyledger_credentials::signing_key::{Seed, SigningKeyPair};
use proptest::prelude::*;

use crate::samples::{SEED, signer, user_claims};

fn pair() -> SigningKeyPair {
    SigningKeyPair::from_seed(&Seed::from_bytes(SEED))
}

fn good() -> String {
    signer(Algorithm::EdDsa).sign(&user_claims())
}

fn part(token: &str, number: usize) -> String {
    token.split('.').nth(number).expect("three parts").to_owned()
}

/// The good payload under another header, signed with the right key all the same.
fn signed_with_header(header: &str) -> String {
    signed_input(&format!("{}.{}", URL_SAFE_NO_PAD.encode(header), part(&good(), 1)))
}

fn signed_input(input: &str) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(pair().sign(input.as_bytes())))
}

fn read(token: &str) -> Result<Claims, JwsError> {
    Unverified::parse(token)?.verify(pair().verifying_key())
}

#[test]
fn the_token_that_the_others_are_bent_from_is_good() {
    assert_eq!(read(&good()), Ok(user_claims()));
    let kid = pair().kid();
    assert_eq!(
        read(&signed_with_header(&format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#))),
        Ok(user_claims())
    );
}

#[test]
fn other_algorithms_are_refused() {
    let kid = pair().kid();
    for alg in ["none", "None", "NONE", "", "HS256", "RS256", "ES256", "Ed448", "eddsa", "ED25519", "EdDSA "]
    {
        let token = signed_with_header(&format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"at+jwt"}}"#));
        assert_eq!(read(&token), Err(JwsError::Algorithm), "{alg}");
    }
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{kid}","typ":"at+jwt"}}"#));
    assert_eq!(read(&format!("{header}.{}.", part(&good(), 1))), Err(JwsError::Segments));
}

#[test]
fn other_types_are_refused() {
    let kid = pair().kid();
    for typ in [
        "JWT",
        "jwt",
        "",
        "at+jwt ",
        "application/jwt",
        "application/application/at+jwt",
        "dpop+jwt",
        "x/at+jwt",
    ] {
        let token = signed_with_header(&format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"{typ}"}}"#));
        assert_eq!(read(&token), Err(JwsError::Type), "{typ}");
    }
}

#[test]
fn headers_with_other_members_are_refused() {
    let kid = pair().kid();
    let x = URL_SAFE_NO_PAD.encode(pair().public_key().0);
    let jwk = format!(r#""jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    let extra = [
        jwk.as_str(),
        r#""jku":"https://evil.example.com/jwks.json""#,
        r#""x5u":"https://evil.example.com/cert.pem""#,
        r#""x5c":["AAAA"]"#,
        r#""x5t":"AAAA""#,
        r#""crit":["exp"],"exp":1"#,
        r#""crit":[]"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
        r#""cty":"JWT""#,
        r#""alg":"EdDSA""#,
        r#""alg":"none""#,
        r#""\u0061lg":"none""#,
        r#""typ":"at+jwt""#,
        &format!(r#""kid":"{kid}""#),
        r#""kid":null"#,
        r#""a":1"#,
    ];
    for extra in extra {
        for header in [
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt",{extra}}}"#),
            format!(r#"{{{extra},"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
        ] {
            assert_eq!(read(&signed_with_header(&header)), Err(JwsError::Header), "{header}");
        }
    }
}

#[test]
fn headers_of_another_shape_are_refused() {
    let kid = pair().kid();
    let bad = [
        r#"{"alg":"EdDSA","typ":"at+jwt"}"#.to_owned(),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"kid":"{kid}","typ":"at+jwt"}}"#),
        r#"{"alg":"EdDSA","kid":null,"typ":"at+jwt"}"#.to_owned(),
        r#"{"alg":"EdDSA","kid":1,"typ":"at+jwt"}"#.to_owned(),
        format!(r#"{{"alg":["EdDSA"],"kid":"{kid}","typ":"at+jwt"}}"#),
        format!(r#"["EdDSA","{kid}","at+jwt"]"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}{{}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt",}}"#),
        format!(r#"{{"Alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
        format!("\u{feff}{{\"alg\":\"EdDSA\",\"kid\":\"{kid}\",\"typ\":\"at+jwt\"}}"),
        "null".to_owned(),
        "{}".to_owned(),
        "\0".to_owned(),
        "[".repeat(4000),
    ];
    for header in bad {
        assert_eq!(read(&signed_with_header(&header)), Err(JwsError::Header), "{header}");
    }
}

#[test]
fn keys_of_other_names_are_refused() {
    for kid in [
        "",
        "1",
        "../../etc/passwd",
        "' OR 1=1 --",
        &"A".repeat(42),
        &"A".repeat(44),
        &format!("{}=", "A".repeat(43)),
    ] {
        let token = signed_with_header(&format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#));
        assert_eq!(read(&token), Err(JwsError::Kid), "{kid}");
    }
    let another = "A".repeat(43);
    let token = signed_with_header(&format!(r#"{{"alg":"EdDSA","kid":"{another}","typ":"at+jwt"}}"#));
    assert_eq!(Unverified::parse(&token).unwrap().kid().to_string(), another);
    assert_eq!(read(&token), Err(JwsError::Signature));
}

#[test]
fn a_header_or_payload_of_another_token_is_refused() {
    let (ours, newer) = (good(), signer(Algorithm::Ed25519).sign(&user_claims()));
    let swapped = format!("{}.{}.{}", part(&newer, 0), part(&ours, 1), part(&ours, 2));
    assert_eq!(read(&swapped), Err(JwsError::Signature));
    let other = signer(Algorithm::EdDsa).sign(&Claims { role: domain::role::Role::Member, ..user_claims() });
    let swapped = format!("{}.{}.{}", part(&ours, 0), part(&other, 1), part(&ours, 2));
    assert_eq!(read(&swapped), Err(JwsError::Signature));
}

#[test]
fn other_numbers_of_parts_are_refused() {
    let good = good();
    let (h, p, s) = (part(&good, 0), part(&good, 1), part(&good, 2));
    let bad = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        h.clone(),
        format!("{h}.{p}"),
        format!("{h}.{p}."),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{s}"),
        format!("{h}..{s}"),
        format!(".{p}.{s}"),
        format!("{h}.{p}..{s}"),
        format!("{h}.{p}.{s}.AA.AA"),
    ];
    for token in bad {
        assert_eq!(read(&token), Err(JwsError::Segments), "{token}");
    }
}

#[test]
fn other_spellings_of_base64_are_refused() {
    let good = good();
    let (h, p, s) = (part(&good, 0), part(&good, 1), part(&good, 2));
    // 64 bytes leave four bits of the last character unused: 15 more spellings of one signature.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.iter().position(|c| s.ends_with(*c as char)).unwrap();
    for other in alphabet.iter().skip(last & !15).take(16).filter(|c| !s.ends_with(**c as char)) {
        let token = format!("{h}.{p}.{}{}", &s[..s.len() - 1], *other as char);
        assert_eq!(read(&token), Err(JwsError::Base64), "{}", *other as char);
    }
    let padded = |part: &str| URL_SAFE.encode(URL_SAFE_NO_PAD.decode(part).unwrap());
    assert_eq!(read(&format!("{h}.{p}.{}", padded(&s))), Err(JwsError::Base64));
    let header = format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"at+jwt"}} "#, pair().kid());
    let header = URL_SAFE.encode(header);
    assert!(header.ends_with('='));
    assert_eq!(read(&signed_input(&format!("{header}.{p}"))), Err(JwsError::Base64));
    // The payload, too, and even when the signature over that spelling is good.
    for payload in [format!("{p}="), format!("{p}\n"), format!(" {p}"), format!("{p}+"), format!("{p}/")] {
        assert_eq!(read(&signed_input(&format!("{h}.{payload}"))), Err(JwsError::Base64), "{payload}");
    }
    let one_bit_over = signed_input(&format!("{h}.{}", "AB"));
    assert_eq!(read(&one_bit_over), Err(JwsError::Base64));
    assert_eq!(read(&format!("{good} ")), Err(JwsError::Base64));
    assert_eq!(read(&format!("Bearer {good}")), Err(JwsError::Base64));
}

#[test]
fn signatures_of_other_lengths_are_refused() {
    let good = good();
    let (input, _) = good.rsplit_once('.').unwrap();
    for length in [1, 32, 63, 65, 128] {
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(vec![1; length]));
        assert_eq!(read(&token), Err(JwsError::Signature), "{length}");
    }
}

/// The order of the group: S and S + L verify alike where S is not looked at (RFC 8032, section 5.1.7).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_signature_has_no_second_spelling() {
    let good = good();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
    }
    assert_eq!(carry, 0, "S + L fits in 32 bytes");
    let token = |signature: &[u8]| format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(read(&token(&signature)), Err(JwsError::Signature), "S + L");
    signature[63] |= 0xe0;
    assert_eq!(read(&token(&signature)), Err(JwsError::Signature), "its high bits");
    // R of small order and S = 0 verify anything under a key of small order, where those are taken.
    for small in SMALL_ORDER {
        let forged = [small, [0; 32]].concat();
        assert_eq!(read(&token(&forged)), Err(JwsError::Signature));
    }
}

/// Points of small order, and spellings of them that are not canonical.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    with(0, 1),
    with(31, 0x80),
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

const fn with(at: usize, byte: u8) -> [u8; 32] {
    let mut point = [0; 32];
    point[at] = byte;
    point
}

#[test]
fn keys_of_small_order_verify_nothing() {
    for small in SMALL_ORDER {
        let parsed =
            keyledger_credentials::signing_key::VerifyingKey::parse(&domain::event::PublicKey(small));
        assert!(parsed.is_err(), "{small:x?}");
    }
}

#[test]
fn huge_tokens_are_refused_before_anything_is_read() {
    let good = good();
    assert_eq!(read(&"A".repeat(TOKEN_BYTES_MAX + 1)), Err(JwsError::TooLong));
    assert_eq!(read(&"A".repeat(TOKEN_BYTES_MAX)), Err(JwsError::Segments));
    assert_eq!(read(&".".repeat(1 << 20)), Err(JwsError::TooLong));
    let stuffed = format!("{}.{}.{}", part(&good, 0), "A".repeat(TOKEN_BYTES_MAX), part(&good, 2));
    assert_eq!(read(&stuffed), Err(JwsError::TooLong));
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}", header in "\\PC{0,60}") {
        prop_assert!(read(&text).is_err());
        prop_assert!(read(&signed_with_header(&header)).is_err());
    }
}
