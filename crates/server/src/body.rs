//! Bodies that are too large: read to their end and dropped, so that whoever sends one sees the refusal.
//!
//! A client that is answered while it still sends finds the connection reset, and the answer lost.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::deadline::Deadline;
use crate::interface::Interface;

/// The most bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
/// How much of a body is read to its end; one that goes on is not worth an answer.
const READ_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads the body before anything else is done. Of one that is too large only so much is kept that the
/// handler sees it: each interface words the refusal in its own way.
///
/// A body that has not come by the deadline is given up: of such a request nothing was carried out.
pub(crate) async fn read_whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let interface = Interface::at(parts.uri.path(), &parts.headers);
    let Deadline(deadline) = *parts.extensions.get().expect("the deadline is set before the body is read");
    match tokio::time::timeout_at(deadline.into(), read(body)).await {
        Ok(Ok(kept)) => next.run(Request::from_parts(parts, Body::from(kept))).await,
        Ok(Err(Unreadable)) => {
            interface.refuse(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "the body could not be read")
        }
        Err(_) => {
            let message = "the body did not come in time; nothing was carried out";
            interface.refuse(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
        }
    }
}

/// The connection broke, or the body is not framed as it says.
struct Unreadable;

/// What is kept of a body.
async fn read(mut body: Body) -> Result<Vec<u8>, Unreadable> {
    let (mut kept, mut read) = (vec![], 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(|_| Unreadable)?.into_data() else { continue };
        read += data.len();
        let room = (BODY_BYTES_MAX + 1).saturating_sub(kept.len());
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if read > READ_BYTES_MAX {
            break;
        }
    }
    Ok(kept)
}
