//! How a key was used, roughly, in GraphQL.

use authority::usage::{KeyUsage, UseWay};
use juniper::{GraphQLEnum, GraphQLObject};

use super::scalars::Instant;

/// How a key, with the tokens minted from it, was used. All of it is approximate: it is counted beside the log, and
/// what was counted in the last seconds before a crash is lost.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "key_usage", rename_all = "none")]
pub struct Usage {
    /// When it was used first, as far as is known; approximate.
    pub first_used_at: Instant,
    /// When it was used last, as far as is known; approximate.
    pub last_used_at: Instant,
    /// How often it was accepted; approximate. 2147483647 stands for that many or more.
    pub count: i32,
    /// What kinds of programs showed it here, by what they said of themselves: keyledger, prefect, curl, browser,
    /// python, go, node, other, or none for those that said nothing; approximate.
    pub callers: Vec<String>,
    /// By which way it was used last; approximate.
    pub last_way: UseWayValue,
    /// Always true: nothing of this is in the log, so nothing of it can be proved. In an answer about an earlier
    /// moment, too, it is what is known now.
    pub approximate: bool,
}

/// By which way a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "use_way", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum UseWayValue {
    /// The REST API.
    rest,
    /// The GraphQL API.
    graphql,
    /// Exchanged for a token, or shown as an OAuth client's secret.
    oauth,
    /// Shown to another service, which asked here what it is worth.
    shown,
}

impl From<KeyUsage> for Usage {
    fn from(usage: KeyUsage) -> Self {
        Self {
            first_used_at: Instant(usage.first),
            last_used_at: Instant(usage.last),
            count: i32::try_from(usage.count).unwrap_or(i32::MAX),
            callers: usage.callers.kinds().map(|kind| kind.as_str().to_owned()).collect(),
            last_way: match usage.last_way {
                UseWay::Rest => UseWayValue::rest,
                UseWay::GraphQl => UseWayValue::graphql,
                UseWay::OAuth => UseWayValue::oauth,
                UseWay::Shown => UseWayValue::shown,
            },
            approximate: true,
        }
    }
}
