//! Answers as of a change that whoever asks knows of: they name its position, and wait until the index has it.

use std::time::Duration;

use authority::Authority;
use axum::http::StatusCode;
use domain::time::Position;

use crate::refusal::RestError;

/// How long a request waits for a position that is not reached yet.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The position was not reached in time.
#[derive(Debug)]
pub(crate) struct NotReached;

impl NotReached {
    pub(crate) const STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    pub(crate) const CODE: &str = "POSITION_NOT_REACHED";
    pub(crate) const MESSAGE: &str = "this server has not reached the position asked for; ask again";
}

impl From<NotReached> for RestError {
    fn from(_: NotReached) -> Self {
        Self::new(NotReached::STATUS, NotReached::CODE, NotReached::MESSAGE)
    }
}

/// Waits until the index has reached the position, but not long.
pub(crate) async fn reached(authority: &Authority, position: Position) -> Result<(), NotReached> {
    let wait = async {
        while authority.position() < position {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, wait).await.map_err(|_| NotReached)
}
