//! What the campaign met, counted: so that it cannot come to nothing without anybody noticing.

use std::collections::BTreeMap;
use std::fmt;

use crate::disk::{Cut, Kind, Operation};

/// How often each thing was met.
#[derive(Debug, Default)]
pub struct Met(BTreeMap<&'static str, u64>);

/// Everything that a campaign has to meet.
const EVERYTHING: [&str; 34] = [
    "opened alone",
    "opened beside readers",
    "second writer refused",
    "reader beside the writer",
    "reader kept out",
    "acknowledged",
    "unknown outcome, there",
    "unknown outcome, absent",
    "aborted",
    "fault: write failed, not done",
    "fault: write failed, done",
    "fault: sync failed, not done",
    "fault: sync failed, done",
    "fault: sync dropped pages, seen",
    "fault: sync dropped pages, reverted",
    "fault: no room to grow",
    "fault: no room to write",
    "read on a full disk",
    "fault: read failed",
    "fault: lock failed",
    "fault: power cut in a write",
    "fault: power cut in a change of length",
    "fault: power cut in a sync",
    "recovery cut off",
    "recovery cut off again",
    "recovery failed for another reason",
    "process killed",
    "closed cleanly",
    "cut: lost",
    "cut: kept",
    "cut: the first few",
    "cut: reordered",
    "cut: torn at sectors",
    "cut: torn at bytes",
];

impl Met {
    pub fn note(&mut self, what: &'static str) {
        assert!(EVERYTHING.contains(&what), "{what:?} is missing from the list of everything");
        *self.0.entry(what).or_default() += 1;
    }

    pub fn cut(&mut self, cut: Cut) {
        self.note(match cut {
            Cut::Lost => "cut: lost",
            Cut::Kept => "cut: kept",
            Cut::UpTo(_) => "cut: the first few",
            Cut::Reordered(_) => "cut: reordered",
            Cut::Sectors(_) => "cut: torn at sectors",
            Cut::Bytes(_) => "cut: torn at bytes",
        });
    }

    pub fn fault(&mut self, kind: Kind, struck: Operation) {
        let what = match (kind, struck) {
            (Kind::NotDone, Operation::Write) => "fault: write failed, not done",
            (Kind::NotDone, Operation::Sync) => "fault: sync failed, not done",
            (Kind::DoneAllTheSame, Operation::Write) => "fault: write failed, done",
            (Kind::DoneAllTheSame, Operation::Sync) => "fault: sync failed, done",
            (Kind::PowerCut, Operation::Write) => "fault: power cut in a write",
            (Kind::PowerCut | Kind::PowerCutGrowing, Operation::SetLen) => {
                "fault: power cut in a change of length"
            }
            (Kind::PowerCut, Operation::Sync) => "fault: power cut in a sync",
            (Kind::SyncDrops, _) => "fault: sync dropped pages, seen",
            (Kind::SyncReverts, _) => "fault: sync dropped pages, reverted",
            (Kind::Full, _) => "fault: no room to grow",
            (Kind::FullLate, _) => "fault: no room to write",
            (Kind::Read, _) => "fault: read failed",
            (Kind::Lock, _) => "fault: lock failed",
            (Kind::NotDone | Kind::DoneAllTheSame | Kind::PowerCut | Kind::PowerCutGrowing, _) => return,
        };
        self.note(what);
    }

    /// What should have been met, and was not.
    pub fn missing(&self) -> Vec<&'static str> {
        EVERYTHING.into_iter().filter(|what| !self.0.contains_key(what)).collect()
    }
}

impl fmt::Display for Met {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(out, "{times:8} {what}"))
    }
}
