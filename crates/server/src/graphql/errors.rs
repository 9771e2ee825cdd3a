//! Refusals in GraphQL: `extensions.code`, and for a failed authentication `UNAUTHENTICATED` with the reason.

use authority::{Denied, Failure};
use domain::rejection::{Rejection, RejectionClass};
use juniper::{FieldError, Value};

/// The error of a field.
pub(super) fn refused(failure: Failure) -> FieldError {
    let message = failure.to_string();
    match (&failure, failure.class()) {
        (Failure::Rejected(Rejection::NotAuthenticated(refusal)), Some(RejectionClass::NotAuthenticated)) => {
            FieldError::new(message, extensions("UNAUTHENTICATED", Some(refusal.code())))
        }
        _ => FieldError::new(message, extensions(failure.code(), None)),
    }
}

/// The one error of a request whose credential is not accepted.
pub(super) fn unauthenticated(denied: Denied) -> serde_json::Value {
    serde_json::json!({
        "message": denied.to_string(),
        "extensions": {"code": "UNAUTHENTICATED", "reason": denied.code()},
    })
}

fn extensions(code: &str, reason: Option<&str>) -> Value {
    let mut object = juniper::Object::with_capacity(2);
    object.add_field("code", Value::scalar(code.to_owned()));
    if let Some(reason) = reason {
        object.add_field("reason", Value::scalar(reason.to_owned()));
    }
    Value::Object(object)
}

/// The most characters of one word of a request that an error repeats: those of a UUID.
const WORD_CHARS_MAX: usize = 36;

/// A message of the parser or of validation, which repeat what was sent: that may be a key in the wrong place.
/// Words longer than any name of ours are cut.
pub(super) fn harmless(message: &str) -> String {
    let between = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '\'' | '\\');
    let cut = |word: &str| {
        let end = word.trim_end_matches(|c| between(c) || matches!(c, '.' | ',' | ':' | ';')).len();
        let (word, end) = word.split_at(end);
        match word.char_indices().nth(WORD_CHARS_MAX) {
            Some(_) => format!("{}…{end}", word.chars().take(8).collect::<String>()),
            None => format!("{word}{end}"),
        }
    };
    message.split_inclusive(between).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_repeat_names_and_no_keys() {
        let plain = "Unknown field \"nothing\" on type `Query`: 01890a5d-ac96-774b-bcce-b302099a8057.";
        assert_eq!(harmless(plain), plain);
        let key = format!("klu_{}_{}", "0".repeat(22), "s".repeat(49));
        assert_eq!(harmless(&format!("Got: `\"{key}\"`. Details")), "Got: `\"klu_0000…\"`. Details");
        assert_eq!(harmless(&"é".repeat(37)), format!("{}…", "é".repeat(8)));
    }
}
