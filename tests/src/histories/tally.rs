//! What a history contains: so that a run can be held to having tested something.

use std::collections::BTreeMap;

use super::credential::Reason;
use super::operation::Kind;

/// How much there is of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operations.
    pub operations: usize,
    /// Verifications that were accepted.
    pub accepted: usize,
    /// Verifications that were refused, by reason.
    pub refused: BTreeMap<Reason, usize>,
    /// Verifications without a verdict.
    pub undecided: usize,
    /// Changes that were acknowledged.
    pub acknowledged: BTreeMap<Kind, usize>,
    /// Changes that were rejected.
    pub rejected: usize,
    /// Changes whose outcome is unknown.
    pub unknown: usize,
    /// Verifications that overlap a change of something that they rest on.
    pub overlapping: usize,
    /// Verifications that began within few tickets of the acknowledgement of such a change.
    pub close_behind: usize,
    /// How often the process was ended.
    pub deaths: usize,
}

impl Tally {
    /// How few tickets are few.
    pub(super) const CLOSE: u64 = 32;

    /// How many changes of a kind were acknowledged.
    pub fn acknowledged(&self, kind: Kind) -> usize {
        self.acknowledged.get(&kind).copied().unwrap_or(0)
    }

    /// How many verifications were refused for a reason.
    pub fn refused(&self, reason: Reason) -> usize {
        self.refused.get(&reason).copied().unwrap_or(0)
    }
}
