//! Whether a mutation has begun, agreed between the thread that runs it and the one that waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// How far an operation has come. It begins, or is given up; never both.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU8);

impl Progress {
    /// Begins with what changes something, unless it was given up.
    #[must_use]
    pub(super) fn begin(&self) -> bool {
        self.leave(BEGUN)
    }

    /// Gives it up, unless it has begun.
    #[must_use]
    pub(super) fn give_up(&self) -> bool {
        self.leave(GIVEN_UP)
    }

    /// Whether it was given up: what it still looks for, nobody reads.
    pub(super) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::SeqCst) == GIVEN_UP
    }

    fn leave(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITING, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// Somebody waits for an operation. It is given up, unless it has begun, when they do no more.
pub(super) struct Waiting(pub(super) Arc<Progress>);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _given_up = self.0.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_does_not_begin_and_what_has_begun_is_not_given_up() {
        let progress = Progress::default();
        assert!(progress.begin() && !progress.give_up());
        let progress = Progress::default();
        assert!(progress.give_up() && !progress.begin() && progress.is_given_up());
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_given_up_unless_it_has_begun() {
        let (query, change) = (Arc::new(Progress::default()), Arc::new(Progress::default()));
        assert!(change.begin());
        drop((Waiting(Arc::clone(&query)), Waiting(Arc::clone(&change))));
        assert!(query.is_given_up() && !change.is_given_up());
    }
}
