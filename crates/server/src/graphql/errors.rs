//! Refusals in GraphQL: `extensions.code`, and for a failed authentication `UNAUTHENTICATED` with the reason.

use authority::renewal::RenewalError;
use authority::{ExchangeError, Failure};
use domain::rejection::{Rejection, RejectionClass};
use juniper::{FieldError, Value};

use crate::deadline::TIMEOUT;
use crate::let_in::NotLetIn;

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

/// A token that is not minted.
pub(super) fn not_minted(error: &ExchangeError) -> FieldError {
    let code = match error {
        ExchangeError::Denied(denial) => {
            let reason = Some(denial.denied.code());
            return FieldError::new(error.to_string(), extensions("UNAUTHENTICATED", reason));
        }
        ExchangeError::NotAKey => "NOT_A_KEY",
        ExchangeError::ScopesNotHeld => "SCOPES_NOT_HELD",
        ExchangeError::AudienceReserved | ExchangeError::NoTenant => "INVALID_TARGET",
        ExchangeError::NoSigningKey => Failure::NoSigningKey.code(),
    };
    FieldError::new(error.to_string(), extensions(code, None))
}

/// A token that is not renewed.
pub(super) fn not_renewed(error: RenewalError) -> FieldError {
    let message = error.to_string();
    match error {
        RenewalError::Exchange(error) => not_minted(&error),
        RenewalError::NotARefreshToken => FieldError::new(message, extensions("NOT_A_REFRESH_TOKEN", None)),
        RenewalError::OtherToken(error) => refused(error.into()),
    }
}

/// A query that nobody waits for any more.
pub(super) fn given_up() -> FieldError {
    FieldError::new(TIMEOUT, extensions("TIMEOUT", None))
}

/// The one error of a request whose caller is not let in.
pub(super) fn not_let_in(refused: &NotLetIn) -> serde_json::Value {
    let (code, message) = (refused.code(), refused.message());
    let extensions = match refused {
        NotLetIn::Denied(_) => serde_json::json!({"code": "UNAUTHENTICATED", "reason": code}),
        NotLetIn::TooManyGuesses { retry_after_seconds } => {
            serde_json::json!({"code": "UNAUTHENTICATED", "reason": code, "retry_after_seconds": retry_after_seconds})
        }
        // Not what existing clients take for a dead key.
        NotLetIn::RateLimited { .. } => {
            serde_json::json!({"code": code, "retry_after_seconds": refused.retry_after_seconds()})
        }
    };
    serde_json::json!({"message": message, "extensions": extensions})
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
/// Words longer than any name of ours are cut. JSON escapes the control characters of ASCII but one, and none of the
/// others; whoever prints the message as it comes must not have the terminal steered.
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
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    message.split_inclusive(between).map(cut).collect::<String>().replace(steers, "\u{FFFD}")
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
        assert_eq!(harmless("a\u{7f}b\u{9b}31m\u{85}\r\n"), "a\u{FFFD}b\u{FFFD}31m\u{FFFD}\u{FFFD}\n");
        assert_eq!(harmless(&"é".repeat(37)), format!("{}…", "é".repeat(8)));
    }
}
