//! After a failure of the disk: the ledger is opened again, held against what was published, and written to for
//! trial. Only then are changes taken again; if it is not the ledger that it was, never more.

use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use domain::ids::LedgerId;
use store::guard::Guard;
use store::head::Head;
use store::{Snapshot, StoreError};

use crate::failure::Failure;
use crate::health::{Health, Trouble};
use crate::writer::{Shared, Submission};

/// Between attempts; doubled from one to the next, for asking makes no room.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The end of the log as verification knows it: whatever was acknowledged lies at or before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    pub(crate) ledger: LedgerId,
    pub(crate) head: Head,
}

impl Published {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self { ledger: snapshot.ledger(), head: snapshot.head() }
    }

    /// What the guard is to remember of it.
    pub(crate) fn guard(&self) -> Guard {
        Guard { ledger: self.ledger, position: self.head.position, hash: self.head.hash }
    }
}

/// The way back after failures.
#[derive(Default)]
pub(crate) struct Reopening {
    /// Attempts since a change was last committed: so many times changes were not taken for long, if at all.
    in_a_row: u32,
}

impl Reopening {
    /// A change was committed: what fails now is another failure.
    pub(crate) fn went_well(&mut self) {
        self.in_a_row = 0;
    }

    /// Tries until changes are taken again, or are not to be taken by this process any more, or nobody is left to
    /// send any. Lack of room is waited for; any other failure on the way back is the last.
    pub(crate) fn recover(
        &mut self,
        shared: &Shared,
        queue: &Receiver<Submission>,
        published: &mut Published,
    ) {
        let mut opened = false;
        while self.refuse_for_a_while(shared, queue) {
            self.in_a_row += 1;
            match attempt(shared, published, &mut opened) {
                Ok(()) => {
                    shared.set_health(Health::Ready);
                    let position = published.head.position;
                    tracing::info!(%position, "the ledger is open again and can be written to; changes are taken");
                    return;
                }
                Err(error) if error.is_lack_of_room() => {
                    tracing::warn!(code = "RECOVERING", %error, attempts = self.in_a_row, "there is no room still; no changes are taken");
                    shared.set_health(Health::Recovering(Trouble::NoRoom));
                }
                Err(error) => return shared.stop(error.to_string()),
            }
        }
    }

    /// Waits until the next attempt, and refuses what comes meanwhile. Whether anybody is left who may send more.
    fn refuse_for_a_while(&self, shared: &Shared, queue: &Receiver<Submission>) -> bool {
        let doublings = self.in_a_row.saturating_sub(1).min(10);
        let pause = if self.in_a_row == 0 { Duration::ZERO } else { PAUSE_MIN * 2_u32.pow(doublings) };
        let until = Instant::now() + pause.min(PAUSE_MAX);
        loop {
            match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(submission) => {
                    shared.meters.taken(1);
                    shared.answer(submission.reply, Err(Failure::Recovering));
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

/// One attempt. It leaves the ledger open wherever that is possible, so that it can be read while room is waited for.
fn attempt(shared: &Shared, published: &mut Published, opened: &mut bool) -> Result<(), StoreError> {
    if !*opened || shared.ledger.check().is_err() {
        open_again(shared, published)?;
        *opened = true;
    }
    shared.keyring.mend()?;
    // Beside the ledger first: where that fails, the ledger's handle is none the worse for it.
    shared.folder.try_room()?;
    let tried = shared.ledger.probe();
    if tried.as_ref().is_err_and(StoreError::is_lack_of_room) {
        open_again(shared, published)?;
    }
    tried
}

fn open_again(shared: &Shared, published: &mut Published) -> Result<(), StoreError> {
    *published = shared.ledger.open_again(|snapshot| publish_what_lasted(shared, snapshot, published))?;
    shared.meters.reopened();
    Ok(())
}

/// What was published must be there. What lies beyond it is the commit that failed, and lasts after all: from here on
/// verification knows it, as whoever asks again under its idempotency key will.
fn publish_what_lasted(
    shared: &Shared,
    snapshot: &Snapshot,
    published: &Published,
) -> Result<Published, StoreError> {
    let found = Published::of(snapshot);
    if found.ledger != published.ledger {
        return Err(StoreError::OtherLedger { guard: published.ledger, found: found.ledger });
    }
    let mut lasted = vec![];
    snapshot.scan_after(&published.head, |scanned, _| {
        lasted.push(scanned.recorded);
        Ok::<_, StoreError>(())
    })?;
    if !lasted.is_empty() {
        tracing::warn!(events = lasted.len(), "a commit that was not acknowledged lasts");
        let mut index = shared.index.write().unwrap_or_else(PoisonError::into_inner);
        lasted.iter().for_each(|recorded| index.fold(recorded));
        drop(index);
        shared.keyring.erase(&lasted)?;
    }
    Ok(found)
}
