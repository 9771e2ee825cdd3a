//! What the views hold, read from end to end, in memory that does not grow with them.

use std::collections::BTreeMap;

use domain::Lookup as _;
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::Owner;
use domain::row::{Change, Key, Membership};
use domain::status::{Bearer, admit};
use domain::time::{Position, Timestamp};
use store::end_to_end::Version;
use store::{Snapshot, StoreError};

use crate::error::ReplayError;
use crate::induction::Sums;
use crate::remembered::Remembered;
use crate::sum::{Secrets, Sum};

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) sums: Sums,
    /// How many rows there are now.
    pub(crate) rows: u64,
    /// How many lists were read.
    pub(crate) lists: u64,
    /// How many keys stand how.
    pub(crate) keys_by_status: BTreeMap<String, u64>,
    /// What belongs to what, as the rows say, and as the lists do.
    belongs: Sum,
    listed: Sum,
    /// Whether some list was out of order.
    disordered: bool,
    /// Whether some id was used twice.
    pub(crate) begun_twice: bool,
}

/// One thing that belongs to another, as a list has it.
#[derive(Hash)]
enum Belongs {
    Tenant(TenantId),
    SigningKey(SigningKeyId),
    Member(TenantId, UserId),
    Membership(Membership),
    ServiceAccount(TenantId, ServiceAccountId),
    Key(Owner, KeyId),
}

/// The reading of it.
struct Reading<'s> {
    snapshot: &'s Snapshot,
    secrets: &'s Secrets,
    now: Timestamp,
    /// What many keys rest on, as it is now.
    rows: Remembered<'s>,
    /// The version read last, and where the first of its row began.
    last: Option<(Version, Position)>,
    found: Found,
}

impl Found {
    /// Reads the views of a snapshot. `now` is the instant at which keys are told to stand so or so.
    pub(crate) fn read(snapshot: &Snapshot, secrets: &Secrets, now: Timestamp) -> Result<Self, ReplayError> {
        let rows = Remembered::new(snapshot, snapshot.head().position);
        let mut reading = Reading { snapshot, secrets, now, rows, last: None, found: Self::default() };
        snapshot.each_version(|version| reading.version(version))?;
        reading.row_ended()?;
        reading.whole_lists()?;
        let mut found = reading.found;
        snapshot.each_mark(|of, marked| {
            found.sums.mark(secrets, of, marked);
            Ok::<_, StoreError>(())
        })?;
        snapshot.each_attempt(|key, value| {
            found.sums.attempt(secrets, key, value);
            Ok::<_, StoreError>(())
        })?;
        snapshot.each_entry(|entry| {
            found.sums.entries.add(secrets, &entry);
            Ok::<_, StoreError>(())
        })?;
        Ok(found)
    }

    /// How many versions of rows there are.
    pub(crate) fn versions(&self) -> u64 {
        self.sums.versions.members()
    }

    /// Whether the lists have what the rows say, and nothing else.
    pub(crate) fn lists_hold(&self) -> bool {
        self.belongs == self.listed && !self.disordered
    }
}

impl Reading<'_> {
    fn version(&mut self, next: Version) -> Result<(), StoreError> {
        self.found.sums.version(self.secrets, next.row, next.position, &next.change);
        let same = self.last.as_ref().filter(|(last, _)| last.row == next.row);
        let first = same.map_or(next.position, |(_, first)| *first);
        if same.is_none() {
            self.row_ended()?;
        }
        // An id that was used twice would begin once more.
        self.found.begun_twice |= created(&next.change).is_some_and(|created| created != first);
        self.last = Some((next, first));
        Ok(())
    }

    /// The version read last is how its row is now.
    fn row_ended(&mut self) -> Result<(), StoreError> {
        let Some((last, _)) = self.last.take() else { return Ok(()) };
        self.found.rows += 1;
        match last.change {
            Change::Tenant(row) => {
                self.belongs(&Belongs::Tenant(row.id));
                let members = self.snapshot.members_of(row.id)?;
                self.listed(&members, |user| Belongs::Member(row.id, user));
                let accounts = self.snapshot.service_accounts_of(row.id)?;
                self.listed(&accounts, |account| Belongs::ServiceAccount(row.id, account));
            }
            Change::User(row) => {
                let memberships = self.snapshot.rows().memberships_of(row.id)?;
                let tenants: Vec<_> = memberships.iter().map(|row| row.tenant).collect();
                self.found.disordered |= !tenants.is_sorted();
                memberships.into_iter().for_each(|row| self.list(&Belongs::Membership(row)));
                self.found.lists += 1;
                self.keys_of(Owner::User(row.id))?;
            }
            Change::Membership(row) => {
                self.belongs(&Belongs::Member(row.tenant, row.user));
                self.belongs(&Belongs::Membership(row));
            }
            Change::ServiceAccount(row) => {
                self.belongs(&Belongs::ServiceAccount(row.tenant, row.id));
                self.keys_of(Owner::ServiceAccount(row.id))?;
            }
            Change::Key(row) => {
                self.belongs(&Belongs::Key(row.owner, row.id));
                self.stands(&row)?;
            }
            Change::SigningKey(row) => self.belongs(&Belongs::SigningKey(row.id)),
            Change::Deployment(_) | Change::Watermark(_, _) | Change::UniqueName(_, _) => {}
        }
        Ok(())
    }

    fn keys_of(&mut self, owner: Owner) -> Result<(), StoreError> {
        let keys = self.snapshot.keys_of(owner)?;
        self.listed(&keys, |key| Belongs::Key(owner, key));
        Ok(())
    }

    fn whole_lists(&mut self) -> Result<(), StoreError> {
        let tenants: Vec<_> = self.snapshot.rows().tenants()?.iter().map(|row| row.id).collect();
        self.listed(&tenants, Belongs::Tenant);
        let signing_keys: Vec<_> = self.snapshot.rows().signing_keys()?.iter().map(|row| row.id).collect();
        self.listed(&signing_keys, Belongs::SigningKey);
        Ok(())
    }

    fn stands(&mut self, key: &Key) -> Result<(), StoreError> {
        let bearer = Bearer::key(key.owner, key.reach, key.created.position);
        let status = match admit(&self.rows, &bearer, &key.life, None, self.now)? {
            Ok(_) => "living".to_owned(),
            Err(refusal) => refusal.code().trim_start_matches("KEY_").to_lowercase(),
        };
        *self.found.keys_by_status.entry(status).or_default() += 1;
        Ok(())
    }

    /// A list of what belongs to something.
    fn listed<I: Copy + Ord>(&mut self, ids: &[I], belongs: impl Fn(I) -> Belongs) {
        self.found.disordered |= !ids.is_sorted();
        ids.iter().for_each(|id| self.list(&belongs(*id)));
        self.found.lists += 1;
    }

    fn list(&mut self, one: &Belongs) {
        self.found.listed.add(self.secrets, one);
    }

    fn belongs(&mut self, one: &Belongs) {
        self.found.belongs.add(self.secrets, one);
    }
}

/// Where something began that begins but once, as each of its versions says.
fn created(change: &Change) -> Option<Position> {
    match change {
        Change::Tenant(row) => Some(row.created.position),
        Change::User(row) => Some(row.created.position),
        Change::ServiceAccount(row) => Some(row.created.position),
        Change::Key(row) => Some(row.created.position),
        Change::SigningKey(row) => Some(row.created.position),
        Change::Deployment(_)
        | Change::Membership(_)
        | Change::Watermark(_, _)
        | Change::UniqueName(_, _) => None,
    }
}
