//! Letting callers in: the credential is asked about first, then the key is held to its rate, and its use noted.

use std::net::IpAddr;

use authority::{Caller, Denial, Denied, Shown};
use domain::ids::TenantId;

use crate::rate::Standing;
use crate::state::App;
use crate::visitor::Visitor;

/// Somebody who was let in.
pub(crate) struct LetIn {
    /// Who, and where they act.
    pub(crate) caller: Caller,
    /// What is left of the key's rate, if it has one.
    pub(crate) rate: Option<Standing>,
}

/// Somebody who was not.
#[derive(Debug)]
pub(crate) enum NotLetIn {
    /// The credential is not accepted.
    Denied(Denial),
    /// It is not, like too many before it from that address.
    TooManyGuesses {
        /// In how many seconds the next is looked at.
        retry_after_seconds: u64,
    },
    /// It is accepted, but not that often.
    RateLimited {
        /// By whom it was shown.
        caller: Box<Caller>,
        /// Where the key stands.
        standing: Standing,
    },
}

/// The code of an address that guesses too often.
pub(crate) const TOO_MANY_GUESSES: &str = "TOO_MANY_GUESSES";
/// The code of a key that is used too often.
pub(crate) const RATE_LIMITED: &str = "RATE_LIMITED";

impl NotLetIn {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.denied.code(),
            Self::TooManyGuesses { .. } => TOO_MANY_GUESSES,
            Self::RateLimited { .. } => RATE_LIMITED,
        }
    }

    /// In how many seconds to try again, if that is all there is to do.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Denied(_) => None,
            Self::TooManyGuesses { retry_after_seconds } => Some(*retry_after_seconds),
            Self::RateLimited { standing, .. } => Some(standing.retry_after_seconds()),
        }
    }

    /// What is wrong, and what to do next.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Denied(denial) => denial.denied.to_string(),
            Self::TooManyGuesses { retry_after_seconds } => format!(
                "too many credentials from this address were not known here; try again in {}",
                seconds(*retry_after_seconds)
            ),
            Self::RateLimited { standing, .. } => format!(
                "this key is used more often than its rate allows; try again in {}",
                seconds(standing.retry_after_seconds())
            ),
        }
    }
}

fn seconds(number: u64) -> String {
    if number == 1 { "1 second".to_owned() } else { format!("{number} seconds") }
}

impl From<Denial> for NotLetIn {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl App {
    /// Lets the holder of a credential in, to the tenant wanted or else to the credential's own, and notes that its
    /// key was used.
    pub(crate) fn let_in(
        &self,
        credential: &str,
        visitor: Visitor,
        wanted: Option<TenantId>,
    ) -> Result<LetIn, NotLetIn> {
        let shown = Shown { credential, from: visitor.address };
        self.noted(self.authority.authenticate(shown, wanted), visitor)
    }

    /// Lets in whoever the authority accepted, and holds the key to its rate and notes its use.
    pub(crate) fn noted(&self, outcome: Result<Caller, Denial>, visitor: Visitor) -> Result<LetIn, NotLetIn> {
        let Visitor { address, kind, way } = visitor;
        match outcome {
            Ok(caller) => {
                let let_in = self.within_rate(caller)?;
                self.authority.used(&let_in.caller, Some(kind), way);
                Ok(let_in)
            }
            Err(denial) => Err(self.counted(denial, address)),
        }
    }

    /// Lets the holder of a key in to end it, which a used-up rate must not prevent: a thief could use it up.
    pub(crate) fn let_in_to_end(&self, credential: &str, visitor: Visitor) -> Result<LetIn, NotLetIn> {
        let Visitor { address, kind, way } = visitor;
        let caller = self
            .authority
            .authenticate(Shown { credential, from: address }, None)
            .map_err(|denial| self.counted(denial, address))?;
        self.authority.used(&caller, Some(kind), way);
        Ok(LetIn { caller, rate: None })
    }

    /// Takes one request of the caller's key.
    pub(crate) fn within_rate(&self, caller: Caller) -> Result<LetIn, NotLetIn> {
        let Some(rate) = caller.rate else { return Ok(LetIn { caller, rate: None }) };
        match self.running.rates.take(caller.key, rate) {
            Ok(standing) => Ok(LetIn { caller, rate: Some(standing) }),
            Err(standing) => Err(NotLetIn::RateLimited { caller: Box::new(caller), standing }),
        }
    }

    /// Counts a credential that is not known here, for whoever guesses.
    pub(crate) fn counted(&self, denial: Denial, from: Option<IpAddr>) -> NotLetIn {
        let guessed = denial.key.is_none() && denial.denied != Denied::Missing;
        match if guessed { self.running.guesses.count(from) } else { Ok(()) } {
            Ok(()) => NotLetIn::Denied(denial),
            Err(retry_after_seconds) => NotLetIn::TooManyGuesses { retry_after_seconds },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_to_wait_is_said_as_people_say_it() {
        let told = |retry_after_seconds| NotLetIn::TooManyGuesses { retry_after_seconds }.message();
        assert!(told(1).ends_with("try again in 1 second"), "{}", told(1));
        assert!(told(2).ends_with("try again in 2 seconds"), "{}", told(2));
    }
}
