//! What the doctor sees of the ledger: whether it can be read, holds together, and lies in the past.

use domain::time::Timestamp;
use replay::print::instant;
use replay::{Audit, Outcome, ReplayError};
use store::StoreError;

use crate::commands::doctor::finding::Finding;
use crate::error::CliError;

/// A clock before this software was written, or long after, is wrong.
const PLAUSIBLE_MS: std::ops::Range<i64> = 1_735_689_600_000..4_102_444_800_000;

/// Why nothing can be said about the ledger.
pub fn unreadable(error: ReplayError) -> Finding {
    let error = CliError::from(error);
    let next = match &error {
        CliError::Store(StoreError::NoLedger(_)) => {
            "give the right --data, init, or restore a backup".to_owned()
        }
        CliError::Store(StoreError::OtherViews { .. }) => "do that, and look again".to_owned(),
        CliError::PagesDamaged(_)
        | CliError::Store(
            StoreError::Database(_)
            | StoreError::Closed
            | StoreError::Damaged { .. }
            | StoreError::Event { .. }
            | StoreError::Chain { .. },
        ) => "stop the server, copy the folder, and restore a backup, as docs/runbooks/restore.md tells"
            .to_owned(),
        error => error.hint().unwrap_or_else(|| "make it readable, and look again".to_owned()),
    };
    Finding::fail("ledger", error.to_string(), next)
}

/// The chain, the views, the guard: what `audit verify --full` checks.
pub fn integrity(audit: &Audit, now: Timestamp, progress: &mut dyn FnMut(u64, u64)) -> Vec<Finding> {
    let report = match replay::verify(audit, replay::Depth::Everything, now, Some(progress)) {
        Ok(report) => report,
        Err(error) => return vec![unreadable(error)],
    };
    let mut findings = vec![];
    for check in report.checks.iter().filter(|check| check.outcome == Outcome::Failed) {
        let problem = report.problems.iter().find(|problem| problem.check == check.name);
        let what = problem.map_or(&check.detail, |problem| &problem.what);
        let next = "copy the data folder before anything changes it; keyledger audit verify --full tells every problem";
        findings.push(Finding::fail("ledger", format!("{}: {what}", check.name), next));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("ledger", report.verdict()));
    }
    findings
}

/// The machine's clock is not before the last event, nor absurd.
pub fn clock(audit: &Audit, now: Timestamp) -> Option<Finding> {
    let last = audit.snapshot().ok()?.head().recorded_at;
    let next = "set the machine's clock, and keep it with NTP; then look again";
    Some(if !PLAUSIBLE_MS.contains(&now.unix_ms()) {
        Finding::fail("clock", format!("it shows {}", instant(now)), next)
    } else if now < last {
        let detail = format!("it shows {}, and the last event is of {}", instant(now), instant(last));
        Finding::fail("clock", detail, next)
    } else {
        Finding::ok("clock", format!("it shows {}, after the last event", instant(now)))
    })
}
