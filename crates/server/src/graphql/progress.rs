//! Whether a mutation has begun, agreed between the thread that runs it and the one that waits for it.

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

    fn leave(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITING, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
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
        assert!(progress.give_up() && !progress.begin());
    }
}
