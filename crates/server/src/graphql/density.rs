//! How events lie along the log, in GraphQL.

use authority::density::{Along, Counts, Density, STRETCHES_MAX, Stretch};
use authority::{Failure, InputError};
use domain::effect::Effect;
use juniper::{GraphQLEnum, GraphQLObject};

use super::as_of::AsOfShown;
use super::scalars::LogPosition;

/// The stretches if no number was asked for.
const STRETCHES_DEFAULT: u64 = 100;

/// What kind of thing an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "event_effect", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum EffectValue {
    /// Something is there, or accepted again, from then on: created, added, granted, enabled, resumed.
    begins,
    /// Something has ended for good: revoked, removed, withdrawn, retired, erased.
    ends,
    /// Something is refused until it is enabled or resumed: disabled, suspended.
    stops,
    /// Something is otherwise than it was: administration.
    changes,
}

impl From<Effect> for EffectValue {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Begins => Self::begins,
            Effect::Ends => Self::ends,
            Effect::Stops => Self::stops,
            Effect::Changes => Self::changes,
        }
    }
}

/// How the events of a tenant lie along the log, or along a part of it.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "event_density", rename_all = "none")]
pub struct EventDensity {
    /// The first position of the part; null: it has none.
    pub from: Option<LogPosition>,
    /// Its last position.
    pub to: Option<LogPosition>,
    /// How many positions a stretch has; the last may have fewer. A decimal string.
    pub width: String,
    /// What lies in all stretches.
    pub counts: EventCounts,
    /// The stretches in which something lies, in order. The others are left out.
    pub stretches: Vec<EventStretch>,
    /// The moment that it is true as of.
    pub as_of: AsOfShown,
}

/// A stretch of the log.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "event_stretch", rename_all = "none")]
pub struct EventStretch {
    /// Its first position.
    pub from: LogPosition,
    /// Its last position.
    pub to: LogPosition,
    /// How many events of the tenant lie in it.
    pub counts: EventCounts,
}

/// So many events of each kind.
#[derive(Clone, Copy, Debug, GraphQLObject)]
#[graphql(name = "event_counts", rename_all = "none")]
pub struct EventCounts {
    /// All of them.
    pub all: i32,
    /// By which something is there, or accepted again, from then on.
    pub begins: i32,
    /// By which something has ended for good.
    pub ends: i32,
    /// By which something is refused until it is enabled or resumed.
    pub stops: i32,
    /// By which something is otherwise than it was: administration.
    pub changes: i32,
}

impl From<Counts> for EventCounts {
    fn from(counts: Counts) -> Self {
        let number = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        let Counts { begins, ends, stops, changes } = counts;
        Self {
            all: number(counts.sum()),
            begins: number(begins),
            ends: number(ends),
            stops: number(stops),
            changes: number(changes),
        }
    }
}

impl EventDensity {
    pub(super) fn of(density: Density, as_of: AsOfShown) -> Self {
        let stretch = |Stretch { positions, counts }: Stretch| EventStretch {
            from: LogPosition(*positions.start()),
            to: LogPosition(*positions.end()),
            counts: counts.into(),
        };
        Self {
            from: density.part.as_ref().map(|part| LogPosition(*part.start())),
            to: density.part.as_ref().map(|part| LogPosition(*part.end())),
            width: density.width.to_string(),
            counts: density.counts.into(),
            stretches: density.stretches.into_iter().map(stretch).collect(),
            as_of,
        }
    }
}

/// The part of the log that is meant, and how finely.
pub(super) fn along(
    stretches: Option<i32>,
    from: Option<LogPosition>,
    to: Option<LogPosition>,
) -> Result<Along, Failure> {
    let malformed = |field, rule| Failure::from(InputError::Malformed { field, rule });
    let (from, to) = (from.map(|position| position.0), to.map(|position| position.0));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(malformed("to", "must not lie before from"));
    }
    let stretches = match stretches.map(u64::try_from) {
        None => STRETCHES_DEFAULT,
        Some(Ok(stretches)) if (1..=STRETCHES_MAX).contains(&stretches) => stretches,
        Some(Ok(_) | Err(_)) => return Err(malformed("stretches", "ask for 1 to 1000 stretches")),
    };
    Ok(Along { from, to, stretches })
}
