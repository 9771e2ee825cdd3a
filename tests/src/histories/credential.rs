//! What a credential rests on: a list of registers, in the order in which a refusal names them.
//!
//! This is the checker's own small model of the rules, written down from what is promised, not from the code:
//! what is final is told before what ends by itself, and that before what can be undone; a token is first asked
//! about itself.

use std::fmt;

use domain::event::TokenTarget;
use domain::ids::{KeyId, SigningKeyId, TenantId, TokenId, UserId};
use domain::key::Owner;
use domain::time::Position;

/// Something that changes can make stand in the way of a credential, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is about what its fields name")]
pub enum Register {
    Known(KeyId),
    SigningKeyRetired(SigningKeyId),
    TokensRevoked(TokenTarget),
    KeyRevoked(KeyId),
    OwnerRemoved(Owner),
    TenantRemoved(TenantId),
    MembershipEnded(TenantId, UserId),
    KeyRotated(KeyId),
    KeyExpires(KeyId),
    KeyDisabled(KeyId),
    OwnerSuspended(Owner),
    TenantSuspended(TenantId),
}

impl Register {
    /// Whether what was once seen of it, by way of this reason or of another, stays so.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Known(_)
            | Self::SigningKeyRetired(_)
            | Self::KeyRevoked(_)
            | Self::OwnerRemoved(_)
            | Self::TenantRemoved(_)
            | Self::MembershipEnded(_, _)
            | Self::KeyRotated(_) => true,
            // What a watermark refuses depends on the token, and the others come and go.
            Self::TokensRevoked(_)
            | Self::KeyExpires(_)
            | Self::KeyDisabled(_)
            | Self::OwnerSuspended(_)
            | Self::TenantSuspended(_) => false,
        }
    }

    /// The reason that a refusal gives for it.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Known(_) => Reason("KEY_UNKNOWN"),
            Self::SigningKeyRetired(_) => Reason("SIGNING_KEY_REFUSED"),
            Self::TokensRevoked(_) => Reason("TOKEN_REVOKED"),
            Self::KeyRevoked(_) => Reason("KEY_REVOKED"),
            Self::OwnerRemoved(_) => Reason("OWNER_REMOVED"),
            Self::TenantRemoved(_) => Reason("TENANT_REMOVED"),
            Self::MembershipEnded(_, _) => Reason("MEMBERSHIP_REMOVED"),
            Self::KeyRotated(_) => Reason("KEY_ROTATED"),
            Self::KeyExpires(_) => Reason("KEY_EXPIRED"),
            Self::KeyDisabled(_) => Reason("KEY_DISABLED"),
            Self::OwnerSuspended(_) => Reason("OWNER_SUSPENDED"),
            Self::TenantSuspended(_) => Reason("TENANT_SUSPENDED"),
        }
    }
}

/// Why a credential was refused: a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(&'static str);

impl Reason {
    /// Every reason that a history can explain.
    pub const ALL: [Self; 13] = [
        Self("TOKEN_EXPIRED"),
        Self("KEY_UNKNOWN"),
        Self("SIGNING_KEY_REFUSED"),
        Self("TOKEN_REVOKED"),
        Self("KEY_REVOKED"),
        Self("OWNER_REMOVED"),
        Self("TENANT_REMOVED"),
        Self("MEMBERSHIP_REMOVED"),
        Self("KEY_ROTATED"),
        Self("KEY_EXPIRED"),
        Self("KEY_DISABLED"),
        Self("OWNER_SUSPENDED"),
        Self("TENANT_SUSPENDED"),
    ];
    /// The token's own time is over.
    pub const TOKEN_EXPIRED: Self = Self::ALL[0];

    /// The reason with this code, if a history can explain it.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.0 == code)
    }

    /// The code.
    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A key as it is shown in one tenant, or a token for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The key, or the one from which the token was minted.
    pub key: KeyId,
    /// Its owner.
    pub owner: Owner,
    /// The tenant in which it is shown.
    pub tenant: TenantId,
    /// What is known of the token, if it is one.
    pub token: Option<TokenMinted>,
    /// Whether the key is made within the history, and not before it.
    pub made_within: bool,
}

/// A token as it was minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenMinted {
    /// Its `jti`.
    pub id: TokenId,
    /// As of which position.
    pub seq: Position,
    /// What signed it.
    pub signing_key: SigningKeyId,
    /// When its own time is over, in milliseconds since 1970.
    pub ends_at_ms: i64,
}

/// One of the things that a credential rests on.
pub type Facet = Register;

impl Credential {
    /// What it rests on, in the order in which a refusal names it.
    pub fn facets(&self) -> Vec<Facet> {
        let Self { key, owner, tenant, token, made_within } = *self;
        let mut facets = vec![];
        if made_within {
            facets.push(Register::Known(key));
        }
        if let Some(token) = token {
            facets.push(Register::SigningKeyRetired(token.signing_key));
            let targets = [
                TokenTarget::All,
                TokenTarget::Token { token: token.id, key },
                TokenTarget::Key(key),
                TokenTarget::Owner(owner),
                TokenTarget::Tenant(tenant),
                TokenTarget::SigningKey(token.signing_key),
            ];
            facets.extend(targets.map(Register::TokensRevoked));
        }
        facets.extend([
            Register::KeyRevoked(key),
            Register::OwnerRemoved(owner),
            Register::TenantRemoved(tenant),
        ]);
        if let Owner::User(user) = owner {
            facets.push(Register::MembershipEnded(tenant, user));
        }
        facets.extend([
            Register::KeyRotated(key),
            Register::KeyExpires(key),
            Register::KeyDisabled(key),
            Register::OwnerSuspended(owner),
            Register::TenantSuspended(tenant),
        ]);
        facets
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.token {
            None => write!(f, "key {} in tenant {}", self.key, self.tenant),
            Some(token) => write!(
                f,
                "token {} of key {} for tenant {}, as of {}",
                token.id, self.key, self.tenant, token.seq
            ),
        }
    }
}
