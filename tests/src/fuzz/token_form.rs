//! Forms of OAuth and the client's header: nothing is had without the key, or with a parameter that stands twice.
//!
//! An input is `t`, `i` or `r` for the endpoint, the header's value, a line feed, and the form. `{KEY}`, `{ID}` and
//! `{BASIC}` stand for those of a living key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use server::loopback::Asked;

use super::world::{self, World};

pub(super) fn run(bytes: &[u8]) {
    let Some((endpoint, rest)) = bytes.split_first() else { return };
    let path: &[u8] = match endpoint {
        b't' => b"/oauth/token",
        b'i' => b"/oauth/introspect",
        b'r' => b"/oauth/revoke",
        _ => return,
    };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (header, form) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    world::with(|world| ask(world, path, header, form));
}

fn ask(world: &World, path: &[u8], header: &[u8], form: &[u8]) {
    let filled = |template: &[u8]| {
        let basic = STANDARD.encode(format!("{}:{}", world.key_id, world.key));
        let filled = replaced(template, b"{KEY}", world.key.as_bytes());
        let filled = replaced(&filled, b"{ID}", world.key_id.as_bytes());
        replaced(&filled, b"{BASIC}", basic.as_bytes())
    };
    let (header, body) = (filled(header), filled(form));
    let mut headers: Vec<(&str, &[u8])> = vec![("content-type", b"application/x-www-form-urlencoded")];
    if !header.is_empty() {
        headers.push(("authorization", &header));
    }
    let asked = Asked { method: "POST", target: path, headers: &headers, body: &body };
    let Some(answered) = world.ask(asked) else { return };
    let told = String::from_utf8_lossy(&answered.body);
    assert!(!told.contains(&world.key), "the key that was shown is told");
    let answer: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
    if answered.status != 200 {
        assert!(answer["error"].is_string() && answer["code"].is_string(), "{}: {told}", answered.status);
        return;
    }
    for name in ["grant_type", "client_id", "client_secret", "subject_token", "scope", "tenant", "token"] {
        assert!(values(&body, name) <= 1, "{name} stands twice, and is answered: {told}");
    }
    let shown = [header.as_slice(), &decoded(&body)].concat();
    let held = contains(&shown, world.key.as_bytes()) || !header.is_empty();
    let gained = !answer["access_token"].is_null() || answer["active"] == true;
    assert!(held || !gained, "something is had for nothing: {told}");
    if let Some(token) = answer["access_token"].as_str() {
        assert!(world.authority.claims(token).is_some(), "it is no token of ours: {told}");
    }
}

fn replaced(text: &[u8], word: &[u8], by: &[u8]) -> Vec<u8> {
    let (mut made, mut rest) = (vec![], text);
    while !rest.is_empty() {
        let (taken, put) = if rest.starts_with(word) { (word.len(), by) } else { (1, &rest[..1]) };
        made.extend_from_slice(put);
        rest = &rest[taken..];
    }
    made
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// How many values that are not empty a form has for a name, read once more by other code.
fn values(form: &[u8], name: &str) -> usize {
    let pairs = form.split(|byte| *byte == b'&').map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (decoded(&pair[..at]), pair.len() > at + 1)
    });
    pairs.filter(|(known, filled)| known == name.as_bytes() && *filled).count()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let (mut made, mut at) = (vec![], 0);
    while let Some(byte) = text.get(at) {
        let (byte, taken) = match (byte, digit(at + 1).zip(digit(at + 2))) {
            (b'+', _) => (b' ', 1),
            (b'%', Some((high, low))) => ((high * 16 + low) as u8, 3),
            (byte, _) => (*byte, 1),
        };
        made.push(byte);
        at += taken;
    }
    made
}
