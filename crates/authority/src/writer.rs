//! The one writer: a thread that drains the queue and decides, applies and commits each batch in one transaction.
//!
//! The order is the promise: decide and apply → commit (fsync) → publish to the index → reply. Every reply
//! of a batch leaves only after that, refusals and no-ops too, for each may rest on a neighbour's rows.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crossbeam_utils::sync::ShardedLock;
use domain::actor::Actor;
use domain::time::Position;
use domain::{Command, Recorded, decide};
use store::guard::Guard;
use store::{Attempt, DataFolder, Ledger, Origin, StoreError, TransactError, Transaction};
use tracing::{Span, trace_span};

use crate::clock::Clock;
use crate::failure::{Failure, InputError};
use crate::index::Index;
use crate::keyring::{Keyring, NewSecret};
use crate::meters::Meters;
use crate::tally::Tally;

/// The most commands that one commit carries.
const BATCH_COMMANDS_MAX: usize = 512;
/// How far the guard may trail the ledger.
const GUARD_TRAILS: Duration = Duration::from_secs(1);

/// A command in the queue.
pub(crate) struct Submission {
    pub(crate) actor: Actor,
    pub(crate) command: Command,
    pub(crate) origin: Origin,
    pub(crate) secrets: Vec<NewSecret>,
    pub(crate) traced: Traced,
    pub(crate) reply: Box<dyn FnOnce(Result<Done, Failure>) + Send>,
}

/// The spans of a command on its way through the writer, if anybody traces. They name no id and no secret.
pub(crate) struct Traced {
    request: Span,
    waiting: Span,
}

impl Traced {
    /// It waits from now on, within the request that is current.
    pub(crate) fn begin() -> Self {
        let request = Span::current();
        let waiting = trace_span!(target: "keyledger::trace", parent: &request, "writer queue");
        Self { request, waiting }
    }

    /// It waits no more; its batch is decided and committed as long as the new span lives.
    fn commit(self) -> Span {
        drop(self.waiting);
        trace_span!(target: "keyledger::trace", parent: &self.request, "writer commit")
    }
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Its events; none if things were already as it wanted them.
    pub recorded: Vec<Recorded>,
    /// The position of the log that the answer rests on.
    pub position: Position,
    /// Whether it was done now.
    pub when: When,
}

/// Whether a command was carried out now or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Now.
    Now,
    /// Before, under the same idempotency key.
    Before,
}

/// What the writer shares with the rest of the authority.
pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) index: ShardedLock<Index>,
    pub(crate) keyring: Keyring,
    pub(crate) clock: Clock,
    pub(crate) folder: DataFolder,
    /// Why the writer takes no more commands, once it does not.
    pub(crate) stopped: RwLock<Option<String>>,
    pub(crate) tally: Tally,
    pub(crate) meters: Meters,
}

impl Shared {
    /// Notes why no more commands are taken. The first reason stays.
    fn stop(&self, why: String) {
        tracing::error!(code = "STOPPED", why, "the writer has stopped");
        self.stopped.write().expect("nobody panics holding it").get_or_insert(why);
    }
}

/// Runs until every sender of the queue is gone.
pub(crate) fn run(shared: &Arc<Shared>, queue: &Receiver<Submission>) {
    let mut guard =
        GuardKeeper { written: shared.index.read().expect("nobody panics").position(), due: None };
    loop {
        let first = match guard.due {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match first {
            Ok(first) => {
                let rest = std::iter::from_fn(|| queue.try_recv().ok()).take(BATCH_COMMANDS_MAX - 1);
                batch(shared, std::iter::once(first).chain(rest).collect());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break guard.write(shared),
        }
        guard.after_a_batch(shared);
    }
}

/// Carries out a batch in one transaction.
fn batch(shared: &Shared, submissions: Vec<Submission>) {
    shared.meters.taken(submissions.len());
    if shared.stopped.read().expect("nobody panics holding it").is_some() {
        for submission in submissions {
            shared.meters.answered(Err(&Failure::Stopped));
            (submission.reply)(Err(Failure::Stopped));
        }
        return;
    }
    let began = Instant::now();
    let mut decided = began;
    let mut outcomes = Vec::with_capacity(submissions.len());
    let mut spans = Vec::with_capacity(submissions.len());
    let mut replies = Vec::with_capacity(submissions.len());
    let committed = shared.ledger.transact(|transaction| {
        let mut new_secrets = vec![];
        for Submission { actor, command, origin, secrets, traced, reply } in submissions {
            replies.push(reply);
            spans.push(traced.commit());
            let outcome = carry_out(transaction, shared, &actor, command, &origin)?;
            if outcome.as_ref().is_ok_and(|done| done.when == When::Now && !done.recorded.is_empty()) {
                new_secrets.extend(secrets);
            }
            outcomes.push(outcome);
        }
        // Nothing but the records themselves may happen between decision and commit; without these
        // secrets the records could not be read.
        shared.keyring.keep(new_secrets)?;
        decided = Instant::now();
        Ok(())
    });
    let commit = decided.elapsed();
    // Before this line nothing happened; after it the events are facts.
    let failure = match committed {
        Ok(((), committed)) => {
            if !committed.recorded.is_empty() {
                let mut index = shared.index.write().expect("nobody panics holding it");
                index.apply(committed.changes, committed.head.position);
            }
            drop(spans);
            shared.meters.batch(replies.len(), began.elapsed(), commit);
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                shared.meters.answered(outcome.as_ref());
                reply(outcome);
            }
            return;
        }
        Err(TransactError::Aborted(error)) => {
            shared.stop(error.to_string());
            Failure::Stopped
        }
        Err(TransactError::Unknown(error)) => {
            shared.stop(error.to_string());
            Failure::UnknownOutcome
        }
    };
    for reply in replies {
        shared.meters.answered(Err(&failure));
        reply(Err(failure.clone()));
    }
}

/// One command on the open transaction. The outer error ends the whole batch.
fn carry_out(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    actor: &Actor,
    command: Command,
    origin: &Origin,
) -> Result<Result<Done, Failure>, StoreError> {
    // An instant of the log never goes back, and what is decided must not be younger than what is recorded.
    let now = shared.clock.now().max(transaction.head().recorded_at);
    if let Some(idempotency) = &origin.idempotency {
        if let Err(rejection) = domain::decide::authenticated(&transaction.rows(), actor, now)? {
            return Ok(Err(rejection.into()));
        }
        match transaction.attempt(&origin.actor, idempotency)? {
            Attempt::New => {}
            Attempt::Conflict => return Ok(Err(Failure::IdempotencyConflict)),
            Attempt::Done(recorded) => {
                let position = transaction.head().position;
                return Ok(Ok(Done { recorded, position, when: When::Before }));
            }
        }
    }
    let events = match decide(&transaction.rows(), actor, command, now)? {
        Ok(events) => events,
        Err(rejection) => return Ok(Err(rejection.into())),
    };
    match transaction.append(events, origin, now) {
        Ok(recorded) => {
            let position = transaction.head().position;
            Ok(Ok(Done { recorded, position, when: When::Now }))
        }
        Err(StoreError::TooLarge(error)) => Ok(Err(InputError::TooLarge(error.to_string()).into())),
        Err(error) => Err(error),
    }
}

/// Keeps the guard at most a second behind the ledger, and never ahead of it.
struct GuardKeeper {
    written: Position,
    due: Option<Instant>,
}

impl GuardKeeper {
    fn after_a_batch(&mut self, shared: &Shared) {
        let now = Instant::now();
        let position = shared.index.read().expect("nobody panics holding it").position();
        match self.due {
            None if position > self.written => self.due = Some(now + GUARD_TRAILS),
            Some(due) if now >= due => self.write(shared),
            None | Some(_) => {}
        }
    }

    fn write(&mut self, shared: &Shared) {
        self.due = None;
        let written = shared.ledger.snapshot().and_then(|snapshot| {
            let guard = Guard::of(&snapshot);
            guard.write(&shared.folder.guard())?;
            Ok(guard.position)
        });
        match written {
            Ok(position) => {
                self.written = position;
                shared.meters.guarded(position);
            }
            Err(error) => {
                shared.meters.guard_failed();
                tracing::error!(%error, "the guard could not be written");
                // It may be on other storage, which comes back; a ledger that failed does not.
                let stopped = shared.stopped.read().expect("nobody panics holding it").is_some();
                self.due = (!stopped).then(|| Instant::now() + GUARD_TRAILS);
            }
        }
    }
}
