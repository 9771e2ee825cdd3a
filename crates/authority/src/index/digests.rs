//! Which key has a digest: places of keys by the first eight bytes of their digests, which are a hash already.
//!
//! An entry is a place and half of the hash, in eight bytes. A look-up at random misses the processor's cache once here and
//! once at the record; a table that keeps its marks apart from its entries, as the general ones do, misses twice before it
//! comes to the record, and of a verification these misses are most of the time.

use super::slots::Slot;

/// An open table with linear probing. Nothing is ever taken out.
#[derive(Default)]
pub(super) struct Digests {
    /// A power of two of them, or none.
    entries: Box<[Entry]>,
    taken: usize,
}

/// Where a key is, with the upper half of its hash.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// 0: nothing is here.
    place_and_one: u32,
    mark: u32,
}

/// The fewest entries that a table begins with.
const ENTRIES_MIN: usize = 64;

impl Digests {
    /// The first place with this hash that is the one.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let mask = self.entries.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let entry = self.entries[at];
            let place = Slot::new(entry.place_and_one.checked_sub(1)?);
            if entry.mark == mark(hash) && is_it(place) {
                return Some(place);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a place under its hash; `hash_of` tells that of every place which is here already.
    pub(super) fn insert(&mut self, hash: u64, place: Slot, hash_of: impl Fn(Slot) -> u64) {
        // At most three in four are taken: a run of taken ones stays within a line of the cache or two.
        if (self.taken + 1) * 4 > self.entries.len() * 3 {
            let room = (self.entries.len() * 2).max(ENTRIES_MIN);
            let old = std::mem::replace(&mut self.entries, vec![Entry::default(); room].into_boxed_slice());
            for place in old.iter().filter_map(|entry| entry.place_and_one.checked_sub(1)).map(Slot::new) {
                self.put(hash_of(place), place);
            }
        }
        self.put(hash, place);
        self.taken += 1;
    }

    fn put(&mut self, hash: u64, place: Slot) {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        while self.entries[at].place_and_one != 0 {
            at = (at + 1) & mask;
        }
        let place_and_one = place.number().checked_add(1).expect("the last number is no place");
        self.entries[at] = Entry { place_and_one, mark: mark(hash) };
    }
}

/// The half of the hash that does not say where to look.
fn mark(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes as a digest has them; some of them the same, some different only in one half.
    fn hash(number: u32) -> u64 {
        let spread = u64::from(number / 3).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match number % 3 {
            0 => spread,
            1 => spread ^ (1 << 40),
            _ => spread ^ 1,
        }
    }

    #[test]
    fn every_place_is_found_under_its_hash_and_none_under_another() {
        let mut digests = Digests::default();
        assert!(digests.find(7, |_| true).is_none(), "nothing is in an empty table");
        let count = 10_000;
        for number in 0..count {
            digests.insert(hash(number), Slot::new(number), |place| hash(place.number()));
        }
        for number in 0..count {
            let found = digests.find(hash(number), |place| place.number() == number);
            assert_eq!(found.map(Slot::number), Some(number));
        }
        for number in count..2 * count {
            let asked = std::cell::Cell::new(0);
            let is_it = |_| {
                asked.set(asked.get() + 1);
                false
            };
            assert!(digests.find(hash(number) ^ (1 << 50), is_it).is_none());
            assert!(asked.get() <= 1, "only who has the same half of a hash is looked at");
        }
    }

    #[test]
    fn a_table_is_never_so_full_that_a_look_up_does_not_end() {
        let mut digests = Digests::default();
        for number in 0..1_000 {
            // All of them begin at one place.
            digests
                .insert(u64::from(number) << 32, Slot::new(number), |place| u64::from(place.number()) << 32);
            assert!(digests.find(u64::MAX, |_| true).is_none());
            assert!(digests.entries.iter().any(|entry| entry.place_and_one == 0));
        }
        let found = digests.find(999 << 32, |_| true);
        assert_eq!(found.map(Slot::number), Some(999));
    }
}
