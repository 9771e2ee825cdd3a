//! Counting on the hot path: each thread counts in a shard of its own, so that none waits for another.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_utils::CachePadded;
use domain::ids::KeyId;
use hashbrown::HashMap;
use store::usage::Tally;

/// More than a machine has cores, mostly. Threads beyond them share.
const SHARDS: usize = 64;

type Shard = CachePadded<Mutex<HashMap<KeyId, Tally>>>;

/// The tallies since the last collection.
pub(crate) struct Shards {
    /// On cache lines of their own: two threads that count write nothing in common.
    tallies: Box<[Shard]>,
    /// An empty map to leave behind, with the room that an earlier one had grown: nothing is allocated anew.
    spare: Mutex<HashMap<KeyId, Tally>>,
}

impl Default for Shards {
    fn default() -> Self {
        Self { tallies: (0..SHARDS).map(|_| CachePadded::default()).collect(), spare: Mutex::default() }
    }
}

impl Shards {
    /// Counts in this thread's shard.
    pub(crate) fn count(&self, key: KeyId, new: Tally) {
        let mut tallies = self.tallies[own_shard()].lock().unwrap_or_else(PoisonError::into_inner);
        tallies.entry(key).and_modify(|tally| tally.absorb(&new)).or_insert(new);
    }

    /// Takes everything out. Each shard is held only while its map is exchanged for an empty one.
    pub(crate) fn drain(&self, mut each: impl FnMut(KeyId, Tally)) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        for shard in &self.tallies {
            let mut tallies = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if tallies.is_empty() {
                continue;
            }
            std::mem::swap(&mut *tallies, &mut *spare);
            drop(tallies);
            spare.drain().for_each(|(key, tally)| each(key, tally));
        }
    }
}

/// Threads take shards in turn, each once.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    OWN.get()
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use store::usage::{CallerKind, UseWay};

    use super::*;

    #[test]
    fn nothing_is_lost_between_threads_that_count_and_one_that_collects() {
        let shards = Shards::default();
        let key = |number: u8| KeyId::from_bytes([number; 16]);
        let (threads, rounds) = (8, 2_000_u64);
        let mut counted = std::collections::HashMap::<KeyId, u64>::new();
        let mut collect = |shards: &Shards| {
            shards.drain(|key, tally| *counted.entry(key).or_default() += tally.count);
        };
        std::thread::scope(|scope| {
            let counting: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        for round in 0..rounds {
                            let once = Tally::once(Timestamp::MIN, Some(CallerKind::Go), UseWay::Rest);
                            shards.count(key((round % 4) as u8), once);
                        }
                    })
                })
                .collect();
            while counting.iter().any(|thread| !thread.is_finished()) {
                collect(&shards);
            }
        });
        collect(&shards);
        assert_eq!(counted.len(), 4);
        assert!(counted.values().all(|count| *count == threads * rounds / 4), "{counted:?}");
    }
}
