//! Histories: where in the log the events are that concern a tenant, a user, a service account or a key.
//!
//! The positions of one history stand in blocks, in ascending order. A block's key is whose history it is and its
//! first position; its value is what kind of event that one is (a byte); for each further event how far its position
//! lies from the one before, four times, and its kind (u32, little-endian: the kind is the lowest two bits); and the
//! first 8 bytes of BLAKE3 over key and value, as in [`crate::rows`]. A link for each event would take ten times as
//! much. With the kind beside the position, events are counted by kind without reading one.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use domain::concern::Concerned;
use domain::effect::Effect;
use domain::time::Position;
use redb::{Range, ReadOnlyTable, ReadableTable, Table};

use crate::error::{StoreError, database};
use crate::rows::{sealed_with_check, unsealed};
use crate::tables::{block_of, history_of};

/// The most positions of a block. The last block of a history is written anew with each event.
const BLOCK_POSITIONS_MAX: usize = 64;

/// How far a position lies from the one before, and of what kind its event is: a u32.
const DISTANCE_BYTES: u64 = 4;
/// The bits of the kind.
const KIND_BITS: u32 = 2;

/// An event of a history: where it is, and of what kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Marked {
    /// Its place in the log.
    pub position: Position,
    /// What kind of thing happened.
    pub effect: Effect,
}

/// Adds an event to a history. Positions come in ascending order; one that is there already is no news.
pub(crate) fn add(
    table: &mut Table<'_, &'static [u8], &'static [u8]>,
    of: Concerned,
    event: Marked,
) -> Result<(), StoreError> {
    let mut events = last_block(table, of, event.position)?.unwrap_or_default();
    let distance = events.last().map(|last| event.position.number() - last.position.number());
    match distance {
        Some(0) => return Ok(()),
        Some(distance) if events.len() < BLOCK_POSITIONS_MAX && distance >> (32 - KIND_BITS) == 0 => {}
        Some(_) | None => events.clear(),
    }
    events.push(event);
    let key = block_of(of, events[0].position);
    let value = sealed_with_check(&key, written(&events));
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

/// The events of the last block that begins at or before this position.
fn last_block(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    of: Concerned,
    position: Position,
) -> Result<Option<Vec<Marked>>, StoreError> {
    let (first, last) = (block_of(of, Position::START), block_of(of, position));
    let mut blocks = table.range(first.as_slice()..=last.as_slice()).map_err(database)?;
    blocks.next_back().map(|block| events(&history_of(of), block)).transpose()
}

/// Events in ascending order, read block by block; from the other end, too.
pub struct History<'t> {
    prefix: Vec<u8>,
    range: RangeInclusive<Position>,
    blocks: Range<'t, &'static [u8], &'static [u8]>,
    /// What was read of the blocks at either end and not handed out yet.
    front: VecDeque<Marked>,
    back: VecDeque<Marked>,
}

impl<'t> History<'t> {
    /// The events within the range.
    pub(crate) fn read(
        table: &'t impl ReadableTable<&'static [u8], &'static [u8]>,
        of: Concerned,
        range: &RangeInclusive<Position>,
    ) -> Result<Self, StoreError> {
        // The block that the range begins in may begin before it.
        let before = last_block(table, of, *range.start())?;
        let begins = before.and_then(|block| block.first().copied());
        let begins = begins.map_or(*range.start(), |event| event.position);
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

    /// Only where they are.
    pub fn positions(self) -> impl DoubleEndedIterator<Item = Result<Position, StoreError>> {
        self.map(|event| event.map(|event| event.position))
    }

    fn within(&self, block: Found<'_>) -> Result<VecDeque<Marked>, StoreError> {
        let mut events = events(&self.prefix, block)?;
        events.retain(|event| self.range.contains(&event.position));
        Ok(events.into())
    }
}

impl Iterator for History<'_> {
    type Item = Result<Marked, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.front.is_empty() {
            let Some(block) = self.blocks.next() else { return self.back.pop_front().map(Ok) };
            match self.within(block) {
                Ok(events) => self.front = events,
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
                Ok(events) => self.back = events,
                Err(error) => return Some(Err(error)),
            }
        }
        self.back.pop_back().map(Ok)
    }
}

/// Whether one position after another belongs to a history. Those that lie close together cost one look at their block.
pub struct Among<'t> {
    table: &'t ReadOnlyTable<&'static [u8], &'static [u8]>,
    of: Concerned,
    /// The block that was looked at last.
    block: Vec<Marked>,
}

impl<'t> Among<'t> {
    pub(crate) fn of(table: &'t ReadOnlyTable<&'static [u8], &'static [u8]>, of: Concerned) -> Self {
        Self { table, of, block: vec![] }
    }

    /// Whether the event at a position belongs to it.
    pub fn has(&mut self, position: Position) -> Result<bool, StoreError> {
        let within = match (self.block.first(), self.block.last()) {
            (Some(first), Some(last)) => (first.position..=last.position).contains(&position),
            (_, _) => false,
        };
        if !within {
            self.block = last_block(self.table, self.of, position)?.unwrap_or_default();
        }
        Ok(self.block.binary_search_by_key(&position, |event| event.position).is_ok())
    }
}

type Found<'t> = redb::Result<
    (redb::AccessGuard<'t, &'static [u8]>, redb::AccessGuard<'t, &'static [u8]>),
    redb::StorageError,
>;

/// The events of a block of the history whose keys begin so.
fn events(prefix: &[u8], block: Found<'_>) -> Result<Vec<Marked>, StoreError> {
    let (key, value) = block.map_err(database)?;
    let first = key.value().strip_prefix(prefix).and_then(|first| first.try_into().ok());
    let first = u64::from_be_bytes(first.ok_or_else(malformed)?);
    marks(Position::new(first), unsealed(key.value(), value.value())?)
}

/// The events of a block, out of what stands in it and in its key.
pub(crate) fn marks(first: Position, block: &[u8]) -> Result<Vec<Marked>, StoreError> {
    let (kind, distances) = block.split_first().ok_or_else(malformed)?;
    let (distances, rest) = distances.as_chunks();
    if !rest.is_empty() {
        return Err(malformed());
    }
    let mut events = Vec::with_capacity(1 + distances.len());
    let effect = effect_of(u32::from(*kind)).ok_or_else(malformed)?;
    events.push(Marked { position: first, effect });
    let mut position = first.number();
    for distance in distances {
        let both = u32::from_le_bytes(*distance);
        position = position.checked_add((both >> KIND_BITS).into()).ok_or_else(malformed)?;
        let effect = effect_of(both & ((1 << KIND_BITS) - 1)).ok_or_else(malformed)?;
        events.push(Marked { position: Position::new(position), effect });
    }
    Ok(events)
}

fn malformed() -> StoreError {
    StoreError::Row { what: "a block of a history".into() }
}

/// The value of a block, without its check.
fn written(events: &[Marked]) -> Vec<u8> {
    let first = u8::try_from(number_of(events[0].effect)).expect("a kind has two bits");
    let further = events.windows(2).flat_map(|pair| {
        let far = pair[1].position.number() - pair[0].position.number();
        let far = u32::try_from(far).expect("a block ends before a position that lies farther");
        (far << KIND_BITS | number_of(pair[1].effect)).to_le_bytes()
    });
    std::iter::once(first).chain(further).collect()
}

const fn number_of(effect: Effect) -> u32 {
    match effect {
        Effect::Begins => 0,
        Effect::Ends => 1,
        Effect::Stops => 2,
        Effect::Changes => 3,
    }
}

fn effect_of(number: u32) -> Option<Effect> {
    Effect::ALL.into_iter().find(|effect| number_of(*effect) == number)
}
