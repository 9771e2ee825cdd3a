//! Reading the log from a position on, its chain checked link by link.

mod walk;

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::{mem, thread};

use domain::Recorded;
use domain::ids::LedgerId;
use domain::time::Position;
use redb::{ReadOnlyTable, ReadableTable};

use crate::chain::{self, ChainHash};
use crate::codec::error::DecodeError;
use crate::envelope::{self, Header};
use crate::error::{StoreError, database};
use crate::head::Head;

use walk::gap;
pub use walk::{Gathering, Walk};

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

/// What a walk along the log reads of each envelope: the event, or only what stands before it.
pub trait FromEnvelope: Sized {
    /// Reads it. Whether the envelope follows from the one before is not its concern.
    fn from_envelope(header: &Header, envelope: &[u8], hash: ChainHash) -> Result<Self, DecodeError>;
}

impl FromEnvelope for Scanned {
    fn from_envelope(header: &Header, envelope: &[u8], hash: ChainHash) -> Result<Self, DecodeError> {
        Ok(Self { recorded: envelope::decode_after(header, envelope)?, hash, bytes: envelope.len() })
    }
}

impl FromEnvelope for Header {
    fn from_envelope(header: &Header, _: &[u8], _: ChainHash) -> Result<Self, DecodeError> {
        Ok(*header)
    }
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
    each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    scan_after(log, &Head::genesis(ledger), head, each)
}

/// Reads what follows a known end of the log, up to the head.
pub(crate) fn scan_after<E: From<StoreError>>(
    log: &ReadOnlyTable<u64, &'static [u8]>,
    known: &Head,
    head: &Head,
    mut each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut gathering = Gathering::of(Walk::after(known));
    for row in log.range(known.position.next().number()..).map_err(database)? {
        match row.map_err(database) {
            Ok((first, commit)) => {
                gathering.commit(Position::new(first.value()), commit.value(), &mut each)?;
            }
            Err(error) => {
                gathering.rest(&mut each)?;
                return Err(error.into());
            }
        }
    }
    gathering.end(head, each)
}

/// How many events are handed over together, and how many such batches the reader may be ahead. To wake a sleeping thread costs
/// more than a hundred events, so they are many.
const BATCH_EVENTS: usize = 1024;
const BATCHES_AHEAD: usize = 4;

/// Whether threads of this process have but one core between them, so that none gains by working ahead of another.
pub fn has_one_core() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() == 1)
}

/// The same on two threads, if there is a core for each: one reads and checks ahead, while this one is handed the events. What is
/// handed over was checked; what comes after the first thing wrong is not.
pub(crate) fn scan_ahead(
    log: &ReadOnlyTable<u64, &'static [u8]>,
    ledger: LedgerId,
    head: &Head,
    mut each: impl FnMut(Scanned),
) -> Result<(), StoreError> {
    if has_one_core() {
        return scan(log, ledger, head, |scanned| {
            each(scanned);
            Ok(())
        });
    }
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
