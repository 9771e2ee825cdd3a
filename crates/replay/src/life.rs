//! The life of a key: every event about it, every one that befell it through what it rests on, and what the clock brought.

use std::collections::BTreeSet;

use domain::difference::touched_by;
use domain::event::Event;
use domain::ids::{KeyId, SigningKeyId};
use domain::key::{KeyLife, Owner, Reach};
use domain::life::{Befell, acts_in};
use domain::rejection::Entity;
use domain::row::{Change, Key, Membership, RowId};
use domain::subjects::subjects_of;
use domain::time::Timestamp;
use domain::{Lookup, Model};
use store::StoreError;
use store::scan::Scanned;

use crate::rows::RowsAt;
use crate::show::Stop;
use crate::state::status;

/// What happened to a key.
pub(crate) enum Happened<'a> {
    /// An event, with the rows and how the key stood after it.
    Event { scanned: &'a Scanned, rows: &'a RowsAt<'a>, status: &'static str },
    /// It ended by itself at this instant.
    Ended { at: Timestamp, what: &'static str, status: &'static str },
}

/// Takes what happened.
pub(crate) type Each<'a> = &'a mut dyn FnMut(Happened<'_>) -> Result<(), Stop>;

/// Reads the log for what happened to one key.
pub(crate) struct Life {
    key: KeyId,
    stood: Option<Stood>,
}

/// How the key stood after the last event.
struct Stood {
    key: Key,
    /// What it rests on. What the clock brought before an event is asked for when only the rows after that are at hand.
    rows: Model,
    /// The signing keys that were retired when it was made: they never signed for it.
    retired: BTreeSet<SigningKeyId>,
    /// Up to here, what the clock ended was told.
    told: Timestamp,
}

impl Life {
    pub(crate) const fn of(key: KeyId) -> Self {
        Self { key, stood: None }
    }

    /// Whether the key was made by now.
    pub(crate) const fn begun(&self) -> bool {
        self.stood.is_some()
    }

    /// Takes in the next event; hands it on if it bears on the key, and before that what the clock did until then.
    pub(crate) fn take(&mut self, scanned: &Scanned, rows: &RowsAt<'_>, each: Each<'_>) -> Result<(), Stop> {
        let (event, at) = (&scanned.recorded.event, scanned.recorded.recorded_at);
        let bears = match &mut self.stood {
            Some(stood) => stood.take(event, at, rows, each)?,
            None => {
                let made = matches!(event, Event::KeyCreated(created) if created.key == self.key);
                self.stood = if made { Stood::begin(self.key, rows, at)? } else { None };
                made
            }
        };
        match &self.stood {
            Some(stood) if bears => each(Happened::Event { scanned, rows, status: stood.status(at) }),
            Some(_) | None => Ok(()),
        }
    }

    /// Hands on what ended by itself since the last event.
    pub(crate) fn clock(&mut self, until: Timestamp, each: Each<'_>) -> Result<(), Stop> {
        self.stood.as_mut().map_or(Ok(()), |stood| stood.clock(until, each))
    }
}

impl Stood {
    /// How the key stands with the event that made it; none, if the rows do not have it.
    fn begin(key: KeyId, rows: &RowsAt<'_>, at: Timestamp) -> Result<Option<Self>, StoreError> {
        let Some(key) = rows.key(key)? else { return Ok(None) };
        let signing_keys = rows.signing_keys()?.into_iter();
        let retired = signing_keys.filter(|row| row.retired.is_some()).map(|row| row.id).collect();
        let mut rests_on = vec![RowId::Tenant(key.reach.home())];
        match key.owner {
            Owner::ServiceAccount(account) => rests_on.push(RowId::ServiceAccount(account)),
            Owner::User(user) => {
                rests_on.push(RowId::User(user));
                for Membership { tenant, .. } in rows.memberships_of(user)? {
                    rests_on.extend(with_tenant(RowId::Membership { tenant, user }));
                }
            }
        }
        let mut stood = Self { key, rows: Model::default(), retired, told: at };
        for row in rests_on {
            row.read(rows)?.into_iter().for_each(|change| stood.put(change));
        }
        Ok(Some(stood))
    }

    /// Takes in the next event, and tells whether it bears on the key.
    fn take(
        &mut self,
        event: &Event,
        at: Timestamp,
        rows: &RowsAt<'_>,
        each: Each<'_>,
    ) -> Result<bool, Stop> {
        let (bears, changes) = (self.bears(event), self.changed_by(event, rows)?);
        if bears || !changes.is_empty() {
            // From here on, how the key stood before is not known any more.
            self.clock(at, each)?;
        }
        changes.into_iter().for_each(|change| self.put(change));
        Ok(bears)
    }

    fn clock(&mut self, until: Timestamp, each: Each<'_>) -> Result<(), Stop> {
        let KeyLife { expires_at, grace_ends_at, revoked, .. } = self.key.life;
        let mut ends = [(expires_at, "KeyExpired"), (grace_ends_at, "GraceEnded")];
        ends.sort_by_key(|(at, _)| *at);
        for (at, what) in ends {
            let Some(at) = at.filter(|at| *at > self.told && *at <= until && revoked.is_none()) else {
                continue;
            };
            each(Happened::Ended { at, what, status: self.status(at) })?;
        }
        self.told = self.told.max(until);
        Ok(())
    }

    fn put(&mut self, change: Change) {
        if let Change::Key(key) = change { self.key = key } else { self.rows.apply(change) }
    }

    /// The new rows of the key and of what it rests on, which the event changed.
    fn changed_by(&self, event: &Event, rows: &RowsAt<'_>) -> Result<Vec<Change>, StoreError> {
        let touched = touched_by(event).into_iter().filter(|row| self.rests_on(*row));
        touched.flat_map(with_tenant).filter_map(|row| row.read(rows).transpose()).collect()
    }

    /// Whether it may rest on the row how the key stands.
    fn rests_on(&self, row: RowId) -> bool {
        match row {
            RowId::Key(key) => key == self.key.id,
            RowId::User(user) | RowId::Membership { user, .. } => self.key.owner == Owner::User(user),
            RowId::ServiceAccount(account) => self.key.owner == Owner::ServiceAccount(account),
            RowId::Tenant(tenant) => self.rows.tenants.contains_key(&tenant),
            RowId::SigningKey(_) | RowId::Watermark(_) | RowId::Deployment | RowId::UniqueName(_) => false,
        }
    }

    /// Whether the event bears on the key.
    fn bears(&self, event: &Event) -> bool {
        let Key { id, owner, reach, .. } = self.key;
        let befell = Befell::by(event).filter(|befell| befell.may_bear_on(owner, reach));
        let through = |befell| match befell {
            Befell::Tenant(tenant) => {
                let Ok(acts) = acts_in(&self.rows, owner, tenant);
                acts
            }
            Befell::SigningKey(signing_key) => !self.retired.contains(&signing_key),
            Befell::Owner(_) | Befell::Membership(..) | Befell::AllTokens => true,
        };
        is_about(event, id) || befell.is_some_and(through)
    }

    fn status(&self, at: Timestamp) -> &'static str {
        let Ok(status) = status(&self.rows, &Change::Key(self.key.clone()), at);
        status.word
    }
}

/// With a membership, the tenant: a user's key rests on it from then on.
fn with_tenant(row: RowId) -> Vec<RowId> {
    if let RowId::Membership { tenant, .. } = row { vec![RowId::Tenant(tenant), row] } else { vec![row] }
}

/// Whether the event is about the key itself.
fn is_about(event: &Event, key: KeyId) -> bool {
    subjects_of(event).contains(&Entity::Key(key))
}

/// Whether the event may bear on a key of this owner and reach, as far as it tells that itself.
pub(crate) fn may_bear_on(event: &Event, key: KeyId, owner: Owner, reach: Reach) -> bool {
    is_about(event, key) || Befell::by(event).is_some_and(|befell| befell.may_bear_on(owner, reach))
}

/// The same, where neither is known: it is about the key, or befell others in a way that a key may rest on.
pub(crate) fn may_bear_on_key(event: &Event, key: KeyId) -> bool {
    is_about(event, key) || Befell::by(event).is_some()
}

#[cfg(test)]
mod tests {
    use domain::event::TokenTarget;
    use domain::ids::TenantId;

    use super::*;

    #[test]
    fn what_befalls_other_tenants_does_not_bear_on_a_key() {
        let [home, other] = [1, 2].map(|byte| TenantId::from_bytes([byte; 16]));
        let (key, user) = (KeyId::from_bytes([3; 16]), domain::ids::UserId::from_bytes([4; 16]));
        let owner = Owner::User(user);
        let suspended = |tenant| Event::TenantSuspended { tenant };
        let confined = |event| may_bear_on(&event, key, owner, Reach::Tenant(home));
        assert!(confined(suspended(home)) && !confined(suspended(other)));
        assert!(may_bear_on(&suspended(other), key, owner, Reach::AnyTenant { home }));
        assert!(confined(Event::UserSuspended { user }) && confined(Event::KeyDisabled { key }));
        // Tokens of the key may be among those of a signing key.
        let signing_key = domain::ids::SigningKeyId::from_bytes([8; 16]);
        assert!(confined(Event::TokensRevoked { target: TokenTarget::SigningKey(signing_key) }));
        // Of the same tenant, and of somebody else.
        let stranger = domain::ids::UserId::from_bytes([5; 16]);
        let role = domain::role::Role::Member;
        assert!(!confined(Event::MemberAdded { tenant: home, user: stranger, role }));
        assert!(!confined(Event::MemberAdded { tenant: other, user, role }));
        let account = domain::ids::ServiceAccountId::from_bytes([6; 16]);
        assert!(!confined(Event::ServiceAccountRemoved { service_account: account }));
        assert!(!confined(Event::KeyDisabled { key: KeyId::from_bytes([7; 16]) }));
    }
}
