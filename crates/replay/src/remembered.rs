//! Rows of the views that are read again and again: remembered, as many as fit.

use std::cell::RefCell;

use domain::event::TokenTarget;
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::row::{
    Change, Deployment, Key, Membership, NameHolder, ServiceAccount, SigningKey, Tenant, UniqueName, User,
};
use domain::time::Position;
use domain::{Lookup, Model};
use store::snapshot::SnapshotRows;
use store::{Snapshot, StoreError};

/// How many rows are remembered: some 20 MB of them. Then they are forgotten, and read again.
const ROWS_MAX: usize = 20_000;

/// The rows of a snapshot as of a position that goes on.
pub struct Remembered<'s> {
    snapshot: &'s Snapshot,
    at: Position,
    recent: RefCell<Recent>,
}

/// The newest versions up to the position, of some rows.
#[derive(Default)]
struct Recent {
    rows: Model,
    count: usize,
}

impl Recent {
    fn put(&mut self, change: Change) {
        if self.count >= ROWS_MAX {
            *self = Self::default();
        }
        // One that replaces another is counted, too: then they are forgotten a little sooner.
        self.count += 1;
        self.rows.apply(change);
    }
}

impl<'s> Remembered<'s> {
    /// As of a position, and none of them read.
    pub(crate) fn new(snapshot: &'s Snapshot, at: Position) -> Self {
        Self { snapshot, at, recent: RefCell::default() }
    }

    /// Goes on to the next position, where these rows change and no others.
    pub(crate) fn go_on(&mut self, position: Position, changes: &[Change]) {
        self.at = position;
        let recent = self.recent.get_mut();
        changes.iter().for_each(|change| recent.put(change.clone()));
    }

    /// A row that is remembered, or else is read, and then remembered.
    fn one<R: Clone>(
        &self,
        known: impl FnOnce(&Model) -> Option<R>,
        read: impl FnOnce(&SnapshotRows<'s>) -> Result<Option<R>, StoreError>,
        change: impl FnOnce(R) -> Change,
    ) -> Result<Option<R>, StoreError> {
        if let Some(known) = known(&self.recent.borrow().rows) {
            return Ok(Some(known));
        }
        let read = read(&self.views())?;
        if let Some(row) = &read {
            self.recent.borrow_mut().put(change(row.clone()));
        }
        Ok(read)
    }

    fn views(&self) -> SnapshotRows<'s> {
        self.snapshot.rows_at(self.at)
    }
}

impl Lookup for Remembered<'_> {
    type Error = StoreError;

    fn deployment(&self) -> Result<Option<Deployment>, StoreError> {
        self.one(|known| known.deployment, Lookup::deployment, Change::Deployment)
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.one(|known| known.tenants.get(&id).cloned(), |rows| rows.tenant(id), Change::Tenant)
    }

    fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(|known| known.users.get(&id).cloned(), |rows| rows.user(id), Change::User)
    }

    fn membership(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, StoreError> {
        let known = |known: &Model| known.memberships.get(&(user, tenant)).copied();
        self.one(known, |rows| rows.membership(tenant, user), Change::Membership)
    }

    fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.views().memberships_of(user)
    }

    fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        let known = |known: &Model| known.service_accounts.get(&id).cloned();
        self.one(known, |rows| rows.service_account(id), Change::ServiceAccount)
    }

    fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        self.one(|known| known.keys.get(&id).cloned(), |rows| rows.key(id), Change::Key)
    }

    fn signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, StoreError> {
        let known = |known: &Model| known.signing_keys.get(&id).copied();
        self.one(known, |rows| rows.signing_key(id), Change::SigningKey)
    }

    fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.views().signing_keys()
    }

    fn watermark(&self, target: TokenTarget) -> Result<Option<Position>, StoreError> {
        let known = |known: &Model| known.watermarks.get(&target).copied();
        self.one(known, |rows| rows.watermark(target), |at| Change::Watermark(target, at))
    }

    fn unique_name(&self, name: UniqueName) -> Result<Option<NameHolder>, StoreError> {
        if let Some(known) = self.recent.borrow().rows.unique_names.get(&name) {
            return Ok(*known);
        }
        self.views().unique_name(name)
    }
}
