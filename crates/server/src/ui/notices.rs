//! What was just done, to be told by the next page: only the session that did it is told, and once. The word stands in the
//! address, where anybody can write one.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

/// The parameter that holds the word.
pub(super) const DONE: &str = "done";

/// How many sessions are remembered that were not told yet. Beyond that, all of them are forgotten.
const WAITING_MAX: usize = 10_000;

/// What each session is to be told.
#[derive(Default)]
pub(crate) struct Notices {
    /// By a keyed hash of the session's secret, which is not kept.
    waiting: Mutex<HashMap<u64, String>>,
    sessions: RandomState,
}

impl Notices {
    /// Somebody is led to an address after something was done, which the address names.
    pub(super) fn leave(&self, secret: &str, address: &str) {
        let Some((_, query)) = address.split_once('?') else { return };
        let word = query.split('&').find_map(|pair| pair.strip_prefix(DONE)?.strip_prefix('='));
        let Some(word) = word else { return };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            waiting.clear();
        }
        waiting.insert(self.sessions.hash_one(secret), word.to_owned());
    }

    /// Whether the session is to be told this word now. It is not to be told again.
    pub(super) fn take(&self, secret: &str, word: &str) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let session = self.sessions.hash_one(secret);
        let meant = waiting.get(&session).is_some_and(|left| left == word);
        meant && waiting.remove(&session).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_it_is_told_once_and_nobody_else() {
        let notices = Notices::default();
        notices.leave("ada", "../ui/keys/1?owner=2&done=revoked");
        for (secret, word) in [("eve", "revoked"), ("ada", "enabled"), ("ada", "")] {
            assert!(!notices.take(secret, word), "{secret}: {word}");
        }
        assert!(notices.take("ada", "revoked"));
        assert!(!notices.take("ada", "revoked"), "the page is loaded again");
        notices.leave("ada", "../ui/keys?undone=1");
        assert!(notices.waiting.lock().unwrap().is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let notices = Notices::default();
        for number in 0..=WAITING_MAX {
            notices.leave(&number.to_string(), "x?done=role");
        }
        assert_eq!(notices.waiting.lock().unwrap().len(), 1);
    }
}
