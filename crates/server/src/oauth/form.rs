//! A form of RFC 6749: each parameter at most once, except those that may repeat; empty ones count as absent.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use zeroize::Zeroize as _;

use super::error::{OAuthError, invalid_request};

/// The parameters of a request. What was sent is wiped when it is dropped: it may hold a key.
pub(crate) struct Form(Vec<(String, String)>);

/// Why a body is not such a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormError {
    /// A parameter that must not repeat does.
    Repeated,
    /// More than any request needs.
    TooMany,
}

/// The most parameters of one request: no grant has half as many.
const PARAMETERS_MAX: usize = 32;

/// RFC 8693, section 2.1: these name several targets by being repeated.
const REPEATABLE: [&str; 2] = ["resource", "audience"];

impl Form {
    /// The form that a request carries.
    pub(super) fn of(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Self, OAuthError> {
        let body = body.map_err(|rejection| {
            let error = invalid_request("the body could not be read, or is larger than 256 KiB");
            OAuthError { status: rejection.status(), code: "PAYLOAD_TOO_LARGE", ..error }
        })?;
        let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        Self::parse(&body).map_err(|error| match error {
            FormError::Repeated => invalid_request("a parameter is repeated"),
            FormError::TooMany => invalid_request("there are more than 32 parameters"),
        })
    }

    /// Reads `application/x-www-form-urlencoded`.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, FormError> {
        let form = Self(
            form_urlencoded::parse(body)
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (Cow::into_owned(name), Cow::into_owned(value)))
                .take(PARAMETERS_MAX + 1)
                .collect(),
        );
        if form.0.len() > PARAMETERS_MAX {
            return Err(FormError::TooMany);
        }
        let repeated = form.0.iter().enumerate().any(|(index, (name, _))| {
            !REPEATABLE.contains(&name.as_str()) && form.0[..index].iter().any(|(other, _)| other == name)
        });
        if repeated { Err(FormError::Repeated) } else { Ok(form) }
    }

    /// A parameter, if it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_once_unless_they_name_targets() {
        let form = Form::parse(b"a=1&b=&audience=x&audience=y%20z").ok().unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), None, None));
        assert_eq!(form.all("audience").collect::<Vec<_>>(), ["x", "y z"]);
        assert_eq!(Form::parse(b"a=1&a=1").err(), Some(FormError::Repeated));
        let many: Vec<_> = (0..40_000).map(|n| format!("{n}=1")).collect();
        assert_eq!(Form::parse(many.join("&").as_bytes()).err(), Some(FormError::TooMany));
    }
}
