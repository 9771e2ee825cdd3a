//! Events in GraphQL: what is asked of the log, and how an event is shown.

use authority::events::{EventFilter, EventPage, EventView, Said};
use authority::{Failure, InputError};
use domain::Recorded;
use domain::actor::ActorId;
use domain::concern::Concerned;
use domain::key::Owner;
use domain::time::Position;
use juniper::{GraphQLInputObject, GraphQLObject};

use super::as_of::{AsOfInput, AsOfShown};
use super::connection::PageInfo;
use super::density::EffectValue;
use super::filters::few_types;
use super::scalars::{Instant, LogPosition, Uuid};

/// Which events are wanted: those that everything given applies to.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "event_filter", rename_all = "none")]
pub struct EventFilterInput {
    /// Of one of these types, such as KeyCreated, KeyRevoked or MemberRemoved. A page is looked for in at most
    /// 10,000 events at a time: with `types` or `actor_id` it may be shorter than asked and still have a next one.
    pub types: Option<Vec<String>>,
    /// By the user or service account with this id, or with the key or token with this id.
    pub actor_id: Option<Uuid>,
    /// About this key.
    pub key_id: Option<Uuid>,
    /// About this user, its memberships or its keys.
    pub user_id: Option<Uuid>,
    /// About this service account or its keys.
    pub service_account_id: Option<Uuid>,
    /// From this position on.
    pub from: Option<LogPosition>,
    /// Up to and including this position.
    pub to: Option<LogPosition>,
    /// Recorded at this instant or later.
    pub since: Option<Instant>,
    /// Recorded before this instant.
    pub until: Option<Instant>,
}

impl EventFilterInput {
    /// The filter as the authority takes it.
    pub(super) fn parsed(&self, as_of: Option<AsOfInput>) -> Result<EventFilter, Failure> {
        let malformed = |field, rule| Failure::from(InputError::Malformed { field, rule });
        few_types(self.types.as_deref())?;
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from.0 > to.0
        {
            return Err(malformed("filter.to", "must not lie before filter.from"));
        }
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since.0 > until.0
        {
            return Err(malformed("filter.until", "must not lie before filter.since"));
        }
        let concerning = [
            self.key_id.map(|id| Concerned::Key(id.id())),
            self.user_id.map(|id| Concerned::User(id.id())),
            self.service_account_id.map(|id| Concerned::ServiceAccount(id.id())),
        ];
        Ok(EventFilter {
            types: self.types.as_deref().map(EventFilter::types).transpose()?,
            concerning: concerning.into_iter().flatten().collect(),
            actor: self.actor_id.map(|id| id.0),
            from: self.from.map(|position| position.0),
            to: self.to.map(|position| position.0),
            since: self.since.map(|at| at.0),
            until: self.until.map(|at| at.0),
            as_of: AsOfInput::of(as_of),
        })
    }
}

/// An event: something that happened, as the log holds it for good.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "event", rename_all = "none")]
pub struct Event {
    /// Its place in the log: dense, from 1.
    pub position: LogPosition,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// What happened, such as KeyRevoked.
    pub r#type: String,
    /// What kind of thing that is.
    pub effect: EffectValue,
    /// What happened and who did it, in one line for people. A name that you may not see is left out.
    pub summary: String,
    /// The same line as people say it, without words of the API: "Key revoked" for KeyRevoked, and reasons and roles in plain
    /// words. To be read, not to be parsed: it may be put better one day.
    pub in_plain_words: String,
    /// Who did it.
    pub actor: EventActor,
    /// By which interface: bootstrap, graphql, rest, oauth, cli, ui, schedule or import.
    pub way: String,
    /// The server's id of the request, as in its log and in the header x-request-id.
    pub request_id: Uuid,
    /// The client's own name for the attempt, if it gave one.
    pub idempotency_key: Option<String>,
    /// The event that this one follows from, when one command made several.
    pub cause: Option<LogPosition>,
    /// The tenant that it is about; null: it is about none, or a user in all of its tenants.
    pub tenant_id: Option<Uuid>,
    /// The user that it is about, or whose key.
    pub user_id: Option<Uuid>,
    /// The service account that it is about, or whose key.
    pub service_account_id: Option<Uuid>,
    /// The key that it is about.
    pub key_id: Option<Uuid>,
    /// The signing key that it is about.
    pub signing_key_id: Option<Uuid>,
    /// What it says, field by field; fields that are empty are left out.
    pub details: Vec<EventDetail>,
}

/// Who did something.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "event_actor", rename_all = "none")]
pub struct EventActor {
    /// user, service_account, console (a person at the machine itself) or server (on its own schedule).
    pub kind: String,
    /// The user or service account.
    pub id: Option<Uuid>,
    /// The key used.
    pub key_id: Option<Uuid>,
    /// The token shown, if it was one.
    pub token_id: Option<Uuid>,
}

/// A field of an event.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "event_detail", rename_all = "none")]
pub struct EventDetail {
    /// The field; within a group after a dot, such as reach.tenant.
    pub name: String,
    /// What it says; null: a text that you may not see.
    pub value: Option<String>,
}

/// A page of events.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "event_connection", rename_all = "none")]
pub struct EventConnection {
    /// The entries with their cursors.
    pub edges: Vec<EventEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
}

/// An event with its cursor, which is its position.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "event_edge", rename_all = "none")]
pub struct EventEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: Event,
}

/// The position that a cursor stands for.
pub(super) fn position(cursor: &str) -> Result<Position, Failure> {
    let rule = "give the end_cursor of an earlier page of this list, or a position";
    let malformed = InputError::Malformed { field: "after", rule };
    cursor.parse().map(Position::new).map_err(|_| malformed.into())
}

impl EventConnection {
    /// The page, and whether it was asked for after another.
    pub(super) fn of(page: EventPage, has_previous_page: bool, as_of: AsOfShown) -> Self {
        let end_cursor = page.end.map(|position| position.to_string());
        let edge =
            |view: EventView| EventEdge { cursor: view.recorded.position.to_string(), node: view.into() };
        let edges: Vec<_> = page.events.into_iter().map(edge).collect();
        let start_cursor = edges.first().map(|edge| edge.cursor.clone());
        let page_info = PageInfo { has_next_page: page.more, has_previous_page, start_cursor, end_cursor };
        Self { edges, page_info, as_of }
    }
}

/// What is said, in words; none: it may not be seen.
pub(super) fn written(said: Said) -> Option<String> {
    match said {
        Said::Text(text) => Some(text),
        Said::Word { word, .. } => Some(word.to_owned()),
        Said::Instant(at) => Some(at.to_string()),
        Said::Hidden => None,
    }
}

/// The same for people.
fn in_plain_words(said: Said) -> Option<String> {
    match said {
        Said::Word { plain, .. } => Some(plain.into_owned()),
        Said::Text(_) | Said::Instant(_) | Said::Hidden => written(said),
    }
}

impl From<EventView> for Event {
    fn from(view: EventView) -> Self {
        let Recorded { position, recorded_at, metadata, event } = view.recorded;
        let details = view.details.into_iter();
        Self {
            position: LogPosition(position),
            recorded_at: Instant(recorded_at),
            r#type: event.name().to_owned(),
            effect: event.effect().into(),
            in_plain_words: view.line.iter().cloned().filter_map(in_plain_words).collect(),
            summary: view.line.into_iter().filter_map(written).collect(),
            actor: metadata.actor.into(),
            way: metadata.way.as_str().to_owned(),
            request_id: metadata.request.into(),
            idempotency_key: metadata.idempotency.map(|used| used.key.as_str().to_owned()),
            cause: metadata.cause.map(LogPosition),
            tenant_id: view.tenant.map(Uuid::from),
            user_id: view.user.map(Uuid::from),
            service_account_id: view.service_account.map(Uuid::from),
            key_id: view.key.map(Uuid::from),
            signing_key_id: view.signing_key.map(Uuid::from),
            details: details.map(|(name, said)| EventDetail { name, value: written(said) }).collect(),
        }
    }
}

impl From<ActorId> for EventActor {
    fn from(actor: ActorId) -> Self {
        let nobody = |kind: &str| Self { kind: kind.to_owned(), id: None, key_id: None, token_id: None };
        match actor {
            ActorId::Console => nobody("console"),
            ActorId::Server => nobody("server"),
            ActorId::Holder { identity, key, token } => {
                let (kind, id) = match identity {
                    Owner::User(user) => ("user", user.into()),
                    Owner::ServiceAccount(account) => ("service_account", account.into()),
                };
                let token_id = token.map(Uuid::from);
                Self { kind: kind.to_owned(), id: Some(id), key_id: Some(key.into()), token_id }
            }
        }
    }
}
