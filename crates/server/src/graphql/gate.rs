//! How many operations run at once. Each has a thread of its own, and its answer in memory until it is sent.
//!
//! Changes gain from being many: they share a commit. Queries do not: they only share the processors, and each may
//! hold an answer of half a million values. So there are as many as one commit is likely to carry, a short queue,
//! and a clear word for the others; a thread for each caller would be worth nothing to anyone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many operations run at once.
pub(crate) const RUNNING_MAX: usize = 64;
/// How many more wait for their turn.
const WAITING_MAX: usize = 256;
/// For how long.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Lets operations in, a few at a time.
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    wait_max: Duration,
}

/// An operation's turn. It ends when this is dropped.
pub(crate) struct Turn {
    _running: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// There are too many of them; nothing was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// In how many seconds whoever found no turn may ask again.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 1;

impl Default for Gate {
    fn default() -> Self {
        Self::of(RUNNING_MAX, WAITING_MAX, WAIT_MAX)
    }
}

impl Gate {
    fn of(running: usize, waiting: usize, wait_max: Duration) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { places: semaphore(running + waiting), running: semaphore(running), wait_max }
    }

    /// Waits for a turn, if it is worth it.
    pub(crate) async fn turn(&self) -> Result<Turn, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        let running = match Arc::clone(&self.running).try_acquire_owned() {
            Ok(running) => running,
            Err(_) => {
                let waited =
                    tokio::time::timeout(self.wait_max, Arc::clone(&self.running).acquire_owned()).await;
                // The inner error is that of a closed semaphore, and nobody closes it.
                waited.map_err(|_| Busy)?.map_err(|_| Busy)?
            }
        };
        Ok(Turn { _running: running, _place: place })
    }

    /// How many operations run, or wait for their turn.
    pub(crate) fn count(&self) -> usize {
        (RUNNING_MAX + WAITING_MAX).saturating_sub(self.places.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_few_run_a_few_wait_and_the_others_are_told() {
        let gate = Arc::new(Gate::of(1, 1, Duration::from_secs(60)));
        let first = gate.turn().await.ok().unwrap();
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.turn().await.is_ok() }
        });
        while gate.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.turn().await.err(), Some(Busy), "the queue is full");
        drop(first);
        assert!(waiting.await.unwrap(), "whoever waited has the turn");
        assert!(gate.turn().await.is_ok(), "nothing is lost");
    }

    #[tokio::test]
    async fn nobody_waits_for_long() {
        let gate = Gate::of(1, 1, Duration::from_millis(10));
        let first = gate.turn().await.ok().unwrap();
        assert_eq!(gate.turn().await.err(), Some(Busy));
        drop(first);
        assert!(gate.turn().await.is_ok());
    }
}
