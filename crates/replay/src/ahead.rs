//! Reading ahead: one thread reads and checks the chain, while this one works on what it read. Where there is but one
//! core, this one does both: what it reads is worked on while it is still in a cache, and nothing is handed over.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::{mem, thread};

use store::StoreError;
use store::scan;

use crate::error::ReplayError;

/// How many events are handed over together, and how many such batches the reader may be ahead. To wake a sleeping thread costs
/// more than a hundred events, so they are many.
const BATCH_EVENTS: usize = 1024;
const BATCHES_AHEAD: usize = 4;

/// Takes what was read of an event, with its envelope.
pub(crate) type Hand<'a, R> = &'a mut dyn FnMut(R, &[u8]) -> Result<(), Ended>;

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

/// What was read together, each with the size of its envelope, and the envelopes one behind the other.
struct Batch<R> {
    events: Vec<(R, usize)>,
    envelopes: Vec<u8>,
}

impl<R> Batch<R> {
    /// An empty one, with room for as much as another has.
    fn like(another: &Self) -> Self {
        Self {
            events: Vec::with_capacity(BATCH_EVENTS),
            envelopes: Vec::with_capacity(another.envelopes.len() * 9 / 8),
        }
    }
}

/// Hands each event that `read` reads to `each`. All that was read before something wrong is handed over; then it is told.
pub(crate) fn read_ahead<R: Send, E: From<ReplayError>>(
    read: impl FnOnce(Hand<'_, R>) -> Result<(), Ended> + Send,
    each: impl FnMut(R, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if scan::has_one_core() { on_this_thread(read, each) } else { on_two_threads(read, each) }
}

fn on_this_thread<R, E: From<ReplayError>>(
    read: impl FnOnce(Hand<'_, R>) -> Result<(), Ended>,
    mut each: impl FnMut(R, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut enough = None;
    let read = read(&mut |one, envelope| {
        each(one, envelope).map_err(|error| {
            enough = Some(error);
            Ended::Enough
        })
    });
    match (enough, read) {
        (Some(error), _) => Err(error),
        (None, Ok(()) | Err(Ended::Enough)) => Ok(()),
        (None, Err(Ended::Wrong(error))) => Err(error.into()),
    }
}

fn on_two_threads<R: Send, E: From<ReplayError>>(
    read: impl FnOnce(Hand<'_, R>) -> Result<(), Ended> + Send,
    mut each: impl FnMut(R, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|threads| {
        let (ahead, batches) = mpsc::sync_channel::<Batch<R>>(BATCHES_AHEAD);
        let reader = threads.spawn(move || {
            let mut batch = Batch { events: vec![], envelopes: vec![] };
            let read = read(&mut |one, envelope: &[u8]| {
                batch.events.push((one, envelope.len()));
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
            for (one, bytes) in events {
                let (envelope, after) = rest.split_at(bytes);
                rest = after;
                // The batches go with this, and the reader with them.
                each(one, envelope)?;
            }
        }
        match reader.join().unwrap_or_else(|panic| resume_unwind(panic)) {
            Ok(()) | Err(Ended::Enough) => Ok(()),
            Err(Ended::Wrong(error)) => Err(error.into()),
        }
    })
}

#[cfg(test)]
mod tests {
    use domain::Recorded;
    use domain::actor::{ActorId, Metadata, Way};
    use domain::event::Event;
    use domain::ids::{RequestId, TenantId};
    use domain::time::{Position, Timestamp};
    use store::chain::ChainHash;
    use store::scan::Scanned;

    use super::*;

    /// More than the batches that may be ahead hold.
    const MANY: u64 = (BATCH_EVENTS * (BATCHES_AHEAD + 3)) as u64 + 7;

    fn scanned(number: u64) -> Scanned {
        let metadata = Metadata {
            actor: ActorId::Console,
            way: Way::Cli,
            request: RequestId::from_bytes([0; 16]),
            idempotency: None,
            cause: None,
        };
        let event = Event::TenantSuspended { tenant: TenantId::from_bytes([0; 16]) };
        let recorded =
            Recorded { position: Position::new(number), recorded_at: Timestamp::MIN, metadata, event };
        Scanned { recorded, hash: ChainHash([0; 32]), bytes: (number % 5) as usize }
    }

    fn wrong(what: &str) -> ReplayError {
        ReplayError::Pages { why: what.into() }
    }

    /// Reads so many events and then what is wrong, if anything is; whoever takes them has enough after so many. Tells those
    /// that were taken, and why it ended.
    fn taken(threads: u8, events: u64, end: Option<&str>, enough: u64) -> (Vec<u64>, Option<String>) {
        let read = |hand: Hand<'_, Scanned>| {
            for number in 1..=events {
                hand(scanned(number), &vec![number as u8; (number % 5) as usize])?;
            }
            end.map_or(Ok(()), |what| Err(wrong(what).into()))
        };
        let mut taken = vec![];
        let each = |scanned: Scanned, envelope: &[u8]| {
            let number = scanned.recorded.position.number();
            assert_eq!(envelope, vec![number as u8; (number % 5) as usize]);
            if number > enough {
                return Err(wrong("it is enough"));
            }
            taken.push(number);
            Ok(())
        };
        let ended = if threads == 1 { on_this_thread(read, each) } else { on_two_threads(read, each) };
        (taken, ended.err().map(|error| error.to_string()))
    }

    #[test]
    fn on_one_thread_and_on_two_the_same_events_are_taken_and_the_same_is_told() {
        for events in [0, 1, BATCH_EVENTS as u64, BATCH_EVENTS as u64 + 1, MANY] {
            for end in [None, Some("a page is damaged")] {
                for enough in [0, 1, BATCH_EVENTS as u64, u64::MAX] {
                    let alone = taken(1, events, end, enough);
                    assert_eq!(taken(2, events, end, enough), alone);
                    assert_eq!(alone.0, (1..=events.min(enough)).collect::<Vec<_>>());
                    let told = alone.1.unwrap_or_default();
                    let why = if events > enough { "it is enough" } else { end.unwrap_or_default() };
                    assert!(told.contains(why) && told.is_empty() == why.is_empty(), "{told}");
                }
            }
        }
    }
}
