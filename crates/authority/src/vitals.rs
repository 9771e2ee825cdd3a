//! Vital signs: what a monitor reads of a running authority. Each is cheap to ask for.

use domain::time::{Position, Timestamp};

use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::failure::Failure;
use crate::tally::Verifications;

/// How much the verification index holds, living or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is what it counts")]
pub struct Sizes {
    pub keys: usize,
    pub tenants: usize,
    pub users: usize,
    pub service_accounts: usize,
}

/// How the keys that sign tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningKeys {
    /// Published and not retired: what they sign, or will sign, is accepted.
    pub published: usize,
    /// Of these: old enough to sign.
    pub active: usize,
    /// Since when the one that signs now has been active.
    pub signing_since: Option<Timestamp>,
    /// When the next one takes over, if one is published.
    pub superseded_at: Option<Timestamp>,
}

impl Authority {
    /// Whether the caller may see how the deployment is: an operator, by a key that may, of no one tenant.
    pub fn may_observe(&self, caller: &Caller) -> Result<(), Failure> {
        let snapshot = self.snapshot()?;
        Ok(domain::decide::observes(&snapshot.rows(), &caller.actor, self.now())??)
    }

    /// Every outcome of a verification, with how often it was since the start.
    pub fn verifications(&self) -> Vec<Verifications> {
        self.shared.tally.read()
    }

    /// How much the verification index holds.
    pub fn sizes(&self) -> Sizes {
        self.index().sizes()
    }

    /// How the keys that sign tokens are.
    pub fn signing_keys_now(&self) -> SigningKeys {
        let now = self.now();
        let index = self.index();
        let published: Vec<_> =
            index.signing_keys().filter(|key| key.retired.is_none()).map(|key| key.active_from).collect();
        let (active, next): (Vec<_>, Vec<_>) = published.iter().partition(|from| **from <= now);
        SigningKeys {
            published: published.len(),
            active: active.len(),
            signing_since: active.into_iter().max(),
            superseded_at: next.into_iter().min(),
        }
    }

    /// The position up to which the rollback guard knows the log.
    pub fn guard_position(&self) -> Position {
        self.shared.meters.guard_position()
    }

    /// The size of the ledger's file in bytes; none, if it cannot be asked for.
    pub fn ledger_bytes(&self) -> Option<u64> {
        std::fs::metadata(self.shared.folder.ledger()).ok().map(|metadata| metadata.len())
    }
}
