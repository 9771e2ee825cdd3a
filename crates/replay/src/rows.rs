//! The rows as of a position, wherever they come from: the views of a ledger, or the fold of a log that has none.

use std::convert::Infallible;

use domain::event::TokenTarget;
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::row::{
    Deployment, Key, Membership, NameHolder, ServiceAccount, SigningKey, Tenant, UniqueName, User,
};
use domain::time::Position;
use domain::{Lookup, Model};
use store::StoreError;
use store::snapshot::SnapshotRows;

use crate::remembered::Remembered;

/// The rows as of a position.
pub enum RowsAt<'a> {
    /// Of a data folder: each is one seek, whatever the position.
    Views(SnapshotRows<'a>),
    /// The same, those remembered that were read before: for whoever asks for the same ones again and again.
    Remembered(Box<Remembered<'a>>),
    /// Of a backup or an export: all of them are in memory.
    Folded(&'a Model),
}

impl RowsAt<'_> {
    /// Reads the keys with these ids, those that are there: for less than one by one, where it is a data folder's.
    pub(crate) fn each_key<E: From<StoreError>>(
        &self,
        ids: &[KeyId],
        mut each: impl FnMut(Key) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Self::Views(rows) = self {
            return rows.keys(ids).try_for_each(|key| key?.map_or(Ok(()), &mut each));
        }
        ids.iter().try_for_each(|id| self.key(*id)?.map_or(Ok(()), &mut each))
    }
}

fn sure<T>(found: Result<T, Infallible>) -> Result<T, StoreError> {
    let Ok(found) = found;
    Ok(found)
}

impl Lookup for RowsAt<'_> {
    type Error = StoreError;

    fn deployment(&self) -> Result<Option<Deployment>, StoreError> {
        match self {
            Self::Views(rows) => rows.deployment(),
            Self::Remembered(rows) => rows.deployment(),
            Self::Folded(model) => sure(model.deployment()),
        }
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        match self {
            Self::Views(rows) => rows.tenant(id),
            Self::Remembered(rows) => rows.tenant(id),
            Self::Folded(model) => sure(model.tenant(id)),
        }
    }

    fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        match self {
            Self::Views(rows) => rows.user(id),
            Self::Remembered(rows) => rows.user(id),
            Self::Folded(model) => sure(model.user(id)),
        }
    }

    fn membership(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, StoreError> {
        match self {
            Self::Views(rows) => rows.membership(tenant, user),
            Self::Remembered(rows) => rows.membership(tenant, user),
            Self::Folded(model) => sure(model.membership(tenant, user)),
        }
    }

    fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        match self {
            Self::Views(rows) => rows.memberships_of(user),
            Self::Remembered(rows) => rows.memberships_of(user),
            Self::Folded(model) => sure(model.memberships_of(user)),
        }
    }

    fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        match self {
            Self::Views(rows) => rows.service_account(id),
            Self::Remembered(rows) => rows.service_account(id),
            Self::Folded(model) => sure(model.service_account(id)),
        }
    }

    fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        match self {
            Self::Views(rows) => rows.key(id),
            Self::Remembered(rows) => rows.key(id),
            Self::Folded(model) => sure(model.key(id)),
        }
    }

    fn signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, StoreError> {
        match self {
            Self::Views(rows) => rows.signing_key(id),
            Self::Remembered(rows) => rows.signing_key(id),
            Self::Folded(model) => sure(model.signing_key(id)),
        }
    }

    fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        match self {
            Self::Views(rows) => rows.signing_keys(),
            Self::Remembered(rows) => rows.signing_keys(),
            Self::Folded(model) => sure(model.signing_keys()),
        }
    }

    fn watermark(&self, target: TokenTarget) -> Result<Option<Position>, StoreError> {
        match self {
            Self::Views(rows) => rows.watermark(target),
            Self::Remembered(rows) => rows.watermark(target),
            Self::Folded(model) => sure(model.watermark(target)),
        }
    }

    fn unique_name(&self, name: UniqueName) -> Result<Option<NameHolder>, StoreError> {
        match self {
            Self::Views(rows) => rows.unique_name(name),
            Self::Remembered(rows) => rows.unique_name(name),
            Self::Folded(model) => sure(model.unique_name(name)),
        }
    }
}
