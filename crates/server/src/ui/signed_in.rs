//! Who is signed in, for pages that are not the UI's own: the session is asked about as the UI does, and nothing is said if
//! there is none.

use authority::Caller;
use axum::http::{Extensions, HeaderMap};

use super::cookie::Transport;
use crate::state::App;
use crate::visitor::Visitor;

/// Somebody with a session.
#[derive(Clone)]
pub(crate) struct SignedIn {
    /// Who, and where they act.
    pub(crate) caller: Caller,
    /// Whether the key was shown lately enough for a new secret to be seen.
    pub(crate) proved: bool,
}

impl SignedIn {
    /// Who sent a request of these parts.
    pub(crate) fn of(
        app: &App,
        headers: &HeaderMap,
        extensions: &Extensions,
        visitor: &Visitor,
    ) -> Option<Self> {
        let secret = Transport::of(headers, extensions).read(headers)?;
        let resumed = app.authority.resume_session(secret, visitor.address, app.sessions).ok()?;
        Some(Self { caller: resumed.caller, proved: resumed.proved })
    }
}
