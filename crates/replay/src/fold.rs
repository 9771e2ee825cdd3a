//! The plain fold of the log, held against the views event by event: it says what is wrong with them, and where first.
//! Nothing here stops at the first problem. It keeps every row in memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::actor::{ActorId, IdempotencyKey};
use domain::concern::{acting_key, concerned};
use domain::key::Owner;
use domain::row::{Change, Standing};
use domain::status::{Bearer, admit};
use domain::time::{Position, Timestamp};
use domain::{Model, Recorded, evolve};
use store::Snapshot;

use crate::error::{ReplayError, reading};
use crate::report::{COUNTS, ENTITIES, Findings, LISTS, ROWS, VERSIONS, counted};
use crate::source::Source;
use crate::views;

/// Rows are counted by reading them all into memory, so only of ledgers up to this size.
const COUNTED_EVENTS_MAX: u64 = 500_000;

/// Compares something of the views with the model, tells what is wrong, and how much was compared.
type Comparison = fn(&Snapshot, &Model, &mut dyn FnMut(String)) -> u64;

/// What the log amounted to so far.
pub(crate) struct Fold<'a> {
    source: &'a Source,
    model: Model,
    /// How many rows the views should have.
    versions: u64,
    /// How many positions the histories of those whom the events concern should have.
    histories: u64,
    /// The idempotency keys used, each by whom: the views should have one row for each.
    attempts: HashSet<(ActorKind, IdempotencyKey)>,
    views: Views,
}

/// An actor without its credential: to whom an idempotency key belongs.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum ActorKind {
    Console,
    Server,
    Holder(Owner),
}

/// Whether the views can be read at all.
#[derive(PartialEq, Eq)]
pub(crate) enum Views {
    Readable,
    /// There are none: it is a file.
    None,
    Unreadable,
}

impl<'a> Fold<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        let views = if source.snapshot().is_some() { Views::Readable } else { Views::None };
        Self { source, model: Model::default(), versions: 0, histories: 0, attempts: HashSet::new(), views }
    }

    /// Takes in the next event.
    pub(crate) fn take(&mut self, recorded: &Recorded, findings: &mut Findings) {
        let counted = self.source.head().position.number() <= COUNTED_EVENTS_MAX;
        if let (true, Some(used), None) = (counted, &recorded.metadata.idempotency, recorded.metadata.cause) {
            let actor = match recorded.metadata.actor {
                ActorId::Console => ActorKind::Console,
                ActorId::Server => ActorKind::Server,
                ActorId::Holder { identity, .. } => ActorKind::Holder(identity),
            };
            self.attempts.insert((actor, used.key.clone()));
        }
        self.fold(recorded, findings);
    }

    /// How many rows of the views were compared; none, if there are no views.
    pub(crate) fn versions(&self) -> Option<u64> {
        (self.views != Views::None).then_some(self.versions)
    }

    fn fold(&mut self, recorded: &Recorded, findings: &mut Findings) {
        let position = recorded.position;
        let Ok(changes) = evolve(&self.model, recorded);
        if changes.is_empty() {
            let what = format!("{} of something that the log did not introduce", recorded.event.name());
            findings.problem(ENTITIES, Some(position), what);
        }
        if changes.iter().any(|change| views::begins_again(&self.model, change, position)) {
            let what = format!("{} with an id that was used before", recorded.event.name());
            findings.problem(ENTITIES, Some(position), what);
        }
        self.compare_versions(&changes, position, findings);
        for change in changes.iter().cloned() {
            self.model.apply(change);
        }
        self.compare_histories(&changes, recorded, findings);
    }

    /// The views, as long as they can be read.
    fn readable(&self) -> Option<&'a Snapshot> {
        self.source.snapshot().filter(|_| self.views == Views::Readable)
    }

    /// The event must be in the histories of exactly those whom its rows concern, and of the key used; that there are no more is counted.
    fn compare_histories(&mut self, changes: &[Change], recorded: &Recorded, findings: &mut Findings) {
        let position = recorded.position;
        let mut expected = BTreeSet::from_iter(acting_key(&recorded.metadata.actor));
        for change in changes {
            let Ok(concerned) = concerned(&self.model, change);
            expected.extend(concerned);
        }
        self.histories += expected.len() as u64;
        let Some(snapshot) = self.readable() else { return };
        for of in expected {
            match reading(|| snapshot.concerns(of, position).map_err(ReplayError::from)) {
                Ok(true) => {}
                Ok(false) => {
                    let what = format!("the history of {of:?} does not have it");
                    findings.problem(VERSIONS, Some(position), what);
                }
                Err(error) => {
                    self.views = Views::Unreadable;
                    findings.problem(VERSIONS, Some(position), format!("the views: {error}"));
                }
            }
        }
    }

    /// The views must have, as of this position, exactly the rows that the event left behind.
    fn compare_versions(&mut self, changes: &[Change], position: Position, findings: &mut Findings) {
        let lasting: Vec<_> = views::lasting(changes).collect();
        self.versions += lasting.len() as u64;
        let Some(snapshot) = self.readable() else { return };
        let compared = reading(|| {
            let rows = snapshot.rows_at(position);
            for expected in lasting {
                if let Some(what) = views::wrong(&rows, expected) {
                    findings.problem(VERSIONS, Some(position), what);
                }
            }
            Ok::<_, ReplayError>(())
        });
        if let Err(error) = compared {
            self.views = Views::Unreadable;
            findings.problem(VERSIONS, Some(position), format!("the views: {error}"));
        }
    }

    /// Compares what can be compared only at the end.
    pub(crate) fn conclude(&mut self, findings: &mut Findings) {
        let Some(snapshot) = self.source.snapshot() else { return };
        if self.views == Views::Unreadable {
            for check in [ROWS, LISTS, COUNTS] {
                findings.not_done(check, "the pages of the views cannot be read");
            }
            return;
        }
        self.compare(snapshot, (ROWS, "row"), views::wrong_now, findings);
        self.compare(snapshot, (LISTS, "list"), views::wrong_lists, findings);
        self.count_rows(snapshot, findings);
    }

    fn compare(
        &self,
        snapshot: &Snapshot,
        (name, noun): (&'static str, &str),
        compare: Comparison,
        findings: &mut Findings,
    ) {
        let model = &self.model;
        let compared = reading(|| {
            Ok::<_, ReplayError>(compare(snapshot, model, &mut |what| findings.problem(name, None, what)))
        });
        match compared {
            Ok(count) => findings.done(name, format!("{} as of now", counted(count, noun))),
            Err(error) => {
                findings.problem(name, None, error.to_string());
                findings.done(name, "the pages of the views cannot be read");
            }
        }
    }

    /// Nothing is projected but what comes of the log.
    fn count_rows(&self, snapshot: &Snapshot, findings: &mut Findings) {
        if self.source.head().position.number() > COUNTED_EVENTS_MAX {
            let why = format!("only done for ledgers of up to {COUNTED_EVENTS_MAX} events");
            return findings.not_done(COUNTS, why);
        }
        let found = match reading(|| snapshot.projected().map_err(ReplayError::from)) {
            Ok(found) => found,
            Err(error) => {
                findings.problem(COUNTS, None, error.to_string());
                return findings.done(COUNTS, "the pages of the views cannot be read");
            }
        };
        let Model { memberships, service_accounts, keys, .. } = &self.model;
        let count = |count: usize| count as u64;
        let removed = service_accounts.values().filter(|row| row.standing == Standing::Removed).count();
        let ended = keys.values().filter(|row| row.has_end()).count();
        let links = count(memberships.len() + service_accounts.len() + ended);
        // What lives is there once, what has ended twice.
        let lifetimes = count(service_accounts.len() + removed + keys.len() + ended);
        let expected = [
            ("views", self.versions),
            ("links", links),
            ("lifetimes", lifetimes),
            ("attempts", count(self.attempts.len())),
        ];
        for (table, expected) in expected {
            let found = found.iter().filter(|(name, _, _)| *name == table).count() as u64;
            if found != expected {
                let rows = counted(found, "row");
                let what = format!("the table {table} has {rows}, and the log amounts to {expected}");
                findings.problem(COUNTS, None, what);
            }
        }
        match reading(|| snapshot.history_positions().map_err(ReplayError::from)) {
            Ok(positions) if positions == self.histories => {}
            Ok(positions) => {
                let found = counted(positions, "position");
                let what = format!("the histories have {found}, and the log amounts to {}", self.histories);
                findings.problem(COUNTS, None, what);
            }
            Err(error) => findings.problem(COUNTS, None, error.to_string()),
        }
        findings.done(COUNTS, format!("{} projected, and no others", counted(found.len() as u64, "row")));
    }

    /// How many keys stand how at an instant.
    pub(crate) fn keys_by_status(&self, now: Timestamp) -> BTreeMap<String, u64> {
        let model = &self.model;
        let mut keys = BTreeMap::new();
        for key in model.keys.values() {
            let bearer = Bearer::key(key.owner, key.reach, key.created.position);
            let Ok(admitted) = admit(model, &bearer, &key.life, None, now);
            let status = match admitted {
                Ok(_) => "living".to_owned(),
                Err(refusal) => refusal.code().trim_start_matches("KEY_").to_lowercase(),
            };
            *keys.entry(status).or_default() += 1;
        }
        keys
    }
}
