//! The tree as it is stored: blocks of sixteen hashes, of leaves and of every fourth level above them.
//!
//! The key of a block is its level, counted down from 255 so that leaves come last and new ones are appended to the
//! table, and its place in the level (u64, big-endian). Its value is up to sixteen hashes and the first 8 bytes of
//! BLAKE3 over key and value, as in [`crate::rows`]. A hash of level `l` is that of a complete subtree of `16^l` leaves;
//! what lies between two levels is computed. A commit writes the last block of a level anew: half a kilobyte at most.

use std::ops::Range;

use redb::{ReadableTable, Table};

use super::tile::Tile;
use super::{Frontier, Subtree, TreeHash, Unproven, folded};
use crate::error::{StoreError, database};
use crate::rows::{Abreast, sealed_with_check, unsealed};

/// How many hashes a block has.
const BLOCK_HASHES: u64 = 16;
/// How many blocks are read at once by whoever reads all of them: 32 KiB.
const BLOCKS_AHEAD: u64 = 64;
/// How many levels of the tree lie between two that are stored.
const BLOCK_HEIGHT: u32 = 4;

/// Adds leaves to a tree that has so many.
pub(crate) fn extend(
    table: &mut Table<'_, &'static [u8], &'static [u8]>,
    size: u64,
    leaves: Vec<TreeHash>,
) -> Result<(), StoreError> {
    let (mut level, mut first, mut hashes) = (0, size, leaves);
    while !hashes.is_empty() {
        let held = first % BLOCK_HASHES;
        let mut all = if held == 0 { vec![] } else { block(table, level, first / BLOCK_HASHES)? };
        if all.len() as u64 != held {
            return Err(malformed());
        }
        all.append(&mut hashes);
        let mut above = vec![];
        for (place, block) in (first / BLOCK_HASHES..).zip(all.chunks(BLOCK_HASHES as usize)) {
            let key = key(level, place);
            let value = sealed_with_check(&key, block.iter().flat_map(|hash| hash.0).collect());
            table.insert(key.as_slice(), value.as_slice()).map_err(database)?;
            if block.len() as u64 == BLOCK_HASHES {
                above.push(folded(block));
            }
        }
        (level, first, hashes) = (level + 1, first / BLOCK_HASHES, above);
    }
    Ok(())
}

/// The tree of the log up to a position, read block by block.
pub struct Tree<'t, T> {
    table: &'t T,
    size: u64,
    /// How many blocks are read at once.
    ahead: u64,
    /// Of each level the hashes of the blocks that were read last, and the place of the first.
    seen: Vec<Option<(u64, Vec<TreeHash>)>>,
    reads: u64,
}

impl<'t, T: ReadableTable<&'static [u8], &'static [u8]>> Tree<'t, T> {
    pub(crate) fn new(table: &'t T, size: u64) -> Self {
        Self { table, size, ahead: 1, seen: vec![], reads: 0 }
    }

    /// The same, for whoever reads all of it from left to right: a search for each block is spared.
    #[must_use]
    pub fn left_to_right(self) -> Self {
        Self { ahead: BLOCKS_AHEAD, ..self }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many blocks were read so far.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// The root of the tree with the first so many leaves.
    pub fn root(&mut self, size: u64) -> Result<TreeHash, StoreError> {
        super::root(size, |subtree| self.subtree(subtree))
    }

    /// Whether nothing is stored but what a tree of this size has: so many blocks, and in the last one of each level so many hashes.
    pub fn has_no_more(&self) -> Result<bool, StoreError> {
        let (mut level, mut hashes, mut blocks) = (0, self.size, 0);
        while let Some(last) = hashes.checked_sub(1) {
            let (place, whole) = (last / BLOCK_HASHES, last % BLOCK_HASHES + 1);
            if block(self.table, level, place)?.len() as u64 != whole {
                return Ok(false);
            }
            blocks += place + 1;
            (level, hashes) = (level + 1, hashes / BLOCK_HASHES);
        }
        Ok(self.table.len().map_err(database)? == blocks)
    }

    /// The proof that the tree with the first so many leaves has the one with this index.
    pub fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<TreeHash>, StoreError> {
        super::inclusion(index, size, |subtree| self.subtree(subtree))
    }

    /// The proof that the tree of `size` leaves begins with the one of `old` leaves.
    pub fn consistency(&mut self, old: u64, size: u64) -> Result<Vec<TreeHash>, StoreError> {
        super::consistency(old, size, |subtree| self.subtree(subtree))
    }

    /// The right edge of the tree with the first so many leaves, which must have this root.
    pub fn frontier(&mut self, size: u64, root: TreeHash) -> Result<Result<Frontier, Unproven>, StoreError> {
        let frontier = Frontier::of(size, |subtree| self.subtree(subtree))?;
        Ok(if frontier.root() == root { Ok(frontier) } else { Err(Unproven) })
    }

    /// The hash of a complete subtree.
    pub fn subtree(&mut self, Subtree { height, index }: Subtree) -> Result<TreeHash, StoreError> {
        let within = height % BLOCK_HEIGHT;
        Ok(folded(self.hashes(height / BLOCK_HEIGHT, index << within, 1 << within)?))
    }

    /// The hashes of a tile, one after the other; none, if the tree with the first so many leaves does not have them all.
    pub fn tile(&mut self, tile: &Tile, size: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(range) = tile.within(size) else { return Ok(None) };
        let mut bytes = Vec::with_capacity(tile.width() * 32);
        // Two of our levels make one of tiles.
        let level = u32::from(tile.level()) * 2;
        for first in range.clone().step_by(BLOCK_HASHES as usize) {
            let count = BLOCK_HASHES.min(range.end - first);
            self.hashes(level, first, count)?.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        }
        Ok(Some(bytes))
    }

    /// Hashes of a level that lie in one block.
    fn hashes(&mut self, level: u32, first: u64, count: u64) -> Result<&[TreeHash], StoreError> {
        let (place, at) = (first / BLOCK_HASHES, level as usize);
        if self.seen.len() <= at {
            self.seen.resize(at + 1, None);
        }
        let has = |(seen, hashes): &(u64, Vec<TreeHash>)| {
            let blocks = (hashes.len() as u64).div_ceil(BLOCK_HASHES);
            (*seen..*seen + blocks).contains(&place)
        };
        if !self.seen[at].as_ref().is_some_and(has) {
            self.seen[at] = Some((place, self.read(level, place)?));
            self.reads += 1;
        }
        let hashes = self.seen[at].as_ref().and_then(|(seen, hashes)| {
            let offset = (first - seen * BLOCK_HASHES) as usize;
            hashes.get(offset..offset + count as usize)
        });
        hashes.ok_or_else(malformed)
    }

    /// A block, and those behind it that are read at once, if nothing is wrong with any of them.
    fn read(&self, level: u32, place: u64) -> Result<Vec<TreeHash>, StoreError> {
        if self.ahead > 1
            && let Ok(hashes) = blocks(self.table, level, place..place.saturating_add(self.ahead))
            && !hashes.is_empty()
        {
            return Ok(hashes);
        }
        block(self.table, level, place)
    }
}

/// The hashes of blocks that lie side by side, as far as there are any. All but the last must be whole.
fn blocks(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    level: u32,
    places: Range<u64>,
) -> Result<Vec<TreeHash>, StoreError> {
    let (first, end) = (key(level, places.start), key(level, places.end));
    let mut unchecked = Abreast::default();
    for row in table.range(first.as_slice()..end.as_slice()).map_err(database)? {
        let (key, value) = row.map_err(database)?;
        unchecked.take_in(key.value(), value.value())?;
    }
    let (mut next, mut hashes) = (places.start, vec![]);
    unchecked.hand_on(|found, block| {
        let whole_before = hashes.len() as u64 == (next - places.start) * BLOCK_HASHES;
        let (block, rest) = block.as_chunks();
        let fits = block.len() as u64 <= BLOCK_HASHES && rest.is_empty();
        if found != key(level, next) || !fits || !whole_before {
            return Err(malformed());
        }
        hashes.extend(block.iter().map(|hash| TreeHash(*hash)));
        next += 1;
        Ok(())
    })?;
    Ok(hashes)
}

fn block(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    level: u32,
    place: u64,
) -> Result<Vec<TreeHash>, StoreError> {
    let key = key(level, place);
    let value = table.get(key.as_slice()).map_err(database)?.ok_or_else(malformed)?;
    let (hashes, rest) = unsealed(&key, value.value())?.as_chunks();
    let fits = hashes.len() as u64 <= BLOCK_HASHES && rest.is_empty();
    if fits { Ok(hashes.iter().map(|hash| TreeHash(*hash)).collect()) } else { Err(malformed()) }
}

fn key(level: u32, place: u64) -> [u8; 9] {
    let mut key = [0; 9];
    // A log of 2^64 events has sixteen levels.
    key[0] = u8::MAX - u8::try_from(level).expect("a tree has sixteen levels");
    key[1..].copy_from_slice(&place.to_be_bytes());
    key
}

fn malformed() -> StoreError {
    StoreError::Row { what: "a block of the tree".into() }
}
