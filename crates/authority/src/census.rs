//! The census: how many keys there are in each state. Walks the whole index in small pieces; for no hot path.

use domain::rejection::Refusal;
use domain::status::admit;

use crate::authority::Authority;

/// How many keys are looked at while the index is held: well under a millisecond's work.
const PIECE: usize = 1024;
/// Keys that end sooner than this are counted apart.
const SOON_SECONDS: u64 = 7 * 24 * 60 * 60;

/// How many keys are in each state, as each would be told to its holder at home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Accepted.
    pub active: u64,
    /// Of these: end by themselves within a week.
    pub ending_within_a_week: u64,
    /// Past their end.
    pub expired: u64,
    /// Disabled by themselves.
    pub disabled: u64,
    /// Their owner or tenant is suspended.
    pub suspended: u64,
    /// Revoked by themselves.
    pub revoked: u64,
    /// Refused for good for another reason: rotated, or what they rested on was removed.
    pub ended: u64,
}

impl Authority {
    /// Counts the keys by state. Commits go on meanwhile, so it is exact only of a ledger at rest.
    pub fn census(&self) -> Census {
        let now = self.now();
        let soon = now.plus_seconds(SOON_SECONDS);
        let mut census = Census::default();
        let mut from = 0;
        loop {
            let index = self.index();
            let piece = index.records(from, PIECE);
            if piece.is_empty() {
                return census;
            }
            for record in piece {
                let (bearer, life) = (index.bearer(record), record.life());
                let Ok(admitted) = admit(&index.near(record), &bearer, &life, None, now);
                match admitted {
                    Ok(_) => {
                        let end = life.ends_at();
                        census.active += 1;
                        census.ending_within_a_week += u64::from(end.is_some_and(|end| end <= soon));
                    }
                    Err(refusal) => *census.of(refusal) += 1,
                }
            }
            from += piece.len();
        }
    }
}

impl Census {
    fn of(&mut self, refusal: Refusal) -> &mut u64 {
        match refusal {
            Refusal::KeyExpired => &mut self.expired,
            Refusal::KeyDisabled => &mut self.disabled,
            Refusal::KeyRevoked => &mut self.revoked,
            Refusal::OwnerSuspended | Refusal::TenantSuspended => &mut self.suspended,
            Refusal::OwnerRemoved
            | Refusal::TenantRemoved
            | Refusal::MembershipRemoved
            | Refusal::NotAMember
            | Refusal::KeyRotated
            // Of a key at home, without a token or an address, the rules never say these.
            | Refusal::KeyUnknown
            | Refusal::OtherTenant
            | Refusal::AddressNotAllowed
            | Refusal::TokenRevoked
            | Refusal::SigningKeyRefused => &mut self.ended,
        }
    }
}
