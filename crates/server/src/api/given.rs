//! What a request gives: a JSON object as its body, and ids.

use authority::{Failure, InputError};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use domain::ids::Id;
use domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::instant;
use crate::refusal::RestError;
use crate::state::App;

/// A JSON object. Members that are not known are passed over: newer clients send more. No body is an empty object.
pub(crate) struct Given<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Given<T> {
    type Rejection = RestError;

    async fn from_request(request: Request, app: &App) -> Result<Self, RestError> {
        let body = Bytes::from_request(request, app).await.map_err(|rejection| {
            let message = "the body could not be read, or is larger than 256 KiB";
            RestError::new(rejection.status(), "PAYLOAD_TOO_LARGE", message)
        })?;
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        // serde reads a struct from an array, too.
        let object: &[u8] = match first {
            None => b"{}",
            Some(b'{') => &body,
            Some(_) => b"",
        };
        serde_json::from_slice(object).map(Self).map_err(|error| {
            let message = format!("the body must be a JSON object: {error}");
            RestError::new(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", message)
        })
    }
}

/// One of these texts. Without a list, any.
#[derive(Default, Deserialize)]
pub(super) struct AnyOf {
    any_: Option<Vec<String>>,
}

impl AnyOf {
    pub(super) fn admits(wanted: Option<&Self>, text: &str) -> bool {
        wanted.and_then(|wanted| wanted.any_.as_ref()).is_none_or(|any| any.iter().any(|one| one == text))
    }
}

/// An id in the path or the body.
pub(super) fn id<K>(field: &'static str, text: &str) -> Result<Id<K>, Failure> {
    let rule = "not an id: an id is a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057";
    Id::parse(text).map_err(|_| InputError::Malformed { field, rule }.into())
}

/// An instant in the body; none, if there is none.
pub(super) fn instant(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    let rule = "give an instant of RFC 3339 with an offset, such as 2031-01-01T00:00:00Z, or null";
    text.map(|text| instant::parse(text).ok_or(InputError::Malformed { field, rule }.into())).transpose()
}
