//! Rows that are found by id, each in a place that never changes, so that other rows can name it in four bytes.
//!
//! They lie in blocks: a table that grows moves nothing, and never holds twice what it needs.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// How many rows a block has. The first begins small.
const BLOCK: usize = 1 << 14;

/// A place of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// Rows, and where each is.
pub(super) struct Slots<V> {
    blocks: Vec<Vec<V>>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// A row that has an id.
pub(super) trait Named {
    /// The id.
    type Id: Copy + Eq + Hash;
    /// Its own.
    fn id(&self) -> Self::Id;
}

impl Slot {
    /// The place with this number.
    pub(super) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number of the place.
    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

impl<V> Default for Slots<V> {
    fn default() -> Self {
        Self { blocks: vec![], places: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl<V> Slots<V> {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    /// The row in a place.
    pub(super) fn at(&self, slot: Slot) -> &V {
        let place = slot.0 as usize;
        &self.blocks[place / BLOCK][place % BLOCK]
    }

    /// The row in a place, to change it. Its id stays.
    pub(super) fn at_mut(&mut self, slot: Slot) -> &mut V {
        let place = slot.0 as usize;
        &mut self.blocks[place / BLOCK][place % BLOCK]
    }

    /// At most so many rows from a place on: fewer, where a block ends, and none only behind the last.
    pub(super) fn piece(&self, from: usize, most: usize) -> &[V] {
        let block = self.blocks.get(from / BLOCK).map_or(&[][..], Vec::as_slice);
        let from = (from % BLOCK).min(block.len());
        &block[from..from.saturating_add(most).min(block.len())]
    }
}

impl<V: Named> Slots<V> {
    /// Where the row with this id is.
    pub(super) fn find(&self, id: V::Id) -> Option<Slot> {
        let same = |place: &u32| self.at(Slot(*place)).id() == id;
        self.places.find(self.hasher.hash_one(id), same).map(|place| Slot(*place))
    }

    /// The row with this id.
    pub(super) fn get(&self, id: V::Id) -> Option<&V> {
        self.find(id).map(|slot| self.at(slot))
    }

    /// Adds a row whose id is not there yet.
    pub(super) fn push(&mut self, row: V) -> Slot {
        let slot = Slot(u32::try_from(self.len()).expect("four thousand million rows fit in no machine"));
        let hash = self.hasher.hash_one(row.id());
        match self.blocks.last_mut() {
            Some(last) if last.len() < BLOCK => last.push(row),
            Some(_) => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(row);
                self.blocks.push(block);
            }
            None => self.blocks.push(vec![row]),
        }
        let Self { blocks, places, hasher } = self;
        let id = |place: &u32| blocks[*place as usize / BLOCK][*place as usize % BLOCK].id();
        places.insert_unique(hash, slot.0, |place| hasher.hash_one(id(place)));
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(u64);

    impl Named for Row {
        type Id = u64;
        fn id(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn rows_are_found_where_they_were_put_also_over_the_ends_of_blocks() {
        let mut slots = Slots::default();
        let count = 2 * BLOCK as u64 + 3;
        for id in 0..count {
            assert_eq!(slots.push(Row(id * 7)).number(), u32::try_from(id).unwrap());
        }
        assert_eq!(slots.len() as u64, count);
        for id in 0..count {
            let slot = slots.find(id * 7).unwrap();
            assert_eq!((u64::from(slot.number()), slots.at(slot).0), (id, id * 7));
        }
        assert!(slots.get(1).is_none());
        let (mut from, mut read) = (0, vec![]);
        while let piece @ [_, ..] = slots.piece(from, 1000) {
            assert!(piece.len() <= 1000);
            read.extend(piece.iter().map(|row| row.0));
            from += piece.len();
        }
        assert_eq!(read, (0..count).map(|id| id * 7).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_in_an_empty_table() {
        let slots = Slots::<Row>::default();
        assert_eq!((slots.len(), slots.piece(0, 9).len(), slots.piece(BLOCK, 9).len()), (0, 0, 0));
        assert!(slots.get(0).is_none());
    }
}
