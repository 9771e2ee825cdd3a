//! Byte-range locks of openings of a disk, as an operating system keeps them: one opening's conflict with another's only.

use std::ops::Bound;

/// What is locked, and by which opening.
#[derive(Debug, Default)]
pub struct Locks(Vec<Held>);

#[derive(Debug, PartialEq, Eq)]
struct Held {
    opening: u64,
    range: Range,
    kind: Hold,
}

/// Whether others may hold the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Shared,
    Exclusive,
}

/// Bytes from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: u64,
    last: u64,
}

impl Range {
    pub fn of(start: Bound<u64>, end: Bound<u64>) -> Self {
        let first = match start {
            Bound::Unbounded => 0,
            Bound::Included(first) => first,
            Bound::Excluded(before) => before + 1,
        };
        let last = match end {
            Bound::Unbounded => u64::MAX,
            Bound::Included(last) => last,
            Bound::Excluded(after) => after - 1,
        };
        assert!(first <= last, "a lock on nothing");
        Self { first, last }
    }

    fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl Locks {
    /// Whether it was granted; if not, nothing changed.
    pub fn try_lock(&mut self, opening: u64, range: Range, kind: Hold) -> bool {
        let own = |held: &Held| held.opening == opening && held.range.meets(range);
        assert!(!self.0.iter().any(own), "the database promises never to lock what it holds: {range:?}");
        let granted = !self.conflicts(opening, range, kind);
        if granted {
            self.0.push(Held { opening, range, kind });
        }
        granted
    }

    /// Whether somebody else's lock is in the way.
    pub fn conflicts(&self, opening: u64, range: Range, kind: Hold) -> bool {
        let excludes = |held: &Held| held.kind == Hold::Exclusive || kind == Hold::Exclusive;
        self.0.iter().any(|held| held.opening != opening && held.range.meets(range) && excludes(held))
    }

    /// Gives back exactly what was locked.
    pub fn unlock(&mut self, opening: u64, range: Range) {
        let place = self.0.iter().position(|held| held.opening == opening && held.range == range);
        self.0.swap_remove(place.expect("the database promises to unlock what it locked"));
    }

    /// What a file's closing does, also that by the end of its process.
    pub fn release(&mut self, opening: u64) {
        self.0.retain(|held| held.opening != opening);
    }

    /// What the end of a machine does.
    pub fn release_all(&mut self) {
        self.0.clear();
    }
}
