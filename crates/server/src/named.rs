//! The changing parts of a path, as text.

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use crate::interface::Interface;
use crate::state::App;

/// Those parts. A path that is no UTF-8 is refused in the form of its interface.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let path = Path::from_request_parts(parts, app).await;
        path.map(|Path(named)| Self(named)).map_err(|_| {
            let interface = Interface::at(parts.uri.path(), &parts.headers);
            interface.refuse(StatusCode::BAD_REQUEST, "INVALID", "the path is not UTF-8; name ids in it")
        })
    }
}
