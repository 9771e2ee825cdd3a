//! The tally of verifications by outcome, kept so that no two readers write the same cache line.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;
use domain::rejection::Refusal;

use crate::failure::Denied;

/// On how many lines it is written. Threads take turns choosing theirs; with more threads some share one.
const STRIPES: usize = 32;

/// The outcomes that are not refusals of the rules: first that it was accepted, last what has no place here.
const OWN: [&str; 10] = [
    "OK",
    "CREDENTIAL_MALFORMED",
    "KEY_MISTYPED",
    "TOKEN_SIGNATURE",
    "TOKEN_MALFORMED",
    "TOKEN_EXPIRED",
    "TOKEN_ISSUER",
    "TOKEN_AUDIENCE",
    "TOKEN_NOT_YET_VALID",
    "OTHER",
];
const OTHER: usize = OWN.len() - 1;
const OUTCOMES: usize = OWN.len() + Refusal::ALL.len();

/// What was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A key, or what is neither.
    Key,
    /// A token.
    Token,
}

/// How often something was shown, with one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verifications {
    /// What was shown.
    pub shown: CredentialKind,
    /// `OK`, or the stable code of why it was refused.
    pub code: &'static str,
    /// How often since the start.
    pub count: u64,
}

type Stripe = [[AtomicU64; OUTCOMES]; 2];

/// Counts since the start.
pub(crate) struct Tally(Box<[CachePadded<Stripe>]>);

impl CredentialKind {
    /// The word for it on every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        let zero = || [const { [const { AtomicU64::new(0) }; OUTCOMES] }; 2].into();
        Self((0..STRIPES).map(|_| zero()).collect())
    }
}

impl Tally {
    /// Counts one. Neither waits nor allocates.
    pub(crate) fn count(&self, shown: CredentialKind, outcome: Result<(), Denied>) {
        let stripe = &self.0[STRIPE.with(|stripe| *stripe)];
        stripe[shown as usize][place(outcome)].fetch_add(1, Ordering::Relaxed);
    }

    /// Every outcome, also those that never happened.
    pub(crate) fn read(&self) -> Vec<Verifications> {
        let codes = OWN.into_iter().chain(Refusal::ALL.into_iter().map(Refusal::code));
        let sum = |shown: CredentialKind, place: usize| {
            self.0.iter().map(|stripe| stripe[shown as usize][place].load(Ordering::Relaxed)).sum()
        };
        let both = codes.enumerate().flat_map(|(place, code)| {
            [CredentialKind::Key, CredentialKind::Token].map(|shown| Verifications {
                shown,
                code,
                count: sum(shown, place),
            })
        });
        both.collect()
    }
}

thread_local! {
    static STRIPE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES
    };
}

fn place(outcome: Result<(), Denied>) -> usize {
    match outcome {
        Ok(()) => 0,
        Err(Denied::Refused(refusal)) => {
            let place = Refusal::ALL.iter().position(|known| *known == refusal);
            place.map_or(OTHER, |place| OWN.len() + place)
        }
        Err(denied) => OWN.iter().position(|code| *code == denied.code()).unwrap_or(OTHER),
    }
}

#[cfg(test)]
mod tests {
    use credentials::claims::ClaimsError;
    use credentials::jws::JwsError;

    use super::*;

    fn count_of(tally: &Tally, shown: CredentialKind, code: &str) -> u64 {
        let found: Vec<_> =
            tally.read().into_iter().filter(|it| it.shown == shown && it.code == code).collect();
        assert_eq!(found.len(), 1, "{code} has one place");
        found[0].count
    }

    #[test]
    fn every_denial_has_a_place_of_its_own_code() {
        let own = [
            Denied::Malformed,
            Denied::Mistyped,
            Denied::Token(JwsError::Signature),
            Denied::Token(JwsError::Kid),
            Denied::Claims(ClaimsError::Expired),
            Denied::Claims(ClaimsError::Issuer),
            Denied::Claims(ClaimsError::Audience),
            Denied::Claims(ClaimsError::NotYetValid),
            Denied::Claims(ClaimsError::Malformed),
        ];
        let tally = Tally::default();
        for denied in own.into_iter().chain(Refusal::ALL.map(Denied::Refused)) {
            let before = count_of(&tally, CredentialKind::Token, denied.code());
            tally.count(CredentialKind::Token, Err(denied));
            assert_eq!(
                count_of(&tally, CredentialKind::Token, denied.code()),
                before + 1,
                "{}",
                denied.code()
            );
        }
        assert_eq!(count_of(&tally, CredentialKind::Token, "OTHER"), 0);
        assert_eq!(count_of(&tally, CredentialKind::Key, "KEY_REVOKED"), 0);
    }

    #[test]
    fn what_many_threads_count_is_added_up() {
        let tally = Tally::default();
        std::thread::scope(|scope| {
            for _ in 0..STRIPES + 3 {
                scope.spawn(|| (0..1_000).for_each(|_| tally.count(CredentialKind::Key, Ok(()))));
            }
        });
        assert_eq!(count_of(&tally, CredentialKind::Key, "OK"), 1_000 * (STRIPES as u64 + 3));
    }
}
