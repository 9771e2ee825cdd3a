//! The checker: a pure function of a history, in about as many steps as it has operations.

use std::collections::HashMap;

use domain::time::Position;

use super::credential::{Credential, Facet, Reason, Register};
use super::operation::{CredentialNumber, Operation, Outcome, Stamp, Value, Verdict, What};
use super::recorder::History;
use super::tally::Tally;
use super::timeline::{Possible, Timeline, Written};
use super::violation::{Rule, Violation, Violations};

/// Whether every promise was kept; if so, what the history contains.
pub fn check(history: &History) -> Result<Tally, Violations> {
    let mut checker = Checker::of(history);
    checker.note_what_was_seen();
    checker.check_positions();
    for (place, operation) in history.operations.iter().enumerate() {
        checker.check(place, operation);
    }
    if checker.violations.is_empty() {
        Ok(checker.tally)
    } else {
        Err(Violations::new(checker.violations, history))
    }
}

struct Checker<'a> {
    history: &'a History,
    timelines: Vec<Timeline>,
    /// What each credential rests on, with the timeline of what was ever changed.
    facets: Vec<Vec<(Facet, Option<usize>)>>,
    violations: Vec<Violation>,
    tally: Tally,
}

/// What may have become of one facet while a verification ran.
#[derive(Clone, Copy, Debug, Default)]
struct Chances {
    can_be_fine: bool,
    can_refuse: bool,
    /// Which operation is to be named if it must be otherwise.
    blamed: Option<usize>,
}

impl<'a> Checker<'a> {
    fn of(history: &'a History) -> Self {
        let mut deaths: Vec<Stamp> = history
            .operations
            .iter()
            .filter(|operation| operation.what == What::Died)
            .map(|operation| operation.ended)
            .collect();
        deaths.sort_unstable();
        let mut written = HashMap::<Register, Vec<Written>>::new();
        for (operation, done) in history.operations.iter().enumerate() {
            let What::Changed(change, outcome) = &done.what else { continue };
            let (ended, position) = match outcome {
                Outcome::Acknowledged(position) => (done.ended, Some(*position)),
                // Whoever got no answer before the process was gone had asked that one, or one before it.
                Outcome::Unknown => {
                    let settled = deaths.partition_point(|death| *death < done.ended);
                    (deaths.get(settled).copied().unwrap_or(Stamp::NEVER), None)
                }
                Outcome::Rejected => continue,
            };
            for write in &change.writes {
                let (began, value) = (done.began, write.value);
                let one = Written { began, ended, position, value, operation };
                written.entry(write.register).or_default().push(one);
            }
        }
        let mut places = HashMap::new();
        let mut timelines = vec![];
        for (register, written) in written {
            places.insert(register, timelines.len());
            timelines.push(Timeline::new(initially(register), written));
        }
        let resolved = |credential: &Credential| {
            let facets = credential.facets().into_iter();
            facets.map(|facet| (facet, places.get(&facet).copied())).collect()
        };
        let facets = history.credentials.iter().map(resolved).collect();
        let tally = Tally { operations: history.operations.len(), ..Tally::default() };
        Self { history, timelines, facets, violations: vec![], tally }
    }

    /// What was once seen to be final stays so, also if whoever asked for it never got an answer.
    fn note_what_was_seen(&mut self) {
        for (place, operation) in self.history.operations.iter().enumerate() {
            let What::Verified(number, verdict) = &operation.what else { continue };
            let told = match verdict {
                Verdict::Accepted(_) => None,
                Verdict::Refused(reason, _) => Some(*reason),
                Verdict::Unknown => continue,
            };
            for (facet, timeline) in &self.facets[number.0 as usize] {
                let Some(timeline) = timeline.filter(|_| facet.is_final()) else { continue };
                let seen = match (facet, told) {
                    (Register::Known(_), told) => {
                        // A token's own time is asked for before anything is looked up.
                        let silent = [Some(facet.reason()), Some(Reason::TOKEN_EXPIRED)].contains(&told);
                        (!silent).then_some(Value::Fine)
                    }
                    (_, told) => (told == Some(facet.reason())).then_some(Value::Refuses),
                };
                if let Some(value) = seen {
                    self.timelines[timeline].saw(value, operation.ended, place);
                }
            }
        }
    }

    /// Nobody is told of a position below one that somebody was told of before.
    fn check_positions(&mut self) {
        let named: Vec<(usize, &Operation, Position)> = (self.history.operations.iter().enumerate())
            .filter_map(|(place, operation)| Some((place, operation, operation.position()?)))
            .collect();
        let mut by_end: Vec<usize> = (0..named.len()).collect();
        by_end.sort_unstable_by_key(|place| named[*place].1.ended);
        let mut by_begin: Vec<usize> = (0..named.len()).collect();
        by_begin.sort_unstable_by_key(|place| named[*place].1.began);
        let mut ended = by_end.into_iter().peekable();
        let mut highest: Option<(Position, usize)> = None;
        for place in by_begin {
            let (operation, begun, position) = named[place];
            while let Some(before) = ended.next_if(|before| named[*before].1.ended < begun.began) {
                let (against, _, reached) = named[before];
                if highest.is_none_or(|(highest, _)| reached > highest) {
                    highest = Some((reached, against));
                }
            }
            if let Some((reached, against)) = highest.filter(|(reached, _)| position < *reached) {
                let why = format!("position {position} was named although {reached} had been");
                let against = Some(against);
                self.violations.push(Violation { rule: Rule::PositionsNeverGoBack, operation, against, why });
            }
        }
    }

    fn check(&mut self, place: usize, operation: &Operation) {
        match &operation.what {
            What::Died => self.tally.deaths += 1,
            What::Changed(change, outcome) => match outcome {
                Outcome::Acknowledged(_) => *self.tally.acknowledged.entry(change.kind).or_default() += 1,
                Outcome::Rejected => self.tally.rejected += 1,
                Outcome::Unknown => self.tally.unknown += 1,
            },
            What::Verified(number, verdict) => {
                self.note_how_close(*number, operation);
                match *verdict {
                    Verdict::Accepted(position) => {
                        self.tally.accepted += 1;
                        self.check_accepted(place, operation, *number, position);
                    }
                    Verdict::Refused(reason, _) => {
                        *self.tally.refused.entry(reason).or_default() += 1;
                        self.check_refused(place, operation, *number, reason);
                    }
                    Verdict::Unknown => self.tally.undecided += 1,
                }
            }
        }
    }

    fn check_accepted(
        &mut self,
        place: usize,
        operation: &Operation,
        number: CredentialNumber,
        at: Position,
    ) {
        let credential = self.history.credentials[number.0 as usize];
        if let Some(token) = credential.token.filter(|token| token.ends_at_ms <= operation.clock.before_ms) {
            let why = format!("the token's time was over at {}", token.ends_at_ms);
            self.violate(Rule::RevokedMeansRefused, place, None, why);
        }
        let seq = credential.token.map(|token| token.seq);
        for position in 0..self.facets[number.0 as usize].len() {
            let (facet, timeline) = self.facets[number.0 as usize][position];
            let chances = self.chances(facet, timeline, &credential, operation);
            if !chances.can_be_fine {
                let why = format!("accepted, although it must be refused: {}", facet.reason());
                return self.violate(Rule::RevokedMeansRefused, place, chances.blamed, why);
            }
            let there = timeline.and_then(|timeline| self.timelines[timeline].at(at));
            if let Some(there) = there.filter(|there| !there.can_be_fine(seq, operation.clock)) {
                let why = format!("accepted as of {at}, where it was refused: {}", facet.reason());
                return self.violate(Rule::ThePositionIsRight, place, there.operation, why);
            }
        }
    }

    fn check_refused(
        &mut self,
        place: usize,
        operation: &Operation,
        number: CredentialNumber,
        reason: Reason,
    ) {
        let credential = self.history.credentials[number.0 as usize];
        let ends = credential.token.map(|token| token.ends_at_ms);
        let over_by = |ms: i64| ends.is_some_and(|end| end <= ms);
        if reason == Reason::TOKEN_EXPIRED && over_by(operation.clock.after_ms) {
            return;
        }
        if reason != Reason::TOKEN_EXPIRED && over_by(operation.clock.before_ms) {
            let why = format!("refused for {reason}, although the token's own time was over");
            return self.violate(Rule::TheReasonIsRight, place, None, why);
        }
        // What would explain another refusal, and the last that spoke for this one to be accepted.
        let (mut another, mut revived) = (None, None);
        for position in 0..self.facets[number.0 as usize].len() {
            let (facet, timeline) = self.facets[number.0 as usize][position];
            let chances = self.chances(facet, timeline, &credential, operation);
            if facet.reason() == reason {
                if chances.can_refuse {
                    return;
                }
                revived = revived.max(chances.blamed);
            }
            if !chances.can_be_fine {
                let why = format!("refused for {reason}, although it must be {}", facet.reason());
                return self.violate(Rule::TheReasonIsRight, place, chances.blamed, why);
            }
            if chances.can_refuse {
                another = another.or(Some(facet.reason()));
            }
        }
        let (rule, why) = match another {
            Some(another) => {
                let why = format!("refused for {reason}, where only {another} can be the reason");
                (Rule::TheReasonIsRight, why)
            }
            None => (
                Rule::LivingMeansAccepted,
                format!("refused for {reason}, although nothing stood in the way"),
            ),
        };
        self.violate(rule, place, revived, why);
    }

    fn chances(
        &self,
        facet: Facet,
        timeline: Option<usize>,
        credential: &Credential,
        operation: &Operation,
    ) -> Chances {
        let seq = credential.token.map(|token| token.seq);
        let mut chances = Chances::default();
        let mut take = |possible: &Possible| {
            chances.can_be_fine |= possible.can_be_fine(seq, operation.clock);
            chances.can_refuse |= possible.can_refuse(seq, operation.clock);
            chances.blamed = chances.blamed.or(possible.operation);
        };
        match timeline {
            Some(timeline) => {
                self.timelines[timeline].between(operation.began, operation.ended, take);
            }
            None => {
                let value = initially(facet);
                take(&Possible { value, position: None, operation: None, overlaps: false });
            }
        }
        chances
    }

    fn note_how_close(&mut self, number: CredentialNumber, operation: &Operation) {
        let (mut overlaps, mut close) = (false, false);
        for timeline in self.facets[number.0 as usize].iter().filter_map(|(_, timeline)| *timeline) {
            let timeline = &self.timelines[timeline];
            timeline.between(operation.began, operation.ended, |possible| overlaps |= possible.overlaps);
            let before = timeline.acknowledged_before(operation.began);
            close |= before.is_some_and(|before| operation.began.0 - before.0 <= Tally::CLOSE);
        }
        self.tally.overlapping += usize::from(overlaps);
        self.tally.close_behind += usize::from(close);
    }

    fn violate(&mut self, rule: Rule, operation: usize, against: Option<usize>, why: String) {
        self.violations.push(Violation { rule, operation, against, why });
    }
}

/// What is true of a register before anything was changed.
const fn initially(register: Register) -> Value {
    match register {
        Register::Known(_) => Value::Refuses,
        Register::SigningKeyRetired(_)
        | Register::TokensRevoked(_)
        | Register::KeyRevoked(_)
        | Register::OwnerRemoved(_)
        | Register::TenantRemoved(_)
        | Register::MembershipEnded(_, _)
        | Register::KeyRotated(_)
        | Register::KeyExpires(_)
        | Register::KeyDisabled(_)
        | Register::OwnerSuspended(_)
        | Register::TenantSuspended(_) => Value::Fine,
    }
}

#[cfg(test)]
mod tests;
