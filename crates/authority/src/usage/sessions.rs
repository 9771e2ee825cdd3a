//! The sessions that there are, in memory, and which of them the file does not have yet.

use std::collections::HashMap;

use domain::ids::{KeyId, TenantId};
use domain::time::Timestamp;
use store::usage::{Session, SessionDigest};

/// The most sessions of one key. One more ends the one that was seen the longest ago.
const OF_A_KEY_MAX: usize = 16;
/// When a session was seen last that was stopped.
const STOPPED: Timestamp = Timestamp::MIN;

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

    /// Changes a session as it is now, if it is still there. Whoever looked at it before must not put back what they saw:
    /// it may have been signed out, stopped or changed since.
    pub(crate) fn change(&mut self, digest: SessionDigest, change: impl FnOnce(&mut Session)) {
        if let Some(mut session) = self.find(digest) {
            change(&mut session);
            self.put(digest, session);
        }
    }

    /// Somebody went on with a session just now. One that was stopped meanwhile stays so.
    pub(crate) fn see(&mut self, digest: SessionDigest, now: Timestamp) {
        if self.find(digest).is_some_and(|session| session.seen != STOPPED) {
            self.change(digest, |session| session.seen = now);
        }
    }

    /// A tenant is closed to a session, which goes on in its key's own, unless it entered another one meanwhile.
    pub(crate) fn leave(&mut self, digest: SessionDigest, tenant: TenantId) {
        if self.find(digest).is_some_and(|session| session.tenant == Some(tenant)) {
            self.change(digest, |session| session.tenant = None);
        }
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
        self.change(digest, |session| session.seen = STOPPED);
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

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: SessionDigest = SessionDigest([7; 32]);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_ms(second * 1000).unwrap()
    }

    fn tenant(number: u8) -> TenantId {
        TenantId::from_bytes([number; 16])
    }

    fn opened() -> (Sessions, Session) {
        let key = KeyId::from_bytes([1; 16]);
        let session = Session { key, tenant: None, opened: at(1), seen: at(1), proved: at(1) };
        let mut sessions = Sessions::default();
        sessions.put(DIGEST, session);
        (sessions, session)
    }

    #[test]
    fn whoever_goes_on_changes_nothing_but_when_it_was_seen() {
        let (mut sessions, session) = opened();
        sessions.change(DIGEST, |session| session.tenant = Some(tenant(2)));
        sessions.change(DIGEST, |session| session.proved = at(5));
        sessions.see(DIGEST, at(9));
        let expected = Session { tenant: Some(tenant(2)), proved: at(5), seen: at(9), ..session };
        assert_eq!(sessions.find(DIGEST), Some(expected));
    }

    #[test]
    fn what_was_stopped_or_ended_meanwhile_does_not_come_back() {
        let (mut sessions, session) = opened();
        sessions.stop(DIGEST);
        sessions.see(DIGEST, at(9));
        sessions.leave(DIGEST, tenant(2));
        assert_eq!(sessions.find(DIGEST), Some(Session { seen: STOPPED, ..session }));
        sessions.end(DIGEST);
        sessions.see(DIGEST, at(9));
        sessions.stop(DIGEST);
        sessions.leave(DIGEST, tenant(2));
        sessions.change(DIGEST, |session| session.proved = at(9));
        assert_eq!(sessions.find(DIGEST), None);
        assert_eq!(sessions.unsaved().get(&DIGEST), Some(&None), "the file forgets it, too");
    }

    #[test]
    fn a_closed_tenant_is_left_and_no_other() {
        let (mut sessions, _) = opened();
        sessions.change(DIGEST, |session| session.tenant = Some(tenant(3)));
        sessions.leave(DIGEST, tenant(2));
        assert_eq!(sessions.find(DIGEST).unwrap().tenant, Some(tenant(3)), "it entered another meanwhile");
        sessions.leave(DIGEST, tenant(3));
        assert_eq!(sessions.find(DIGEST).unwrap().tenant, None);
    }
}
