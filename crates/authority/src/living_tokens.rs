//! How many access tokens of a key live, and when the last of them ends: counted where they are minted, in memory.
//!
//! One server mints every token of a ledger, so the count is whole for a key that was made since it started, and for every
//! key once the longest life of a token has passed since. A token is counted until it ends by itself. That it is
//! refused here sooner, because its key, its owner or a watermark stops it, is nothing that a service knows which checks
//! tokens by itself; how long such a one may go on is what is asked here.
//!
//! Verification neither reads nor writes any of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;
use domain::ids::{KeyId, TenantId};
use domain::time::{Position, Timestamp};
use domain::token_life::TokenLife;

/// More than a machine mints at a time, mostly.
const SHARDS: usize = 16;
/// The most endings that a shard keeps: a million in all, 24 bytes each. Those that find no room are not counted, and
/// whoever asks is told so.
const ENDINGS_MAX: usize = 65_536;
/// Below so many, a shard is not looked through for what has ended.
const SWEPT_FROM: usize = 1_024;

/// What is known of the access tokens of a key, or of several: approximate, for it is no part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivingTokens {
    /// How many live that were counted.
    pub living: u64,
    /// When the last of those ends; none: none lives.
    pub last_ends_at: Option<Timestamp>,
    /// Since when they are counted: since the server started.
    pub counted_since: Timestamp,
    /// Until when there may be others, that were not counted; none: all that live were.
    pub uncounted_until: Option<Timestamp>,
}

impl LivingTokens {
    /// Adds those of another key.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.living += other.living;
        self.last_ends_at = self.last_ends_at.max(other.last_ends_at);
        self.uncounted_until = self.uncounted_until.max(other.uncounted_until);
    }
}

/// What counts them.
pub(crate) struct TokenCount {
    since: Timestamp,
    /// The head of the log then. No token of a key that was made later can be missing.
    head: Position,
    /// By key, on cache lines of their own.
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

#[derive(Default)]
struct Shard {
    /// In the order of their ends, so that what has ended stands first.
    keys: HashMap<KeyId, Vec<Ending>>,
    /// How many endings that are.
    endings: usize,
    /// How many there must be before all of them are looked through.
    sweep_at: usize,
    /// In which second they were.
    swept: i64,
    /// In which second the last of the tokens ends for which there was no room.
    uncounted_until: Option<i64>,
}

/// Tokens of a key for a tenant that end in the same second, as `exp` says it.
#[derive(Clone, Copy)]
struct Ending {
    /// Until the year 2106.
    second: u32,
    count: u32,
    tenant: TenantId,
}

impl TokenCount {
    /// Counts from now on, with the log as it is.
    pub(crate) fn new(since: Timestamp, head: Position) -> Self {
        Self { since, head, shards: (0..SHARDS).map(|_| CachePadded::default()).collect() }
    }

    /// Counts a token that was minted now.
    pub(crate) fn minted(&self, key: KeyId, tenant: TenantId, ends: Timestamp, now: Timestamp) {
        self.shard(key).count(key, tenant, ends.unix_seconds(), now.unix_seconds());
    }

    /// What is known of the tokens of a key that was made at this position: of those for a tenant, or of all.
    pub(crate) fn of(
        &self,
        key: KeyId,
        made: Position,
        tenant: Option<TenantId>,
        now: Timestamp,
    ) -> LivingTokens {
        let shard = self.shard(key);
        let second = now.unix_seconds();
        let endings = shard.keys.get(&key).map_or(&[][..], Vec::as_slice);
        let living = endings
            .iter()
            .filter(|ending| i64::from(ending.second) > second)
            .filter(|ending| tenant.is_none_or(|tenant| ending.tenant == tenant));
        let (living, last) = living.fold((0, None), |(living, last), ending| {
            (living + u64::from(ending.count), last.max(Some(i64::from(ending.second))))
        });
        // Those that another process minted.
        let before = (made <= self.head).then(|| TokenLife::LONGEST.from(self.since));
        let no_room = shard.uncounted_until.and_then(instant);
        LivingTokens {
            living,
            last_ends_at: last.and_then(instant),
            counted_since: self.since,
            uncounted_until: before.max(no_room).filter(|until| *until > now),
        }
    }

    /// None, as it is known of nobody's.
    pub(crate) fn none(&self) -> LivingTokens {
        LivingTokens { living: 0, last_ends_at: None, counted_since: self.since, uncounted_until: None }
    }

    fn shard(&self, key: KeyId) -> MutexGuard<'_, Shard> {
        // The last bits of an id are random.
        let place = usize::from(key.bytes()[15]) % SHARDS;
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn count(&mut self, key: KeyId, tenant: TenantId, ends: i64, now: i64) {
        self.sweep(now);
        let full = self.endings >= ENDINGS_MAX;
        let Ok(second) = u32::try_from(ends) else { return self.no_room(ends) };
        let endings = self.keys.entry(key).or_default();
        self.endings -= drop_ended(endings, now);
        match endings.binary_search_by_key(&(second, tenant), |ending| (ending.second, ending.tenant)) {
            Ok(same) => endings[same].count = endings[same].count.saturating_add(1),
            Err(_) if full => self.no_room(ends),
            Err(place) => {
                endings.insert(place, Ending { second, count: 1, tenant });
                self.endings += 1;
            }
        }
    }

    fn no_room(&mut self, ends: i64) {
        self.uncounted_until = self.uncounted_until.max(Some(ends));
    }

    /// Lets go of everything that has ended, once there is twice as much as the last time, and once in a second at most.
    fn sweep(&mut self, now: i64) {
        if self.endings < self.sweep_at.max(SWEPT_FROM) || self.swept == now {
            return;
        }
        let mut left = 0;
        self.keys.retain(|_, endings| {
            drop_ended(endings, now);
            endings.shrink_to(2 * endings.len());
            left += endings.len();
            !endings.is_empty()
        });
        self.endings = left;
        self.sweep_at = (2 * left).min(ENDINGS_MAX);
        self.swept = now;
    }
}

/// How many were dropped.
fn drop_ended(endings: &mut Vec<Ending>, now: i64) -> usize {
    endings.drain(..endings.partition_point(|ending| i64::from(ending.second) <= now)).len()
}

fn instant(second: i64) -> Option<Timestamp> {
    Timestamp::from_unix_ms(second.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000;

    fn at(seconds: i64) -> Timestamp {
        instant(START + seconds).unwrap()
    }

    fn key(number: u128) -> KeyId {
        KeyId::from_bytes(number.to_be_bytes())
    }

    fn tenant(number: u8) -> TenantId {
        TenantId::from_bytes([number; 16])
    }

    /// Of a key that was made before the count began.
    fn of(count: &TokenCount, number: u128, seconds: i64) -> LivingTokens {
        count.of(key(number), Position::START, None, at(seconds))
    }

    #[test]
    fn a_token_is_counted_until_the_second_in_which_it_ends() {
        let count = TokenCount::new(at(0), Position::START);
        count.minted(key(1), tenant(1), at(600), at(0));
        count.minted(key(1), tenant(1), at(600), at(0));
        count.minted(key(1), tenant(2), at(300), at(1));
        count.minted(key(2), tenant(1), at(900), at(1));
        let told = |seconds, tenant| {
            let told = count.of(key(1), Position::START.next(), tenant, at(seconds));
            assert_eq!(told.uncounted_until, None, "the key was made later than the count began");
            (told.living, told.last_ends_at)
        };
        assert_eq!(told(1, None), (3, Some(at(600))));
        assert_eq!(told(1, Some(tenant(2))), (1, Some(at(300))));
        assert_eq!(told(300, None), (2, Some(at(600))));
        assert_eq!(told(300, Some(tenant(2))), (0, None));
        assert_eq!(told(599, None), (2, Some(at(600))));
        assert_eq!(told(600, None), (0, None));
    }

    #[test]
    fn of_what_was_minted_before_the_start_nothing_is_known_for_the_longest_life() {
        let count = TokenCount::new(at(0), Position::START);
        let life = i64::from(TokenLife::LONGEST.seconds());
        assert_eq!(of(&count, 1, 0).uncounted_until, Some(at(life)));
        assert_eq!(of(&count, 1, life - 1).uncounted_until, Some(at(life)));
        assert_eq!(of(&count, 1, life).uncounted_until, None);
        assert_eq!(of(&count, 1, life).counted_since, at(0));
    }

    #[test]
    fn memory_is_bounded_and_what_found_no_room_is_told_until_it_ends() {
        let count = TokenCount::new(at(-10_000), Position::START);
        // All of them in one shard.
        let number = |number: usize| (number as u128) << 8;
        for place in 0..ENDINGS_MAX {
            count.minted(key(number(place)), tenant(1), at(600), at(0));
        }
        assert_eq!(of(&count, number(7), 0).uncounted_until, None);
        count.minted(key(number(ENDINGS_MAX)), tenant(1), at(700), at(0));
        count.minted(key(number(7)), tenant(1), at(600), at(0));
        let (known, unknown) = (of(&count, number(7), 0), of(&count, number(ENDINGS_MAX), 0));
        assert_eq!((known.living, known.uncounted_until), (2, Some(at(700))));
        assert_eq!((unknown.living, unknown.uncounted_until), (0, Some(at(700))));
        assert_eq!(count.shard(key(0)).endings, ENDINGS_MAX);
        // What has ended makes room.
        count.minted(key(number(ENDINGS_MAX)), tenant(1), at(1_200), at(600));
        assert_eq!(of(&count, number(ENDINGS_MAX), 699).uncounted_until, Some(at(700)));
        let told = of(&count, number(ENDINGS_MAX), 700);
        assert_eq!((told.living, told.uncounted_until), (1, None));
        let shard = count.shard(key(0));
        assert_eq!((shard.keys.len(), shard.endings), (1, 1));
    }

    #[test]
    fn what_is_counted_of_a_busy_key_grows_no_longer_than_a_token_lives() {
        let count = TokenCount::new(at(0), Position::START);
        for second in 0..5_000 {
            for _ in 0..3 {
                count.minted(key(1), tenant(1), at(second + 600), at(second));
            }
        }
        assert_eq!(of(&count, 1, 4_999).living, 3 * 600);
        assert_eq!(count.shard(key(1)).endings, 600);
    }
}
