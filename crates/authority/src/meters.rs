//! The writer's meters: its queue, its batches, its commits and the guard. They cost nothing where nobody records.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::time::Position;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::failure::Failure;
use crate::writer::{Done, When};

const COMMANDS: &str = "keyledger_commands_total";

/// What the writer tells of itself, to whatever records metrics in this process.
pub(crate) struct Meters {
    queue: Gauge,
    batch_commands: Histogram,
    batch_seconds: Histogram,
    commit_seconds: Histogram,
    done: Counter,
    unchanged: Counter,
    repeated: Counter,
    guard_failures: Counter,
    reopenings: Counter,
    guarded: AtomicU64,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let accepted = |code: &'static str| counter!(COMMANDS, "result" => "accepted", "code" => code);
        Self {
            queue: gauge!("keyledger_writer_queue_commands"),
            batch_commands: histogram!("keyledger_writer_batch_commands"),
            batch_seconds: histogram!("keyledger_writer_batch_seconds"),
            commit_seconds: histogram!("keyledger_writer_commit_seconds"),
            done: accepted("OK"),
            unchanged: accepted("UNCHANGED"),
            repeated: accepted("REPEATED"),
            guard_failures: counter!("keyledger_guard_write_failures_total"),
            reopenings: counter!("keyledger_ledger_reopenings_total"),
            guarded: AtomicU64::new(0),
        }
    }

    /// A command waits in the queue.
    pub(crate) fn queued(&self) {
        self.queue.increment(1.0);
    }

    /// So many wait no more.
    pub(crate) fn taken(&self, commands: usize) {
        self.queue.decrement(commands as f64);
    }

    /// A batch is durable and published.
    pub(crate) fn batch(&self, commands: usize, took: Duration, commit: Duration) {
        self.batch_commands.record(commands as f64);
        self.batch_seconds.record(took);
        self.commit_seconds.record(commit);
    }

    /// A command has its answer.
    pub(crate) fn answered(&self, outcome: Result<&Done, &Failure>) {
        match outcome {
            Ok(Done { when: When::Before, .. }) => self.repeated.increment(1),
            Ok(Done { recorded, .. }) if recorded.is_empty() => self.unchanged.increment(1),
            Ok(Done { .. }) => self.done.increment(1),
            Err(failure) => counter!(COMMANDS, "result" => "refused", "code" => failure.code()).increment(1),
        }
    }

    /// The guard knows of everything up to here.
    pub(crate) fn guarded(&self, position: Position) {
        self.guarded.store(position.number(), Ordering::Relaxed);
    }

    /// The guard could not be written.
    pub(crate) fn guard_failed(&self) {
        self.guard_failures.increment(1);
    }

    /// The ledger was opened again after a failure.
    pub(crate) fn reopened(&self) {
        self.reopenings.increment(1);
    }

    /// Up to where the guard knows.
    pub(crate) fn guard_position(&self) -> Position {
        Position::new(self.guarded.load(Ordering::Relaxed))
    }
}
