//! Key strings: what is read is what was made, in its one spelling.

use credentials::key_string::KeyString;
use credentials::secret::Secret;

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(secret) = Secret::parse(text) {
        let other = Secret::parse("other").expect("any visible text is a secret");
        assert_eq!(format!("{secret:?}"), format!("{other:?}"), "a secret is not shown");
    }
    let Ok(key) = KeyString::parse(text) else { return };
    let own = key.expose();
    assert_eq!(own, without_scheme(text), "one key has one text");
    assert!(own.len() <= KeyString::BYTES_MAX);
    assert!(own.starts_with(key.prefix().as_str()) && own.ends_with(key.last_four().as_str()));
    let again = KeyString::parse(own).expect("what was read can be read");
    assert_eq!((again.id(), again.prefix()), (key.id(), key.prefix()));
    assert_eq!(again.secret().expose(), own);
    // The checksum finds each wrong character, and each two that changed places.
    for (at, byte) in own.bytes().enumerate() {
        let mut wrong = own.as_bytes().to_vec();
        wrong[at] = if byte == b'0' { b'1' } else { b'0' };
        refused(&wrong);
        wrong.copy_from_slice(own.as_bytes());
        if at > 0 && wrong[at - 1] != byte {
            wrong.swap(at - 1, at);
            refused(&wrong);
        }
    }
}

/// A scheme may be written in either case (RFC 3986, section 3.1).
fn without_scheme(text: &str) -> &str {
    match text.split_at_checked("secret-token:".len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("secret-token:") => key,
        Some(_) | None => text,
    }
}

fn refused(wrong: &[u8]) {
    let wrong = std::str::from_utf8(wrong).expect("it is ASCII");
    assert!(KeyString::parse(wrong).is_err(), "a mistyped key is read");
}
