//! The rows: what the log amounts to for each entity at a position. Only `evolve` makes new ones.

use crate::event::{PublicKey, RetirementReason, TenantPolicy, TokenTarget};
use crate::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use crate::key::{KeyDigest, KeyLife, KeyPrefix, LastFour, Owner, Reach};
use crate::limits::KeyLimits;
use crate::lookup::Lookup;
use crate::rejection::Entity;
use crate::role::{Role, Scopes};
use crate::sealed::{Sealed, SealedName, TextDigest};
use crate::time::{Moment, Position, Timestamp};
use crate::token_life::TokenLife;

/// Whether something is accepted, for all that rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Accepted.
    Living,
    /// Refused until resumed.
    Suspended,
    /// Refused for ever.
    Removed,
}

/// What there is one of: facts about the whole deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deployment {
    /// How many operators are living users.
    pub operators: u32,
    /// How long tokens live that are minted now: the longest life, as long as the log does not say.
    pub token_life: TokenLife,
    /// Since when; none: the log does not say, and nothing is known of tokens from before.
    pub token_life_since: Option<Moment>,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its short name, unique among the living; for good.
    pub slug: SealedName,
    /// Its display name.
    pub name: SealedName,
    /// Its rules for new keys.
    pub policy: TenantPolicy,
    /// Whether it is accepted.
    pub standing: Standing,
    /// How many living users are its administrators. Service accounts do not count.
    pub administrators: u32,
    /// Whether its texts are unreadable for ever.
    pub erased: bool,
    /// When it began.
    pub created: Moment,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its e-mail address, unique among the living.
    pub email: SealedName,
    /// Its own name, if given.
    pub name: Option<Sealed>,
    /// Whether it is accepted.
    pub standing: Standing,
    /// Whether it may make and remove tenants.
    pub operator: bool,
    /// Whether its texts are unreadable for ever.
    pub erased: bool,
    /// When it became known.
    pub created: Moment,
}

/// A user's membership of a tenant. Joining again after removal is a new membership in the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
    /// What the user may do there.
    pub role: Role,
    /// Living or removed; a membership is not suspended by itself.
    pub standing: Standing,
    /// When this membership began.
    pub since: Moment,
    /// Where in the log the user last left the tenant, if ever: joining again revives no credential from before.
    pub left: Option<Position>,
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceAccount {
    /// Its id.
    pub id: ServiceAccountId,
    /// The tenant it belongs to, for good.
    pub tenant: TenantId,
    /// Its name, unique among the living of its tenant.
    pub name: SealedName,
    /// What it may do there.
    pub role: Role,
    /// Whether it is accepted.
    pub standing: Standing,
    /// Whether its texts are unreadable for ever.
    pub erased: bool,
    /// When it began.
    pub created: Moment,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Its public id.
    pub id: KeyId,
    /// Whose it is.
    pub owner: Owner,
    /// Where it acts.
    pub reach: Reach,
    /// What people call it.
    pub name: SealedName,
    /// What recognises its secret.
    pub digest: KeyDigest,
    /// How its string begins.
    pub prefix: KeyPrefix,
    /// How its string ends.
    pub last_four: LastFour,
    /// What it is narrowed to.
    pub scopes: Scopes,
    /// Whether it still lives by itself.
    pub life: KeyLife,
    /// What it is held to beyond that.
    pub limits: KeyLimits,
    /// What people remark about it.
    pub note: Option<Sealed>,
    /// The key that took its place.
    pub successor: Option<KeyId>,
    /// The key whose place it took.
    pub predecessor: Option<KeyId>,
    /// When it began.
    pub created: Moment,
}

impl Key {
    /// Whether it is known when its life of its own ends: it is revoked, or another key has taken its place.
    pub fn has_end(&self) -> bool {
        self.life.revoked.is_some() || self.life.grace_ends_at.is_some()
    }
}

/// A key that signs tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SigningKey {
    /// Its id in the log.
    pub id: SigningKeyId,
    /// Its public half.
    pub public_key: PublicKey,
    /// From when on it may sign; it is published before.
    pub active_from: Timestamp,
    /// When it stopped, and why.
    pub retired: Option<Retirement>,
    /// When it was published.
    pub created: Moment,
}

/// The end of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retirement {
    /// When.
    pub moment: Moment,
    /// Why.
    pub reason: RetirementReason,
}

/// A name that only one living thing can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UniqueName {
    /// A tenant's slug, in the deployment.
    TenantSlug(TextDigest),
    /// A user's e-mail address, in the deployment.
    UserEmail(TextDigest),
    /// A service account's name, in its tenant.
    ServiceAccountName(TenantId, TextDigest),
}

/// The living thing that has a unique name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameHolder {
    /// A tenant, by its slug.
    Tenant(TenantId),
    /// A user, by its e-mail address.
    User(UserId),
    /// A service account, by its name.
    ServiceAccount(ServiceAccountId),
}

/// A new row of an entity, as `evolve` gives it; it replaces the row before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The facts about the deployment.
    Deployment(Deployment),
    /// A tenant.
    Tenant(Tenant),
    /// A user.
    User(User),
    /// A membership.
    Membership(Membership),
    /// A service account.
    ServiceAccount(ServiceAccount),
    /// A key.
    Key(Key),
    /// A signing key.
    SigningKey(SigningKey),
    /// Tokens of the target authorised before the position are refused.
    Watermark(TokenTarget, Position),
    /// Who has a unique name now; none: it is free again.
    UniqueName(UniqueName, Option<NameHolder>),
}

/// Which row: what stays of it when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the row that Change names so")]
pub enum RowId {
    Deployment,
    Tenant(TenantId),
    User(UserId),
    Membership { tenant: TenantId, user: UserId },
    ServiceAccount(ServiceAccountId),
    Key(KeyId),
    SigningKey(SigningKeyId),
    Watermark(TokenTarget),
    UniqueName(UniqueName),
}

impl RowId {
    /// The row as a lookup has it. A name that is free and one that nobody ever had are the same to a lookup.
    pub fn read<L: Lookup>(self, rows: &L) -> Result<Option<Change>, L::Error> {
        Ok(match self {
            Self::Deployment => rows.deployment()?.map(Change::Deployment),
            Self::Tenant(id) => rows.tenant(id)?.map(Change::Tenant),
            Self::User(id) => rows.user(id)?.map(Change::User),
            Self::Membership { tenant, user } => rows.membership(tenant, user)?.map(Change::Membership),
            Self::ServiceAccount(id) => rows.service_account(id)?.map(Change::ServiceAccount),
            Self::Key(id) => rows.key(id)?.map(Change::Key),
            Self::SigningKey(id) => rows.signing_key(id)?.map(Change::SigningKey),
            Self::Watermark(target) => rows.watermark(target)?.map(|at| Change::Watermark(target, at)),
            Self::UniqueName(name) => Some(Change::UniqueName(name, rows.unique_name(name)?)),
        })
    }
}

impl From<Entity> for RowId {
    fn from(entity: Entity) -> Self {
        match entity {
            Entity::Tenant(id) => Self::Tenant(id),
            Entity::User(id) => Self::User(id),
            Entity::Member { tenant, user } => Self::Membership { tenant, user },
            Entity::ServiceAccount(id) => Self::ServiceAccount(id),
            Entity::Key(id) => Self::Key(id),
            Entity::SigningKey(id) => Self::SigningKey(id),
        }
    }
}

impl Change {
    /// Which row it is a new version of.
    pub const fn row(&self) -> RowId {
        match self {
            Self::Deployment(_) => RowId::Deployment,
            Self::Tenant(row) => RowId::Tenant(row.id),
            Self::User(row) => RowId::User(row.id),
            Self::Membership(row) => RowId::Membership { tenant: row.tenant, user: row.user },
            Self::ServiceAccount(row) => RowId::ServiceAccount(row.id),
            Self::Key(row) => RowId::Key(row.id),
            Self::SigningKey(row) => RowId::SigningKey(row.id),
            Self::Watermark(target, _) => RowId::Watermark(*target),
            Self::UniqueName(name, _) => RowId::UniqueName(*name),
        }
    }
}
