//! The bytes of a key's rows. Its first row says everything; each later one only what may have changed since.
//!
//! Most of a key never changes, and a key is changed a few times: written whole each time, it took a third of the file.

use bincode::{Decode, Encode};
use domain::ids::{Id, KeyId};
use domain::key::KeyLife;
use domain::limits::{KeyLimits, RateLimit};
use domain::row::Key;
use domain::sealed::{Sealed, SealedName};
use domain::time::{Moment, Position, Timestamp};

use super::{StoredRow, decode};
use crate::codec::codes;
use crate::codec::error::{DecodeError, Malformed};
use crate::codec::v1::limits::{NetworkV1, RateLimitV1, addresses, of_addresses};
use crate::codec::v1::parts::{
    KeyDigestV1, OwnerV1, ReachV1, SealedNameV1, SealedV1, instant, key_prefix, last_four, of_scopes, scopes,
};
use crate::codec::write;

/// A row of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a later row is taken apart at once; on the heap it would cost more"
)]
pub(crate) enum KeyVersion {
    /// The first: everything.
    Begun(Box<Key>),
    /// A later one.
    Changed(ChangedKey),
}

/// What may change of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedKey {
    /// Where its first row is.
    pub(crate) created: Position,
    /// None: as in the first row.
    name: Option<SealedName>,
    life: KeyLife,
    limits: KeyLimits,
    note: Option<Sealed>,
    successor: Option<KeyId>,
    predecessor: Option<KeyId>,
}

impl KeyVersion {
    /// The row that a key needs whose first row says this; none, if it has no row yet.
    pub(crate) fn of(key: &Key, begun: Option<&Key>) -> Self {
        let Some(begun) = begun else { return Self::Begun(Box::new(key.clone())) };
        let changed = ChangedKey::of(key);
        let name = changed.name.filter(|name| *name != begun.name);
        Self::Changed(ChangedKey { name, ..changed })
    }
}

impl ChangedKey {
    fn of(key: &Key) -> Self {
        Self {
            created: key.created.position,
            name: Some(key.name.clone()),
            life: key.life,
            limits: key.limits.clone(),
            note: key.note.clone(),
            successor: key.successor,
            predecessor: key.predecessor,
        }
    }

    /// The whole key, given its first row.
    pub(crate) fn whole(self, begun: Key) -> Key {
        let Self { created: _, name, life, limits, note, successor, predecessor } = self;
        let name = name.unwrap_or(begun.name);
        Key { name, life, limits, note, successor, predecessor, ..begun }
    }
}

#[derive(Encode, Decode)]
struct KeyRow {
    created_position: u64,
    /// There exactly in the first row.
    born: Option<BornPart>,
    /// There in the first row, and in later ones since the key has another.
    name: Option<SealedNameV1>,
    life: KeyLifePart,
    addresses: Option<Vec<NetworkV1>>,
    rate: Option<RateLimitV1>,
    note: Option<SealedV1>,
    successor: Option<[u8; 16]>,
    predecessor: Option<[u8; 16]>,
}

#[derive(Encode, Decode)]
struct BornPart {
    id: [u8; 16],
    owner: OwnerV1,
    reach: ReachV1,
    digest: KeyDigestV1,
    prefix: String,
    last_four: [u8; 4],
    scopes: Option<Vec<String>>,
    created_at_ms: i64,
}

#[derive(Encode, Decode)]
struct KeyLifePart {
    expires_at_ms: Option<i64>,
    grace_ends_at_ms: Option<i64>,
    disabled: bool,
    revoked: Option<u8>,
}

impl StoredRow for KeyVersion {
    fn to_bytes(&self) -> Vec<u8> {
        let (born, changed) = match self {
            Self::Begun(key) => (Some(BornPart::from(key.as_ref())), &ChangedKey::of(key)),
            Self::Changed(changed) => (None, changed),
        };
        write(&KeyRow {
            created_position: changed.created.number(),
            born,
            name: changed.name.as_ref().map(SealedNameV1::from),
            life: changed.life.into(),
            addresses: of_addresses(&changed.limits.addresses),
            rate: changed.limits.rate.map(RateLimitV1::from),
            note: changed.note.as_ref().map(SealedV1::from),
            successor: changed.successor.map(|id| id.bytes()),
            predecessor: changed.predecessor.map(|id| id.bytes()),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("keys", bytes, |row: KeyRow| {
            let changed = ChangedKey {
                created: Position::new(row.created_position),
                name: row.name.map(SealedName::try_from).transpose()?,
                life: row.life.try_into()?,
                limits: KeyLimits {
                    addresses: addresses(row.addresses)?,
                    rate: row.rate.map(RateLimit::try_from).transpose()?,
                },
                note: row.note.map(Sealed::try_from).transpose()?,
                successor: row.successor.map(Id::from_bytes),
                predecessor: row.predecessor.map(Id::from_bytes),
            };
            let Some(born) = row.born else { return Ok(Self::Changed(changed)) };
            Ok(Self::Begun(Box::new(born.with(changed)?)))
        })
    }
}

impl From<&Key> for BornPart {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.bytes(),
            owner: key.owner.into(),
            reach: key.reach.into(),
            digest: (&key.digest).into(),
            prefix: key.prefix.as_str().to_owned(),
            last_four: key.last_four.bytes(),
            scopes: of_scopes(&key.scopes),
            created_at_ms: key.created.at.unix_ms(),
        }
    }
}

impl BornPart {
    fn with(self, changed: ChangedKey) -> Result<Key, Malformed> {
        let ChangedKey { created, name, life, limits, note, successor, predecessor } = changed;
        Ok(Key {
            id: Id::from_bytes(self.id),
            owner: self.owner.try_into()?,
            reach: self.reach.try_into()?,
            name: name.ok_or(Malformed::CutShort)?,
            digest: self.digest.try_into()?,
            prefix: key_prefix(self.prefix)?,
            last_four: last_four(self.last_four)?,
            scopes: scopes(self.scopes)?,
            life,
            limits,
            note,
            successor,
            predecessor,
            created: Moment { position: created, at: instant("created_at", self.created_at_ms)? },
        })
    }
}

impl From<KeyLife> for KeyLifePart {
    fn from(life: KeyLife) -> Self {
        Self {
            expires_at_ms: life.expires_at.map(Timestamp::unix_ms),
            grace_ends_at_ms: life.grace_ends_at.map(Timestamp::unix_ms),
            disabled: life.disabled,
            revoked: life.revoked.map(codes::of_revocation),
        }
    }
}

impl TryFrom<KeyLifePart> for KeyLife {
    type Error = Malformed;

    fn try_from(stored: KeyLifePart) -> Result<Self, Malformed> {
        Ok(Self {
            expires_at: stored.expires_at_ms.map(|ms| instant("expires_at", ms)).transpose()?,
            grace_ends_at: stored.grace_ends_at_ms.map(|ms| instant("grace_ends_at", ms)).transpose()?,
            disabled: stored.disabled,
            revoked: stored.revoked.map(codes::revocation).transpose()?,
        })
    }
}
