//! Personal text as the log holds it: encrypted for its subject, beside a keyed digest.

use crate::ids::{ServiceAccountId, TenantId, UserId};

/// Whose key seals a text. Erasing that subject makes all of it unreadable.
///
/// Texts about an API key are sealed for the key's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A tenant: its slug and name.
    Tenant(TenantId),
    /// A user: e-mail address, name, the names of own keys and what is remarked about them.
    User(UserId),
    /// A service account: its name, the names of its keys and what is remarked about them.
    ServiceAccount(ServiceAccountId),
}

/// Encrypted text. Rules and storage only copy it; nothing here can open it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sealed {
    /// Under whose key.
    pub subject: Subject,
    /// Nonce, ciphertext and tag, as `credentials` makes them.
    pub ciphertext: Vec<u8>,
}

/// A keyed digest of a text, by which equal texts of one kind are recognised without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextDigest(pub [u8; 16]);

/// A name as the rules see it: unreadable, but comparable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SealedName {
    /// The encrypted text.
    pub text: Sealed,
    /// Equal for equal names of one kind.
    pub digest: TextDigest,
}
