//! One pass over the log: what it is, and what of it is wrong by itself. Nothing here stops at the first problem.

use std::collections::BTreeMap;

use domain::Recorded;
use domain::time::{Moment, Position, Timestamp};
use store::chain::ChainHash;
use store::codec::event_type::EventType;
use store::scan::Scanned;
use store::{StoreError, envelope};

use crate::ahead::Ended;
use crate::error::ReplayError;
use crate::report::{CAUSES, CHAIN, ENCODING, ENTITIES, Findings, HEAD, INSTANTS, Report, VERSIONS, counted};
use crate::source::Source;

/// How far a verification goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The log: one pass over its bytes proves it.
    #[default]
    Log,
    /// The log, what its events mean, and everything that is derived from it.
    Everything,
}

/// What was read so far.
pub(crate) struct Pass<'a> {
    pub(crate) source: &'a Source,
    depth: Depth,
    pub(crate) findings: Findings,
    pub(crate) events: u64,
    bytes: u64,
    first: Option<Moment>,
    last: Option<Moment>,
    events_by_type: BTreeMap<EventType, u64>,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(source: &'a Source, depth: Depth) -> Self {
        Self {
            source,
            depth,
            findings: Findings::default(),
            events: 0,
            bytes: 0,
            first: None,
            last: None,
            events_by_type: BTreeMap::new(),
        }
    }

    /// Takes in where the next event is, and of what type. Its position and its link of the chain were checked by the scan.
    pub(crate) fn take(&mut self, moment: Moment, event_type: EventType, bytes: usize) {
        if let Some(before) = self.last.filter(|last| last.at > moment.at) {
            let what = format!("recorded before the event at position {}", before.position);
            self.findings.problem(INSTANTS, Some(moment.position), what);
        }
        self.first = self.first.or(Some(moment));
        self.last = Some(moment);
        self.events += 1;
        self.bytes += bytes as u64;
        *self.events_by_type.entry(event_type).or_default() += 1;
    }

    /// Looks at what it says.
    pub(crate) fn check(&mut self, scanned: &Scanned) {
        let Scanned { recorded, hash: _, bytes } = scanned;
        self.check_cause(recorded);
        self.check_size(recorded, *bytes);
    }

    fn check_cause(&mut self, recorded: &Recorded) {
        let position = Some(recorded.position);
        if let Some(cause) = recorded.metadata.cause.filter(|cause| *cause >= recorded.position) {
            let what = format!("its cause is position {cause}, which is not before it");
            self.findings.problem(CAUSES, position, what);
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

    /// What came of it; `read` is how reading ended, `versions` how many rows of the views were compared.
    pub(crate) fn conclude(&mut self, read: &Result<(), Ended>, versions: Option<u64>) {
        let head = self.source.head();
        if let Err(Ended::Wrong(error)) = read {
            let last = self.last.map_or(Position::START, |last| last.position);
            let (position, what) = broken(error, last, head.position);
            self.findings.problem(CHAIN, Some(position), what);
        }
        let events = counted(self.events, "event");
        self.findings
            .done(CHAIN, format!("{events}, positions without a gap, each naming the hash before it"));
        if read.is_err() {
            self.findings.not_done(HEAD, "the log could not be read to its end");
        } else {
            let at = self.last.map_or(Timestamp::MIN, |last| last.at);
            if at != head.recorded_at {
                let what = "the note of the head has another instant than the last event";
                self.findings.problem(HEAD, Some(head.position), what);
            }
            self.findings.done(HEAD, "the log ends with the position, hash and instant noted as its head");
        }
        self.findings.done(INSTANTS, "no instant before an earlier one");
        if self.depth == Depth::Log {
            for check in [CAUSES, ENCODING, ENTITIES] {
                self.findings.not_asked(check);
            }
            return;
        }
        let details = [
            (CAUSES, "no cause after its effect".to_owned()),
            (ENCODING, "each envelope as large as its event encoded anew".to_owned()),
            (ENTITIES, "each event about what the log introduced before, no id introduced twice".to_owned()),
        ];
        for (name, detail) in details {
            self.findings.done(name, detail);
        }
        if let Some(versions) = versions {
            let versions = counted(versions, "row");
            self.findings.done(VERSIONS, format!("{versions} of the views, each as of its position"));
        }
    }

    /// The report of it, and of what else was found. `keys_by_status` is as of `now`.
    pub(crate) fn report(self, keys_by_status: BTreeMap<String, u64>, now: Timestamp) -> Report {
        let head = self.source.head();
        let (checks, problems, problems_left_out) = self.findings.into_parts();
        Report {
            ledger: self.source.ledger(),
            events: self.events,
            first: self.first,
            last: self.last,
            bytes: self.bytes,
            head: head.position,
            head_hash: head.hash,
            events_by_name: self.events_by_type.iter().map(|(of, count)| (of.to_string(), *count)).collect(),
            keys_by_status,
            now,
            checks,
            problems,
            problems_left_out,
            against: vec![],
        }
    }
}

/// Where the log could not be read further, and why.
fn broken(error: &ReplayError, last: Position, head: Position) -> (Position, String) {
    match error {
        ReplayError::Store(StoreError::Chain { position, .. }) => {
            (*position, format!("{error}; that event or the one before it was changed"))
        }
        ReplayError::Store(StoreError::Event { position, .. }) => (*position, error.to_string()),
        ReplayError::Store(_) | ReplayError::Export { .. } if last >= head => (last, error.to_string()),
        ReplayError::Store(_)
        | ReplayError::Pages { .. }
        | ReplayError::NeedsRepair { .. }
        | ReplayError::NotAFolder { .. }
        | ReplayError::AsOf(_)
        | ReplayError::Export { .. }
        | ReplayError::NoSuchKey { .. }
        | ReplayError::NoSuchTenant { .. }
        | ReplayError::MadeLater { .. }
        | ReplayError::Output(_) => (last.next(), error.to_string()),
    }
}
