//! How many tokens of a key live, roughly, in GraphQL.

use authority::living_tokens;
use juniper::GraphQLObject;

use super::scalars::Instant;

/// The access tokens that were minted from a key, or from several, and have not ended by themselves. One that is refused
/// here already, because its key, its owner or its tenant was stopped or because it was revoked, is counted all the same: a
/// service that checks tokens by itself may still take it. All of it is approximate: it is kept in the server's memory,
/// and no part of the log.
#[derive(Clone, Copy, Debug, GraphQLObject)]
#[graphql(name = "living_tokens", rename_all = "none")]
pub struct LivingTokens {
    /// How many live, of those that were counted. 2147483647 stands for that many or more.
    pub living: i32,
    /// When the last of those ends; null: none of them lives.
    pub last_ends_at: Option<Instant>,
    /// Since when they are counted: since the server started.
    pub counted_since: Instant,
    /// Until when there may be others, that were not counted: minted before the server started, or while there were more
    /// than it keeps count of. Then `living` is to be read as "at least". Null: all that live were counted.
    pub uncounted_until: Option<Instant>,
    /// Always true: nothing of this is in the log, so nothing of it can be proved.
    pub approximate: bool,
}

impl From<living_tokens::LivingTokens> for LivingTokens {
    fn from(tokens: living_tokens::LivingTokens) -> Self {
        let living_tokens::LivingTokens { living, last_ends_at, counted_since, uncounted_until } = tokens;
        Self {
            living: i32::try_from(living).unwrap_or(i32::MAX),
            last_ends_at: last_ends_at.map(Instant),
            counted_since: Instant(counted_since),
            uncounted_until: uncounted_until.map(Instant),
            approximate: true,
        }
    }
}
