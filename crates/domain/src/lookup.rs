//! How the rules see state: row by row, through whatever holds the rows.

use crate::event::TokenTarget;
use crate::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use crate::row::{
    Deployment, Key, Membership, NameHolder, ServiceAccount, SigningKey, Tenant, UniqueName, User,
};
use crate::time::Position;

/// State, row by row. Two things implement it for decisions: the in-memory [`crate::Model`] and the
/// views of the ledger, inside the open transaction or as of a position.
///
/// Each method costs the same however large the tenant is; lists are those of one user, or of signing keys.
pub trait Lookup {
    /// Why a row could not be read. Never an answer of the rules.
    type Error;

    /// The facts about the deployment; none before the first event.
    fn deployment(&self) -> Result<Option<Deployment>, Self::Error>;
    /// A tenant, living or not.
    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, Self::Error>;
    /// A user, living or not.
    fn user(&self, id: UserId) -> Result<Option<User>, Self::Error>;
    /// A user's latest membership of a tenant, living or not.
    fn membership(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Self::Error>;
    /// Every membership a user has or had, by tenant id.
    fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Self::Error>;
    /// A service account, living or not.
    fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, Self::Error>;
    /// A key, living or not.
    fn key(&self, id: KeyId) -> Result<Option<Key>, Self::Error>;
    /// A signing key, retired or not.
    fn signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Self::Error>;
    /// Every signing key, by id.
    fn signing_keys(&self) -> Result<Vec<SigningKey>, Self::Error>;
    /// The position before which tokens of the target are refused.
    fn watermark(&self, target: TokenTarget) -> Result<Option<Position>, Self::Error>;
    /// Who has a unique name.
    fn unique_name(&self, name: UniqueName) -> Result<Option<NameHolder>, Self::Error>;
}
