//! The plain fold: all rows in memory, latest only. Tests, dry runs and replays use it; it is the oracle.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::event::{Recorded, TokenTarget};
use crate::evolve::evolve;
use crate::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use crate::lookup::Lookup;
use crate::row::{
    Change, Deployment, Key, Membership, NameHolder, RowId, ServiceAccount, SigningKey, Tenant, UniqueName,
    User,
};
use crate::time::Position;

/// State as plain maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each map holds the rows of what its name says, by id")]
pub struct Model {
    pub deployment: Option<Deployment>,
    pub tenants: BTreeMap<TenantId, Tenant>,
    pub users: BTreeMap<UserId, User>,
    /// By user, then tenant.
    pub memberships: BTreeMap<(UserId, TenantId), Membership>,
    pub service_accounts: BTreeMap<ServiceAccountId, ServiceAccount>,
    pub keys: BTreeMap<KeyId, Key>,
    pub signing_keys: BTreeMap<SigningKeyId, SigningKey>,
    pub watermarks: BTreeMap<TokenTarget, Position>,
    /// A name that is free again has none.
    pub unique_names: BTreeMap<UniqueName, Option<NameHolder>>,
}

impl Model {
    /// The state after these events.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut model = Self::default();
        for recorded in events {
            model.record(recorded);
        }
        model
    }

    /// Takes in one more event.
    pub fn record(&mut self, recorded: &Recorded) {
        let Ok(changes) = evolve(self, recorded);
        for change in changes {
            self.apply(change);
        }
    }

    /// Puts a new row in the place of the one before.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Deployment(row) => self.deployment = Some(row),
            Change::Tenant(row) => drop(self.tenants.insert(row.id, row)),
            Change::User(row) => drop(self.users.insert(row.id, row)),
            Change::Membership(row) => drop(self.memberships.insert((row.user, row.tenant), row)),
            Change::ServiceAccount(row) => drop(self.service_accounts.insert(row.id, row)),
            Change::Key(row) => drop(self.keys.insert(row.id, row)),
            Change::SigningKey(row) => drop(self.signing_keys.insert(row.id, row)),
            Change::Watermark(target, position) => drop(self.watermarks.insert(target, position)),
            Change::UniqueName(name, holder) => drop(self.unique_names.insert(name, holder)),
        }
    }

    /// Which rows there are.
    pub fn row_ids(&self) -> impl Iterator<Item = RowId> {
        let memberships = self.memberships.keys().map(|(user, tenant)| (*tenant, *user));
        self.deployment
            .iter()
            .map(|_| RowId::Deployment)
            .chain(self.tenants.keys().copied().map(RowId::Tenant))
            .chain(self.users.keys().copied().map(RowId::User))
            .chain(memberships.map(|(tenant, user)| RowId::Membership { tenant, user }))
            .chain(self.service_accounts.keys().copied().map(RowId::ServiceAccount))
            .chain(self.keys.keys().copied().map(RowId::Key))
            .chain(self.signing_keys.keys().copied().map(RowId::SigningKey))
            .chain(self.watermarks.keys().copied().map(RowId::Watermark))
            .chain(self.unique_names.keys().copied().map(RowId::UniqueName))
    }
}

impl Lookup for Model {
    type Error = Infallible;

    fn deployment(&self) -> Result<Option<Deployment>, Infallible> {
        Ok(self.deployment)
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, Infallible> {
        Ok(self.tenants.get(&id).cloned())
    }

    fn user(&self, id: UserId) -> Result<Option<User>, Infallible> {
        Ok(self.users.get(&id).cloned())
    }

    fn membership(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Infallible> {
        Ok(self.memberships.get(&(user, tenant)).copied())
    }

    fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Infallible> {
        let (first, last) = (TenantId::from_bytes([0; 16]), TenantId::from_bytes([255; 16]));
        Ok(self.memberships.range((user, first)..=(user, last)).map(|(_, row)| *row).collect())
    }

    fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, Infallible> {
        Ok(self.service_accounts.get(&id).cloned())
    }

    fn key(&self, id: KeyId) -> Result<Option<Key>, Infallible> {
        Ok(self.keys.get(&id).cloned())
    }

    fn signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Infallible> {
        Ok(self.signing_keys.get(&id).copied())
    }

    fn signing_keys(&self) -> Result<Vec<SigningKey>, Infallible> {
        Ok(self.signing_keys.values().copied().collect())
    }

    fn watermark(&self, target: TokenTarget) -> Result<Option<Position>, Infallible> {
        Ok(self.watermarks.get(&target).copied())
    }

    fn unique_name(&self, name: UniqueName) -> Result<Option<NameHolder>, Infallible> {
        Ok(self.unique_names.get(&name).copied().flatten())
    }
}
