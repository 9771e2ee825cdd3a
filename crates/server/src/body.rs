//! Bodies that are too large: read to their end and dropped, so that whoever sends one sees the refusal.
//!
//! A client that is answered while it still sends finds the connection reset, and the answer lost.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::refusal::RestError;

/// The most bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
/// How much of a body is read to its end; one that goes on is not worth an answer.
const READ_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads the body before anything else is done. Of one that is too large only so much is kept that the
/// handler sees it: each interface words the refusal in its own way.
pub(crate) async fn read_whole(request: Request, next: Next) -> Response {
    let (parts, mut body) = request.into_parts();
    let (mut kept, mut read) = (vec![], 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else {
            let message = "the body could not be read";
            return RestError::new(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", message).into_response();
        };
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        let room = (BODY_BYTES_MAX + 1).saturating_sub(kept.len());
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if read > READ_BYTES_MAX {
            break;
        }
    }
    next.run(Request::from_parts(parts, Body::from(kept))).await
}
