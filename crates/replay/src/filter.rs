//! Which events are wanted.

use domain::actor::ActorId;
use domain::ids::{KeyId, MalformedId, TenantId};
use domain::rejection::Entity;
use domain::subjects::subjects_of;
use domain::time::{Position, Timestamp};
use domain::{Lookup, Recorded};
use store::codec::event_type::EventType;

use crate::subjects::concerns_tenant;

/// Which events are wanted: those that everything said here applies to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this position on.
    pub from: Position,
    /// Up to and including this position; none: to the end.
    pub to: Option<Position>,
    /// Recorded at this instant or later; none: from the beginning.
    pub since: Option<Timestamp>,
    /// Recorded before this instant; none: to the end.
    pub until: Option<Timestamp>,
    /// Of one of these types; none: of any.
    pub types: Vec<EventType>,
    /// About this tenant, or what belongs to it.
    pub tenant: Option<TenantId>,
    /// About this key.
    pub key: Option<KeyId>,
    /// By this actor.
    pub actor: Option<ActorFilter>,
    /// The first so many; none: all.
    pub limit: Option<u64>,
}

/// Whose acts are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorFilter {
    /// Those of a person at the machine itself.
    Console,
    /// Those of the server.
    Server,
    /// Those of the user or the service account with this id, or done with the key or the token with this id.
    Id([u8; 16]),
}

/// A name that no event has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no event; the events are {}", all_names())]
pub struct UnknownEvent {
    /// The name.
    pub name: String,
}

/// Reads the name of an event, in any letter case.
pub fn parse_event_type(name: &str) -> Result<EventType, UnknownEvent> {
    EventType::named(name).ok_or_else(|| UnknownEvent { name: name.to_owned() })
}

fn all_names() -> String {
    EventType::ALL.map(|event_type| event_type.to_string()).join(", ")
}

impl ActorFilter {
    /// Reads `console`, `server`, or the id of a user, a service account, a key or a token.
    pub fn parse(text: &str) -> Result<Self, MalformedId> {
        match text {
            "console" => Ok(Self::Console),
            "server" => Ok(Self::Server),
            id => KeyId::parse(id).map(|id| Self::Id(id.bytes())),
        }
    }

    fn admits(self, actor: &ActorId) -> bool {
        match (self, actor) {
            (Self::Console, ActorId::Console) | (Self::Server, ActorId::Server) => true,
            (Self::Id(id), actor) => actor.is(id),
            (Self::Console | Self::Server, _) => false,
        }
    }
}

impl Filter {
    /// Whether neither this event is wanted nor any after it.
    pub(crate) fn ends_before(&self, recorded: &Recorded) -> bool {
        self.to.is_some_and(|to| recorded.position > to)
            || self.until.is_some_and(|until| recorded.recorded_at >= until)
    }

    /// Whether the event is wanted; `rows` are those after it.
    pub(crate) fn admits<L: Lookup>(&self, rows: &L, recorded: &Recorded) -> Result<bool, L::Error> {
        let event = &recorded.event;
        let begun =
            recorded.position >= self.from && self.since.is_none_or(|since| recorded.recorded_at >= since);
        let here = begun && !self.ends_before(recorded);
        let typed = self.types.is_empty() || self.types.contains(&EventType::of(event));
        let by = self.actor.is_none_or(|actor| actor.admits(&recorded.metadata.actor));
        let of_key = self.key.is_none_or(|key| subjects_of(event).contains(&Entity::Key(key)));
        if !(here && typed && by && of_key) {
            return Ok(false);
        }
        self.tenant.map_or(Ok(true), |tenant| concerns_tenant(rows, event, tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_are_read_in_any_case() {
        assert_eq!(parse_event_type("keyrevoked"), Ok(EventType::KeyRevoked));
        let error = parse_event_type("KeyLost").unwrap_err().to_string();
        assert!(error.starts_with("\"KeyLost\" is no event; the events are TenantCreated, "), "{error}");
    }

    #[test]
    fn actors_are_words_or_ids() {
        assert_eq!(ActorFilter::parse("console"), Ok(ActorFilter::Console));
        assert_eq!(ActorFilter::parse("anna"), Err(MalformedId));
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(ActorFilter::parse(id), Ok(ActorFilter::Id(KeyId::parse(id).unwrap().bytes())));
    }
}
