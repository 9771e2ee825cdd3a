//! Reading the log from a position on, its chain checked link by link.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::{mem, thread};

use domain::Recorded;
use domain::ids::LedgerId;
use domain::time::{Position, Timestamp};
use redb::{ReadOnlyTable, ReadableTable};

use crate::chain::{self, ChainHash};
use crate::envelope;
use crate::error::{StoreError, database};
use crate::head::Head;

/// One event as read back, with the hash of its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The event.
    pub recorded: Recorded,
    /// The hash of its envelope.
    pub hash: ChainHash,
    /// The size of its envelope.
    pub bytes: usize,
}

/// Reads the whole log up to the head and hands each event on. The first break of the chain ends it.
pub(crate) fn scan<E: From<StoreError>>(
    log: &ReadOnlyTable<u64, &'static [u8]>,
    ledger: LedgerId,
    head: &Head,
    mut each: impl FnMut(Scanned) -> Result<(), E>,
) -> Result<(), E> {
    scan_envelopes(log, ledger, head, |scanned, _| each(scanned))
}

/// The same, with the bytes of each envelope as stored.
pub(crate) fn scan_envelopes<E: From<StoreError>>(
    log: &ReadOnlyTable<u64, &'static [u8]>,
    ledger: LedgerId,
    head: &Head,
    mut each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut walk = Walk::begin(ledger);
    for row in log.range(0..).map_err(database)? {
        let (first, commit) = row.map_err(database)?;
        walk.envelopes(Position::new(first.value()), commit.value(), &mut each)?;
    }
    Ok(walk.end(head)?)
}

/// How many events are handed over together, and how many such batches the reader may be ahead.
const BATCH_EVENTS: usize = 256;
const BATCHES_AHEAD: usize = 16;

/// The same on two threads: one reads and checks ahead, while this one is handed the events. What is handed over was
/// checked; what comes after the first thing wrong is not.
pub(crate) fn scan_ahead(
    log: &ReadOnlyTable<u64, &'static [u8]>,
    ledger: LedgerId,
    head: &Head,
    mut each: impl FnMut(Scanned),
) -> Result<(), StoreError> {
    thread::scope(|threads| {
        let (ahead, batches) = mpsc::sync_channel::<Vec<Scanned>>(BATCHES_AHEAD);
        let reader = threads.spawn(move || {
            let mut batch = Vec::with_capacity(BATCH_EVENTS);
            let read = scan(log, ledger, head, |scanned| {
                batch.push(scanned);
                if batch.len() == BATCH_EVENTS {
                    let full = mem::replace(&mut batch, Vec::with_capacity(BATCH_EVENTS));
                    ahead.send(full).expect("the other end takes batches until this one is gone");
                }
                Ok::<_, StoreError>(())
            });
            ahead.send(batch).expect("the other end takes batches until this one is gone");
            read
        });
        batches.into_iter().flatten().for_each(&mut each);
        reader.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Reads what follows a known end of the log, up to the head, as [`scan`] does.
pub(crate) fn scan_after<E: From<StoreError>>(
    log: &ReadOnlyTable<u64, &'static [u8]>,
    known: &Head,
    head: &Head,
    mut each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut walk = Walk::after(known);
    for row in log.range(known.position.next().number()..).map_err(database)? {
        let (first, commit) = row.map_err(database)?;
        walk.envelopes(Position::new(first.value()), commit.value(), &mut each)?;
    }
    Ok(walk.end(head)?)
}

/// A walk along the log, commit by commit: what comes next must follow from what came before.
pub struct Walk {
    expected: Link,
}

impl Walk {
    /// Before the first event of a ledger.
    pub fn begin(ledger: LedgerId) -> Self {
        Self {
            expected: Link { position: Position::START, at: Timestamp::MIN, hash: chain::genesis(ledger) },
        }
    }

    /// After the last event of a commit.
    pub fn after(known: &Head) -> Self {
        let Head { position, recorded_at: at, hash } = *known;
        Self { expected: Link { position, at, hash } }
    }

    /// Takes one commit's envelopes, and hands each event on.
    pub fn commit<E: From<StoreError>>(
        &mut self,
        first: Position,
        commit: &[u8],
        mut each: impl FnMut(Scanned) -> Result<(), E>,
    ) -> Result<(), E> {
        self.envelopes(first, commit, |scanned, _| each(scanned))
    }

    /// The same, with the bytes of each envelope.
    pub(crate) fn envelopes<E: From<StoreError>>(
        &mut self,
        first: Position,
        commit: &[u8],
        mut each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = commit;
        let expected = &mut self.expected;
        if first != expected.position.next() {
            return Err(gap(expected.position.next(), first).into());
        }
        while !rest.is_empty() {
            let position = expected.position.next();
            let unread = |error| StoreError::Event { position, error };
            let (one, after) = envelope::split_first(rest).map_err(unread)?;
            let found = envelope::decode(one).map_err(unread)?;
            if found.previous != expected.hash {
                let (named, found) = (found.previous, expected.hash);
                return Err(StoreError::Chain { position, named, found }.into());
            }
            if found.recorded.position != position {
                return Err(gap(position, found.recorded.position).into());
            }
            if found.recorded.recorded_at < expected.at {
                let what = format!("the instant at position {position} lies before that of the event before");
                return Err(StoreError::damaged(what).into());
            }
            *expected = Link { position, at: found.recorded.recorded_at, hash: chain::hash(one) };
            each(Scanned { recorded: found.recorded, hash: expected.hash, bytes: one.len() }, one)?;
            rest = after;
        }
        Ok(())
    }

    /// How far it has come.
    pub fn position(&self) -> Position {
        self.expected.position
    }

    /// What the head of the log is here.
    pub fn head(&self) -> Head {
        let Link { position, at, hash } = self.expected;
        Head { position, recorded_at: at, hash }
    }

    /// The log must end here and now.
    pub fn end(&self, head: &Head) -> Result<(), StoreError> {
        if self.head() == *head {
            return Ok(());
        }
        let Link { position, hash, .. } = self.expected;
        Err(StoreError::damaged(format!(
            "the log ends at position {position} with hash {hash}, and its head should be position {} with hash {}",
            head.position, head.hash
        )))
    }
}

/// How far the chain holds.
struct Link {
    position: Position,
    at: Timestamp,
    hash: ChainHash,
}

fn gap(expected: Position, found: Position) -> StoreError {
    StoreError::damaged(format!("position {expected} should come next in the log, and {found} does"))
}

/// The event at one position.
pub(crate) fn find<T: ReadableTable<u64, &'static [u8]>>(
    log: &T,
    position: Position,
) -> Result<Option<Scanned>, StoreError> {
    find_envelope(log, position, |scanned, _| scanned)
}

/// The envelope of one position: one backward seek and a short walk.
pub(crate) fn find_envelope<T: ReadableTable<u64, &'static [u8]>, R>(
    log: &T,
    position: Position,
    found: impl FnOnce(Scanned, &[u8]) -> R,
) -> Result<Option<R>, StoreError> {
    let Some(row) = log.range(..=position.number()).map_err(database)?.next_back() else { return Ok(None) };
    let (first, commit) = row.map_err(database)?;
    let mut rest = commit.value();
    for number in first.value().. {
        let unread = |error| StoreError::Event { position: Position::new(number), error };
        if rest.is_empty() {
            break;
        }
        let (one, after) = envelope::split_first(rest).map_err(unread)?;
        if number == position.number() {
            let recorded = envelope::decode(one).map_err(unread)?.recorded;
            if recorded.position != position {
                return Err(gap(position, recorded.position));
            }
            return Ok(Some(found(Scanned { recorded, hash: chain::hash(one), bytes: one.len() }, one)));
        }
        rest = after;
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
