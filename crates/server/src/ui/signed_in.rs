//! Who is signed in, for pages that are not the UI's own: the session is asked about as the UI does, and nothing is said if
//! there is none.

use authority::Caller;
use authority::sessions::{Presence, Resumed};
use axum::http::{Extensions, HeaderMap};

use super::cookie::Transport;
use super::visit::resumed;
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
        let shown = Transport::of(headers, extensions).read(headers);
        let (_, Resumed { caller, proved, .. }) = resumed(app, &shown, *visitor, Presence::Somebody).ok()?;
        Some(Self { caller, proved })
    }
}
