//! Limits of a key: from where it is accepted, how often. Set apart from its life, which they never end.

use crate::network::AllowedAddresses;

/// What a key is held to, beyond its life and its scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyLimits {
    /// From where it is accepted.
    pub addresses: AllowedAddresses,
    /// How often; none: as often as it is shown.
    pub rate: Option<RateLimit>,
}

/// So many requests in a period. Each server counts for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimit {
    requests: u32,
    period_seconds: u32,
}

/// Why numbers are not a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate limit is 1 to 1000000 requests in 1 to 86400 seconds")]
pub struct RateLimitError;

impl RateLimit {
    /// The most requests of one period.
    pub const REQUESTS_MAX: u32 = 1_000_000;
    /// The longest period: a day.
    pub const PERIOD_SECONDS_MAX: u32 = 86_400;

    /// So many requests in so many seconds.
    pub const fn new(requests: u32, period_seconds: u32) -> Result<Self, RateLimitError> {
        let counted = requests >= 1 && requests <= Self::REQUESTS_MAX;
        let timed = period_seconds >= 1 && period_seconds <= Self::PERIOD_SECONDS_MAX;
        if counted && timed { Ok(Self { requests, period_seconds }) } else { Err(RateLimitError) }
    }

    /// The requests of one period.
    pub const fn requests(self) -> u32 {
        self.requests
    }

    /// The period.
    pub const fn period_seconds(self) -> u32 {
        self.period_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_bounds() {
        let rate = RateLimit::new(100, 60).unwrap();
        assert_eq!((rate.requests(), rate.period_seconds()), (100, 60));
        assert!(RateLimit::new(1, 1).is_ok() && RateLimit::new(1_000_000, 86_400).is_ok());
        for (requests, seconds) in [(0, 60), (1_000_001, 60), (1, 0), (1, 86_401)] {
            assert_eq!(RateLimit::new(requests, seconds), Err(RateLimitError));
        }
    }
}
