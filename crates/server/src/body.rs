//! Bodies that are too large: read to their end and dropped, so that whoever sends one sees the refusal.
//!
//! A client that is answered while it still sends finds the connection reset, and the answer lost.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::deadline::Deadline;
use crate::interface::Interface;
use crate::state::App;

/// The most bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
/// How much of a body is read to its end; one that goes on is not worth an answer.
const READ_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much of a body anybody may have in memory.
const SMALL_BODY_BYTES_MAX: usize = 16 * 1024;
/// How many larger ones there may be at once: 128 MiB of them, however many connections send one.
const LARGE_BODIES_MAX: usize = 512;
/// In how many seconds whoever found no room may ask again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The room for large bodies.
pub(crate) struct LargeBodies(Semaphore);

impl Default for LargeBodies {
    fn default() -> Self {
        Self(Semaphore::new(LARGE_BODIES_MAX))
    }
}

/// Reads the body before anything else is done. Of one that is too large only so much is kept that the
/// handler sees it: each interface words the refusal in its own way.
///
/// A body that has not come by the deadline is given up: of such a request nothing was carried out.
pub(crate) async fn read_whole(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let interface = Interface::at(parts.uri.path(), &parts.headers);
    let Deadline(deadline) = *parts.extensions.get().expect("the deadline is set before the body is read");
    match tokio::time::timeout_at(deadline.into(), read(body, &app.running.large_bodies)).await {
        // The room is held until the answer is there.
        Ok(Ok((kept, _room))) => next.run(Request::from_parts(parts, Body::from(kept))).await,
        Ok(Err(NotKept::NoRoom)) => {
            let message = "too many large requests are under way; nothing was carried out, so try again";
            interface.busy(message, RETRY_AFTER_SECONDS)
        }
        Ok(Err(NotKept::Unreadable)) => {
            interface.refuse(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "the body could not be read")
        }
        Err(_) => {
            let message = "the body did not come in time; nothing was carried out";
            interface.refuse(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
        }
    }
}

/// Why a body is not there.
enum NotKept {
    /// The connection broke, or the body is not framed as it says.
    Unreadable,
    /// It is large, as are too many others.
    NoRoom,
}

/// What is kept of a body, and its room, if it needs any.
async fn read(
    mut body: Body,
    large: &LargeBodies,
) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), NotKept> {
    let (mut kept, mut read, mut room, mut refused) = (vec![], 0, None, false);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(|_| NotKept::Unreadable)?.into_data() else { continue };
        read += data.len();
        if read > SMALL_BODY_BYTES_MAX && room.is_none() && !refused {
            room = large.0.try_acquire().ok();
            refused = room.is_none();
        }
        if refused {
            kept = vec![];
        } else {
            let wanted = (BODY_BYTES_MAX + 1).saturating_sub(kept.len());
            kept.extend_from_slice(&data[..data.len().min(wanted)]);
        }
        if read > READ_BYTES_MAX {
            break;
        }
    }
    if refused { Err(NotKept::NoRoom) } else { Ok((kept, room)) }
}
