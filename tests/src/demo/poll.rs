//! A poll: the line of JSON that an agent prints for each, and its parent reads.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What one poll came to. It shows no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Poll {
    pub number: u64,
    /// In the order in which they were sent.
    pub requests: Vec<Request>,
}

/// One request of a poll. Instants are microseconds since 1970, of the clock that agent and parent share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    pub with: With,
    pub sent_us: u64,
    pub answered_us: u64,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was shown to the server, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum With {
    /// The key, to `GET /v1/whoami`.
    Key,
    /// The key, to `POST /oauth/token`.
    Exchange,
    /// A JWT minted from the key, to `GET /v1/whoami`.
    Jwt,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// 200, and as whom. An exchange does not say as whom.
    Accepted { id: Option<String> },
    /// Any other status.
    Refused { status: u16, code: Option<String> },
    /// No answer.
    Unreachable,
}

impl Poll {
    /// When it began.
    pub fn began_us(&self) -> u64 {
        self.requests.first().map_or(0, |request| request.sent_us)
    }
}

impl Request {
    pub const fn accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted { .. })
    }
}

/// Microseconds since 1970.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is not set before 1970");
    u64::try_from(since.as_micros()).expect("such an instant is far away")
}
