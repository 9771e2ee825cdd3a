//! Sessions: somebody showed a key once, and goes on without it for as long as the key is accepted.
//!
//! A session holds no rights. At every request its key is asked about by its id, by the same rules as if its secret had
//! been shown: what refuses the key, ends the session. What is stored of the session's own secret is its digest.

use std::net::IpAddr;

use domain::ids::{KeyId, TenantId};
use domain::time::Timestamp;
use domain::{Event, Recorded, Refusal};
use store::usage::SessionDigest;

use crate::authenticate::{Caller, Denial};
use crate::authority::Authority;
use crate::failure::Denied;
use crate::opaque::{self, OpaqueSecret};

pub use store::usage::Session;

/// How often at most the file is told that a session was seen.
const SEEN_AGAIN_SECONDS: u64 = 60;

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// For how long it may be left alone.
    pub idle_seconds: u64,
    /// How long it lasts at the most.
    pub life_seconds: u64,
    /// How long after the key was shown a new secret may be seen.
    pub proof_seconds: u64,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle_seconds: 30 * 60, life_seconds: 12 * 60 * 60, proof_seconds: 10 * 60 }
    }
}

/// Somebody who goes on with a session.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// As whom the key is accepted now.
    pub caller: Caller,
    /// The session.
    pub session: Session,
    /// Whether the key was shown lately enough for a new secret to be seen.
    pub proved: bool,
}

/// Who asks with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Somebody, who is there.
    Somebody,
    /// A page by itself, which may have been left open: the session is not kept alive by it.
    Page,
}

/// Why a session does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionOver {
    /// There is none: it never was, was signed out, or lasted long enough.
    NoSession,
    /// Its key is not accepted any more.
    Denied(Denial),
}

impl Authority {
    /// Opens a session for somebody who was let in with a key just now, in the key's own tenant.
    pub fn open_session(&self, caller: &Caller, limits: SessionLimits) -> OpaqueSecret {
        let secret = OpaqueSecret::draw();
        let now = self.now();
        let session = Session { key: caller.key, tenant: None, opened: now, seen: now, proved: now };
        let idle_ms = i64::try_from(limits.idle_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        let since = Timestamp::from_unix_ms(now.unix_ms().saturating_sub(idle_ms)).unwrap_or(Timestamp::MIN);
        let digest = SessionDigest(secret.digest().bytes);
        self.recorder.counters.sessions(|sessions| {
            sessions.make_room(caller.key, since);
            sessions.put(digest, session);
        });
        secret
    }

    /// Goes on with a session: from where it is shown is asked as of its key.
    pub fn resume_session(
        &self,
        shown: &str,
        from: Option<IpAddr>,
        presence: Presence,
        limits: SessionLimits,
    ) -> Result<Resumed, SessionOver> {
        let counters = &self.recorder.counters;
        let digest = digest(shown).ok_or(SessionOver::NoSession)?;
        let found = counters.sessions_in_passing(|sessions| sessions.find(digest));
        let mut session = found.ok_or(SessionOver::NoSession)?;
        let now = self.now();
        let mut admitted = self.authenticate_known(session.key, from, session.tenant);
        if let Some(chosen) = session.tenant
            && admitted.as_ref().is_err_and(|denial| denial.denied.is_of_the_tenant())
        {
            // The tenant that was chosen is closed to it; its own may not be.
            counters.sessions_in_passing(|sessions| sessions.leave(digest, chosen));
            session.tenant = None;
            admitted = self.authenticate_known(session.key, from, None);
        }
        let caller = match admitted {
            Ok(caller) => caller,
            Err(denial) => {
                // From another address it may be accepted again; anything else is for the key to answer for.
                if denial.denied != Denied::Refused(Refusal::AddressNotAllowed) {
                    counters.sessions(|sessions| sessions.end(digest));
                }
                return Err(SessionOver::Denied(denial));
            }
        };
        let idle = now > session.seen.plus_seconds(limits.idle_seconds);
        if idle || now > session.opened.plus_seconds(limits.life_seconds) {
            counters.sessions(|sessions| sessions.end(digest));
            return Err(SessionOver::NoSession);
        }
        // Well within the idle limit, or somebody who is there would be signed out.
        let again = now >= session.seen.plus_seconds(SEEN_AGAIN_SECONDS.min(limits.idle_seconds / 4));
        if presence == Presence::Somebody && again {
            session.seen = now;
            counters.sessions_in_passing(|sessions| sessions.see(digest, now));
        }
        let proved = now <= session.proved.plus_seconds(limits.proof_seconds);
        Ok(Resumed { caller, session, proved })
    }

    /// The same session in another tenant. Whether its key acts there is asked at the next request, as always.
    pub fn enter_tenant(&self, shown: &str, tenant: TenantId) {
        self.change(shown, |session| session.tenant = Some(tenant));
    }

    /// The key was shown again just now.
    pub fn prove_session(&self, shown: &str) {
        let now = self.now();
        self.change(shown, |session| session.proved = now);
    }

    /// Ends the sessions of keys that these events stop, or that are not accepted just now: sessions do not come back with
    /// their keys. One whose tenant alone is closed to it leaves that tenant, and does not come back to it either.
    pub(crate) fn stop_sessions(&self, after: &[Recorded]) {
        let counters = &self.recorder.counters;
        let open: Vec<_> = counters.sessions_in_passing(|sessions| sessions.all().collect());
        let is_refused = |key, tenant| {
            let denied = self.authenticate_known(key, None, tenant).err();
            // From where it will be shown is not known here.
            denied.is_some_and(|denial| denial.denied != Denied::Refused(Refusal::AddressNotAllowed))
        };
        // It may be enabled again by now.
        let is_disabled = |wanted: KeyId| {
            after.iter().any(|recorded| matches!(recorded.event, Event::KeyDisabled { key } if key == wanted))
        };
        let is_out = |session: &Session| session.tenant.is_some() && is_refused(session.key, session.tenant);
        let is_stopped = |session: &Session| {
            let in_its_own = session.tenant.is_none() || is_out(session);
            is_disabled(session.key) || in_its_own && is_refused(session.key, None)
        };
        let (stopped, others): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|(_, session)| is_stopped(session));
        let closed = |(digest, session): (_, Session)| {
            session.tenant.filter(|_| is_out(&session)).map(|tenant| (digest, tenant))
        };
        let out: Vec<_> = others.into_iter().filter_map(closed).collect();
        if stopped.is_empty() && out.is_empty() {
            return;
        }
        counters.sessions(|sessions| {
            stopped.iter().for_each(|(digest, _)| sessions.stop(*digest));
            out.iter().for_each(|(digest, tenant)| sessions.leave(*digest, *tenant));
        });
    }

    /// Ends a session.
    pub fn close_session(&self, shown: &str) {
        let Some(digest) = digest(shown) else { return };
        self.recorder.counters.sessions(|sessions| sessions.end(digest));
    }

    fn change(&self, shown: &str, change: impl FnOnce(&mut Session)) {
        let Some(digest) = digest(shown) else { return };
        self.recorder.counters.sessions(|sessions| sessions.change(digest, change));
    }
}

fn digest(shown: &str) -> Option<SessionDigest> {
    Some(SessionDigest(opaque::digest(shown)?.bytes))
}

/// Whether keys may be refused from this event on that are accepted again after another one.
pub(crate) fn stops_for_a_while(event: &Event) -> bool {
    matches!(
        event,
        Event::KeyDisabled { .. }
            | Event::UserSuspended { .. }
            | Event::ServiceAccountSuspended { .. }
            | Event::TenantSuspended { .. }
            // Whoever has no other tenant is refused until they join one, or operate again.
            | Event::TenantRemoved { .. }
            | Event::MemberRemoved { .. }
            | Event::OperatorWithdrawn { .. }
    )
}
