//! What can be asked for: imperative, may be rejected. Ids, digests, sealed texts and instants arrive inside.

use crate::event::{PublicKey, RetirementReason, TenantPolicy, TokenTarget};
use crate::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use crate::key::{KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use crate::limits::{KeyLimits, RateLimit};
use crate::network::AllowedAddresses;
use crate::rejection::Entity;
use crate::role::{Role, Scopes};
use crate::sealed::{Sealed, SealedName, Subject};
use crate::time::{Position, Timestamp};
use crate::token_life::TokenLife;

/// A wish to change something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the events that the commands lead to")]
pub enum Command {
    /// Begin a ledger: one tenant, its first administrator and operator with a key, one signing key.
    Bootstrap(Box<Bootstrap>),
    /// Go on with a ledger that is older than its guard says. Every signing key is replaced.
    AcceptRollback {
        guard_position: Position,
        guard_hash: [u8; 32],
        signing_key: NewSigningKey,
    },

    CreateTenant {
        tenant: NewTenant,
        administrator: FirstAdministrator,
    },
    RenameTenant {
        tenant: TenantId,
        name: SealedName,
    },
    ChangeTenantPolicy {
        tenant: TenantId,
        policy: TenantPolicy,
    },
    SuspendTenant {
        tenant: TenantId,
    },
    ResumeTenant {
        tenant: TenantId,
    },
    RemoveTenant {
        tenant: TenantId,
    },

    /// Make a user known and a member of a tenant, perhaps with a first key: an operator's is for any
    /// tenant, an administrator's confined to this one.
    CreateUser {
        user: NewUser,
        tenant: TenantId,
        role: Role,
        first_key: Option<NewKey>,
    },
    SuspendUser {
        user: UserId,
    },
    ResumeUser {
        user: UserId,
    },
    RemoveUser {
        user: UserId,
    },
    GrantOperator {
        user: UserId,
    },
    WithdrawOperator {
        user: UserId,
    },

    /// Make a known user a member of a tenant, perhaps with a first key confined to it.
    AddMember {
        tenant: TenantId,
        user: UserId,
        role: Role,
        first_key: Option<NewKey>,
    },
    ChangeMemberRole {
        tenant: TenantId,
        user: UserId,
        role: Role,
    },
    RemoveMember {
        tenant: TenantId,
        user: UserId,
    },

    /// Make a service account of a tenant, perhaps with a first key.
    CreateServiceAccount {
        service_account: ServiceAccountId,
        tenant: TenantId,
        name: SealedName,
        role: Role,
        first_key: Option<NewKey>,
    },
    RenameServiceAccount {
        service_account: ServiceAccountId,
        name: SealedName,
    },
    ChangeServiceAccountRole {
        service_account: ServiceAccountId,
        role: Role,
    },
    SuspendServiceAccount {
        service_account: ServiceAccountId,
    },
    ResumeServiceAccount {
        service_account: ServiceAccountId,
    },
    RemoveServiceAccount {
        service_account: ServiceAccountId,
    },

    CreateKey {
        owner: Owner,
        reach: Reach,
        key: NewKey,
    },
    RenameKey {
        key: KeyId,
        name: SealedName,
    },
    ChangeKeyExpiry {
        key: KeyId,
        expires_at: Option<Timestamp>,
    },
    DisableKey {
        key: KeyId,
    },
    EnableKey {
        key: KeyId,
    },
    RevokeKey {
        key: KeyId,
        reason: RevocationReason,
        note: Option<Sealed>,
    },
    /// Make a successor like the key; both are accepted until the grace ends.
    RotateKey {
        key: KeyId,
        successor: Successor,
        grace_ends_at: Timestamp,
    },
    ChangeKeyAddresses {
        key: KeyId,
        addresses: AllowedAddresses,
    },
    ChangeKeyRate {
        key: KeyId,
        rate: Option<RateLimit>,
    },
    ChangeKeyNote {
        key: KeyId,
        note: Option<Sealed>,
    },

    AddSigningKey {
        signing_key: NewSigningKey,
    },
    RetireSigningKey {
        signing_key: SigningKeyId,
        reason: RetirementReason,
        replacement: Option<NewSigningKey>,
    },
    /// Refuse all tokens of the target that were minted until now.
    RevokeTokens {
        target: TokenTarget,
    },
    /// Record how long tokens live from now on: the server does, before it mints one that lives longer.
    ChangeTokenLife {
        life: TokenLife,
    },
    /// Make every text about something removed unreadable, for good.
    EraseSubject {
        subject: Subject,
    },
}

impl Command {
    /// The command's name, as every listing shows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bootstrap(_) => "Bootstrap",
            Self::AcceptRollback { .. } => "AcceptRollback",
            Self::CreateTenant { .. } => "CreateTenant",
            Self::RenameTenant { .. } => "RenameTenant",
            Self::ChangeTenantPolicy { .. } => "ChangeTenantPolicy",
            Self::SuspendTenant { .. } => "SuspendTenant",
            Self::ResumeTenant { .. } => "ResumeTenant",
            Self::RemoveTenant { .. } => "RemoveTenant",
            Self::CreateUser { .. } => "CreateUser",
            Self::SuspendUser { .. } => "SuspendUser",
            Self::ResumeUser { .. } => "ResumeUser",
            Self::RemoveUser { .. } => "RemoveUser",
            Self::GrantOperator { .. } => "GrantOperator",
            Self::WithdrawOperator { .. } => "WithdrawOperator",
            Self::AddMember { .. } => "AddMember",
            Self::ChangeMemberRole { .. } => "ChangeMemberRole",
            Self::RemoveMember { .. } => "RemoveMember",
            Self::CreateServiceAccount { .. } => "CreateServiceAccount",
            Self::RenameServiceAccount { .. } => "RenameServiceAccount",
            Self::ChangeServiceAccountRole { .. } => "ChangeServiceAccountRole",
            Self::SuspendServiceAccount { .. } => "SuspendServiceAccount",
            Self::ResumeServiceAccount { .. } => "ResumeServiceAccount",
            Self::RemoveServiceAccount { .. } => "RemoveServiceAccount",
            Self::CreateKey { .. } => "CreateKey",
            Self::RenameKey { .. } => "RenameKey",
            Self::ChangeKeyExpiry { .. } => "ChangeKeyExpiry",
            Self::DisableKey { .. } => "DisableKey",
            Self::EnableKey { .. } => "EnableKey",
            Self::RevokeKey { .. } => "RevokeKey",
            Self::RotateKey { .. } => "RotateKey",
            Self::ChangeKeyAddresses { .. } => "ChangeKeyAddresses",
            Self::ChangeKeyRate { .. } => "ChangeKeyRate",
            Self::ChangeKeyNote { .. } => "ChangeKeyNote",
            Self::AddSigningKey { .. } => "AddSigningKey",
            Self::RetireSigningKey { .. } => "RetireSigningKey",
            Self::RevokeTokens { .. } => "RevokeTokens",
            Self::ChangeTokenLife { .. } => "ChangeTokenLife",
            Self::EraseSubject { .. } => "EraseSubject",
        }
    }

    /// The one thing that exists already, or should, and that the command is about.
    pub fn subject(&self) -> Option<Entity> {
        match self {
            Self::Bootstrap(_)
            | Self::AcceptRollback { .. }
            | Self::CreateTenant { .. }
            | Self::AddSigningKey { .. }
            | Self::ChangeTokenLife { .. } => None,

            Self::RenameTenant { tenant, .. }
            | Self::ChangeTenantPolicy { tenant, .. }
            | Self::SuspendTenant { tenant }
            | Self::ResumeTenant { tenant }
            | Self::RemoveTenant { tenant }
            | Self::CreateUser { tenant, .. }
            | Self::CreateServiceAccount { tenant, .. } => Some(Entity::Tenant(*tenant)),

            Self::SuspendUser { user }
            | Self::ResumeUser { user }
            | Self::RemoveUser { user }
            | Self::GrantOperator { user }
            | Self::WithdrawOperator { user } => Some(Entity::User(*user)),

            Self::AddMember { tenant, user, .. }
            | Self::ChangeMemberRole { tenant, user, .. }
            | Self::RemoveMember { tenant, user } => Some(Entity::Member { tenant: *tenant, user: *user }),

            Self::RenameServiceAccount { service_account, .. }
            | Self::ChangeServiceAccountRole { service_account, .. }
            | Self::SuspendServiceAccount { service_account }
            | Self::ResumeServiceAccount { service_account }
            | Self::RemoveServiceAccount { service_account } => {
                Some(Entity::ServiceAccount(*service_account))
            }

            Self::CreateKey { owner, .. } => Some((*owner).into()),
            Self::RenameKey { key, .. }
            | Self::ChangeKeyExpiry { key, .. }
            | Self::DisableKey { key }
            | Self::EnableKey { key }
            | Self::RevokeKey { key, .. }
            | Self::RotateKey { key, .. }
            | Self::ChangeKeyAddresses { key, .. }
            | Self::ChangeKeyRate { key, .. }
            | Self::ChangeKeyNote { key, .. } => Some(Entity::Key(*key)),

            Self::RetireSigningKey { signing_key, .. } => Some(Entity::SigningKey(*signing_key)),
            Self::EraseSubject { subject } => Some((*subject).into()),
            Self::RevokeTokens { target } => match target {
                TokenTarget::Token { key, .. } | TokenTarget::Key(key) => Some(Entity::Key(*key)),
                TokenTarget::Owner(owner) => Some((*owner).into()),
                TokenTarget::Tenant(tenant) => Some(Entity::Tenant(*tenant)),
                TokenTarget::SigningKey(signing_key) => Some(Entity::SigningKey(*signing_key)),
                TokenTarget::All => None,
            },
        }
    }
}

/// What a ledger begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is what its type says")]
pub struct Bootstrap {
    pub tenant: NewTenant,
    pub user: NewUser,
    pub key: NewKey,
    pub signing_key: NewSigningKey,
}

/// A tenant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of TenantCreated")]
pub struct NewTenant {
    pub id: TenantId,
    pub slug: SealedName,
    pub name: SealedName,
    pub policy: TenantPolicy,
}

/// A user to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of UserCreated")]
pub struct NewUser {
    pub id: UserId,
    pub email: SealedName,
    pub name: Option<Sealed>,
}

/// The member without whom no tenant begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstAdministrator {
    /// A living user.
    Known(UserId),
    /// A new user, with a first key for any tenant.
    New(Box<(NewUser, NewKey)>),
}

/// A key to be, without its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of KeyCreated")]
pub struct NewKey {
    pub id: KeyId,
    pub name: SealedName,
    pub digest: KeyDigest,
    pub prefix: KeyPrefix,
    pub last_four: LastFour,
    pub scopes: Scopes,
    /// None: as the tenant's policy says.
    pub expires_at: Option<Timestamp>,
    pub limits: KeyLimits,
    /// What people remark about it.
    pub note: Option<Sealed>,
}

/// The key that takes another's place; name, note, owner, reach, scopes and limits are that one's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of KeyCreated")]
pub struct Successor {
    pub id: KeyId,
    pub digest: KeyDigest,
    pub prefix: KeyPrefix,
    pub last_four: LastFour,
    /// None: as the tenant's policy says.
    pub expires_at: Option<Timestamp>,
}

/// A signing key to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of SigningKeyAdded")]
pub struct NewSigningKey {
    pub id: SigningKeyId,
    pub public_key: PublicKey,
    pub active_from: Timestamp,
}
