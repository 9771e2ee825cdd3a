//! The facts: everything that can happen to what Keyledger keeps. Past tense, final, never changed.

use crate::actor::Metadata;
use crate::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, TokenId, UserId};
use crate::key::{KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use crate::limits::RateLimit;
use crate::network::AllowedAddresses;
use crate::role::{Role, Scopes};
use crate::sealed::{Sealed, SealedName, Subject};
use crate::time::{Position, Timestamp};
use crate::token_life::TokenLife;

/// An event where the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place; dense, from 1.
    pub position: Position,
    /// The instant; never before that of an earlier event.
    pub recorded_at: Timestamp,
    /// How it came to be.
    pub metadata: Metadata,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are named by DESIGN's dictionary and typed; the variants say the rest"
)]
pub enum Event {
    /// A tenant began.
    TenantCreated { tenant: TenantId, slug: SealedName, name: SealedName, policy: TenantPolicy },
    /// A tenant got another display name; its slug stays.
    TenantRenamed { tenant: TenantId, name: SealedName },
    /// A tenant's rules for new keys changed.
    TenantPolicyChanged { tenant: TenantId, policy: TenantPolicy },
    /// Nothing of the tenant is accepted until it is resumed.
    TenantSuspended { tenant: TenantId },
    /// The tenant is accepted again.
    TenantResumed { tenant: TenantId },
    /// The tenant ended, with all that rests on it.
    TenantRemoved { tenant: TenantId },

    /// A person became known to the deployment.
    UserCreated { user: UserId, email: SealedName, name: Option<Sealed> },
    /// Nothing of the user is accepted until resumed.
    UserSuspended { user: UserId },
    /// The user is accepted again.
    UserResumed { user: UserId },
    /// The user ended, with all that rests on it.
    UserRemoved { user: UserId },

    /// A user may make and remove tenants.
    OperatorGranted { user: UserId },
    /// A user may no longer make and remove tenants.
    OperatorWithdrawn { user: UserId },

    /// A user joined a tenant.
    MemberAdded { tenant: TenantId, user: UserId, role: Role },
    /// A member's role changed.
    MemberRoleChanged { tenant: TenantId, user: UserId, role: Role },
    /// A user left a tenant; keys confined to it ended.
    MemberRemoved { tenant: TenantId, user: UserId },

    /// A machine identity began in a tenant.
    ServiceAccountCreated {
        service_account: ServiceAccountId,
        tenant: TenantId,
        name: SealedName,
        role: Role,
    },
    /// A service account got another name.
    ServiceAccountRenamed { service_account: ServiceAccountId, name: SealedName },
    /// A service account's role changed.
    ServiceAccountRoleChanged { service_account: ServiceAccountId, role: Role },
    /// Nothing of the service account is accepted until resumed.
    ServiceAccountSuspended { service_account: ServiceAccountId },
    /// The service account is accepted again.
    ServiceAccountResumed { service_account: ServiceAccountId },
    /// The service account ended, with its keys.
    ServiceAccountRemoved { service_account: ServiceAccountId },

    /// A key began.
    KeyCreated(KeyCreated),
    /// A key got another name.
    KeyRenamed { key: KeyId, name: SealedName },
    /// A key's end was set anew.
    KeyExpiryChanged { key: KeyId, expires_at: Option<Timestamp> },
    /// The key is refused until enabled.
    KeyDisabled { key: KeyId },
    /// The key is accepted again.
    KeyEnabled { key: KeyId },
    /// The key ended.
    KeyRevoked { key: KeyId, reason: RevocationReason, note: Option<Sealed> },
    /// A successor, created just before, takes the key's place when its grace ends.
    KeyRotated { key: KeyId, successor: KeyId, grace_ends_at: Timestamp },
    /// From where the key is accepted was set anew.
    KeyAddressesChanged { key: KeyId, addresses: AllowedAddresses },
    /// How often the key is accepted was set anew.
    KeyRateChanged { key: KeyId, rate: Option<RateLimit> },
    /// What people remark about the key was said anew.
    KeyNoteChanged { key: KeyId, note: Option<Sealed> },

    /// A key that signs tokens was published.
    SigningKeyAdded { signing_key: SigningKeyId, public_key: PublicKey, active_from: Timestamp },
    /// A signing key signs no more.
    SigningKeyRetired { signing_key: SigningKeyId, reason: RetirementReason },

    /// Tokens of the target that were authorised before this event are refused.
    TokensRevoked { target: TokenTarget },
    /// Tokens that are minted from now on live so long at most; those from before live on as they were.
    TokenLifeChanged { life: TokenLife },

    /// The key of a removed subject's texts was destroyed: nobody reads them any more, at any moment.
    SubjectErased { subject: Subject },
    /// An operator started the ledger although it was older than its guard said.
    RollbackAccepted { guard_position: Position, guard_hash: [u8; 32] },
}

/// A key as it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCreated {
    /// Its public id.
    pub key: KeyId,
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
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A tenant's rules for the life of new keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TenantPolicy {
    /// The longest life a new key may be given; none: also one without end.
    pub key_life_seconds_max: Option<u64>,
    /// The life of a new key for which no end was asked; none: without end, if that is allowed.
    pub key_life_seconds_default: Option<u64>,
}

/// The public half of an Ed25519 signing key (RFC 8032, section 5.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// Why a signing key was retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetirementReason {
    /// Another took its place; what it signed is accepted until it expires.
    Superseded,
    /// Somebody else may have it; nothing it signed is accepted any more.
    Compromised,
}

/// Of what the tokens are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the field is what the variant names")]
pub enum TokenTarget {
    /// One token. The key from which it was minted says who may revoke it.
    Token { token: TokenId, key: KeyId },
    /// Every token minted from a key.
    Key(KeyId),
    /// Every token of a user or a service account.
    Owner(Owner),
    /// Every token for a tenant.
    Tenant(TenantId),
    /// Every token signed by a key.
    SigningKey(SigningKeyId),
    /// Every token.
    All,
}

impl Event {
    /// Whose texts nobody reads any more with this event.
    pub const fn erases(&self) -> Option<Subject> {
        if let Self::SubjectErased { subject } = self { Some(*subject) } else { None }
    }

    /// Whose texts are read from this event on: whoever reads them needs the key that the subject gets with it.
    pub const fn begins(&self) -> Option<Subject> {
        match self {
            Self::TenantCreated { tenant, .. } => Some(Subject::Tenant(*tenant)),
            Self::UserCreated { user, .. } => Some(Subject::User(*user)),
            Self::ServiceAccountCreated { service_account, .. } => {
                Some(Subject::ServiceAccount(*service_account))
            }
            Self::TenantRenamed { .. }
            | Self::TenantPolicyChanged { .. }
            | Self::TenantSuspended { .. }
            | Self::TenantResumed { .. }
            | Self::TenantRemoved { .. }
            | Self::UserSuspended { .. }
            | Self::UserResumed { .. }
            | Self::UserRemoved { .. }
            | Self::OperatorGranted { .. }
            | Self::OperatorWithdrawn { .. }
            | Self::MemberAdded { .. }
            | Self::MemberRoleChanged { .. }
            | Self::MemberRemoved { .. }
            | Self::ServiceAccountRenamed { .. }
            | Self::ServiceAccountRoleChanged { .. }
            | Self::ServiceAccountSuspended { .. }
            | Self::ServiceAccountResumed { .. }
            | Self::ServiceAccountRemoved { .. }
            | Self::KeyCreated(_)
            | Self::KeyRenamed { .. }
            | Self::KeyExpiryChanged { .. }
            | Self::KeyDisabled { .. }
            | Self::KeyEnabled { .. }
            | Self::KeyRevoked { .. }
            | Self::KeyRotated { .. }
            | Self::KeyAddressesChanged { .. }
            | Self::KeyRateChanged { .. }
            | Self::KeyNoteChanged { .. }
            | Self::SigningKeyAdded { .. }
            | Self::SigningKeyRetired { .. }
            | Self::TokensRevoked { .. }
            | Self::TokenLifeChanged { .. }
            | Self::SubjectErased { .. }
            | Self::RollbackAccepted { .. } => None,
        }
    }

    /// The event's name, as every listing shows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TenantCreated { .. } => "TenantCreated",
            Self::TenantRenamed { .. } => "TenantRenamed",
            Self::TenantPolicyChanged { .. } => "TenantPolicyChanged",
            Self::TenantSuspended { .. } => "TenantSuspended",
            Self::TenantResumed { .. } => "TenantResumed",
            Self::TenantRemoved { .. } => "TenantRemoved",
            Self::UserCreated { .. } => "UserCreated",
            Self::UserSuspended { .. } => "UserSuspended",
            Self::UserResumed { .. } => "UserResumed",
            Self::UserRemoved { .. } => "UserRemoved",
            Self::OperatorGranted { .. } => "OperatorGranted",
            Self::OperatorWithdrawn { .. } => "OperatorWithdrawn",
            Self::MemberAdded { .. } => "MemberAdded",
            Self::MemberRoleChanged { .. } => "MemberRoleChanged",
            Self::MemberRemoved { .. } => "MemberRemoved",
            Self::ServiceAccountCreated { .. } => "ServiceAccountCreated",
            Self::ServiceAccountRenamed { .. } => "ServiceAccountRenamed",
            Self::ServiceAccountRoleChanged { .. } => "ServiceAccountRoleChanged",
            Self::ServiceAccountSuspended { .. } => "ServiceAccountSuspended",
            Self::ServiceAccountResumed { .. } => "ServiceAccountResumed",
            Self::ServiceAccountRemoved { .. } => "ServiceAccountRemoved",
            Self::KeyCreated(_) => "KeyCreated",
            Self::KeyRenamed { .. } => "KeyRenamed",
            Self::KeyExpiryChanged { .. } => "KeyExpiryChanged",
            Self::KeyDisabled { .. } => "KeyDisabled",
            Self::KeyEnabled { .. } => "KeyEnabled",
            Self::KeyRevoked { .. } => "KeyRevoked",
            Self::KeyRotated { .. } => "KeyRotated",
            Self::KeyAddressesChanged { .. } => "KeyAddressesChanged",
            Self::KeyRateChanged { .. } => "KeyRateChanged",
            Self::KeyNoteChanged { .. } => "KeyNoteChanged",
            Self::SigningKeyAdded { .. } => "SigningKeyAdded",
            Self::SigningKeyRetired { .. } => "SigningKeyRetired",
            Self::TokensRevoked { .. } => "TokensRevoked",
            Self::TokenLifeChanged { .. } => "TokenLifeChanged",
            Self::SubjectErased { .. } => "SubjectErased",
            Self::RollbackAccepted { .. } => "RollbackAccepted",
        }
    }
}
