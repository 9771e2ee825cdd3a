//! How the events of a tenant lie along the log: counted in stretches of equal length, and by kind.
//!
//! Counted are the entries of the tenant's history, which have the kind of each event: no event is read.

use std::ops::RangeInclusive;

use domain::concern::Concerned;
use domain::effect::Effect;
use domain::ids::TenantId;
use domain::time::Position;
use store::history::Marked;

use crate::as_of::{Answer, AsOf};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::events::Scope;
use crate::failure::{Failure, InputError};

/// The most stretches.
pub const STRETCHES_MAX: u64 = 1_000;
/// The most events that are counted for one answer.
const EVENTS_MAX: u64 = 10_000_000;

/// Which part of the log is asked about, and how finely.
#[derive(Clone, Copy, Debug)]
pub struct Along {
    /// From this position on; none: from the first.
    pub from: Option<Position>,
    /// Up to and including this position; none: to the last.
    pub to: Option<Position>,
    /// In at most so many stretches: 1 to [`STRETCHES_MAX`].
    pub stretches: u64,
}

/// How events lie along a part of the log.
#[derive(Clone, Debug)]
pub struct Density {
    /// The part; none: it has no position.
    pub part: Option<RangeInclusive<Position>>,
    /// How many positions a stretch has; the last may have fewer.
    pub width: u64,
    /// What lies in all of them.
    pub counts: Counts,
    /// The stretches in which something lies, in order.
    pub stretches: Vec<Stretch>,
}

/// A stretch of the log, and the events in it that concern the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its positions.
    pub positions: RangeInclusive<Position>,
    /// How many events of which kind.
    pub counts: Counts,
}

/// So many events of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the effect that is named so")]
pub struct Counts {
    pub begins: u64,
    pub ends: u64,
    pub stops: u64,
    pub changes: u64,
}

impl Counts {
    /// All of them.
    pub const fn sum(&self) -> u64 {
        self.begins + self.ends + self.stops + self.changes
    }

    fn add(&mut self, effect: Effect) {
        let count = match effect {
            Effect::Begins => &mut self.begins,
            Effect::Ends => &mut self.ends,
            Effect::Stops => &mut self.stops,
            Effect::Changes => &mut self.changes,
        };
        *count += 1;
    }
}

impl Authority {
    /// How the events of a tenant lie along the log: for its administrators.
    pub fn event_density(
        &self,
        caller: &Caller,
        tenant: TenantId,
        along: Along,
        as_of: AsOf,
    ) -> Result<Answer<Density>, Failure> {
        let view = self.view(as_of)?;
        self.may_list(&view, caller, Scope::Tenant(tenant))?;
        let end = view.basis.position;
        let (first, last) =
            (along.from.unwrap_or_default().max(Position::START.next()), along.to.unwrap_or(end));
        let part = first..=last.min(end);
        let mut density = Density { part: None, width: 1, counts: Counts::default(), stretches: vec![] };
        if part.is_empty() {
            return Ok(view.answer(density));
        }
        let (first, last) = (part.start().number(), part.end().number());
        density.width = (last - first + 1).div_ceil(along.stretches.clamp(1, STRETCHES_MAX));
        for event in view.snapshot.history(Concerned::Tenant(tenant), &part)? {
            let Marked { position, effect } = event?;
            density.counts.add(effect);
            if density.counts.sum() > EVENTS_MAX {
                let rule = "more than 10,000,000 events lie between the two: ask for a part of the log, with from and to";
                return Err(InputError::Malformed { field: "from", rule }.into());
            }
            let begins = position.number() - (position.number() - first) % density.width;
            match density.stretches.last_mut() {
                Some(stretch) if stretch.positions.start().number() == begins => stretch.counts.add(effect),
                Some(_) | None => {
                    let ends = (begins + density.width - 1).min(last);
                    let mut counts = Counts::default();
                    counts.add(effect);
                    let positions = Position::new(begins)..=Position::new(ends);
                    density.stretches.push(Stretch { positions, counts });
                }
            }
        }
        density.part = Some(part);
        Ok(view.answer(density))
    }
}
