//! How long tokens live, and when the last of them is dead: a bound, for services that check tokens by themselves.

use crate::lookup::Lookup;
use crate::past::Past;
use crate::time::{Position, Timestamp};

/// How long tokens live: one to fifteen minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenLife {
    seconds: u32,
}

/// Why a number of seconds is no life of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tokens live 60 to 900 seconds")]
pub struct TokenLifeError;

impl TokenLife {
    /// The shortest life.
    pub const SHORTEST: Self = Self { seconds: 60 };
    /// The longest life: what must be assumed where the log does not say.
    pub const LONGEST: Self = Self { seconds: 900 };

    /// A life of so many seconds.
    pub const fn new(seconds: u32) -> Result<Self, TokenLifeError> {
        if seconds >= Self::SHORTEST.seconds && seconds <= Self::LONGEST.seconds {
            Ok(Self { seconds })
        } else {
            Err(TokenLifeError)
        }
    }

    /// Its length.
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// Whatever was minted by then is dead now.
    pub fn before(self, now: Timestamp) -> Timestamp {
        let ms = i64::from(self.seconds) * 1_000;
        Timestamp::from_unix_ms(now.unix_ms().saturating_sub(ms)).unwrap_or(Timestamp::MIN)
    }

    /// When a token that is minted at the instant is dead.
    pub fn from(self, minted: Timestamp) -> Timestamp {
        minted.plus_seconds(self.seconds.into())
    }
}

impl Default for TokenLife {
    /// The longest, as long as nothing else is said.
    fn default() -> Self {
        Self::LONGEST
    }
}

/// The lives of the tokens that were minted until an instant, as far back as one of them may outlive the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLives {
    /// The latest first.
    spells: Vec<Spell>,
}

/// A stretch of the log in which tokens were minted with one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spell {
    /// The event with which it began; none: nobody knows, so nothing is known of what was before.
    since: Option<Position>,
    /// When the last of its tokens is dead.
    dead_at: Timestamp,
}

impl TokenLives {
    /// Of tokens minted until the instant, as the log stood after the event at the position: the last one that counts.
    ///
    /// It costs a look-up for each change of the life in the quarter of an hour before, and one more.
    pub fn until<P: Past>(past: &P, position: Position, minted_until: Timestamp) -> Result<Self, P::Error> {
        let (mut spells, mut position, mut minted_until) = (vec![], position, minted_until);
        let mut last_dead_at = minted_until;
        loop {
            let row = past.rows_at(position).deployment()?.unwrap_or_default();
            let since = row.token_life_since;
            let dead_at = row.token_life.from(minted_until);
            last_dead_at = last_dead_at.max(dead_at);
            spells.push(Spell { since: since.map(|since| since.position), dead_at });
            let Some(since) = since else { break };
            // No life is long enough for those from before to outlive these.
            if TokenLife::LONGEST.from(since.at) <= last_dead_at {
                break;
            }
            minted_until = minted_until.min(since.at);
            position = since.position.previous();
        }
        Ok(Self { spells })
    }

    /// When the last token is dead, at the latest, that was minted after the event at this position.
    pub fn last_dead_at(&self, after: Position) -> Timestamp {
        let mut last = Timestamp::MIN;
        for spell in &self.spells {
            last = last.max(spell.dead_at);
            if spell.since.is_some_and(|since| since <= after) {
                break;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_has_bounds() {
        for seconds in [60, 300, 900] {
            assert_eq!(TokenLife::new(seconds).map(TokenLife::seconds), Ok(seconds));
        }
        for seconds in [0, 59, 901, u32::MAX] {
            assert_eq!(TokenLife::new(seconds), Err(TokenLifeError));
        }
        assert_eq!(TokenLife::default(), TokenLife::LONGEST);
    }
}
