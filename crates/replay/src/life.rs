//! The life of a key: every event about it, every one that changed whether it is accepted, and what the clock brought.

use domain::Lookup;
use domain::difference::touched_by;
use domain::event::{Event, TokenTarget};
use domain::ids::KeyId;
use domain::key::{KeyLife, Owner, Reach};
use domain::rejection::Entity;
use domain::row::{Change, Key, RowId, Standing};
use domain::subjects::subjects_of;
use domain::time::Timestamp;
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
    owner: Owner,
    status: &'static str,
    row: KeyLife,
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

    /// Takes in the next event; hands on what it did to the key, and before that what the clock did until then.
    pub(crate) fn take(&mut self, scanned: &Scanned, rows: &RowsAt<'_>, each: Each<'_>) -> Result<(), Stop> {
        let recorded = &scanned.recorded;
        let about = is_about(&recorded.event, self.key);
        let (owner, before) = match &self.stood {
            None if about && matches!(recorded.event, Event::KeyCreated(_)) => (None, ""),
            None => return Ok(()),
            Some(stood) => (Some(stood.owner), stood.status),
        };
        let touched = touched_by(&recorded.event);
        if !about && owner.is_some_and(|owner| !touched.iter().any(|row| rests_on(owner, *row))) {
            return Ok(());
        }
        self.clock(recorded.recorded_at, each)?;
        let Some(row) = rows.key(self.key)? else { return Ok(()) };
        let now = status_of(rows, &row, recorded.recorded_at)?;
        let tokens = touched.iter().any(|touched| covers(*touched, row.id, row.owner, row.reach));
        self.stood = Some(Stood { owner: row.owner, status: now, row: row.life, told: recorded.recorded_at });
        let elsewhere = befell_elsewhere(rows, &recorded.event, &touched, &row)?;
        if about || tokens || elsewhere || now != before {
            each(Happened::Event { scanned, rows, status: now })?;
        }
        Ok(())
    }

    /// Hands on what ended by itself since the last event.
    pub(crate) fn clock(&mut self, until: Timestamp, each: Each<'_>) -> Result<(), Stop> {
        let Some(stood) = &mut self.stood else { return Ok(()) };
        let KeyLife { expires_at, grace_ends_at, revoked, .. } = stood.row;
        let mut ends =
            [(expires_at, "KeyExpired", "KEY_EXPIRED"), (grace_ends_at, "GraceEnded", "KEY_ROTATED")];
        ends.sort_by_key(|(at, ..)| *at);
        for (at, what, code) in ends {
            let Some(at) = at.filter(|at| *at > stood.told && *at <= until && revoked.is_none()) else {
                continue;
            };
            stood.told = at;
            // What stopped it for good before is still why it is refused.
            if stood.status == "accepted" || stood.status == "KEY_DISABLED" {
                stood.status = code;
            }
            each(Happened::Ended { at, what, status: stood.status })?;
        }
        Ok(())
    }
}

/// Whether the event is about the key itself.
pub(crate) fn is_about(event: &Event, key: KeyId) -> bool {
    subjects_of(event).contains(&Entity::Key(key))
}

/// Whether the event may change how a key of this owner stands, or ends tokens of it.
pub(crate) fn bears_on(event: &Event, key: KeyId, owner: Owner, reach: Reach) -> bool {
    let bears = |row: &RowId| match row {
        RowId::Watermark(_) => covers(*row, key, owner, reach),
        RowId::Tenant(tenant) => {
            is_of_tenant(event) && reach.confined_to().is_none_or(|only| only == *tenant)
        }
        RowId::User(_)
        | RowId::Membership { .. }
        | RowId::ServiceAccount(_)
        | RowId::Key(_)
        | RowId::SigningKey(_)
        | RowId::Deployment
        | RowId::UniqueName(_) => rests_on(owner, *row),
    };
    is_about(event, key) || touched_by(event).iter().any(bears)
}

/// Whether the event changes how a tenant stands. Its name and its rules stop no key, and whatever else touches it is about
/// somebody or something in it.
fn is_of_tenant(event: &Event) -> bool {
    matches!(event, Event::TenantSuspended { .. } | Event::TenantResumed { .. } | Event::TenantRemoved { .. })
}

/// Whether the event befell a key that acts in several tenants in one of them: it goes on in the others, as whatever it was.
fn befell_elsewhere(
    rows: &RowsAt<'_>,
    event: &Event,
    touched: &[RowId],
    key: &Key,
) -> Result<bool, StoreError> {
    let (Owner::User(user), None) = (key.owner, key.reach.confined_to()) else { return Ok(false) };
    for row in touched {
        let befell = match *row {
            RowId::Membership { user: of, .. } => of == user,
            RowId::Tenant(tenant) if is_of_tenant(event) => {
                rows.membership(tenant, user)?.is_some_and(|row| row.standing == Standing::Living)
            }
            RowId::Tenant(_)
            | RowId::User(_)
            | RowId::ServiceAccount(_)
            | RowId::Key(_)
            | RowId::SigningKey(_)
            | RowId::Watermark(_)
            | RowId::Deployment
            | RowId::UniqueName(_) => false,
        };
        if befell {
            return Ok(true);
        }
    }
    Ok(false)
}

fn status_of(rows: &RowsAt<'_>, key: &Key, at: Timestamp) -> Result<&'static str, StoreError> {
    Ok(status(rows, &Change::Key(key.clone()), at)?.word)
}

/// Whether the standing of a key of this owner may rest on the row.
fn rests_on(owner: Owner, row: RowId) -> bool {
    match row {
        RowId::Tenant(_) => true,
        RowId::User(user) | RowId::Membership { user, .. } => owner == Owner::User(user),
        RowId::ServiceAccount(account) => owner == Owner::ServiceAccount(account),
        RowId::Watermark(_) => true,
        RowId::Key(_) | RowId::SigningKey(_) | RowId::Deployment | RowId::UniqueName(_) => false,
    }
}

/// Whether tokens of the key are among those that the row refuses.
fn covers(row: RowId, key: KeyId, owner: Owner, reach: Reach) -> bool {
    let RowId::Watermark(target) = row else { return false };
    match target {
        TokenTarget::Token { key: of, .. } | TokenTarget::Key(of) => of == key,
        TokenTarget::Owner(of) => of == owner,
        TokenTarget::Tenant(tenant) => reach.confined_to().is_none_or(|only| only == tenant),
        TokenTarget::SigningKey(_) | TokenTarget::All => true,
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::TenantId;

    use super::*;

    #[test]
    fn what_befalls_other_tenants_does_not_bear_on_a_key() {
        let [home, other] = [1, 2].map(|byte| TenantId::from_bytes([byte; 16]));
        let (key, user) = (KeyId::from_bytes([3; 16]), domain::ids::UserId::from_bytes([4; 16]));
        let owner = Owner::User(user);
        let suspended = |tenant| Event::TenantSuspended { tenant };
        let confined = |event| bears_on(&event, key, owner, Reach::Tenant(home));
        assert!(confined(suspended(home)) && !confined(suspended(other)));
        assert!(bears_on(&suspended(other), key, owner, Reach::AnyTenant { home }));
        assert!(confined(Event::UserSuspended { user }) && confined(Event::KeyDisabled { key }));
        // Tokens of the key may be among those of a signing key.
        let signing_key = domain::ids::SigningKeyId::from_bytes([8; 16]);
        assert!(confined(Event::TokensRevoked { target: TokenTarget::SigningKey(signing_key) }));
        // Of the same tenant, and of somebody else.
        let stranger = domain::ids::UserId::from_bytes([5; 16]);
        let role = domain::role::Role::Member;
        assert!(!confined(Event::MemberAdded { tenant: home, user: stranger, role }));
        let account = domain::ids::ServiceAccountId::from_bytes([6; 16]);
        assert!(!confined(Event::ServiceAccountRemoved { service_account: account }));
        assert!(!confined(Event::KeyDisabled { key: KeyId::from_bytes([7; 16]) }));
    }
}
