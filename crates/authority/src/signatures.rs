//! The memory of good signatures: checking one costs more than everything else that a token is asked.
//!
//! Only what can never change is remembered: that a signature is good, by which key, and what the token says. Its times,
//! issuer and audience, watermarks, its signing key, its key and all that this rests on are asked anew each time.
//!
//! Only tokens that were accepted get in. What is garbage, expired or revoked neither fills the memory nor drives
//! anything out of it.

use std::sync::Arc;

use credentials::claims::Claims;
use credentials::mark::{Mark, Marker};
use domain::ids::SigningKeyId;
use domain::role::Scopes;
use hashbrown::DefaultHashBuilder;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::entropy;

/// The most bytes that are remembered, about: some thirty thousand tokens of the usual size.
const BYTES_MAX: u64 = 16 << 20;
/// What a token weighs at least, with its places in the tables.
const TOKEN_BYTES: usize = size_of::<Claims>() + 160;

/// What is remembered of a token.
#[derive(Clone)]
pub(crate) struct Good {
    /// The key that signed it.
    pub(crate) signing_key: SigningKeyId,
    /// What it says.
    pub(crate) claims: Arc<Claims>,
}

/// The tokens that were accepted lately.
pub(crate) struct Signatures {
    marker: Marker,
    good: Cache<Mark, Good, Weight, DefaultHashBuilder>,
}

impl Default for Signatures {
    fn default() -> Self {
        Self::of_at_most(BYTES_MAX)
    }
}

impl Signatures {
    fn of_at_most(bytes: u64) -> Self {
        let tokens = usize::try_from(bytes).unwrap_or(usize::MAX) / TOKEN_BYTES;
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let good = Cache::with(tokens, bytes, Weight, hasher, lifecycle);
        Self { marker: Marker::new(entropy::secret()), good }
    }

    /// What a token is known by here.
    pub(crate) fn mark(&self, token: &str) -> Mark {
        self.marker.mark(token)
    }

    /// What is remembered of the token with this mark.
    pub(crate) fn recall(&self, mark: &Mark) -> Option<Good> {
        self.good.get(mark)
    }

    /// Remembers a token whose signature is good, and which was just accepted.
    pub(crate) fn remember(&self, mark: Mark, good: Good) {
        self.good.insert(mark, good);
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.good.len()
    }
}

/// How many bytes a token takes, about.
#[derive(Clone)]
struct Weight;

impl Weighter<Mark, Good> for Weight {
    fn weight(&self, _: &Mark, good: &Good) -> u64 {
        let text = |text: &str| size_of::<String>() + text.len();
        let claims = &good.claims;
        let audience: usize = claims.audience.as_slice().iter().map(|service| text(service)).sum();
        let scopes: usize = match &claims.scopes {
            Scopes::All => 0,
            Scopes::Only(list) => list.as_slice().iter().map(|scope| text(scope.as_str())).sum(),
        };
        (TOKEN_BYTES + claims.issuer.as_str().len() + audience + scopes) as u64
    }
}

#[cfg(test)]
mod tests {
    use credentials::claims::{Audience, Issuer};
    use domain::ids::Id;
    use domain::key::Owner;
    use domain::role::{Role, Scope};
    use domain::time::{Position, Timestamp};

    use super::*;

    fn good(scopes: Scopes) -> Good {
        let claims = Claims {
            issuer: Issuer::parse("https://keys.example.com").unwrap(),
            audience: Audience::parse("https://api.example.com").unwrap(),
            owner: Owner::User(Id::from_bytes([1; 16])),
            key: Id::from_bytes([2; 16]),
            tenant: Id::from_bytes([3; 16]),
            role: Role::Member,
            scopes,
            seq: Position::new(1),
            token: Id::from_bytes([4; 16]),
            issued_at: Timestamp::MIN,
            not_before: Timestamp::MIN,
            expires_at: Timestamp::MAX,
        };
        Good { signing_key: Id::from_bytes([5; 16]), claims: Arc::new(claims) }
    }

    #[test]
    fn the_memory_is_bounded_in_bytes_and_so_in_tokens() {
        let signatures = Signatures::of_at_most(1 << 20);
        let large = Scopes::only((0..32).map(|n| Scope::parse(&format!("{n:0>64}")).unwrap())).unwrap();
        for number in 0..20_000 {
            let scopes = if number % 10 == 0 { large.clone() } else { Scopes::All };
            signatures.remember(signatures.mark(&number.to_string()), good(scopes));
        }
        assert!(signatures.good.weight() <= 1 << 20, "{}", signatures.good.weight());
        assert!((100..=(1 << 20) / TOKEN_BYTES).contains(&signatures.len()), "{}", signatures.len());
    }

    #[test]
    fn what_is_shown_all_the_time_is_not_driven_out_by_what_is_shown_once() {
        let signatures = Signatures::of_at_most(1 << 20);
        let often: Vec<_> = (0..200).map(|number| signatures.mark(&format!("often {number}"))).collect();
        let mut missed = 0;
        for round in 0..100 {
            for mark in &often {
                if signatures.recall(mark).is_none() {
                    missed += 1;
                    signatures.remember(*mark, good(Scopes::All));
                }
            }
            for number in 0..500 {
                signatures.remember(signatures.mark(&format!("once {round} {number}")), good(Scopes::All));
            }
        }
        // Each once, and some again before they were known to be shown often.
        assert!(missed < 2_000, "{missed} of 20,000 were forgotten in between");
    }
}
