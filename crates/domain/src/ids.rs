//! The ids of things: 128-bit UUIDs, each typed by what it names, never reused.

use std::fmt;
use std::marker::PhantomData;

use uuid::Uuid;

use crate::time::Timestamp;

/// An id of a `K`. Two ids of different kinds cannot be confused or compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K>(Uuid, PhantomData<K>);

/// Names a tenant.
pub type TenantId = Id<kind::Tenant>;
/// Names a user, across all tenants.
pub type UserId = Id<kind::User>;
/// Names a service account of one tenant.
pub type ServiceAccountId = Id<kind::ServiceAccount>;
/// Names an API key; public, safe to log.
pub type KeyId = Id<kind::Key>;
/// Names a signing key in the log (its JWS `kid` is the RFC 7638 thumbprint of its public half).
pub type SigningKeyId = Id<kind::SigningKey>;
/// Names one minted token: the `jti` of RFC 7519.
pub type TokenId = Id<kind::Token>;
/// Names one request to the server, for logs and event metadata.
pub type RequestId = Id<kind::Request>;
/// Names an agent that polls with a key; it is told with the key's use, and nothing rests on it.
pub type AgentId = Id<kind::Agent>;
/// Names a ledger: drawn once when it is made, part of its chain.
pub type LedgerId = Id<kind::Ledger>;
/// Names the pepper under which a digest was made.
pub type PepperId = Id<kind::Pepper>;

/// What an [`Id`] can name.
pub mod kind {
    /// Marks the id of a tenant.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Tenant {}
    /// Marks the id of a user.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum User {}
    /// Marks the id of a service account.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum ServiceAccount {}
    /// Marks the id of an API key.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Key {}
    /// Marks the id of a signing key.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum SigningKey {}
    /// Marks the id of a minted token.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Token {}
    /// Marks the id of a request to the server.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Request {}
    /// Marks the id of an agent.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Agent {}
    /// Marks the id of a ledger.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Ledger {}
    /// Marks the id of a pepper.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Pepper {}
}

/// How many characters the text of an id has.
pub const TEXT_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;

/// A text that is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: an id is a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct MalformedId;

impl<K> Id<K> {
    /// The id with these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }

    /// The 16 bytes of the id, in RFC 9562 order.
    pub const fn bytes(&self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// When it was made, if it says so: a UUIDv7 (RFC 9562, section 5.7) begins with that.
    pub fn made_at(&self) -> Option<Timestamp> {
        let is_v7 = self.0.get_version() == Some(uuid::Version::SortRand);
        let [a, b, c, d, e, f, ..] = self.bytes();
        let ms = i64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        if is_v7 { Timestamp::from_unix_ms(ms) } else { None }
    }

    /// The text of the id, as it is displayed, written into a buffer.
    pub fn text<'a>(&self, buffer: &'a mut [u8; TEXT_BYTES]) -> &'a str {
        self.0.hyphenated().encode_lower(buffer)
    }

    /// Reads a UUID in any of the forms that RFC 9562 readers accept.
    pub fn parse(text: &str) -> Result<Self, MalformedId> {
        Uuid::try_parse(text).map(|id| Self(id, PhantomData)).map_err(|_| MalformedId)
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
