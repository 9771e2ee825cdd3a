//! Guesses: credentials that nobody has, counted by the address they come from, in memory.
//!
//! An address that guesses too often is told only to slow down, and not what was wrong. A credential that is
//! good is let in all the same: nobody is locked out by a neighbour. What is known and refused, such as a
//! revoked key that an agent still shows, is no guess.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// How many addresses are remembered apart. Beyond that, those that are new share one bucket.
const ADDRESSES_MAX: usize = 100_000;

/// The guesses of each address.
pub(crate) struct Guesses {
    clock: DefaultClock,
    /// None: not limited.
    buckets: Option<DefaultKeyedRateLimiter<Source>>,
    /// When addresses were forgotten last.
    swept: Mutex<Option<Instant>>,
}

/// Whose guesses are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4(Ipv4Addr),
    /// The first 64 bits: what one subscriber has.
    V6(u64),
    /// Everybody for whom there is no room of their own.
    Rest,
}

impl Guesses {
    /// At most so many a minute from one address; 0: as many as there are.
    pub(crate) fn new(per_minute_max: u32) -> Self {
        let buckets = NonZeroU32::new(per_minute_max)
            .map(|most| RateLimiter::dashmap_with_clock(Quota::per_minute(most), DefaultClock::default()));
        Self { clock: DefaultClock::default(), buckets, swept: Mutex::default() }
    }

    /// Counts one. An error says in how many seconds the next is taken.
    pub(crate) fn count(&self, from: Option<IpAddr>) -> Result<(), u64> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let mut source = from.map_or(Source::Rest, Source::of);
        if buckets.len() >= ADDRESSES_MAX {
            self.sweep(buckets);
            if buckets.len() >= ADDRESSES_MAX {
                source = Source::Rest;
            }
        }
        buckets.check_key(&source).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            wait.as_secs() + 1
        })
    }

    /// Forgets addresses that were silent for so long that they are as good as new; at most once a second,
    /// for it looks at all of them.
    fn sweep(&self, buckets: &DefaultKeyedRateLimiter<Source>) {
        let Ok(mut swept) = self.swept.try_lock() else { return };
        if swept.is_none_or(|swept| swept.elapsed() >= Duration::from_secs(1)) {
            buckets.retain_recent();
            *swept = Some(Instant::now());
        }
    }
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6((Ipv6Addr::to_bits(v6) >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_guesses_so_often_and_others_are_not_concerned() {
        let guesses = Guesses::new(3);
        assert!((0..3).all(|_| guesses.count(from("192.0.2.1")).is_ok()));
        let wait = guesses.count(from("192.0.2.1")).unwrap_err();
        assert!((1..=21).contains(&wait), "{wait}");
        assert!(guesses.count(from("192.0.2.2")).is_ok());
    }

    #[test]
    fn an_ipv6_subscriber_is_one_source_however_many_addresses_it_has() {
        let guesses = Guesses::new(1);
        assert!(guesses.count(from("2001:db8:1:2::1")).is_ok());
        assert!(guesses.count(from("2001:db8:1:2:ffff::9")).is_err());
        assert!(guesses.count(from("2001:db8:1:3::1")).is_ok());
        assert!(guesses.count(from("::ffff:192.0.2.1")).is_ok());
        assert!(guesses.count(from("192.0.2.1")).is_err(), "a mapped address is the one that it maps");
    }

    #[test]
    fn no_limit_counts_nothing() {
        let guesses = Guesses::new(0);
        assert!((0..1_000).all(|_| guesses.count(from("192.0.2.1")).is_ok()));
    }

    #[test]
    fn memory_is_bounded_and_those_without_room_share_a_bucket() {
        let guesses = Guesses::new(1);
        for number in 0..ADDRESSES_MAX as u32 {
            let _ = guesses.count(Some(Ipv4Addr::from_bits(number).into()));
        }
        assert!(guesses.count(from("198.51.100.1")).is_ok());
        assert!(guesses.count(from("198.51.100.2")).is_err());
        assert!(guesses.buckets.as_ref().unwrap().len() <= ADDRESSES_MAX + 1);
    }
}
