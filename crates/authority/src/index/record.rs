//! A key as the index holds it: as few bytes as tell everything that verification asks.
//!
//! What many keys share is in a table, and named by its place: the owner, the home, and the terms.

use domain::ids::KeyId;
use domain::key::{KeyLife, RevocationReason};
use domain::time::{Position, Timestamp};

use super::slots::{Named, Slot};

/// What verification knows of a key.
#[derive(Clone, Copy)]
pub(crate) struct KeyRecord {
    digest: [u8; 32],
    id: KeyId,
    created: Position,
    expires_at: End,
    grace_ends_at: End,
    pub(super) owner: OwnerSlot,
    pub(super) home: Slot,
    pub(super) terms: Slot,
    pub(super) confined: Confined,
    disabled: bool,
    revoked: Option<RevocationReason>,
}

/// Whose key it is, by the place of the owner's row.
#[derive(Clone, Copy)]
pub(super) enum OwnerSlot {
    User(Slot),
    ServiceAccount(Slot),
}

/// Whether a key acts in its home only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Confined {
    Yes,
    No,
}

/// An instant, or none, in eight bytes.
#[derive(Clone, Copy)]
struct End(i64);

/// A hundred million of these must fit in a large machine, and ten million in a small one.
const _: () = assert!(size_of::<KeyRecord>() <= 96);

impl KeyRecord {
    pub(super) fn new(
        digest: [u8; 32],
        id: KeyId,
        created: Position,
        life: &KeyLife,
        places: Places,
    ) -> Self {
        let Places { owner, home, confined, terms } = places;
        let (expires_at, grace_ends_at) = (End::of(life.expires_at), End::of(life.grace_ends_at));
        let KeyLife { disabled, revoked, .. } = *life;
        Self {
            digest,
            id,
            created,
            expires_at,
            grace_ends_at,
            owner,
            home,
            terms,
            confined,
            disabled,
            revoked,
        }
    }

    /// The same key with another life and other terms: where those are that it had.
    pub(super) fn changed(&mut self, life: &KeyLife, terms: Slot) -> Slot {
        (self.expires_at, self.grace_ends_at) = (End::of(life.expires_at), End::of(life.grace_ends_at));
        (self.disabled, self.revoked) = (life.disabled, life.revoked);
        std::mem::replace(&mut self.terms, terms)
    }

    /// The bytes of its digest.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Its id.
    pub(crate) fn key(&self) -> KeyId {
        self.id
    }

    /// Where in the log it was made.
    pub(crate) fn created(&self) -> Position {
        self.created
    }

    /// Whether it still lives by itself.
    pub(crate) fn life(&self) -> KeyLife {
        KeyLife {
            expires_at: self.expires_at.instant(),
            grace_ends_at: self.grace_ends_at.instant(),
            disabled: self.disabled,
            revoked: self.revoked,
        }
    }
}

/// Where what a key shares with others is.
pub(super) struct Places {
    pub(super) owner: OwnerSlot,
    pub(super) home: Slot,
    pub(super) confined: Confined,
    pub(super) terms: Slot,
}

impl Named for KeyRecord {
    type Id = KeyId;

    fn id(&self) -> KeyId {
        self.id
    }
}

impl End {
    /// Later than every instant.
    const NEVER: Self = Self(i64::MAX);

    fn of(instant: Option<Timestamp>) -> Self {
        instant.map_or(Self::NEVER, |instant| Self(instant.unix_ms()))
    }

    fn instant(self) -> Option<Timestamp> {
        Timestamp::from_unix_ms(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_an_instant_or_none() {
        for end in [None, Some(Timestamp::MIN), Some(Timestamp::MAX), Timestamp::from_unix_ms(7)] {
            assert_eq!(End::of(end).instant(), end);
        }
    }
}
