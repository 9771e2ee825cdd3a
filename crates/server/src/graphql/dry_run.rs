//! Dry runs in GraphQL: what a mutation would do.

use authority::as_of::Answer;
use authority::rehearsal::{Rehearsed, StoppedKey};
use domain::key::Owner;
use juniper::GraphQLObject;

use super::as_of::AsOfShown;
use super::events::Event;
use super::living_tokens::LivingTokens;
use super::scalars::{Instant, Uuid};
use super::state_diff::DifferenceShown;

/// What a mutation would do, if it were carried out now. Nothing of it was done.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "dry_run", rename_all = "none")]
pub struct DryRun {
    /// The events that it would append, at the positions that they would have; empty: things are as it wants them.
    pub events: Vec<Event>,
    /// The keys that would be refused: the first 1,000.
    pub keys: Vec<StoppedKeyShown>,
    /// How many keys would be refused.
    pub keys_count: i32,
    /// The service accounts that would be accepted no more: the first 1,000.
    pub service_account_ids: Vec<Uuid>,
    /// How many service accounts would be accepted no more.
    pub service_accounts_count: i32,
    /// The members who would lose their tenant: the first 1,000.
    pub members: Vec<StoppedMember>,
    /// How many members would lose their tenant.
    pub members_count: i32,
    /// What would be otherwise, as `state_diff` would tell it afterwards: the first 1,000.
    pub changes: Vec<DifferenceShown>,
    /// How much would be otherwise.
    pub changes_count: i32,
    /// Until when a token may live that was minted before, for services that check tokens by themselves: a bound from the
    /// longest life of a token. Null: no token is concerned. Here all of them are refused at once.
    pub tokens_live_until: Option<Instant>,
    /// The tokens that live now of all the keys that would be refused, or that would end sooner; approximate. Null: tokens
    /// are concerned of which it is not kept how many there are.
    pub tokens: Option<LivingTokens>,
    /// What all this rests on.
    pub as_of: AsOfShown,
}

/// A key that would be refused.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "stopped_key", rename_all = "none")]
pub struct StoppedKeyShown {
    /// The key.
    pub key_id: Uuid,
    /// Its owner: a user or a service account.
    pub user_id: Uuid,
    /// The only tenant where it would stop; null: where it acts if none is named.
    pub tenant_id: Option<Uuid>,
    /// The code with which it would be refused.
    pub code: String,
    /// When it was used last, as far as is known; approximate.
    pub last_used_at: Option<Instant>,
    /// Until when a token of it may live, for services that check tokens by themselves.
    pub tokens_live_until: Instant,
    /// Its tokens that live now and would be refused here; approximate.
    pub tokens: LivingTokens,
}

/// A member who would lose a tenant.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "stopped_member", rename_all = "none")]
pub struct StoppedMember {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The user.
    pub user_id: Uuid,
}

impl From<Answer<Rehearsed>> for DryRun {
    fn from(answer: Answer<Rehearsed>) -> Self {
        let Answer { value: Rehearsed { events, stops, changes, before: _ }, basis } = answer;
        let count = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            events: events.into_iter().map(Event::from).collect(),
            keys_count: count(stops.keys.count),
            keys: stops.keys.first.into_iter().map(StoppedKeyShown::from).collect(),
            service_accounts_count: count(stops.service_accounts.count),
            service_account_ids: stops.service_accounts.first.into_iter().map(Uuid::from).collect(),
            members_count: count(stops.members.count),
            members: stops
                .members
                .first
                .into_iter()
                .map(|(tenant, user)| StoppedMember { tenant_id: tenant.into(), user_id: user.into() })
                .collect(),
            changes_count: count(changes.count),
            changes: changes.first.into_iter().map(DifferenceShown::from).collect(),
            tokens_live_until: stops.tokens_live_until.map(Instant),
            tokens: stops.tokens.map(LivingTokens::from),
            as_of: basis.into(),
        }
    }
}

impl From<StoppedKey> for StoppedKeyShown {
    fn from(stopped: StoppedKey) -> Self {
        Self {
            key_id: stopped.key.into(),
            user_id: match stopped.owner {
                Owner::User(user) => user.into(),
                Owner::ServiceAccount(account) => account.into(),
            },
            tenant_id: stopped.tenant.map(Uuid::from),
            code: stopped.refusal.code().to_owned(),
            last_used_at: stopped.last_used.map(Instant),
            tokens_live_until: Instant(stopped.tokens_live_until),
            tokens: stopped.tokens.into(),
        }
    }
}
