//! The limits of keys in GraphQL: from where a key is accepted, how often.

use authority::{Failure, InputError};
use domain::limits::{self, KeyLimits};
use domain::network::{AllowedAddresses, Network};
use juniper::{GraphQLInputObject, GraphQLObject};

use super::scalars::Uuid;

/// So many requests in a period. A full period may be used at once; then requests come back evenly. Each
/// server counts for itself, in memory.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "rate_limit", rename_all = "none")]
pub struct RateLimit {
    /// The requests of one period.
    pub requests: i32,
    /// The period.
    pub period_seconds: i32,
}

/// So many requests in a period.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "rate_limit_input", rename_all = "none")]
pub struct RateLimitInput {
    /// The requests of one period: 1 to 1000000.
    pub requests: i32,
    /// The period: 1 second to a day.
    pub period_seconds: i32,
}

/// From where a key is to be accepted.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "change_api_key_addresses_input", rename_all = "none")]
pub struct ChangeApiKeyAddressesInput {
    /// The key.
    pub key_id: Uuid,
    /// 1 to 32 networks in CIDR notation, or single addresses; null: from everywhere.
    pub allowed_addresses: Option<Vec<String>>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
}

/// How often a key is to be accepted.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "change_api_key_rate_input", rename_all = "none")]
pub struct ChangeApiKeyRateInput {
    /// The key.
    pub key_id: Uuid,
    /// The rate; null: as often as it is shown.
    pub rate_limit: Option<RateLimitInput>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
}

/// The networks that a key lists; none: it is accepted from everywhere.
pub(super) fn shown_addresses(limits: &KeyLimits) -> Option<Vec<String>> {
    match &limits.addresses {
        AllowedAddresses::Any => None,
        AllowedAddresses::Only(list) => Some(list.as_slice().iter().map(Network::to_string).collect()),
    }
}

/// The rate of a key, if it has one.
pub(super) fn shown_rate(limits: &KeyLimits) -> Option<RateLimit> {
    let number = |number: u32| i32::try_from(number).expect("a rate has at most a million of anything");
    limits.rate.map(|rate| RateLimit {
        requests: number(rate.requests()),
        period_seconds: number(rate.period_seconds()),
    })
}

/// The addresses as the authority takes them.
pub(super) fn addresses(given: Option<&[String]>) -> Result<AllowedAddresses, Failure> {
    let Some(given) = given else { return Ok(AllowedAddresses::Any) };
    let parsed = AllowedAddresses::parse(given.iter().map(String::as_str));
    Ok(parsed.map_err(|error| InputError::Networks { field: "allowed_addresses", error })?)
}

/// The rate as the authority takes it.
pub(super) fn rate(given: Option<&RateLimitInput>) -> Result<Option<limits::RateLimit>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let rule = "a rate limit is 1 to 1000000 requests in 1 to 86400 seconds";
    let number = |number: i32| u32::try_from(number).ok();
    let parsed = number(given.requests)
        .zip(number(given.period_seconds))
        .and_then(|(requests, seconds)| limits::RateLimit::new(requests, seconds).ok());
    parsed.map(Some).ok_or_else(|| InputError::Malformed { field: "rate_limit", rule }.into())
}
