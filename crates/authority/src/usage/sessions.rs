//! The sessions that there are, in memory, and which of them the file does not have yet.

use std::collections::HashMap;

use domain::ids::KeyId;
use domain::time::Timestamp;
use store::usage::{Session, SessionDigest};

/// The most sessions of one key. One more ends the one that was seen the longest ago.
const OF_A_KEY_MAX: usize = 16;

/// The sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    open: HashMap<SessionDigest, Session>,
    /// What the file must be told; none: that it is over.
    unsaved: HashMap<SessionDigest, Option<Session>>,
}

impl Sessions {
    /// Takes in what the file has. What is known here is younger.
    pub(crate) fn read(&mut self, kept: HashMap<SessionDigest, Session>) {
        for (digest, session) in kept {
            if !self.unsaved.contains_key(&digest) {
                self.open.entry(digest).or_insert(session);
            }
        }
    }

    /// The session, if there is one.
    pub(crate) fn find(&self, digest: SessionDigest) -> Option<Session> {
        self.open.get(&digest).copied()
    }

    /// Keeps a session as it is now.
    pub(crate) fn put(&mut self, digest: SessionDigest, session: Session) {
        self.open.insert(digest, session);
        self.unsaved.insert(digest, Some(session));
    }

    /// Makes room for one more session of a key, and forgets all that were last seen before an instant.
    pub(crate) fn make_room(&mut self, key: KeyId, seen_since: Timestamp) {
        let mut own: Vec<_> = self.open.iter().filter(|(_, session)| session.key == key).collect();
        own.sort_by_key(|(_, session)| session.seen);
        let surplus = (own.len() + 1).saturating_sub(OF_A_KEY_MAX);
        let of_key = own.into_iter().take(surplus).map(|(digest, _)| *digest);
        let old =
            self.open.iter().filter(|(_, session)| session.seen < seen_since).map(|(digest, _)| *digest);
        for digest in of_key.chain(old).collect::<Vec<_>>() {
            self.end(digest);
        }
    }

    /// Every session.
    pub(crate) fn all(&self) -> impl Iterator<Item = (SessionDigest, Session)> {
        self.open.iter().map(|(digest, session)| (*digest, *session))
    }

    /// Ends a session as if it had been left alone for ever. It is kept, so that whoever comes back is told why: whatever is
    /// wrong with its key is told before how long it was left alone.
    pub(crate) fn stop(&mut self, digest: SessionDigest) {
        if let Some(session) = self.find(digest) {
            self.put(digest, Session { seen: Timestamp::MIN, ..session });
        }
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, digest: SessionDigest) {
        if self.open.remove(&digest).is_some() {
            self.unsaved.insert(digest, None);
        }
    }

    /// What the file does not have yet.
    pub(crate) fn unsaved(&self) -> &HashMap<SessionDigest, Option<Session>> {
        &self.unsaved
    }

    /// The file has it all.
    pub(crate) fn saved(&mut self) {
        self.unsaved.clear();
    }
}
