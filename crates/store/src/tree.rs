//! The Merkle tree of RFC 6962, section 2.1, with SHA-256: hashes, proofs, and how they are checked. Pure arithmetic.
//!
//! A leaf is one envelope as stored; the event at position `p` is the leaf with index `p - 1`, and the tree of the log
//! up to position `p` has `p` leaves. [`stored`] keeps it, [`tile`] cuts it into the tiles of C2SP tlog-tiles.

pub(crate) mod stored;
pub mod tile;

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// A hash of the tree: of a leaf, of a subtree, or its root.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHash(pub [u8; 32]);

/// A complete subtree of `2^height` leaves. It begins at the leaf `index * 2^height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// How many levels lie between its root and its leaves.
    pub height: u32,
    /// Its place among those of this height, from 0.
    pub index: u64,
}

/// Hashes that do not prove what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hashes do not lead to the root")]
pub struct Unproven;

impl TreeHash {
    /// The root of a tree without leaves.
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of a leaf.
    pub fn of_leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
    }

    /// The hash of the node above these two.
    pub fn of_pair(left: Self, right: Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// Reads the base64 of RFC 4648, section 4, as checkpoints and proofs have it.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// Writes the base64 of RFC 4648, section 4.
impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The root of a tree with so many leaves, out of its complete subtrees.
pub fn root<E>(size: u64, mut subtree: impl FnMut(Subtree) -> Result<TreeHash, E>) -> Result<TreeHash, E> {
    if size == 0 { Ok(TreeHash::of_nothing()) } else { hash_of(0..size, &mut subtree) }
}

/// The proof that a tree with so many leaves has the leaf with this index (RFC 6962, section 2.1.1): from the leaf's
/// sibling up. The index must be below the size.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    mut subtree: impl FnMut(Subtree) -> Result<TreeHash, E>,
) -> Result<Vec<TreeHash>, E> {
    assert!(index < size, "a tree of {size} leaves has no leaf {index}");
    let (mut within, mut siblings) = (0..size, vec![]);
    while within.end - within.start > 1 {
        let middle = middle(&within);
        if index < middle {
            siblings.push(middle..within.end);
            within.end = middle;
        } else {
            siblings.push(within.start..middle);
            within.start = middle;
        }
    }
    siblings.into_iter().rev().map(|range| hash_of(range, &mut subtree)).collect()
}

/// The proof that a tree of `size` leaves begins with the one of `old` leaves (RFC 6962, section 2.1.2). The old size
/// must not be above the new one.
pub fn consistency<E>(
    old: u64,
    size: u64,
    mut subtree: impl FnMut(Subtree) -> Result<TreeHash, E>,
) -> Result<Vec<TreeHash>, E> {
    assert!(old <= size, "a tree of {size} leaves does not begin with {old}");
    if old == 0 || old == size {
        return Ok(vec![]);
    }
    let (mut within, mut parts) = (0..size, vec![]);
    while old != within.end {
        let middle = middle(&within);
        if old <= middle {
            parts.push(middle..within.end);
            within.end = middle;
        } else {
            parts.push(within.start..middle);
            within.start = middle;
        }
    }
    // Whoever checks the proof knows the root of the old tree.
    if within.start != 0 {
        parts.push(within);
    }
    parts.into_iter().rev().map(|range| hash_of(range, &mut subtree)).collect()
}

/// Checks a proof of inclusion (RFC 9162, section 2.1.3.2).
pub fn check_inclusion(
    leaf: TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: TreeHash,
) -> Result<(), Unproven> {
    if index >= size {
        return Err(Unproven);
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(Unproven);
        }
        if place % 2 == 1 || place == last {
            hash = TreeHash::of_pair(*sibling, hash);
            while place.is_multiple_of(2) && place != 0 {
                (place, last) = (place / 2, last / 2);
            }
        } else {
            hash = TreeHash::of_pair(hash, *sibling);
        }
        (place, last) = (place / 2, last / 2);
    }
    if last == 0 && hash == root { Ok(()) } else { Err(Unproven) }
}

/// Checks a proof of consistency (RFC 9162, section 2.1.4.2).
pub fn check_consistency(
    (old, old_root): (u64, TreeHash),
    (size, root): (u64, TreeHash),
    proof: &[TreeHash],
) -> Result<(), Unproven> {
    let proven = |it: bool| if it { Ok(()) } else { Err(Unproven) };
    if old == size {
        return proven(proof.is_empty() && old_root == root);
    }
    if old == 0 {
        return proven(proof.is_empty() && old_root == TreeHash::of_nothing());
    }
    // Where the old tree is complete, its root is the first hash, and not said again.
    let implied = old.is_power_of_two().then_some(old_root);
    let mut path = implied.into_iter().chain(proof.iter().copied());
    let (Some(first), true) = (path.next(), old < size) else { return Err(Unproven) };
    let (mut place, mut last) = (old - 1, size - 1);
    while place % 2 == 1 {
        (place, last) = (place / 2, last / 2);
    }
    let (mut before, mut after) = (first, first);
    for hash in path {
        if last == 0 {
            return Err(Unproven);
        }
        if place % 2 == 1 || place == last {
            before = TreeHash::of_pair(hash, before);
            after = TreeHash::of_pair(hash, after);
            while place.is_multiple_of(2) && place != 0 {
                (place, last) = (place / 2, last / 2);
            }
        } else {
            after = TreeHash::of_pair(after, hash);
        }
        (place, last) = (place / 2, last / 2);
    }
    proven(last == 0 && before == old_root && after == root)
}

/// A tree that grows leaf by leaf, of which only the complete subtrees at its right edge are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// From the largest to the smallest: one for each bit of the size.
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// The right edge of a tree with so many leaves.
    pub fn of<E>(size: u64, mut subtree: impl FnMut(Subtree) -> Result<TreeHash, E>) -> Result<Self, E> {
        let heights = (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1);
        let peaks = heights.map(|height| subtree(Subtree { height, index: (size >> height) - 1 }));
        Ok(Self { size, peaks: peaks.collect::<Result<_, E>>()? })
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes in the next leaf, and tells of each subtree that it completes, itself first.
    pub fn push(&mut self, leaf: TreeHash, mut completed: impl FnMut(Subtree, TreeHash)) {
        let (mut height, mut index, mut hash) = (0, self.size, leaf);
        completed(Subtree { height, index }, hash);
        while index % 2 == 1 {
            let left = self.peaks.pop().expect("there is a peak for each bit of the size");
            (height, index, hash) = (height + 1, index / 2, TreeHash::of_pair(left, hash));
            completed(Subtree { height, index }, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> TreeHash {
        let from_the_right = self.peaks.iter().rev().copied();
        from_the_right
            .reduce(|right, left| TreeHash::of_pair(left, right))
            .unwrap_or_else(TreeHash::of_nothing)
    }
}

/// The hash of a range of leaves that is a node of the tree.
fn hash_of<E>(
    range: Range<u64>,
    subtree: &mut impl FnMut(Subtree) -> Result<TreeHash, E>,
) -> Result<TreeHash, E> {
    let leaves = range.end - range.start;
    if leaves.is_power_of_two() {
        return subtree(Subtree { height: leaves.trailing_zeros(), index: range.start / leaves });
    }
    let middle = middle(&range);
    let left = hash_of(range.start..middle, subtree)?;
    Ok(TreeHash::of_pair(left, hash_of(middle..range.end, subtree)?))
}

/// Where a node of more than one leaf is split: the left side has the largest power of two below their number.
fn middle(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}

/// The root of a complete subtree with these leaves: a power of two of them.
pub(crate) fn folded(hashes: &[TreeHash]) -> TreeHash {
    match hashes {
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            TreeHash::of_pair(folded(left), folded(right))
        }
    }
}

#[cfg(test)]
mod tests;
