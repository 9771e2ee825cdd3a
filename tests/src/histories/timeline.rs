//! What a register may have been while a verification ran.
//!
//! Candidates are the last write that was acknowledged before, every write that overlaps, and every write of
//! unknown outcome that was not overwritten since. Writes are ordered by the positions that they were given.

use domain::time::Position;

use super::operation::{Clock, Stamp, Value};

/// A write and its place in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) began: Stamp,
    /// When it was acknowledged; of an unknown outcome, when it could come true no more.
    pub(super) ended: Stamp,
    /// None: the outcome is unknown.
    pub(super) position: Option<Position>,
    pub(super) value: Value,
    pub(super) operation: usize,
}

/// Something that a register may have been.
#[derive(Clone, Copy, Debug)]
pub(super) struct Possible {
    pub(super) value: Value,
    pub(super) position: Option<Position>,
    /// Which operation made it so; none: it was so from the beginning.
    pub(super) operation: Option<usize>,
    pub(super) overlaps: bool,
}

impl Possible {
    /// Whether a credential whose position is this one may be accepted, as far as this goes.
    pub(super) fn can_be_fine(&self, seq: Option<Position>, clock: Clock) -> bool {
        match (self.value, self.position, seq) {
            (Value::Fine, _, _) => true,
            (Value::Refuses, _, _) => false,
            (Value::Ends { latest_ms, .. }, _, _) => clock.before_ms < latest_ms,
            (Value::RefusesOlder, Some(position), Some(seq)) => seq >= position,
            (Value::RefusesOlder, _, _) => true,
        }
    }

    /// Whether it may be refused because of this.
    pub(super) fn can_refuse(&self, seq: Option<Position>, clock: Clock) -> bool {
        match (self.value, self.position, seq) {
            (Value::Fine, _, _) => false,
            (Value::Refuses, _, _) => true,
            (Value::Ends { earliest_ms, .. }, _, _) => clock.after_ms >= earliest_ms,
            (Value::RefusesOlder, Some(position), Some(seq)) => seq < position,
            (Value::RefusesOlder, _, _) => seq.is_some(),
        }
    }
}

/// Everything that was written to one register.
pub(super) struct Timeline {
    initial: Value,
    /// Acknowledged, by when.
    acknowledged: Vec<Written>,
    /// Of the first so many acknowledged: which has the last position, and when the last was begun.
    last: Vec<usize>,
    last_began: Vec<Stamp>,
    /// Of those from here on: when the first was begun.
    first_began: Vec<Stamp>,
    /// Acknowledged, by position.
    in_order: Vec<Written>,
    unknown: Vec<Written>,
    /// What was seen of a final register, and when at the latest: it stays so.
    seen: Option<(Stamp, Possible)>,
}

impl Timeline {
    pub(super) fn new(initial: Value, written: Vec<Written>) -> Self {
        let (mut acknowledged, unknown): (Vec<_>, Vec<_>) =
            written.into_iter().partition(|written| written.position.is_some());
        acknowledged.sort_by_key(|written| written.ended);
        let mut in_order = acknowledged.clone();
        in_order.sort_by_key(|written| written.position);
        let (mut last, mut last_began) = (vec![], vec![]);
        for (place, written) in acknowledged.iter().enumerate() {
            let before: usize = last.last().copied().unwrap_or(place);
            let later = acknowledged[before].position <= written.position;
            last.push(if later { place } else { before });
            last_began.push(last_began.last().copied().unwrap_or(written.began).max(written.began));
        }
        let mut first_began = vec![Stamp::NEVER; acknowledged.len()];
        let mut first = Stamp::NEVER;
        for (place, written) in acknowledged.iter().enumerate().rev() {
            first = first.min(written.began);
            first_began[place] = first;
        }
        Self { initial, acknowledged, last, last_began, first_began, in_order, unknown, seen: None }
    }

    /// Notes what an operation that ended then saw of a final register.
    pub(super) fn saw(&mut self, value: Value, ended: Stamp, operation: usize) {
        if self.seen.is_none_or(|(earlier, _)| ended < earlier) {
            let operation = Some(operation);
            self.seen = Some((ended, Possible { value, position: None, operation, overlaps: false }));
        }
    }

    /// What it may have been between these tickets.
    pub(super) fn between(&self, began: Stamp, ended: Stamp, mut take: impl FnMut(&Possible)) {
        if let Some((seen, possible)) = &self.seen
            && *seen < began
        {
            return take(possible);
        }
        let before = self.acknowledged.partition_point(|written| written.ended < began);
        let last = before.checked_sub(1).map(|place| self.acknowledged[self.last[place]]);
        match &last {
            Some(written) => take(&possible(written, false)),
            None => take(&self.initially()),
        }
        for (place, written) in self.acknowledged.iter().enumerate().skip(before) {
            // From here on all were begun too late.
            if self.first_began[place] > ended {
                break;
            }
            if written.began < ended && last.is_none_or(|last| last.position <= written.position) {
                take(&possible(written, true));
            }
        }
        for written in &self.unknown {
            let overwritten = before > 0 && self.last_began[before - 1] > written.ended;
            if written.began < ended && !overwritten {
                take(&possible(written, true));
            }
        }
    }

    /// What it was at a position, if that is known.
    pub(super) fn at(&self, position: Position) -> Option<Possible> {
        if !self.unknown.is_empty() {
            return None;
        }
        let until = self.in_order.partition_point(|written| written.position <= Some(position));
        let last = until.checked_sub(1).map(|place| possible(&self.in_order[place], false));
        Some(last.unwrap_or_else(|| self.initially()))
    }

    /// When the last write was acknowledged that was so before this ticket.
    pub(super) fn acknowledged_before(&self, began: Stamp) -> Option<Stamp> {
        let before = self.acknowledged.partition_point(|written| written.ended < began);
        before.checked_sub(1).map(|place| self.acknowledged[place].ended)
    }

    const fn initially(&self) -> Possible {
        Possible { value: self.initial, position: None, operation: None, overlaps: false }
    }
}

const fn possible(written: &Written, overlaps: bool) -> Possible {
    let Written { position, value, operation, .. } = *written;
    Possible { value, position, operation: Some(operation), overlaps }
}
