//! Rows with changes laid over them: what would be, without anything being written.

use crate::event::TokenTarget;
use crate::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use crate::lookup::Lookup;
use crate::model::Model;
use crate::row::{
    Change, Deployment, Key, Membership, NameHolder, ServiceAccount, SigningKey, Tenant, UniqueName, User,
};
use crate::time::Position;

/// Rows, and newer versions of some of them.
pub struct Overlay<'a, L> {
    rows: &'a L,
    newer: Model,
}

impl<'a, L: Lookup> Overlay<'a, L> {
    /// The rows as they are.
    pub fn of(rows: &'a L) -> Self {
        Self { rows, newer: Model::default() }
    }

    /// Puts a new row in the place of the one before.
    pub fn apply(&mut self, change: Change) {
        self.newer.apply(change);
    }
}

impl<L: Lookup> Lookup for Overlay<'_, L> {
    type Error = L::Error;

    fn deployment(&self) -> Result<Option<Deployment>, L::Error> {
        self.newer.deployment.map_or_else(|| self.rows.deployment(), |row| Ok(Some(row)))
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, L::Error> {
        self.newer.tenants.get(&id).cloned().map_or_else(|| self.rows.tenant(id), |row| Ok(Some(row)))
    }

    fn user(&self, id: UserId) -> Result<Option<User>, L::Error> {
        self.newer.users.get(&id).cloned().map_or_else(|| self.rows.user(id), |row| Ok(Some(row)))
    }

    fn membership(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, L::Error> {
        let newer = self.newer.memberships.get(&(user, tenant)).copied();
        newer.map_or_else(|| self.rows.membership(tenant, user), |row| Ok(Some(row)))
    }

    fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, L::Error> {
        let mut rows = self.rows.memberships_of(user)?;
        for row in self.newer.memberships.values().filter(|row| row.user == user) {
            match rows.binary_search_by_key(&row.tenant, |row| row.tenant) {
                Ok(place) => rows[place] = *row,
                Err(place) => rows.insert(place, *row),
            }
        }
        Ok(rows)
    }

    fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, L::Error> {
        let newer = self.newer.service_accounts.get(&id).cloned();
        newer.map_or_else(|| self.rows.service_account(id), |row| Ok(Some(row)))
    }

    fn key(&self, id: KeyId) -> Result<Option<Key>, L::Error> {
        self.newer.keys.get(&id).cloned().map_or_else(|| self.rows.key(id), |row| Ok(Some(row)))
    }

    fn signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, L::Error> {
        let newer = self.newer.signing_keys.get(&id).copied();
        newer.map_or_else(|| self.rows.signing_key(id), |row| Ok(Some(row)))
    }

    fn signing_keys(&self) -> Result<Vec<SigningKey>, L::Error> {
        let mut rows = self.rows.signing_keys()?;
        for row in self.newer.signing_keys.values() {
            match rows.binary_search_by_key(&row.id, |row| row.id) {
                Ok(place) => rows[place] = *row,
                Err(place) => rows.insert(place, *row),
            }
        }
        Ok(rows)
    }

    fn watermark(&self, target: TokenTarget) -> Result<Option<Position>, L::Error> {
        self.newer
            .watermarks
            .get(&target)
            .copied()
            .map_or_else(|| self.rows.watermark(target), |at| Ok(Some(at)))
    }

    fn unique_name(&self, name: UniqueName) -> Result<Option<NameHolder>, L::Error> {
        self.newer.unique_names.get(&name).copied().map_or_else(|| self.rows.unique_name(name), Ok)
    }
}
