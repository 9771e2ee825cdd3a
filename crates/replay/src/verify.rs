//! `audit verify`: reads the whole log, folds it with `domain` alone, and holds the views and the guard to the fold.

use std::collections::BTreeMap;

use domain::Model;
use domain::row::Standing;
use domain::status::{Bearer, admit};
use domain::time::{Position, Timestamp};
use store::checkpoint::Checkpoint;
use store::guard::Guard;
use store::{DataFolder, Snapshot, StoreError};

use crate::as_of::PROGRESS_EVENTS;
use crate::error::{ReplayError, reading};
use crate::fold::{COUNTED_EVENTS_MAX, Depth, Fold, Views};
use crate::open::Audit;
use crate::report::{
    CHAIN, CHECKPOINTS, COUNTS, ENCODING, ENTITIES, Findings, GUARD, HEAD, INSTANTS, LISTS, PAGES, ROWS,
    Report, TREE, VERSIONS, counted,
};
use crate::source::Source;
use crate::tree::TreeCheck;
use crate::views;

/// Why something was not looked at.
const NOT_ASKED: &str = "only the log was asked for";

/// Compares something of the views with the model, tells what is wrong, and how much was compared.
type Comparison = fn(&Snapshot, &Model, &mut dyn FnMut(String)) -> u64;

/// Verifies a ledger as it is committed now. An error means that it could not even be begun; whatever is
/// wrong with what could be read is in the report.
///
/// `progress` is called now and then with how many events were read and how many there are.
pub fn verify(
    audit: &Audit,
    depth: Depth,
    now: Timestamp,
    progress: Option<&mut dyn FnMut(u64, u64)>,
) -> Result<Report, ReplayError> {
    // Before the snapshot: a guard never leads its ledger, but it might lead an older snapshot.
    let guard = read_guard(audit.folder());
    let source = Source::of(audit.clone())?;
    let mut fold = fold(&source, &audit.known(), depth, progress);
    if let Some(snapshot) = source.snapshot() {
        check_guard(&guard, snapshot, &mut fold.findings);
    }
    if depth == Depth::Log {
        fold.findings.not_done(PAGES, NOT_ASKED);
        return Ok(fold.report(now));
    }
    if let Err(error) = audit.check_pages() {
        fold.findings.problem(PAGES, None, error.to_string());
    }
    fold.findings.done(PAGES, "each page of the log and the views as it was written");
    Ok(fold.report(now))
}

/// Verifies a backup or an export: its log, also against checkpoints that somebody kept. It has neither views nor a guard.
pub fn verify_file(
    source: &Source,
    known: &[Checkpoint],
    depth: Depth,
    now: Timestamp,
    progress: Option<&mut dyn FnMut(u64, u64)>,
) -> Result<Report, ReplayError> {
    Ok(fold(source, known, depth, progress).report(now))
}

/// Folds the log and compares the views with it, if there are any.
fn fold<'a>(
    source: &'a Source,
    known: &[Checkpoint],
    depth: Depth,
    mut progress: Option<&mut dyn FnMut(u64, u64)>,
) -> Fold<'a> {
    let total = source.head().position.number();
    let mut fold = Fold::new(source, depth);
    let mut tree = TreeCheck::new(source.snapshot(), known);
    let read = source.exactly(|scanned, envelope| {
        fold.take(&scanned);
        tree.take(envelope, &mut fold.findings);
        match &mut progress {
            Some(progress) if fold.events.is_multiple_of(PROGRESS_EVENTS) => progress(fold.events, total),
            Some(_) | None => {}
        }
        Ok::<_, ReplayError>(())
    });
    if let Some(progress) = progress {
        progress(fold.events, total);
    }
    fold.conclude_log(&read);
    if read.is_ok() {
        fold.conclude_views();
        tree.conclude(&mut fold.findings);
    } else if source.snapshot().is_some() {
        for check in [ROWS, LISTS, COUNTS, TREE, CHECKPOINTS] {
            fold.findings.not_done(check, "the log could not be read to its end");
        }
    }
    fold
}

impl Fold<'_> {
    fn conclude_log(&mut self, read: &Result<(), ReplayError>) {
        let head = self.source.head();
        if let Err(error) = read {
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
        let versions = counted(self.versions, "row");
        let instants = "no instant before an earlier one, no cause after its effect";
        self.findings.done(INSTANTS, instants);
        if self.depth == Depth::Log {
            for check in [ENCODING, ENTITIES, VERSIONS] {
                self.findings.not_done(check, NOT_ASKED);
            }
            return;
        }
        let details = [
            (ENCODING, "each envelope as large as its event encoded anew".to_owned()),
            (ENTITIES, "each event about what the log introduced before, no id introduced twice".to_owned()),
        ];
        for (name, detail) in details {
            self.findings.done(name, detail);
        }
        if self.views != Views::None {
            self.findings.done(VERSIONS, format!("{versions} of the views, each as of its position"));
        }
    }

    fn conclude_views(&mut self) {
        let Some(snapshot) = self.source.snapshot() else { return };
        if self.depth == Depth::Log {
            for check in [ROWS, LISTS, COUNTS] {
                self.findings.not_done(check, NOT_ASKED);
            }
            return;
        }
        if self.views == Views::Unreadable {
            for check in [ROWS, LISTS, COUNTS] {
                self.findings.not_done(check, "the pages of the views cannot be read");
            }
            return;
        }
        self.compare(snapshot, ROWS, "row", views::wrong_now);
        self.compare(snapshot, LISTS, "list", views::wrong_lists);
        self.count_rows(snapshot);
    }

    fn compare(&mut self, snapshot: &Snapshot, name: &'static str, noun: &str, compare: Comparison) {
        let Self { model, findings, .. } = self;
        let compared = reading(|| {
            Ok::<_, ReplayError>(compare(snapshot, model, &mut |what| findings.problem(name, None, what)))
        });
        match compared {
            Ok(count) => self.findings.done(name, format!("{} as of now", counted(count, noun))),
            Err(error) => {
                self.findings.problem(name, None, error.to_string());
                self.findings.done(name, "the pages of the views cannot be read");
            }
        }
    }

    /// Nothing is projected but what comes of the log.
    fn count_rows(&mut self, snapshot: &Snapshot) {
        if self.events > COUNTED_EVENTS_MAX {
            let why = format!("only done for ledgers of up to {COUNTED_EVENTS_MAX} events");
            return self.findings.not_done(COUNTS, why);
        }
        let found = match reading(|| snapshot.projected().map_err(ReplayError::from)) {
            Ok(found) => found,
            Err(error) => {
                self.findings.problem(COUNTS, None, error.to_string());
                return self.findings.done(COUNTS, "the pages of the views cannot be read");
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
                self.findings.problem(COUNTS, None, what);
            }
        }
        match reading(|| snapshot.history_positions().map_err(ReplayError::from)) {
            Ok(positions) if positions == self.histories => {}
            Ok(positions) => {
                let found = counted(positions, "position");
                let what = format!("the histories have {found}, and the log amounts to {}", self.histories);
                self.findings.problem(COUNTS, None, what);
            }
            Err(error) => self.findings.problem(COUNTS, None, error.to_string()),
        }
        self.findings
            .done(COUNTS, format!("{} projected, and no others", counted(found.len() as u64, "row")));
    }

    fn report(self, now: Timestamp) -> Report {
        let head = self.source.head();
        let keys_by_status = keys_by_status(&self.model, now);
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

fn keys_by_status(model: &Model, now: Timestamp) -> BTreeMap<String, u64> {
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

/// The guard, if there is one.
fn read_guard(folder: &DataFolder) -> Option<Result<Guard, StoreError>> {
    let path = folder.guard();
    path.exists().then(|| Guard::read(&path))
}

fn check_guard(guard: &Option<Result<Guard, StoreError>>, snapshot: &Snapshot, findings: &mut Findings) {
    let guard = match guard {
        None => return findings.not_done(GUARD, "there is no guard; name its file if it is elsewhere"),
        Some(Err(error)) => {
            findings.problem(GUARD, None, error.to_string());
            return findings.done(GUARD, "it cannot be read");
        }
        Some(Ok(guard)) => guard,
    };
    if let Err(error) = reading(|| guard.check(snapshot).map_err(ReplayError::from)) {
        findings.problem(GUARD, Some(guard.position), error.to_string());
    }
    let head = snapshot.head().position.number();
    let behind = head.saturating_sub(guard.position.number());
    findings.done(
        GUARD,
        format!("it saw position {}, {} before the head", guard.position, counted(behind, "event")),
    );
}
