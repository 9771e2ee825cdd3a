//! The plain fold of the log, with what it shows to be wrong on the way: nothing here stops at the first problem.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::actor::{ActorId, IdempotencyKey};
use domain::concern::{acting_key, concerned};
use domain::key::Owner;
use domain::row::Change;
use domain::time::{Moment, Position};
use domain::{Model, Recorded, evolve};
use store::chain::ChainHash;
use store::codec::event_type::EventType;
use store::scan::Scanned;
use store::{Snapshot, envelope};

use crate::error::{ReplayError, reading};
use crate::report::{ENCODING, ENTITIES, Findings, INSTANTS, VERSIONS};
use crate::source::Source;
use crate::views;

/// Rows are counted by reading them all into memory, so only of ledgers up to this size.
pub(crate) const COUNTED_EVENTS_MAX: u64 = 500_000;

/// How far a verification goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The log, and everything that is derived from it.
    #[default]
    Everything,
    /// The log alone: one pass over its bytes, in memory that does not grow with it.
    Log,
}

/// What the log amounted to so far, and what was wrong with it.
pub(crate) struct Fold<'a> {
    pub(crate) source: &'a Source,
    pub(crate) depth: Depth,
    pub(crate) findings: Findings,
    pub(crate) model: Model,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) first: Option<Moment>,
    pub(crate) last: Option<Moment>,
    pub(crate) events_by_type: BTreeMap<EventType, u64>,
    /// How many rows the views should have.
    pub(crate) versions: u64,
    /// How many positions the histories of those whom the events concern should have.
    pub(crate) histories: u64,
    /// The idempotency keys used, each by whom: the views should have one row for each.
    pub(crate) attempts: HashSet<(ActorKind, IdempotencyKey)>,
    pub(crate) views: Views,
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
    pub(crate) fn new(source: &'a Source, depth: Depth) -> Self {
        let views = if source.snapshot().is_some() { Views::Readable } else { Views::None };
        Self {
            source,
            depth,
            findings: Findings::default(),
            model: Model::default(),
            events: 0,
            bytes: 0,
            first: None,
            last: None,
            events_by_type: BTreeMap::new(),
            versions: 0,
            histories: 0,
            attempts: HashSet::new(),
            views,
        }
    }

    /// Takes in the next event. Its position and its link of the chain were checked by the scan.
    pub(crate) fn take(&mut self, scanned: &Scanned) {
        let Scanned { recorded, hash: _, bytes } = scanned;
        self.check_instants(recorded);
        let moment = Moment { position: recorded.position, at: recorded.recorded_at };
        self.first = self.first.or(Some(moment));
        self.last = Some(moment);
        self.events += 1;
        self.bytes += *bytes as u64;
        *self.events_by_type.entry(EventType::of(&recorded.event)).or_default() += 1;
        if self.depth == Depth::Log {
            return;
        }
        self.check_size(recorded, *bytes);
        let counted = self.source.head().position.number() <= COUNTED_EVENTS_MAX;
        if let (true, Some(used), None) = (counted, &recorded.metadata.idempotency, recorded.metadata.cause) {
            let actor = match recorded.metadata.actor {
                ActorId::Console => ActorKind::Console,
                ActorId::Server => ActorKind::Server,
                ActorId::Holder { identity, .. } => ActorKind::Holder(identity),
            };
            self.attempts.insert((actor, used.key.clone()));
        }
        self.fold(recorded);
    }

    fn check_instants(&mut self, recorded: &Recorded) {
        let position = Some(recorded.position);
        if let Some(before) = self.last.filter(|last| last.at > recorded.recorded_at) {
            let what = format!("recorded before the event at position {}", before.position);
            self.findings.problem(INSTANTS, position, what);
        }
        if let Some(cause) = recorded.metadata.cause.filter(|cause| *cause >= recorded.position) {
            let what = format!("its cause is position {cause}, which is not before it");
            self.findings.problem(INSTANTS, position, what);
        }
    }

    fn check_size(&mut self, recorded: &Recorded, bytes: usize) {
        let position = Some(recorded.position);
        // Salt and hashes have fixed widths; whatever they are, the size is the same.
        match envelope::encode(recorded, [0; 16], ChainHash([0; 32])) {
            Ok(anew) if anew.len() == bytes => {}
            Ok(anew) => {
                let what = format!("its envelope has {bytes} bytes, and encoded anew {}", anew.len());
                self.findings.problem(ENCODING, position, what);
            }
            Err(error) => self.findings.problem(ENCODING, position, error.to_string()),
        }
    }

    fn fold(&mut self, recorded: &Recorded) {
        let position = recorded.position;
        let Ok(changes) = evolve(&self.model, recorded);
        if changes.is_empty() {
            let what = format!("{} of something that the log did not introduce", recorded.event.name());
            self.findings.problem(ENTITIES, Some(position), what);
        }
        if changes.iter().any(|change| views::begins_again(&self.model, change, position)) {
            let what = format!("{} with an id that was used before", recorded.event.name());
            self.findings.problem(ENTITIES, Some(position), what);
        }
        self.compare_versions(&changes, position);
        for change in changes.iter().cloned() {
            self.model.apply(change);
        }
        self.compare_histories(&changes, recorded);
    }

    /// The views, as long as they can be read.
    fn readable(&self) -> Option<&'a Snapshot> {
        self.source.snapshot().filter(|_| self.views == Views::Readable)
    }

    /// The event must be in the histories of exactly those whom its rows concern, and of the key used; that there are no more is counted.
    fn compare_histories(&mut self, changes: &[Change], recorded: &Recorded) {
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
                    self.findings.problem(VERSIONS, Some(position), what);
                }
                Err(error) => {
                    self.views = Views::Unreadable;
                    self.findings.problem(VERSIONS, Some(position), format!("the views: {error}"));
                }
            }
        }
    }

    /// The views must have, as of this position, exactly the rows that the event left behind.
    fn compare_versions(&mut self, changes: &[Change], position: Position) {
        let lasting: Vec<_> = views::lasting(changes).collect();
        self.versions += lasting.len() as u64;
        let Some(snapshot) = self.readable() else { return };
        let compared = reading(|| {
            let rows = snapshot.rows_at(position);
            for expected in lasting {
                if let Some(what) = views::wrong(&rows, expected) {
                    self.findings.problem(VERSIONS, Some(position), what);
                }
            }
            Ok::<_, ReplayError>(())
        });
        if let Err(error) = compared {
            self.views = Views::Unreadable;
            self.findings.problem(VERSIONS, Some(position), format!("the views: {error}"));
        }
    }
}
