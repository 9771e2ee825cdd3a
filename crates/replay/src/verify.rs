//! `audit verify`: reads the whole log and proves it: its chain, its tree, its end, the guard, and checkpoints that were kept
//! elsewhere. Whoever asks for everything has the views and the pages of the file held to it, too.

use std::collections::BTreeMap;
use std::thread;

use domain::Recorded;
use domain::time::{Moment, Timestamp};
use store::checkpoint::Checkpoint;
use store::codec::event_type::EventType;
use store::envelope::Header;
use store::guard::Guard;
use store::scan::Scanned;
use store::{DataFolder, Snapshot, StoreError};

use crate::ahead::Ended;
use crate::as_of::PROGRESS_EVENTS;
use crate::error::{ReplayError, reading};
use crate::fold::Fold;
use crate::found::Found;
use crate::induction::Induction;
use crate::open::{Audit, Known};
use crate::pass::{Depth, Pass};
use crate::report::{
    CHECKPOINTS, COUNTS, Findings, GUARD, LISTS, PAGES, ROWS, Report, SUMS, TREE, VERSIONS, counted,
};
use crate::source::Source;
use crate::sum::Secrets;
use crate::tree::TreeCheck;

/// Told now and then how many events were read, and how many there are.
type Progress<'p> = &'p mut dyn FnMut(u64, u64);

/// What the sums are over.
const ALL_IN_ALL: &str =
    "all rows, histories, links, lifetimes and idempotency keys are those that the log gives";

/// What is told of others.
const NOT_THOSE: &str =
    " of the views are not what the log amounts to; rebuild them with: keyledger audit rebuild --data DIR";

/// How many keys stand how.
type KeysByStatus = BTreeMap<String, u64>;

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
    // Before the snapshot: neither guard nor checkpoint leads its ledger, but they might lead an older snapshot.
    let (guard, known) = (read_guard(audit.folder()), audit.known());
    let source = Source::of(audit.clone())?;
    let (mut pass, keys_by_status) = read(&source, &known, depth, now, progress);
    if let Some(snapshot) = source.snapshot() {
        check_guard(&guard, snapshot, &mut pass.findings);
    }
    if depth == Depth::Log {
        pass.findings.not_asked(PAGES);
        return Ok(pass.report(keys_by_status, now));
    }
    if let Err(error) = audit.check_pages() {
        pass.findings.problem(PAGES, None, error.to_string());
    }
    pass.findings.done(PAGES, "each page of the log and the views as it was written");
    Ok(pass.report(keys_by_status, now))
}

/// Verifies a backup or an export: its log, also against checkpoints that somebody kept. It has neither views nor a guard.
pub fn verify_file(
    source: &Source,
    known: &[Checkpoint],
    depth: Depth,
    now: Timestamp,
    progress: Option<&mut dyn FnMut(u64, u64)>,
) -> Result<Report, ReplayError> {
    let (pass, keys_by_status) = read(source, &Known::of(known), depth, now, progress);
    Ok(pass.report(keys_by_status, now))
}

fn read<'a>(
    source: &'a Source,
    known: &Known,
    depth: Depth,
    now: Timestamp,
    mut progress: Option<&mut dyn FnMut(u64, u64)>,
) -> (Pass<'a>, KeysByStatus) {
    let mut tell = |events: u64, total: u64| {
        if let Some(progress) = &mut progress {
            progress(events, total);
        }
    };
    match (depth, source.snapshot()) {
        (Depth::Log, _) => (log_alone(source, known, &mut tell), BTreeMap::new()),
        (Depth::Everything, None) => folded(source, known, now, &mut tell, None),
        (Depth::Everything, Some(snapshot)) => by_induction(source, snapshot, known, now, &mut tell)
            .unwrap_or_else(|Wrong(sums)| folded(source, known, now, &mut tell, sums)),
    }
}

/// Something is wrong; the fold says what and where. If sums could be compared: what of the views differs by them.
struct Wrong(Option<Vec<&'static str>>);

fn log_alone<'a>(source: &'a Source, known: &Known, progress: Progress<'_>) -> Pass<'a> {
    let (mut pass, tree, read) = envelopes_over(source, known, progress);
    conclude(&mut pass, tree, &read, None, |findings| {
        if source.snapshot().is_some() {
            for check in [VERSIONS, ROWS, LISTS, COUNTS, SUMS] {
                findings.not_asked(check);
            }
        }
    });
    pass
}

/// Everything, in memory that does not grow with the ledger.
fn by_induction<'a>(
    source: &'a Source,
    snapshot: &Snapshot,
    known: &Known,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<(Pass<'a>, KeysByStatus), Wrong> {
    let secrets = Secrets::draw();
    let mut induction = Induction::new(snapshot, &secrets);
    let (passed, found) = thread::scope(|threads| {
        let found = threads.spawn(|| reading(|| Found::read(snapshot, &secrets, now)));
        let passed =
            pass_over(source, known, progress, |scanned, _| reading(|| induction.take(&scanned.recorded)));
        (passed, found.join())
    });
    let (mut pass, tree, read) = passed;
    let unread = || Wrong(Some(vec!["some pages"]));
    let found = found.map_err(|_| unread())?.map_err(|_| unread())?;
    if read.is_err() {
        return Err(Wrong(None));
    }
    let differences = induction.differences(&found);
    if !differences.is_empty() || !pass.findings.are_none() {
        return Err(Wrong(Some(differences)));
    }
    let projected = reading(|| snapshot.rows_projected().map_err(ReplayError::from)).map_err(|_| unread())?;
    conclude(&mut pass, tree, &read, Some(found.versions()), |findings| {
        findings.done(ROWS, format!("{} as of now", counted(found.rows, "row")));
        findings.done(LISTS, format!("{} as of now", counted(found.lists, "list")));
        findings.done(COUNTS, format!("{} projected, and no others", counted(projected, "row")));
        findings.done(SUMS, ALL_IN_ALL);
    });
    Ok((pass, found.keys_by_status))
}

/// Everything, all rows in memory. It looks at each row, but not at all that the views hold: so what differs by the sums, if
/// they were compared, is told, too.
fn folded<'a>(
    source: &'a Source,
    known: &Known,
    now: Timestamp,
    progress: Progress<'_>,
    sums: Option<Vec<&str>>,
) -> (Pass<'a>, KeysByStatus) {
    let mut fold = Fold::new(source);
    let (mut pass, tree, read) = pass_over(source, known, progress, |scanned, findings| {
        fold.take(&scanned.recorded, findings);
        Ok(())
    });
    conclude(&mut pass, tree, &read, fold.versions(), |findings| {
        fold.conclude(findings);
        match &sums {
            None if source.snapshot().is_none() => {}
            None => findings.not_done(
                SUMS,
                "an event is about something that was never there, and sums need a whole history",
            ),
            Some(differences) => {
                differences
                    .iter()
                    .for_each(|what| findings.problem(SUMS, None, format!("{what}{NOT_THOSE}")));
                findings.done(SUMS, ALL_IN_ALL);
            }
        }
    });
    (pass, fold.keys_by_status(now))
}

/// One pass over the log; `each` is handed every event, and what was found so far.
fn pass_over<'a>(
    source: &'a Source,
    known: &Known,
    progress: Progress<'_>,
    mut each: impl FnMut(&Scanned, &mut Findings) -> Result<(), Ended>,
) -> (Pass<'a>, TreeCheck<'a>, Result<(), Ended>) {
    let mut over = Over::begin(source, known, Depth::Everything, progress);
    let read = source.as_they_come(|scanned: Scanned, envelope| {
        let Recorded { position, recorded_at: at, event, .. } = &scanned.recorded;
        let moment = Moment { position: *position, at: *at };
        over.take(moment, EventType::of(event), envelope, |pass| {
            pass.check(&scanned);
            each(&scanned, &mut pass.findings)
        })
    });
    let (pass, tree) = over.end();
    (pass, tree, read)
}

/// The same of the envelopes alone: what they say is not read.
fn envelopes_over<'a>(
    source: &'a Source,
    known: &Known,
    progress: Progress<'_>,
) -> (Pass<'a>, TreeCheck<'a>, Result<(), Ended>) {
    let mut over = Over::begin(source, known, Depth::Log, progress);
    let read = source.as_they_come(|header: Header, envelope| {
        let moment = Moment { position: header.position, at: header.recorded_at };
        over.take(moment, header.event_type, envelope, |_| Ok(()))
    });
    let (pass, tree) = over.end();
    (pass, tree, read)
}

/// A pass over the log, with the tree beside it.
struct Over<'a, 'p> {
    pass: Pass<'a>,
    tree: TreeCheck<'a>,
    progress: Progress<'p>,
    total: u64,
}

impl<'a, 'p> Over<'a, 'p> {
    fn begin(source: &'a Source, known: &Known, depth: Depth, progress: Progress<'p>) -> Self {
        let total = source.head().position.number();
        Self {
            pass: Pass::new(source, depth),
            tree: TreeCheck::new(source.snapshot(), known),
            progress,
            total,
        }
    }

    /// Takes in the next envelope; `look` is asked for whatever else is to be found there.
    fn take(
        &mut self,
        moment: Moment,
        event_type: EventType,
        envelope: &[u8],
        look: impl FnOnce(&mut Pass<'a>) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        self.pass.take(moment, event_type, envelope.len());
        let looked = look(&mut self.pass);
        self.tree.take(envelope, &mut self.pass.findings);
        if self.pass.events.is_multiple_of(PROGRESS_EVENTS) {
            (self.progress)(self.pass.events, self.total);
        }
        looked
    }

    fn end(self) -> (Pass<'a>, TreeCheck<'a>) {
        (self.progress)(self.pass.events, self.total);
        (self.pass, self.tree)
    }
}

/// Says what came of it. `versions` is how many rows of the views were compared, `views` says what came of the others.
fn conclude(
    pass: &mut Pass<'_>,
    mut tree: TreeCheck<'_>,
    read: &Result<(), Ended>,
    versions: Option<u64>,
    views: impl FnOnce(&mut Findings),
) {
    pass.conclude(read, versions);
    if read.is_ok() {
        views(&mut pass.findings);
        tree.conclude(&mut pass.findings);
    } else if pass.source.snapshot().is_some() {
        tree.tell_unusable(&mut pass.findings);
        for check in [ROWS, LISTS, COUNTS, SUMS, TREE, CHECKPOINTS] {
            pass.findings.not_done(check, "the log could not be read to its end");
        }
    }
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
