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
