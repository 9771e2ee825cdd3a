//! GraphQL requests: every answer is one of GraphQL, with its code; a GET changes nothing; the limits hold.
//!
//! An input is `P` and a body; `G` and the query of an address; or `Q` and a document, variables and the name of an
//! operation, with NUL between.

use serde_json::{Value, json};
use server::loopback::Asked;

use super::world::{self, World};

/// The most fields at the root of an operation.
const ROOT_FIELDS_MAX: usize = 10;
/// More than half a million values and their names take.
const ANSWER_BYTES_MAX: usize = 64 << 20;

pub(super) fn run(bytes: &[u8]) {
    world::with(|world| match bytes.split_first() {
        Some((b'G', query)) => {
            let before = world.authority.position();
            ask(world, "GET", &[b"/graphql?", query].concat(), b"");
            assert_eq!(world.authority.position(), before, "a GET changed something");
        }
        Some((b'Q', rest)) => {
            let mut parts = rest.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let (query, variables, name) = (parts.next(), parts.next(), parts.next());
            let body = json!({"query": query, "variables": variables.filter(|it| !it.is_empty()), "operationName": name});
            ask(world, "POST", b"/graphql", body.to_string().as_bytes());
        }
        Some((b'P', body)) => ask(world, "POST", b"/graphql", body),
        Some(_) | None => ask(world, "POST", b"/", bytes),
    });
}

fn ask(world: &World, method: &str, target: &[u8], body: &[u8]) {
    let bearer = format!("Bearer {}", world.key);
    let headers: [(&str, &[u8]); 2] =
        [("authorization", bearer.as_bytes()), ("content-type", b"application/json")];
    let Some(answered) = world.ask(Asked { method, target, headers: &headers, body }) else { return };
    assert!(answered.body.len() <= ANSWER_BYTES_MAX, "{} bytes", answered.body.len());
    let answer: Value = serde_json::from_slice(&answered.body).expect("an answer is JSON");
    let errors = answer.get("errors").map(|errors| errors.as_array().expect("errors are a list"));
    assert!(errors.is_some() || answer["data"].is_object(), "neither data nor errors: {answer}");
    for error in errors.into_iter().flatten() {
        assert!(error["message"].is_string() && error["extensions"]["code"].is_string(), "{error}");
    }
    if let Some(data) = answer["data"].as_object() {
        assert!(data.len() <= ROOT_FIELDS_MAX, "{} root fields", data.len());
    }
    let told = String::from_utf8_lossy(&answered.body);
    assert!(!told.contains(&world.key), "the key that was shown is told");
    assert!(!told.contains(|c: char| c.is_control()), "a control character is told as it is");
}
