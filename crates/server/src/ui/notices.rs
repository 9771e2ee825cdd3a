//! What the next page is to tell a session, once: what it just did, and that its tenant was closed to it. The word of what was
//! done stands in the address, where anybody can write one: only the session that did it is told.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use domain::ids::TenantId;
use serde_json::Value;

/// The parameter that holds the word.
pub(super) const DONE: &str = "done";

/// How many sessions are remembered that were not told yet. Beyond that, all of them are forgotten.
const WAITING_MAX: usize = 10_000;

/// What each session is to be told.
#[derive(Default)]
pub(crate) struct Notices {
    /// By a keyed hash of the session's secret, which is not kept.
    waiting: Mutex<HashMap<u64, String>>,
    /// Where each session was shown a page last, by the same.
    places: Mutex<HashMap<u64, Place>>,
    sessions: RandomState,
}

/// A tenant in which a session was shown a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tenant: TenantId,
    /// What it was called then: once it is closed to the session, nobody tells.
    pub(super) name: String,
}

/// The word for what was done; the other one, if it was so before and nothing was recorded.
pub(super) fn word<'a>(answer: &Value, done: &'a str, before: &'a str) -> &'a str {
    let mut fields = answer.as_object().into_iter().flat_map(|fields| fields.values());
    if fields.any(|field| field["changed"] == Value::Bool(false)) { before } else { done }
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

    /// Where the session was shown a page last, if it is known.
    pub(super) fn place(&self, secret: &str) -> Option<Place> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&self.sessions.hash_one(secret)).cloned()
    }

    /// The session is shown a page there; none: outside of every tenant, or it goes elsewhere by its own choice.
    pub(super) fn put(&self, secret: &str, place: Option<Place>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let session = self.sessions.hash_one(secret);
        let Some(place) = place else {
            places.remove(&session);
            return;
        };
        if places.len() >= WAITING_MAX && !places.contains_key(&session) {
            places.clear();
        }
        places.insert(session, place);
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
    fn what_was_so_before_has_a_word_of_its_own() {
        let answer = |changed| serde_json::json!({"delete_api_key": {"success": true, "changed": changed}});
        assert_eq!(word(&answer(true), "revoked", "unchanged"), "revoked");
        assert_eq!(word(&answer(false), "revoked", "unchanged"), "unchanged");
        assert_eq!(word(&serde_json::json!({"rotate": {"id": "x"}}), "made", "unchanged"), "made");
    }

    #[test]
    fn memory_is_bounded() {
        let notices = Notices::default();
        let place = Place { tenant: TenantId::from_bytes([1; 16]), name: "acme".to_owned() };
        for number in 0..=WAITING_MAX {
            notices.leave(&number.to_string(), "x?done=role");
            notices.put(&number.to_string(), Some(place.clone()));
        }
        assert_eq!(notices.waiting.lock().unwrap().len(), 1);
        assert_eq!(notices.places.lock().unwrap().len(), 1);
        let last = WAITING_MAX.to_string();
        assert_eq!(notices.place(&last), Some(place));
        notices.put(&last, None);
        assert_eq!(notices.place(&last), None);
    }
}
