//! A session of the web UI: with which key somebody signed in, and when they were last seen.
//!
//! It is lossy like the whole file: without it everybody signs in again. What the key may do is never kept here; it is
//! asked at every request.

use domain::ids::{KeyId, TenantId};
use domain::time::Timestamp;

/// What is stored of a session's secret: its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionDigest(pub [u8; 32]);

/// Somebody who showed a key once, and goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The key that was shown. The session is worth what it is worth.
    pub key: KeyId,
    /// The tenant that was chosen; none: the key's own.
    pub tenant: Option<TenantId>,
    /// When it began.
    pub opened: Timestamp,
    /// When it was used last, roughly.
    pub seen: Timestamp,
    /// When the key was shown last.
    pub proved: Timestamp,
}
