//! The parts of an API key that the log holds: never the secret, only what recognises and describes it.

use crate::ids::{PepperId, ServiceAccountId, TenantId, UserId};
use crate::time::Timestamp;

/// Whose key it is, and so whose access it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A person.
    User(UserId),
    /// A machine identity of one tenant.
    ServiceAccount(ServiceAccountId),
}

/// Where a key acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// In this tenant only. Every service account key is of this kind.
    Tenant(TenantId),
    /// In any tenant that its user is a member of; `home` when the caller names none.
    AnyTenant {
        /// The tenant in which it was made.
        home: TenantId,
    },
}

impl Reach {
    /// The tenant meant when the caller names none.
    pub const fn home(self) -> TenantId {
        match self {
            Self::Tenant(home) | Self::AnyTenant { home } => home,
        }
    }

    /// The only tenant in which the key acts, if there is only one.
    pub const fn confined_to(self) -> Option<TenantId> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::AnyTenant { .. } => None,
        }
    }
}

/// How a digest was made of a key string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestScheme {
    /// BLAKE3 keyed with the pepper named, over the whole key string. What Keyledger makes.
    KeyedBlake3(PepperId),
    /// Plain SHA-256 over the whole key string: keys imported from elsewhere.
    Sha256,
}

/// What is stored of a key string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest {
    /// How it was made.
    pub scheme: DigestScheme,
    /// The digest.
    pub bytes: [u8; 32],
}

/// The beginning of a key string, which names its kind: `klu`, `kls`, or what the deployment chose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// The most characters of a prefix.
    pub const BYTES_MAX: usize = 12;

    /// Accepts 2 to 12 lower-case letters and digits, a letter first.
    pub fn parse(text: &str) -> Option<Self> {
        Self::admits(text).then(|| Self(text.to_owned()))
    }

    /// Whether a text is a prefix.
    pub fn admits(text: &str) -> bool {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        letters && begins && (2..=Self::BYTES_MAX).contains(&text.len())
    }

    /// The text, without the underscore that follows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The last four characters of a key string, by which a person recognises it in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LastFour([u8; 4]);

impl LastFour {
    /// Accepts four letters, digits, hyphens or underscores.
    pub fn parse(bytes: [u8; 4]) -> Option<Self> {
        bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).then_some(Self(bytes))
    }

    /// The four characters.
    pub const fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// The four characters as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("parse admits ASCII only")
    }
}

/// The facts of a key that decide whether it still lives, without those of its ancestry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyLife {
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Set when it was rotated: from this instant on only its successor is accepted.
    pub grace_ends_at: Option<Timestamp>,
    /// Disabled keys can be enabled again.
    pub disabled: bool,
    /// Revoked keys stay revoked.
    pub revoked: Option<RevocationReason>,
}

impl KeyLife {
    /// When the clock ends it, if it does.
    pub fn ends_at(&self) -> Option<Timestamp> {
        [self.expires_at, self.grace_ends_at].into_iter().flatten().min()
    }
}

/// Why a key was revoked: the reasons of RFC 5280, section 5.3.1, that can apply to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// No reason given.
    Unspecified,
    /// Somebody else may have the secret.
    KeyCompromise,
    /// The owner changed its affiliation.
    AffiliationChanged,
    /// Another key took its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// The owner must no longer have what it gives.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// The word for the reason on every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key_compromise",
            Self::AffiliationChanged => "affiliation_changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation_of_operation",
            Self::PrivilegeWithdrawn => "privilege_withdrawn",
        }
    }
}
