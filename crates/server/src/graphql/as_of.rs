//! As of, in GraphQL: the moment that a query asks about, and the one that its answer rests on.

use authority::{AsOf, Basis};
use juniper::{GraphQLInputObject, GraphQLObject};
use serde_json::{Value, json};

use super::scalars::{Instant, LogPosition};

/// A moment of the log: exactly one of these. What the log holds is told as it was then, and so is what the clock
/// decides: whether a key had expired, or the grace of a rotation was over. What you may see follows your rights now.
#[derive(Clone, Copy, Debug, GraphQLInputObject)]
#[graphql(name = "as_of_input", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum AsOfInput {
    /// Just after the event at this position, at the instant that it was recorded.
    position(LogPosition),
    /// At this instant, with every event that was recorded until then.
    instant(Instant),
}

impl AsOfInput {
    /// The moment as the authority takes it; now, if none is given.
    pub(super) fn of(given: Option<Self>) -> AsOf {
        match given {
            None => AsOf::Now,
            Some(Self::position(position)) => AsOf::Position(position.0),
            Some(Self::instant(instant)) => AsOf::Instant(instant.0),
        }
    }
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, GraphQLObject)]
#[graphql(name = "as_of", rename_all = "none")]
pub struct AsOfShown {
    /// The last event that counts.
    pub position: LogPosition,
    /// The instant at which the clock decides.
    pub instant: Instant,
    /// The last event of the log when it was read.
    pub head: LogPosition,
}

impl From<Basis> for AsOfShown {
    fn from(basis: Basis) -> Self {
        let Basis { position, instant, head } = basis;
        Self { position: LogPosition(position), instant: Instant(instant), head: LogPosition(head) }
    }
}

/// The same for the `extensions` of an answer.
pub(super) fn json(basis: Basis) -> Value {
    let Basis { position, instant, head } = basis;
    json!({"position": position.to_string(), "instant": instant.to_string(), "head": head.to_string()})
}
