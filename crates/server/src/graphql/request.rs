//! A request of GraphQL over HTTP, as a body holds it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One operation of a document, and its variables.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) query: String,
    #[serde(default, rename = "operationName")]
    pub(super) operation_name: Option<String>,
    #[serde(default)]
    pub(super) variables: Option<Value>,
    /// There are none that we know; still it must be an object.
    #[serde(default, rename = "extensions")]
    pub(super) _extensions: Option<Map<String, Value>>,
}

impl Request {
    /// The request that a body holds, or what is wrong with the body and what to send instead.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Cow<'static, str>> {
        // Plain NUL is nowhere in JSON, and everywhere in UTF-16.
        if body.contains(&0) || std::str::from_utf8(body).is_err() {
            return Err("the body is not in UTF-8, the one encoding that JSON has: send it in UTF-8".into());
        }
        // serde reads a struct from an array, too; that would look like a batch.
        match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => Err("the body is empty: send one JSON object with a query".into()),
            Some(b'[') => {
                Err("batches are not taken: send one JSON object with a query, and the next in a request of \
                               its own"
                    .into())
            }
            Some(b'{') => serde_json::from_slice(body)
                .map_err(|error| format!("the body must be one JSON object with a query: {error}").into()),
            Some(_) => Err("the body is no JSON object: send one with a query".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_body_is_told_as_it_is() {
        let utf16: Vec<u8> = "{\"query\": \"{ hello }\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [&[0xFF, 0xFE], utf16.as_slice()].concat();
        for (body, told) in [
            (b"".as_slice(), "is empty"),
            (b" \n\t", "is empty"),
            (b"[{\"query\": \"{ hello }\"}]", "batches are not taken"),
            (b" []", "batches are not taken"),
            (&utf16, "not in UTF-8"),
            (&marked, "not in UTF-8"),
            (b"{\"query\": \"\xE9\"}", "not in UTF-8"),
            (b"{ hello }", "key must be a string at line 1"),
            (b"{}", "missing field `query`"),
            (b"query { hello }", "is no JSON object"),
            (b"null", "is no JSON object"),
        ] {
            let said = Request::parse(body).unwrap_err();
            assert!(said.contains(told), "{body:?}: {said}");
        }
        assert_eq!(Request::parse(b" {\"query\": \"{ hello }\"}").unwrap().query, "{ hello }");
    }
}
