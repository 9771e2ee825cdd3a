//! The life of tokens: the log knows how long it is, and no token outlives what the log says.
//!
//! A setting of the server says how long tokens are to live. It is recorded when the server starts, and until that is durable
//! tokens get the shorter of the two lives: a longer one is never signed before the log knows of it.

use domain::Command;
use domain::actor::{Actor, Way};
use domain::time::Timestamp;
use domain::token_life::TokenLife;

use crate::authority::{Authority, Request};
use crate::compose::Composed;
use crate::failure::Failure;

/// How long refresh tokens live, whatever other tokens do. Only this server takes them, which knows what has ended: no bound
/// for services that check tokens by themselves counts them. The key that signed one must be known until it is dead.
pub(crate) const REFRESH_TOKEN_LIFE: TokenLife = TokenLife::LONGEST;

/// When the last token is dead that was signed until then: no other lives longer than a refresh token.
pub(crate) fn last_signed_dead_at(signed_until: Timestamp) -> Timestamp {
    REFRESH_TOKEN_LIFE.from(signed_until)
}

impl Authority {
    /// How long a token lives that is minted now.
    pub fn token_life(&self) -> TokenLife {
        self.index().token_life().min(self.token_life)
    }

    /// Records how long tokens live, if the log does not say so; says whether it did not. Until there is a tenant there is
    /// nothing to record.
    pub fn keep_token_life(&self) -> Result<bool, Failure> {
        if !self.is_set_up() || self.index().token_life_said() == Some(self.token_life) {
            return Ok(false);
        }
        let request = Request { way: Way::Schedule, id: self.request_id(), idempotency_key: None };
        let command = Command::ChangeTokenLife { life: self.token_life };
        let done = self.execute(&Actor::Server, &request, Composed::plain(command))?;
        Ok(!done.recorded.is_empty())
    }
}
