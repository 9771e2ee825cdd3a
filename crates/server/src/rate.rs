//! The rates of keys: each limited key has a bucket of its own in memory, and every server counts for itself.
//!
//! The generic cell rate algorithm: a full bucket takes a burst of all requests of a period, and fills up again
//! evenly. What is left is told in the header fields of draft-ietf-httpapi-ratelimit-headers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::ids::KeyId;
use domain::limits::RateLimit;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

type Bucket = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// The buckets of the keys that are limited and were used here.
#[derive(Default)]
pub(crate) struct Rates {
    clock: DefaultClock,
    buckets: RwLock<HashMap<KeyId, (RateLimit, Arc<Bucket>)>>,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    rate: RateLimit,
    left: u32,
    /// How long until the next request is taken; none if it would be now.
    wait: Option<Duration>,
}

impl Rates {
    /// Takes one request of a key; an error says that there is none left.
    pub(crate) fn take(&self, key: KeyId, rate: RateLimit) -> Result<Standing, Standing> {
        match self.bucket(key, rate).check() {
            Ok(state) => Ok(Standing { rate, left: state.remaining_burst_capacity(), wait: None }),
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                Err(Standing { rate, left: 0, wait: Some(wait) })
            }
        }
    }

    fn bucket(&self, key: KeyId, rate: RateLimit) -> Arc<Bucket> {
        let known = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, bucket)) = known.get(&key)
            && *of == rate
        {
            return Arc::clone(bucket);
        }
        drop(known);
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        let (of, bucket) = buckets.entry(key).or_insert_with(|| (rate, Arc::new(self.full(rate))));
        if *of != rate {
            // A changed rate begins with a full bucket: it was changed by whoever may lift it altogether.
            (*of, *bucket) = (rate, Arc::new(self.full(rate)));
        }
        Arc::clone(bucket)
    }

    fn full(&self, rate: RateLimit) -> Bucket {
        let burst = NonZeroU32::new(rate.requests()).expect("a rate has at least one request");
        let period = Duration::from_secs(rate.period_seconds().into()) / rate.requests();
        let quota = Quota::with_period(period).expect("a million requests a second are a microsecond apart");
        RateLimiter::direct_with_clock(quota.allow_burst(burst), self.clock.clone()).with_middleware()
    }
}

impl Standing {
    /// How many requests are taken at once now.
    pub(crate) const fn left(&self) -> u32 {
        self.left
    }

    /// How long to wait, in whole seconds, rounded up.
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        self.wait.map_or(0, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// Tells whoever asked: `RateLimit-Policy`, `RateLimit`, and `Retry-After` if nothing is left.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let (requests, seconds) = (self.rate.requests(), self.rate.period_seconds());
        let mut set = |name: HeaderName, text: String| {
            headers.insert(name, HeaderValue::from_str(&text).expect("digits and letters"));
        };
        set(POLICY, format!(r#""default";q={requests};w={seconds}"#));
        match self.wait {
            None => set(LIMIT, format!(r#""default";r={}"#, self.left)),
            Some(_) => {
                let wait = self.retry_after_seconds();
                set(LIMIT, format!(r#""default";r=0;t={wait}"#));
                set(RETRY_AFTER, wait.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> KeyId {
        KeyId::from_bytes([number; 16])
    }

    fn rate(requests: u32, seconds: u32) -> RateLimit {
        RateLimit::new(requests, seconds).unwrap()
    }

    #[test]
    fn a_period_takes_its_requests_at_once_and_then_no_more() {
        let (rates, hourly) = (Rates::default(), rate(3, 3600));
        let left: Vec<_> = (0..3).map(|_| rates.take(key(1), hourly).unwrap().left).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = rates.take(key(1), hourly).unwrap_err();
        // One of three in an hour comes back every twenty minutes.
        assert!((1190..=1200).contains(&refused.retry_after_seconds()), "{refused:?}");
        assert!(rates.take(key(2), hourly).is_ok(), "another key has its own");
    }

    #[test]
    fn requests_come_back() {
        let (rates, fast) = (Rates::default(), rate(1, 1));
        assert!(rates.take(key(1), fast).is_ok() && rates.take(key(1), fast).is_err());
        std::thread::sleep(Duration::from_millis(1_100));
        assert!(rates.take(key(1), fast).is_ok());
    }

    #[test]
    fn a_changed_rate_holds_from_the_next_request_on() {
        let rates = Rates::default();
        assert!(rates.take(key(1), rate(1, 3600)).is_ok() && rates.take(key(1), rate(1, 3600)).is_err());
        assert_eq!(rates.take(key(1), rate(10, 3600)).unwrap().left, 9);
        assert_eq!(rates.take(key(1), rate(10, 3600)).unwrap().left, 8);
    }

    #[test]
    fn a_million_requests_a_second_are_counted_too() {
        assert!(Rates::default().take(key(1), rate(1_000_000, 1)).is_ok());
        assert!(Rates::default().take(key(1), rate(1, 86_400)).is_ok());
    }

    #[test]
    fn headers_say_what_is_left_and_when_more_comes() {
        let mut headers = HeaderMap::new();
        Standing { rate: rate(100, 60), left: 42, wait: None }.tell(&mut headers);
        assert_eq!(headers[POLICY], r#""default";q=100;w=60"#);
        assert_eq!(
            (&headers[LIMIT], headers.get(RETRY_AFTER)),
            (&HeaderValue::from_static(r#""default";r=42"#), None)
        );
        Standing { rate: rate(100, 60), left: 0, wait: Some(Duration::from_millis(1_001)) }
            .tell(&mut headers);
        assert_eq!(
            (&headers[LIMIT], &headers[RETRY_AFTER]),
            (&HeaderValue::from_static(r#""default";r=0;t=2"#), &HeaderValue::from_static("2"))
        );
    }
}
