//! Refused commands in GraphQL.

use authority::refusals::{RefusalPage, RefusedCommand};
use authority::{Failure, InputError};
use domain::rejection::Entity;
use juniper::GraphQLObject;

use super::as_of::AsOfShown;
use super::connection::PageInfo;
use super::events::EventActor;
use super::scalars::{Instant, Uuid};

/// A command that was refused. It is no event: nothing happened. Of each tenant the last 1,000 are kept, beside the
/// log; those of the last seconds before a crash are lost.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "refusal", rename_all = "none")]
pub struct RefusalNode {
    /// When.
    pub at: Instant,
    /// The stable code with which it was refused.
    pub code: String,
    /// The command, such as RevokeKey.
    pub command: String,
    /// Who asked for it.
    pub actor: EventActor,
    /// By which interface.
    pub way: String,
    /// The server's id of the request, as in its log and in the header x-request-id.
    pub request_id: Uuid,
    /// What kind of thing the command was about: tenant, user, member, service account, key or signing key; null: it
    /// named none.
    pub about_kind: Option<String>,
    /// The id of that thing as the command named it, whether or not there is such a thing; a member's is the user's.
    pub about_id: Option<Uuid>,
}

/// A page of refusals, the newest first.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "refusal_connection", rename_all = "none")]
pub struct RefusalConnection {
    /// The entries with their cursors.
    pub edges: Vec<RefusalEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
    /// How many older ones were kept once and are no more; approximate. 2147483647 stands for that many or more.
    pub dropped: i32,
}

/// A refusal with its cursor.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "refusal_edge", rename_all = "none")]
pub struct RefusalEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: RefusalNode,
}

/// The refusals of a tenant and those of none cannot be asked for at once.
pub(super) fn both() -> Failure {
    InputError::Malformed { field: "outside", rule: "name either a tenant or outside: true" }.into()
}

/// The number that a cursor stands for.
pub(super) fn number(cursor: &str) -> Result<u64, Failure> {
    let rule = "give the end_cursor of an earlier page of this list";
    let malformed = InputError::Malformed { field: "after", rule };
    cursor.parse().map_err(|_| malformed.into())
}

impl RefusalConnection {
    /// The page, and whether it was asked for after another.
    pub(super) fn of(page: RefusalPage, has_previous_page: bool, as_of: AsOfShown) -> Self {
        let edge = |(number, refusal): (u64, RefusedCommand)| RefusalEdge {
            cursor: number.to_string(),
            node: refusal.into(),
        };
        let edges: Vec<_> = page.refusals.into_iter().map(edge).collect();
        let cursor = |edge: &RefusalEdge| edge.cursor.clone();
        let (start_cursor, end_cursor) = (edges.first().map(cursor), edges.last().map(cursor));
        let page_info = PageInfo { has_next_page: page.more, has_previous_page, start_cursor, end_cursor };
        let dropped = i32::try_from(page.dropped).unwrap_or(i32::MAX);
        Self { edges, page_info, as_of, dropped }
    }
}

impl From<RefusedCommand> for RefusalNode {
    fn from(refusal: RefusedCommand) -> Self {
        Self {
            at: Instant(refusal.at),
            code: refusal.code,
            command: refusal.command,
            actor: refusal.actor.into(),
            way: refusal.way.as_str().to_owned(),
            request_id: refusal.request.into(),
            about_kind: refusal.about.map(|entity| entity.kind().to_owned()),
            about_id: refusal.about.map(|entity: Entity| Uuid(entity.id())),
        }
    }
}
