//! A broken promise, and how it is told: the rule, and the operations with all their stamps.

use std::fmt;

use super::operation::{Operation, Verdict, What};
use super::recorder::History;

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// What was acknowledged as refused before a verification started is refused.
    RevokedMeansRefused,
    /// What nothing stands in the way of is accepted.
    LivingMeansAccepted,
    /// A refusal gives the reason that comes first.
    TheReasonIsRight,
    /// A position is not below one that was named before.
    PositionsNeverGoBack,
    /// What is accepted as of a position is accepted there.
    ThePositionIsRight,
}

impl Rule {
    /// Every rule, the one that matters most first.
    pub const ALL: [Self; 5] = [
        Self::RevokedMeansRefused,
        Self::LivingMeansAccepted,
        Self::TheReasonIsRight,
        Self::PositionsNeverGoBack,
        Self::ThePositionIsRight,
    ];
}

/// A rule that was broken, by place in the history's list of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The operation that broke it.
    pub operation: usize,
    /// The one that it contradicts, if one can be named.
    pub against: Option<usize>,
    /// What is wrong.
    pub why: String,
}

/// Every broken rule of a history.
pub struct Violations {
    /// Each, in the order in which they were begun.
    pub all: Vec<Violation>,
    told: String,
}

/// How many of each rule are told in full.
const TOLD_MAX: usize = 2;

impl Violations {
    pub(super) fn new(mut all: Vec<Violation>, history: &History) -> Self {
        all.sort_by_key(|violation| history.operations[violation.operation].began);
        let mut told = format!("{} broken promises in {} operations", all.len(), history.operations.len());
        for rule in Rule::ALL {
            let broke = || all.iter().filter(|violation| violation.rule == rule);
            if broke().next().is_some() {
                told += &format!("\n{rule:?}, {} times", broke().count());
            }
            for violation in broke().take(TOLD_MAX) {
                let operation = describe(&history.operations[violation.operation], history);
                told += &format!("\n  {}\n    {operation}", violation.why);
                if let Some(against) = violation.against {
                    told += &format!("\n    against {}", describe(&history.operations[against], history));
                }
            }
        }
        Self { all, told }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl fmt::Debug for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

fn describe(operation: &Operation, history: &History) -> String {
    let what = match &operation.what {
        What::Verified(number, verdict) => {
            let credential = &history.credentials[number.0 as usize];
            match verdict {
                Verdict::Accepted(position) => format!("{credential}: accepted as of {position}"),
                Verdict::Refused(reason, _) => format!("{credential}: refused, {reason}"),
                Verdict::Unknown => format!("{credential}: no verdict"),
            }
        }
        What::Changed(change, outcome) => format!("{:?} {:?}: {outcome:?}", change.kind, change.writes),
        What::Died => "the end of the process".to_owned(),
    };
    format!(
        "thread {} from ticket {} ({} ms) to {} ({} ms): {what}",
        operation.thread.0,
        operation.began.0,
        operation.clock.before_ms,
        operation.ended.0,
        operation.clock.after_ms
    )
}
