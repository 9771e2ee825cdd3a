//! Commands that were refused, on their way to the file: bounded in memory, and one tenant's never at another's cost.

use std::collections::{HashMap, VecDeque};

use domain::actor::{ActorId, Way};
use domain::ids::{RequestId, TenantId};
use domain::rejection::Entity;
use domain::time::Timestamp;

use super::KEPT_MAX;

/// The most refusals that wait in memory, those of all tenants together.
const WAITING_MAX: usize = 16 * KEPT_MAX;

/// A command that somebody known asked for, and that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCommand {
    /// When.
    pub at: Timestamp,
    /// The stable code of the refusal.
    pub code: String,
    /// The command's name.
    pub command: String,
    /// Who asked.
    pub actor: ActorId,
    /// By which interface.
    pub way: Way,
    /// The server's id of the request.
    pub request: RequestId,
    /// What the command was about, if it named something.
    pub about: Option<Entity>,
}

/// The refusals of one tenant that are not in the file yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRefusals {
    /// How many there were.
    pub seen: u64,
    /// The last of them, the oldest first.
    pub recent: VecDeque<RefusedCommand>,
}

impl NewRefusals {
    /// The last of them with their numbers, if so many came before.
    pub fn numbered_from(&self, before: u64) -> impl Iterator<Item = (u64, &RefusedCommand)> {
        let first = before.saturating_add(self.seen).saturating_sub(self.recent.len() as u64);
        (first..).zip(&self.recent)
    }
}

/// Refusals that wait to be written.
#[derive(Debug, Default)]
pub struct RefusalQueue {
    of: HashMap<Option<TenantId>, NewRefusals>,
    waiting: usize,
}

impl RefusalQueue {
    /// Takes one in. If there is no room, the oldest of whoever has the most makes it.
    pub fn push(&mut self, tenant: Option<TenantId>, refusal: RefusedCommand) {
        let own = self.of.entry(tenant).or_default();
        own.seen = own.seen.saturating_add(1);
        own.recent.push_back(refusal);
        self.waiting += 1;
        self.make_room(tenant);
    }

    /// Takes in all that waits in another queue, as what came later.
    pub fn append(&mut self, later: Self) {
        for (tenant, new) in later.of {
            let own = self.of.entry(tenant).or_default();
            own.seen = own.seen.saturating_add(new.seen);
            self.waiting += new.recent.len();
            if (new.recent.len() as u64) < new.seen {
                // Some of the later ones are gone: those before them may not follow them without a gap.
                self.waiting -= own.recent.len();
                own.recent.clear();
            }
            own.recent.extend(new.recent);
            self.make_room(tenant);
        }
    }

    /// What waits, by tenant.
    pub fn waiting(&self) -> &HashMap<Option<TenantId>, NewRefusals> {
        &self.of
    }

    fn make_room(&mut self, tenant: Option<TenantId>) {
        if let Some(own) = self.of.get_mut(&tenant) {
            let surplus = own.recent.len().saturating_sub(KEPT_MAX);
            own.recent.drain(..surplus);
            self.waiting -= surplus;
        }
        while self.waiting > WAITING_MAX {
            let Some(longest) = self.of.values_mut().max_by_key(|own| own.recent.len()) else { return };
            let surplus = (self.waiting - WAITING_MAX).min(longest.recent.len());
            longest.recent.drain(..surplus);
            self.waiting -= surplus;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(number: i64) -> RefusedCommand {
        RefusedCommand {
            at: Timestamp::from_unix_ms(number).unwrap(),
            code: "FORBIDDEN".into(),
            command: "RemoveTenant".into(),
            actor: ActorId::Console,
            way: Way::GraphQl,
            request: RequestId::from_bytes([1; 16]),
            about: None,
        }
    }

    fn tenant(number: u8) -> Option<TenantId> {
        Some(TenantId::from_bytes([number; 16]))
    }

    #[test]
    fn a_flood_pushes_out_its_own_only() {
        let mut queue = RefusalQueue::default();
        queue.push(tenant(1), refusal(7));
        for number in 0..5_000 {
            queue.push(tenant(2), refusal(number));
        }
        assert_eq!(queue.waiting()[&tenant(1)].recent, [refusal(7)]);
        let flood = &queue.waiting()[&tenant(2)];
        assert_eq!((flood.seen, flood.recent.len()), (5_000, KEPT_MAX));
        let numbers: Vec<_> = flood.numbered_from(100).map(|(number, _)| number).collect();
        assert_eq!((numbers[0], numbers[KEPT_MAX - 1]), (4_100, 5_099));
    }

    #[test]
    fn floods_of_many_tenants_stay_within_the_bound_and_spare_who_is_quiet() {
        let mut queue = RefusalQueue::default();
        queue.push(tenant(200), refusal(7));
        for number in 0..100 {
            for _ in 0..KEPT_MAX {
                queue.push(tenant(number), refusal(1));
            }
        }
        let waiting: usize = queue.waiting().values().map(|new| new.recent.len()).sum();
        assert_eq!(waiting, WAITING_MAX);
        assert_eq!(waiting, queue.waiting);
        assert_eq!(queue.waiting()[&tenant(200)].recent, [refusal(7)]);
    }

    #[test]
    fn what_came_later_follows_without_a_gap() {
        let (mut queue, mut later) = (RefusalQueue::default(), RefusalQueue::default());
        queue.push(tenant(1), refusal(1));
        later.push(tenant(1), refusal(2));
        queue.append(later);
        let both: Vec<_> =
            queue.waiting()[&tenant(1)].numbered_from(0).map(|(n, r)| (n, r.clone())).collect();
        assert_eq!(both, [(0, refusal(1)), (1, refusal(2))]);

        let mut flood = RefusalQueue::default();
        (0..1_500).for_each(|number| flood.push(tenant(1), refusal(number)));
        queue.append(flood);
        let kept = &queue.waiting()[&tenant(1)];
        assert_eq!((kept.seen, kept.recent.len(), queue.waiting), (1_502, KEPT_MAX, KEPT_MAX));
        assert_eq!(kept.recent[0], refusal(500));
    }
}
