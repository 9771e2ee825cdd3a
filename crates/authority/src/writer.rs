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
use store::head::Head;
use store::{Attempt, DataFolder, Origin, StoreError, TransactError, Transaction};
use tracing::{Span, trace_span};

use crate::clock::Clock;
use crate::failure::{Failure, InputError};
use crate::handle::Handle;
use crate::health::{Health, Trouble};
use crate::index::Index;
use crate::keyring::{Keyring, NewSecret};
use crate::meters::Meters;
use crate::reopening::{Published, Reopening};
use crate::tally::Tally;

/// The most commands that one commit carries.
const BATCH_COMMANDS_MAX: usize = 512;
/// How far the guard may trail the ledger.
const GUARD_TRAILS: Duration = Duration::from_secs(1);
/// How often it is looked after a ledger that nobody writes to: a reader may have met a disk that failed.
const LOOKED_AFTER: Duration = Duration::from_secs(1);

/// A command in the queue.
pub(crate) struct Submission {
    pub(crate) actor: Actor,
    pub(crate) command: Command,
    pub(crate) origin: Origin,
    pub(crate) secrets: Vec<NewSecret>,
    pub(crate) traced: Traced,
    pub(crate) reply: Reply,
}

/// Who waits for the outcome.
pub(crate) type Reply = Box<dyn FnOnce(Result<Done, Failure>) + Send>;

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
    pub(crate) ledger: Handle,
    pub(crate) index: ShardedLock<Index>,
    pub(crate) keyring: Keyring,
    pub(crate) clock: Clock,
    pub(crate) folder: DataFolder,
    /// Whether the writer takes commands.
    pub(crate) health: RwLock<Health>,
    pub(crate) tally: Tally,
    pub(crate) meters: Meters,
}

impl Shared {
    pub(crate) fn health(&self) -> Health {
        self.health.read().expect("nobody panics holding it").clone()
    }

    pub(crate) fn set_health(&self, health: Health) {
        *self.health.write().expect("nobody panics holding it") = health;
    }

    /// No more commands are taken by this process.
    pub(crate) fn stop(&self, why: String) {
        tracing::error!(code = "STOPPED", why, "the writer has stopped");
        self.set_health(Health::Stopped(why));
    }

    /// Notes that the ledger failed, before anybody is told.
    fn failed(&self, error: &StoreError) {
        if error.is_of_the_disk() {
            tracing::error!(code = "RECOVERING", %error, "the ledger failed; it is opened again before changes are taken");
            self.set_health(Health::Recovering(Trouble::from(error)));
        } else {
            // Opening it again would find the same bytes.
            self.stop(error.to_string());
        }
    }

    pub(crate) fn answer(&self, reply: Reply, outcome: Result<Done, Failure>) {
        self.meters.answered(outcome.as_ref());
        reply(outcome);
    }
}

impl Health {
    /// How a command is refused, if it is.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        match self {
            Self::Ready => None,
            Self::Recovering(_) => Some(Failure::Recovering),
            Self::Stopped(_) => Some(Failure::Stopped),
        }
    }
}

/// Runs until every sender of the queue is gone.
pub(crate) fn run(shared: &Arc<Shared>, queue: &Receiver<Submission>, mut published: Published) {
    let mut guard = GuardKeeper { written: published.guard(), due: None, overtaken: false };
    let mut reopening = Reopening::default();
    loop {
        let due = guard.due.map(|due| due.saturating_duration_since(Instant::now()));
        match queue.recv_timeout(due.unwrap_or(LOOKED_AFTER).min(LOOKED_AFTER)) {
            Ok(first) => {
                let rest = std::iter::from_fn(|| queue.try_recv().ok()).take(BATCH_COMMANDS_MAX - 1);
                if let Some(head) = batch(shared, std::iter::once(first).chain(rest).collect()) {
                    published.head = head;
                    reopening.went_well();
                }
            }
            Err(RecvTimeoutError::Timeout) => look_after(shared),
            Err(RecvTimeoutError::Disconnected) => break guard.write(shared, &published),
        }
        if let Health::Recovering(_) = shared.health() {
            // What was acknowledged in the last second must not be lost unnoticed, if this process ends now.
            guard.write(shared, &published);
            reopening.recover(shared, queue, &mut published);
        }
        guard.after_a_batch(shared, &published);
    }
}

/// A handle that failed under a reader is dead for the writer, too: better found before somebody writes.
fn look_after(shared: &Shared) {
    if shared.health() == Health::Ready
        && let Err(error) = shared.ledger.check()
    {
        shared.failed(&error);
    }
}

/// Carries out a batch in one transaction. The end of the log, if it is another now.
fn batch(shared: &Shared, submissions: Vec<Submission>) -> Option<Head> {
    shared.meters.taken(submissions.len());
    if let Some(refusal) = shared.health().refusal() {
        for submission in submissions {
            shared.answer(submission.reply, Err(refusal.clone()));
        }
        return None;
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
            let outcome = carry_out(transaction, shared, &actor, command, &origin, &secrets)?;
            if outcome.as_ref().is_ok_and(|done| done.when == When::Now && !done.recorded.is_empty()) {
                new_secrets.extend(secrets);
            }
            outcomes.push(outcome);
        }
        // Nothing but the records themselves may happen between decision and commit; without these
        // secrets the records could not be read.
        shared.keyring.keep_subjects(new_secrets)?;
        decided = Instant::now();
        Ok(())
    });
    let commit = decided.elapsed();
    // Before this line nothing happened; after it the events are facts.
    let failure = match committed {
        Ok(((), committed)) => {
            let published = !committed.recorded.is_empty();
            if published {
                let mut index = shared.index.write().expect("nobody panics holding it");
                index.apply(committed.changes, committed.head.position);
            }
            drop(spans);
            shared.meters.batch(replies.len(), began.elapsed(), commit);
            // The log says first that a key is gone: what a crash leaves of it, the next start destroys.
            let erased = shared.keyring.erase(&committed.recorded);
            if let Err(error) = &erased {
                shared.failed(error);
            }
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                let unfinished = |done: &Done| {
                    erased.is_err() && done.recorded.iter().any(|recorded| recorded.event.erases().is_some())
                };
                let half_done = outcome.as_ref().is_ok_and(unfinished);
                shared.answer(reply, if half_done { Err(Failure::UnknownOutcome) } else { outcome });
            }
            return published.then_some(committed.head);
        }
        Err(TransactError::Aborted(error)) => {
            shared.failed(&error);
            shared.health().refusal().expect("what failed is not ready")
        }
        Err(TransactError::Unknown(error)) => {
            shared.failed(&error);
            Failure::UnknownOutcome
        }
    };
    for reply in replies {
        shared.answer(reply, Err(failure.clone()));
    }
    None
}

/// One command on the open transaction. The outer error ends the whole batch.
fn carry_out(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    actor: &Actor,
    command: Command,
    origin: &Origin,
    secrets: &[NewSecret],
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
    // Each has a file of its own, so that one which cannot be kept concerns nobody else.
    if !events.is_empty()
        && let Err(error) = shared.keyring.keep_signing_keys(secrets)
    {
        let code = Failure::SigningKeyNotKept.code();
        tracing::error!(code, %error, "a private signing key could not be kept, so it was not added");
        return Ok(Err(Failure::SigningKeyNotKept));
    }
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
    written: Guard,
    due: Option<Instant>,
    overtaken: bool,
}

impl GuardKeeper {
    fn after_a_batch(&mut self, shared: &Shared, published: &Published) {
        let now = Instant::now();
        match self.due {
            None if published.head.position > self.written.position => self.due = Some(now + GUARD_TRAILS),
            Some(due) if now >= due => self.write(shared, published),
            None | Some(_) => {}
        }
    }

    /// What somebody else wrote to the guard, if this ledger does not have that: to write over it would hide a rollback.
    fn overtaken_by(&self, shared: &Shared) -> Option<Guard> {
        // One that is missing, or cannot be read, is written anew.
        let found = Guard::read(&shared.folder.guard()).ok().filter(|found| *found != self.written)?;
        let checked = shared.ledger.snapshot().and_then(|snapshot| found.check(&snapshot));
        match checked {
            Err(StoreError::RolledBack { .. } | StoreError::OtherLedger { .. }) => Some(found),
            // Of a ledger that cannot be read just now nothing is said.
            Ok(()) | Err(_) => None,
        }
    }

    fn write(&mut self, shared: &Shared, published: &Published) {
        self.due = None;
        if let Some(found) = self.overtaken_by(shared) {
            self.overtaken = true;
            let path = shared.folder.guard();
            shared.stop(format!(
                "somebody else moved the guard {} to position {} with hash {}, which is not in this ledger: another server writes a copy of it. Stop both, and go on with the right one alone",
                path.display(), found.position, found.hash
            ));
        }
        if self.overtaken {
            return;
        }
        match published.guard().write(&shared.folder.guard()) {
            Ok(()) => {
                self.written = published.guard();
                shared.meters.guarded(self.written.position);
            }
            Err(error) => {
                shared.meters.guard_failed();
                tracing::error!(%error, "the guard could not be written");
                // It may be on other storage, which comes back.
                self.due = Some(Instant::now() + GUARD_TRAILS);
            }
        }
    }
}
