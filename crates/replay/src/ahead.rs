//! Reading ahead: one thread reads, checks the chain and decodes, while this one works on what it read.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::{mem, thread};

use store::StoreError;
use store::scan::Scanned;

use crate::error::ReplayError;

/// How many events are handed over together, and how many such batches the reader may be ahead. To wake a sleeping thread costs
/// more than a hundred events, so they are many.
const BATCH_EVENTS: usize = 1024;
const BATCHES_AHEAD: usize = 4;

/// Takes an event with its envelope.
pub(crate) type Hand<'a> = &'a mut dyn FnMut(Scanned, &[u8]) -> Result<(), Ended>;

/// Why reading came to an end before the end.
pub(crate) enum Ended {
    /// What was to be read is wrong.
    Wrong(ReplayError),
    /// Whoever worked on it had enough, and knows why.
    Enough,
}

impl From<ReplayError> for Ended {
    fn from(error: ReplayError) -> Self {
        Self::Wrong(error)
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Wrong(error.into())
    }
}

/// Events that were read together, and their envelopes one behind the other.
struct Batch {
    events: Vec<Scanned>,
    envelopes: Vec<u8>,
}

impl Batch {
    /// An empty one, with room for as much as another has.
    fn like(another: &Self) -> Self {
        Self {
            events: Vec::with_capacity(BATCH_EVENTS),
            envelopes: Vec::with_capacity(another.envelopes.len() * 9 / 8),
        }
    }
}

/// Hands each event that `read` reads to `each`. All that was read before something wrong is handed over; then it is told.
pub(crate) fn read_ahead<E: From<ReplayError>>(
    read: impl FnOnce(Hand<'_>) -> Result<(), Ended> + Send,
    mut each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|threads| {
        let (ahead, batches) = mpsc::sync_channel::<Batch>(BATCHES_AHEAD);
        let reader = threads.spawn(move || {
            let mut batch = Batch { events: vec![], envelopes: vec![] };
            let read = read(&mut |scanned, envelope| {
                batch.events.push(scanned);
                batch.envelopes.extend_from_slice(envelope);
                if batch.events.len() < BATCH_EVENTS {
                    return Ok(());
                }
                let empty = Batch::like(&batch);
                ahead.send(mem::replace(&mut batch, empty)).map_err(|_| Ended::Enough)
            });
            // If nobody takes it any more, nobody misses it.
            let _ = ahead.send(batch);
            read
        });
        for Batch { events, envelopes } in batches {
            let mut rest = envelopes.as_slice();
            for scanned in events {
                let (envelope, after) = rest.split_at(scanned.bytes);
                rest = after;
                // The batches go with this, and the reader with them.
                each(scanned, envelope)?;
            }
        }
        match reader.join().unwrap_or_else(|panic| resume_unwind(panic)) {
            Ok(()) | Err(Ended::Enough) => Ok(()),
            Err(Ended::Wrong(error)) => Err(error.into()),
        }
    })
}
