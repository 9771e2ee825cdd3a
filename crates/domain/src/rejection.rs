//! Answers that are not yes: why a credential is refused, and why a command is rejected.

use crate::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use crate::key::Owner;
use crate::role::Permission;
use crate::sealed::Subject;
use crate::time::in_words;

/// Why a credential is not accepted. Told in full only to a holder of its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// No such key, or not its secret.
    #[error("this key is not known here; check that it was copied whole and belongs to this deployment")]
    KeyUnknown,
    /// Revoked for good.
    #[error("this key was revoked; ask for a new one")]
    KeyRevoked,
    /// Its owner was removed.
    #[error("the user or service account of this key was removed")]
    OwnerRemoved,
    /// Its user left the tenant, or the credential is from an earlier membership.
    #[error("the user of this key is no longer a member of the tenant")]
    MembershipRemoved,
    /// The tenant was removed.
    #[error("the tenant of this key was removed")]
    TenantRemoved,
    /// Its user never was a member of the tenant asked for.
    #[error("the user of this key is not a member of the tenant asked for")]
    NotAMember,
    /// The credential acts in one tenant, and another was asked for.
    #[error("this credential acts in another tenant than the one asked for")]
    OtherTenant,
    /// The grace after its rotation is over.
    #[error("this key was rotated and its grace is over; use its successor")]
    KeyRotated,
    /// Its time is over.
    #[error("this key has expired; create a new one")]
    KeyExpired,
    /// Disabled; can be enabled again.
    #[error(
        "this key is disabled; its user, or an administrator if it is a service account's, can enable it again"
    )]
    KeyDisabled,
    /// Its owner is suspended.
    #[error("the user or service account of this key is suspended")]
    OwnerSuspended,
    /// The tenant is suspended.
    #[error("the tenant of this key is suspended")]
    TenantSuspended,
    /// It carries a list of addresses, and was shown from elsewhere.
    #[error(
        "this key is not accepted from this address; use it from one of its networks, or have its list of addresses changed"
    )]
    AddressNotAllowed,
    /// A watermark covers the token.
    #[error("this token was revoked; exchange the key for a new one")]
    TokenRevoked,
    /// The key that signed the token is compromised, or not ours.
    #[error("the key that signed this token is not trusted; exchange the key for a new token")]
    SigningKeyRefused,
}

impl Refusal {
    /// Every refusal, in the order in which they take precedence.
    pub const ALL: [Self; 15] = [
        Self::KeyUnknown,
        Self::KeyRevoked,
        Self::OwnerRemoved,
        Self::TenantRemoved,
        Self::MembershipRemoved,
        Self::NotAMember,
        Self::OtherTenant,
        Self::KeyRotated,
        Self::KeyExpired,
        Self::KeyDisabled,
        Self::OwnerSuspended,
        Self::TenantSuspended,
        Self::AddressNotAllowed,
        Self::TokenRevoked,
        Self::SigningKeyRefused,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::KeyRevoked => "KEY_REVOKED",
            Self::OwnerRemoved => "OWNER_REMOVED",
            Self::MembershipRemoved => "MEMBERSHIP_REMOVED",
            Self::TenantRemoved => "TENANT_REMOVED",
            Self::NotAMember => "NOT_A_MEMBER",
            Self::OtherTenant => "OTHER_TENANT",
            Self::KeyRotated => "KEY_ROTATED",
            Self::KeyExpired => "KEY_EXPIRED",
            Self::KeyDisabled => "KEY_DISABLED",
            Self::OwnerSuspended => "OWNER_SUSPENDED",
            Self::TenantSuspended => "TENANT_SUSPENDED",
            Self::AddressNotAllowed => "ADDRESS_NOT_ALLOWED",
            Self::TokenRevoked => "TOKEN_REVOKED",
            Self::SigningKeyRefused => "SIGNING_KEY_REFUSED",
        }
    }
}

/// Something that a command speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the field is what the variant names")]
pub enum Entity {
    Tenant(TenantId),
    User(UserId),
    Member { tenant: TenantId, user: UserId },
    ServiceAccount(ServiceAccountId),
    Key(KeyId),
    SigningKey(SigningKeyId),
}

impl Entity {
    /// The word for its kind in listings.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::User(_) => "user",
            Self::Member { .. } => "member",
            Self::ServiceAccount(_) => "service account",
            Self::Key(_) => "key",
            Self::SigningKey(_) => "signing key",
        }
    }

    /// Its id; a member's is the user's.
    pub const fn id(self) -> [u8; 16] {
        match self {
            Self::Tenant(id) => id.bytes(),
            Self::User(id) | Self::Member { user: id, .. } => id.bytes(),
            Self::ServiceAccount(id) => id.bytes(),
            Self::Key(id) => id.bytes(),
            Self::SigningKey(id) => id.bytes(),
        }
    }
}

impl From<Owner> for Entity {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::User(user) => Self::User(user),
            Owner::ServiceAccount(account) => Self::ServiceAccount(account),
        }
    }
}

impl From<Subject> for Entity {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Tenant(tenant) => Self::Tenant(tenant),
            Subject::User(user) => Self::User(user),
            Subject::ServiceAccount(account) => Self::ServiceAccount(account),
        }
    }
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tenant(id) => write!(f, "tenant {id}"),
            Self::User(id) => write!(f, "user {id}"),
            Self::Member { tenant, user } => write!(f, "member {user} of tenant {tenant}"),
            Self::ServiceAccount(id) => write!(f, "service account {id}"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::SigningKey(id) => write!(f, "signing key {id}"),
        }
    }
}

/// Why a command is rejected. An answer, not a failure: nothing changed, and the same state gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The credential that the actor showed is accepted no more.
    #[error("{0}")]
    NotAuthenticated(Refusal),
    /// The actor may see this, but not do that.
    #[error("this needs the permission {} which the role, or the scopes of the key used, do not include", .needs.scope())]
    Forbidden {
        /// What would have been needed.
        needs: Permission,
    },
    /// Only the person at the console may do that.
    #[error("this can only be done at the machine itself, with the keyledger command on the data folder")]
    ConsoleOnly,
    /// Only the server does that, by its settings.
    #[error("this follows from a setting of the server; change the setting and start the server again")]
    ServerOnly,
    /// There is no such thing, or none that the actor may know of.
    #[error("there is no {0}, or none that you may see")]
    NotFound(Entity),
    /// It ended for good.
    #[error("{0} was removed; this cannot be undone, create a new one")]
    Removed(Entity),
    /// Only what ended can be erased.
    #[error("{0} is not removed; only texts about what was removed can be erased, so remove it first")]
    NotRemoved(Entity),
    /// It must be resumed first.
    #[error("{0} is suspended; resume it first")]
    Suspended(Entity),
    /// The key ended for good.
    #[error("key {0} was revoked; this cannot be undone, create a new one")]
    KeyRevoked(KeyId),
    /// The key must be enabled first.
    #[error("key {0} is disabled; enable it first")]
    KeyDisabled(KeyId),
    /// An expired key stays expired.
    #[error("key {0} has expired; create a new one")]
    KeyExpired(KeyId),
    /// Its successor took its place.
    #[error("key {key} was rotated already; use its successor {successor}")]
    KeyRotated {
        /// The key spoken of.
        key: KeyId,
        /// The key that took its place.
        successor: KeyId,
    },
    /// The id is in use; ids are never reused.
    #[error("the id of {0} is in use")]
    IdTaken(Entity),
    /// Another living tenant has the slug.
    #[error("another tenant has this slug; choose another")]
    SlugTaken,
    /// Another living user has the e-mail address.
    #[error("a user with this e-mail address exists; add that user as a member instead")]
    EmailTaken,
    /// Another living service account of the tenant has the name.
    #[error("another service account of this tenant has this name; choose another")]
    NameTaken,
    /// The user is a member already, with another role, or was to have a first key.
    #[error("user {user} is a member of tenant {tenant} already{}", instead(*.first_key))]
    AlreadyMember {
        /// The tenant.
        tenant: TenantId,
        /// The user.
        user: UserId,
        /// Whether a first key was asked for.
        first_key: bool,
    },
    /// A tenant must keep a living administrator.
    #[error("the last administrator cannot be removed, suspended or demoted; first make another member administrator of {}", list(.tenants))]
    LastAdministrator {
        /// The tenants that would be left without one.
        tenants: Vec<TenantId>,
    },
    /// The deployment must keep a living operator.
    #[error("the last operator cannot be withdrawn, removed or suspended; first grant another user")]
    LastOperator,
    /// The deployment must keep a key that signs.
    #[error("the last signing key cannot be retired without a replacement")]
    LastSigningKey,
    /// The end asked for is over.
    #[error("the expiry lies in the past; give a later instant, or none")]
    ExpiryInPast,
    /// Longer than the tenant allows.
    #[error("tenant {tenant} allows keys to live for at most {}; give an earlier expiry", in_words(*seconds_max))]
    KeyLifeTooLong {
        /// The tenant whose policy it is.
        tenant: TenantId,
        /// The longest life.
        seconds_max: u64,
    },
    /// A default longer than the longest.
    #[error("the default key life must be at least one second and not longer than the longest key life")]
    PolicyContradicts,
    /// Grace longer than allowed.
    #[error("the grace of a rotated key may be at most {}", in_words(*seconds_max))]
    GraceTooLong {
        /// The longest grace.
        seconds_max: u64,
    },
    /// Nobody grants what they do not have.
    #[error("the new key would have scopes that the key used does not have; ask for fewer")]
    ScopesNotHeld,
    /// Nobody grants what they do not have.
    #[error("the new key would act in a tenant where the credential used does not")]
    ReachNotHeld,
    /// The same: joining again revives nothing.
    #[error(
        "the new key would act in {}, which its user left and joined again after the key used, or the key to be replaced, was made; \
         leave it first (remove_member of oneself), or make a key for one tenant", list(.tenants)
    )]
    JoinedAgain {
        /// The tenants.
        tenants: Vec<TenantId>,
    },
    /// Nobody grants what they do not have.
    #[error(
        "the key would be accepted from addresses from which the key used is not; name networks within the list of the key used"
    )]
    AddressesNotHeld,
    /// Whoever asks could not go on.
    #[error(
        "the key used would not be accepted from here any more; include the address that you use, or change it with another key"
    )]
    WouldLockOut,
    /// There is a ledger here already.
    #[error("this ledger has been initialised already")]
    AlreadyInitialised,
}

/// What kind of answer a rejection is; decides HTTP status and exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionClass {
    /// The credential is not accepted.
    NotAuthenticated,
    /// The actor may not do that.
    Forbidden,
    /// No such thing.
    NotFound,
    /// Not in the state that things are in.
    Conflict,
    /// The request itself is at fault.
    Invalid,
}

impl Rejection {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAuthenticated(refusal) => refusal.code(),
            Self::Forbidden { .. } => "FORBIDDEN",
            Self::ConsoleOnly => "CONSOLE_ONLY",
            Self::ServerOnly => "SERVER_ONLY",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Removed(_) => "REMOVED",
            Self::NotRemoved(_) => "NOT_REMOVED",
            Self::Suspended(_) => "SUSPENDED",
            Self::KeyRevoked(_) => "KEY_REVOKED",
            Self::KeyDisabled(_) => "KEY_DISABLED",
            Self::KeyExpired(_) => "KEY_EXPIRED",
            Self::KeyRotated { .. } => "KEY_ROTATED",
            Self::IdTaken(_) => "ID_TAKEN",
            Self::SlugTaken => "SLUG_TAKEN",
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::NameTaken => "NAME_TAKEN",
            Self::AlreadyMember { .. } => "ALREADY_MEMBER",
            Self::LastAdministrator { .. } => "LAST_ADMINISTRATOR",
            Self::LastOperator => "LAST_OPERATOR",
            Self::LastSigningKey => "LAST_SIGNING_KEY",
            Self::ExpiryInPast => "EXPIRY_IN_PAST",
            Self::KeyLifeTooLong { .. } => "KEY_LIFE_TOO_LONG",
            Self::PolicyContradicts => "POLICY_CONTRADICTS",
            Self::GraceTooLong { .. } => "GRACE_TOO_LONG",
            Self::ScopesNotHeld => "SCOPES_NOT_HELD",
            Self::ReachNotHeld | Self::JoinedAgain { .. } => "REACH_NOT_HELD",
            Self::AddressesNotHeld => "ADDRESSES_NOT_HELD",
            Self::WouldLockOut => "WOULD_LOCK_OUT",
            Self::AlreadyInitialised => "ALREADY_INITIALISED",
        }
    }

    /// What kind of answer it is.
    pub const fn class(&self) -> RejectionClass {
        match self {
            Self::NotAuthenticated(_) => RejectionClass::NotAuthenticated,
            Self::Forbidden { .. }
            | Self::ConsoleOnly
            | Self::ServerOnly
            | Self::ScopesNotHeld
            | Self::ReachNotHeld
            | Self::JoinedAgain { .. }
            | Self::AddressesNotHeld => RejectionClass::Forbidden,
            Self::NotFound(_) => RejectionClass::NotFound,
            Self::Removed(_)
            | Self::NotRemoved(_)
            | Self::Suspended(_)
            | Self::KeyRevoked(_)
            | Self::KeyDisabled(_)
            | Self::KeyExpired(_)
            | Self::KeyRotated { .. }
            | Self::IdTaken(_)
            | Self::SlugTaken
            | Self::EmailTaken
            | Self::NameTaken
            | Self::AlreadyMember { .. }
            | Self::LastAdministrator { .. }
            | Self::LastOperator
            | Self::LastSigningKey
            | Self::WouldLockOut
            | Self::AlreadyInitialised => RejectionClass::Conflict,
            Self::ExpiryInPast
            | Self::KeyLifeTooLong { .. }
            | Self::PolicyContradicts
            | Self::GraceTooLong { .. } => RejectionClass::Invalid,
        }
    }
}

/// What helps whoever adds a member that is one.
const fn instead(first_key: bool) -> &'static str {
    if first_key {
        ": a first key comes with joining alone; who has no key that is accepted is removed and added again, with a first key"
    } else {
        ", with another role; change the role instead"
    }
}

fn list(tenants: &[TenantId]) -> String {
    let names: Vec<_> = tenants.iter().map(|id| Entity::Tenant(*id).to_string()).collect();
    names.join(", ")
}
