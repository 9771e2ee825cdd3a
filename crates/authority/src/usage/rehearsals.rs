//! Refused dry runs that were noted lately. The same one again says nothing new, and a page that asks whenever it is
//! loaded must not push out of a tenant's list what others were refused.

use std::collections::HashMap;

use domain::actor::ActorId;
use domain::rejection::Entity;
use domain::time::Timestamp;

/// For how long the same is not noted again.
const QUIET_SECONDS: u64 = 15 * 60;
/// How many are remembered. Beyond that, all of them are noted anew.
const REMEMBERED_MAX: usize = 4_096;

/// A refused dry run, as far as it matters whether it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rehearsal {
    pub(crate) actor: ActorId,
    pub(crate) command: &'static str,
    pub(crate) about: Option<Entity>,
    pub(crate) code: &'static str,
}

/// Those that were noted, and when.
#[derive(Default)]
pub(crate) struct Rehearsals(HashMap<Rehearsal, Timestamp>);

impl Rehearsals {
    /// Whether it is to be noted now.
    pub(crate) fn is_news(&mut self, rehearsal: Rehearsal, now: Timestamp) -> bool {
        let known = self.0.get(&rehearsal);
        if known.is_some_and(|noted| now <= noted.plus_seconds(QUIET_SECONDS)) {
            return false;
        }
        if self.0.len() >= REMEMBERED_MAX {
            self.0.clear();
        }
        self.0.insert(rehearsal, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::MIN.plus_seconds(seconds)
    }

    #[test]
    fn the_same_is_noted_again_only_after_a_while() {
        let mut rehearsals = Rehearsals::default();
        let of = |code| Rehearsal { actor: ActorId::Console, command: "RemoveMember", about: None, code };
        assert!(rehearsals.is_news(of("FORBIDDEN"), at(0)));
        assert!(!rehearsals.is_news(of("FORBIDDEN"), at(QUIET_SECONDS)));
        assert!(rehearsals.is_news(of("NOT_FOUND"), at(1)), "another answer is news");
        assert!(rehearsals.is_news(of("FORBIDDEN"), at(QUIET_SECONDS + 1)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut rehearsals = Rehearsals::default();
        for number in 0..=REMEMBERED_MAX as u128 {
            let about = Some(Entity::Key(domain::ids::KeyId::from_bytes(number.to_be_bytes())));
            let rehearsal =
                Rehearsal { actor: ActorId::Console, command: "RevokeKey", about, code: "FORBIDDEN" };
            assert!(rehearsals.is_news(rehearsal, at(0)));
        }
        assert_eq!(rehearsals.0.len(), 1);
    }
}
