//! The schedule of signing keys: the next one is published ahead of its use, and each ends with its last token.
//!
//! What is due is a function of the keys, the instant and the policy: nothing is remembered beside the log, so a
//! restart, a rotation by hand or a server that was off for a month need no case of their own. Instants are
//! the log's, which never go back: a clock that does finds nothing due.

use domain::Lookup as _;
use domain::actor::{Actor, Way};
use domain::event::RetirementReason;
use domain::ids::SigningKeyId;
use domain::row::SigningKey;
use domain::time::Timestamp;

use crate::authority::{Authority, Request};
use crate::failure::Failure;
use crate::token_life::last_signed_dead_at;

/// How often signing keys change, and how long the next one is known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    rotation_seconds: u64,
    prepublish_seconds: u64,
}

/// Periods that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Signing keys would change more often than anyone fetches them.
    #[error("signing keys change at most every hour")]
    RotationTooShort,
    /// Services that keep the key set for a while would see tokens of a key that they do not know.
    #[error("a signing key is published at least 10 minutes before it signs")]
    PrepublishTooShort,
    /// The next key would be published before the current one signs.
    #[error("a signing key is published at most one rotation before it signs")]
    PrepublishTooLong,
}

impl Policy {
    /// The shortest life of a signing key.
    pub const ROTATION_SECONDS_MIN: u64 = 3600;
    /// The shortest time from publication to use: ten times as long as the key set may be cached.
    pub const PREPUBLISH_SECONDS_MIN: u64 = 600;

    /// How long a key is published before it signs, if nobody said otherwise.
    pub const PREPUBLISH_SECONDS: u64 = 24 * 3600;

    /// How long the next key is published before it signs.
    pub const fn prepublish_seconds(&self) -> u64 {
        self.prepublish_seconds
    }

    /// Keys that change after so many seconds, the next one published so many before.
    pub fn new(rotation_seconds: u64, prepublish_seconds: u64) -> Result<Self, PolicyError> {
        if rotation_seconds < Self::ROTATION_SECONDS_MIN {
            return Err(PolicyError::RotationTooShort);
        }
        if prepublish_seconds < Self::PREPUBLISH_SECONDS_MIN {
            return Err(PolicyError::PrepublishTooShort);
        }
        if prepublish_seconds > rotation_seconds {
            return Err(PolicyError::PrepublishTooLong);
        }
        Ok(Self { rotation_seconds, prepublish_seconds })
    }
}

/// Whether this server can sign with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateHalf {
    /// It can.
    Here,
    /// Its file is lost, or cannot be decrypted.
    Missing,
}

/// What is to be done with signing keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Publish a new one, which signs from then on.
    Publish {
        /// From when on.
        active_from: Timestamp,
    },
    /// Retire one that was superseded, and whose last token is dead.
    Retire {
        /// Which.
        signing_key: SigningKeyId,
    },
}

/// What is due now. Nothing, for most of the time.
pub fn due(keys: &[(SigningKey, PrivateHalf)], now: Timestamp, policy: &Policy) -> Vec<Step> {
    let living = || keys.iter().filter(|(key, _)| key.retired.is_none());
    let signs = || living().filter(|(_, half)| *half == PrivateHalf::Here).map(|(key, _)| key);
    // Of those that may sign, the one that was activated last does.
    let current = signs().filter(|key| key.active_from <= now).max_by_key(|key| order(key));
    let publish = match current {
        None => Some(now),
        Some(current) => {
            let ends = current.active_from.plus_seconds(policy.rotation_seconds);
            let earliest = now.plus_seconds(policy.prepublish_seconds);
            let known = signs().any(|key| key.active_from > now && key.active_from <= ends.max(earliest));
            (ends <= earliest && !known).then(|| ends.max(earliest))
        }
    };
    let retire = living().filter(|(key, _)| {
        let successors = signs().filter(|other| order(other) > order(key) && other.active_from <= now);
        // It signs from its instant on, but not before it exists.
        let superseded = successors.map(|other| other.active_from.max(other.created.at)).min();
        superseded.is_some_and(|at| last_signed_dead_at(at) < now)
    });
    let publish = publish.map(|active_from| Step::Publish { active_from });
    publish.into_iter().chain(retire.map(|(key, _)| Step::Retire { signing_key: key.id })).collect()
}

/// Of two keys that may sign, the later in this order does.
fn order(key: &SigningKey) -> impl Ord + use<> {
    (key.active_from, key.created, key.id)
}

impl Authority {
    /// Does with its signing keys what is due; says what that was. Writes nothing when nothing is.
    pub fn keep_signing_keys(&self, policy: &Policy) -> Result<Vec<Step>, Failure> {
        // The log of a server begins with its first tenant, and a signing key is made with it.
        if !self.is_set_up() {
            return Ok(vec![]);
        }
        let snapshot = self.snapshot()?;
        let now = self.now().max(snapshot.head().recorded_at);
        let keys: Vec<_> = snapshot
            .rows()
            .signing_keys()?
            .into_iter()
            .map(|key| match self.shared.keyring.signer_with(key.id) {
                Some(_) => (key, PrivateHalf::Here),
                None => (key, PrivateHalf::Missing),
            })
            .collect();
        drop(snapshot);
        let steps = due(&keys, now, policy);
        for step in &steps {
            let composed = match *step {
                Step::Publish { active_from } => self.add_signing_key(active_from),
                Step::Retire { signing_key } => {
                    self.retire_signing_key(signing_key, RetirementReason::Superseded)?
                }
            };
            let request = Request { way: Way::Schedule, id: self.request_id(), idempotency_key: None };
            self.execute(&Actor::Server, &request, composed)?;
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use PrivateHalf::{Here, Missing};
    use domain::event::PublicKey;
    use domain::row::Retirement;
    use domain::time::{Moment, Position};

    use super::*;

    const DAY: u64 = 86_400;

    fn policy() -> Policy {
        Policy::new(30 * DAY, DAY).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_ms(1_767_225_600_000).unwrap().plus_seconds(seconds)
    }

    /// A key with this number, published and active so many seconds after the beginning.
    fn key(number: u8, created: u64, active_from: u64) -> (SigningKey, PrivateHalf) {
        let moment = Moment { position: Position::new(number.into()), at: at(created) };
        let row = SigningKey {
            id: SigningKeyId::from_bytes([number; 16]),
            public_key: PublicKey([number; 32]),
            active_from: at(active_from),
            retired: None,
            created: moment,
        };
        (row, Here)
    }

    fn retired((row, half): (SigningKey, PrivateHalf), seconds: u64) -> (SigningKey, PrivateHalf) {
        let moment = Moment { position: Position::new(99), at: at(seconds) };
        let retired = Some(Retirement { moment, reason: RetirementReason::Superseded });
        (SigningKey { retired, ..row }, half)
    }

    fn publish(seconds: u64) -> Step {
        Step::Publish { active_from: at(seconds) }
    }

    fn retire(number: u8) -> Step {
        Step::Retire { signing_key: SigningKeyId::from_bytes([number; 16]) }
    }

    #[track_caller]
    fn check(given: &[(SigningKey, PrivateHalf)], now: u64, then: &[Step]) {
        assert_eq!(due(given, at(now), &policy()), then);
    }

    #[test]
    fn the_next_key_is_published_a_day_before_it_takes_over() {
        let first = key(1, 0, 0);
        check(&[first], 0, &[]);
        check(&[first], 29 * DAY - 1, &[]);
        check(&[first], 29 * DAY, &[publish(30 * DAY)]);
        let second = key(2, 29 * DAY, 30 * DAY);
        for now in [29 * DAY, 30 * DAY - 1, 30 * DAY] {
            check(&[first, second], now, &[]);
        }
    }

    #[test]
    fn whoever_comes_late_still_publishes_it_a_day_ahead() {
        let first = key(1, 0, 0);
        check(&[first], 100 * DAY, &[publish(101 * DAY)]);
        // Asked again later, or at the same instant: it is known.
        let second = key(2, 100 * DAY, 101 * DAY);
        for now in [100 * DAY, 100 * DAY + 60, 101 * DAY] {
            check(&[first, second], now, &[]);
        }
    }

    #[test]
    fn a_superseded_key_is_retired_when_its_last_token_is_dead() {
        let (first, second) = (key(1, 0, 0), key(2, 29 * DAY, 30 * DAY));
        check(&[first, second], 30 * DAY + 900, &[]);
        check(&[first, second], 30 * DAY + 901, &[retire(1)]);
        check(&[retired(first, 30 * DAY + 901), second], 30 * DAY + 901, &[]);
        check(&[retired(first, 30 * DAY + 901), second], 59 * DAY, &[publish(60 * DAY)]);
    }

    #[test]
    fn a_rotation_by_hand_counts_as_one() {
        // At once: the next is due a rotation after it.
        let (first, by_hand) = (key(1, 0, 0), key(2, 20 * DAY, 20 * DAY));
        check(&[first, by_hand], 20 * DAY, &[]);
        check(&[retired(first, 21 * DAY), by_hand], 49 * DAY - 1, &[]);
        check(&[retired(first, 21 * DAY), by_hand], 49 * DAY, &[publish(50 * DAY)]);
        // Announced in time: nothing more is needed. Announced for too late: the schedule does not wait for it.
        check(&[first, key(2, 0, 29 * DAY + 5)], 29 * DAY, &[]);
        check(&[first, key(2, 0, 80 * DAY)], 29 * DAY, &[publish(30 * DAY)]);
        // Backdated: it signs since it exists, so the first one signed until then.
        let backdated = key(2, 20 * DAY, 1);
        check(&[first, backdated], 20 * DAY + 900, &[]);
        check(&[first, backdated], 20 * DAY + 901, &[retire(1)]);
    }

    #[test]
    fn there_is_always_one_that_signs() {
        check(&[], 5, &[publish(5)]);
        check(&[retired(key(1, 0, 0), 3)], 5, &[publish(5)]);
        // One that only will sign, or whose private half is lost, does not sign now.
        check(&[key(1, 0, 60)], 5, &[publish(5)]);
        let lost = (key(1, 0, 0).0, Missing);
        check(&[lost], 5, &[publish(5)]);
        // Superseded by a lost one only: it is the one that signs, so it stays, and is rotated in its time.
        let (first, lost) = (key(1, 0, 0), (key(2, DAY, 2 * DAY).0, Missing));
        check(&[first, lost], 10 * DAY, &[]);
        check(&[first, lost], 29 * DAY, &[publish(30 * DAY)]);
        // The lost one is retired like any other, once another has taken over.
        check(&[lost, key(3, 29 * DAY, 30 * DAY)], 31 * DAY, &[retire(2)]);
    }

    #[test]
    fn several_superseded_keys_are_retired_together_and_the_current_one_never() {
        let keys = [key(1, 0, 0), key(2, 10, 10), key(3, 20, 20)];
        check(&keys, 20 + 901, &[retire(1), retire(2)]);
        check(&keys, 10 + 901, &[retire(1)]);
        check(&keys[2..], 20 * DAY, &[]);
    }

    #[test]
    fn periods_that_do_not_fit_are_refused() {
        assert_eq!(Policy::new(3599, 600), Err(PolicyError::RotationTooShort));
        assert_eq!(Policy::new(3600, 599), Err(PolicyError::PrepublishTooShort));
        assert_eq!(Policy::new(3600, 3601), Err(PolicyError::PrepublishTooLong));
        assert!(Policy::new(3600, 600).is_ok() && Policy::new(3600, 3600).is_ok());
        assert!(Policy::new(u64::MAX, u64::MAX).is_ok_and(|policy| {
            due(&[key(1, 0, 0)], at(9), &policy)
                .iter()
                .all(|step| matches!(step, Step::Publish { active_from } if *active_from == Timestamp::MAX))
        }));
    }
}
