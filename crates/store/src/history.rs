//! Histories: where in the log the events are that concern a tenant, a user, a service account or a key.
//!
//! The positions of one history stand in blocks, in ascending order. A block's key is whose history it is and its
//! first position; its value is how far each further position lies from the one before (u32, little-endian), and
//! the first 8 bytes of BLAKE3 over key and value, as in [`crate::rows`]. A link for each event would take ten times
//! as much.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use domain::concern::Concerned;
use domain::time::Position;
use redb::{Range, ReadableTable, Table};

use crate::error::{StoreError, database};
use crate::rows::{sealed_with_check, unsealed};
use crate::tables::{block_of, history_of};

/// The most positions of a block. The last block of a history is written anew with each event.
const BLOCK_POSITIONS_MAX: usize = 64;

/// How far a position lies from the one before: a u32.
const DISTANCE_BYTES: u64 = 4;

/// Adds an event to a history. Positions come in ascending order; one that is there already is no news.
pub(crate) fn add(
    table: &mut Table<'_, &'static [u8], &'static [u8]>,
    of: Concerned,
    position: Position,
) -> Result<(), StoreError> {
    let mut positions = last_block(table, of, position)?.unwrap_or_default();
    let distance = positions.last().map(|last| position.number() - last.number());
    match distance.map(u32::try_from) {
        Some(Ok(0)) => return Ok(()),
        Some(Ok(_)) if positions.len() < BLOCK_POSITIONS_MAX => {}
        Some(_) | None => positions.clear(),
    }
    positions.push(position);
    let key = block_of(of, positions[0]);
    let value = sealed_with_check(&key, distances(&positions));
    table.insert(key.as_slice(), value.as_slice()).map(drop).map_err(database)
}

/// How many positions there are in all blocks.
pub(crate) fn count(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<u64, StoreError> {
    let mut count = 0;
    for block in table.range::<&[u8]>(..).map_err(database)? {
        let (key, value) = block.map_err(database)?;
        // The first position of a block is in its key.
        count += 1 + unsealed(key.value(), value.value())?.len() as u64 / DISTANCE_BYTES;
    }
    Ok(count)
}

/// The positions of the last block that begins at or before this position.
fn last_block(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    of: Concerned,
    position: Position,
) -> Result<Option<Vec<Position>>, StoreError> {
    let (first, last) = (block_of(of, Position::START), block_of(of, position));
    let mut blocks = table.range(first.as_slice()..=last.as_slice()).map_err(database)?;
    blocks.next_back().map(|block| positions(&history_of(of), block)).transpose()
}

/// Positions in ascending order, read block by block; from the other end, too.
pub struct History<'t> {
    prefix: Vec<u8>,
    range: RangeInclusive<Position>,
    blocks: Range<'t, &'static [u8], &'static [u8]>,
    /// What was read of the blocks at either end and not handed out yet.
    front: VecDeque<Position>,
    back: VecDeque<Position>,
}

impl<'t> History<'t> {
    /// The positions within the range.
    pub(crate) fn read(
        table: &'t impl ReadableTable<&'static [u8], &'static [u8]>,
        of: Concerned,
        range: &RangeInclusive<Position>,
    ) -> Result<Self, StoreError> {
        // The block that the range begins in may begin before it.
        let before = last_block(table, of, *range.start())?;
        let begins = before.and_then(|block| block.first().copied()).unwrap_or(*range.start());
        let (first, last) = (block_of(of, begins), block_of(of, *range.end()));
        // The database takes a range that ends before it begins for a mistake.
        let blocks = if range.is_empty() {
            table.range(first.as_slice()..first.as_slice())
        } else {
            table.range(first.as_slice()..=last.as_slice())
        };
        let (front, back) = (VecDeque::new(), VecDeque::new());
        let (prefix, blocks) = (history_of(of), blocks.map_err(database)?);
        Ok(Self { prefix, range: range.clone(), blocks, front, back })
    }

    fn within(&self, block: Found<'_>) -> Result<VecDeque<Position>, StoreError> {
        let mut positions = positions(&self.prefix, block)?;
        positions.retain(|position| self.range.contains(position));
        Ok(positions.into())
    }
}

impl Iterator for History<'_> {
    type Item = Result<Position, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.front.is_empty() {
            let Some(block) = self.blocks.next() else { return self.back.pop_front().map(Ok) };
            match self.within(block) {
                Ok(positions) => self.front = positions,
                Err(error) => return Some(Err(error)),
            }
        }
        self.front.pop_front().map(Ok)
    }
}

impl DoubleEndedIterator for History<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        while self.back.is_empty() {
            let Some(block) = self.blocks.next_back() else { return self.front.pop_back().map(Ok) };
            match self.within(block) {
                Ok(positions) => self.back = positions,
                Err(error) => return Some(Err(error)),
            }
        }
        self.back.pop_back().map(Ok)
    }
}

type Found<'t> = redb::Result<
    (redb::AccessGuard<'t, &'static [u8]>, redb::AccessGuard<'t, &'static [u8]>),
    redb::StorageError,
>;

/// The positions of a block of the history whose keys begin so.
fn positions(prefix: &[u8], block: Found<'_>) -> Result<Vec<Position>, StoreError> {
    let (key, value) = block.map_err(database)?;
    let malformed = || StoreError::Row { what: "a block of a history".into() };
    let first =
        key.value().strip_prefix(prefix).and_then(|first| first.try_into().ok()).ok_or_else(malformed)?;
    let (distances, rest) = unsealed(key.value(), value.value())?.as_chunks();
    if !rest.is_empty() {
        return Err(malformed());
    }
    let mut position = u64::from_be_bytes(first);
    let mut positions = Vec::with_capacity(1 + distances.len());
    positions.push(Position::new(position));
    for distance in distances {
        position = position.checked_add(u32::from_le_bytes(*distance).into()).ok_or_else(malformed)?;
        positions.push(Position::new(position));
    }
    Ok(positions)
}

fn distances(positions: &[Position]) -> Vec<u8> {
    let distance = |pair: &[Position]| {
        let far = pair[1].number() - pair[0].number();
        u32::try_from(far).expect("a block ends before a position that lies farther").to_le_bytes()
    };
    positions.windows(2).flat_map(distance).collect()
}
