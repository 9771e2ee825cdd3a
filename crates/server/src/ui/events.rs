//! What happened, the last first: the log as people read it.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Event, Page, Who};
use super::visit::Visit;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    events: Page<Event>,
}

#[derive(Template)]
#[template(path = "events.html")]
struct List {
    frame: Frame,
    events: Page<Event>,
    kinds: Vec<(&'static str, &'static str, bool)>,
    /// One event is asked for by its place.
    at: Option<String>,
    next: Option<String>,
}

/// What is offered, and the types of the API that it stands for.
const KINDS: [(&str, &str, &[&str]); 5] = [
    ("", "Everything", &[]),
    (
        "keys",
        "Keys",
        &[
            "KeyCreated",
            "KeyRenamed",
            "KeyExpiryChanged",
            "KeyDisabled",
            "KeyEnabled",
            "KeyRevoked",
            "KeyRotated",
            "KeyAddressesChanged",
            "KeyRateChanged",
        ],
    ),
    (
        "people",
        "People",
        &[
            "UserCreated",
            "UserSuspended",
            "UserResumed",
            "UserRemoved",
            "MemberAdded",
            "MemberRoleChanged",
            "MemberRemoved",
        ],
    ),
    (
        "accounts",
        "Service accounts",
        &[
            "ServiceAccountCreated",
            "ServiceAccountRenamed",
            "ServiceAccountRoleChanged",
            "ServiceAccountSuspended",
            "ServiceAccountResumed",
            "ServiceAccountRemoved",
        ],
    ),
    (
        "ends",
        "What ended",
        &[
            "KeyRevoked",
            "MemberRemoved",
            "ServiceAccountRemoved",
            "UserRemoved",
            "TokensRevoked",
            "TenantRemoved",
        ],
    ),
];

/// `GET /ui/events`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let kind = visit.query.get("kind").unwrap_or_default();
    let types = KINDS.iter().find(|(value, _, _)| *value == kind).map(|(_, _, types)| *types);
    let types = types.filter(|types| !types.is_empty());
    let (at, key) = (visit.query.get("at"), visit.query.get("key"));
    let filter = json!({"types": types, "from": at, "to": at, "key_id": key});
    let variables = json!({
        "filter": filter,
        "after": visit.query.get("after"),
        "all": null,
        "as_of": visit.moment(),
    });
    let Answer { who, events } = visit.page(document::EVENTS, &variables).await?;
    let frame = Frame::new(&visit, "ui/events", "Events", &who)
        .based(events.as_of.as_ref())
        .asked(document::EVENTS, &variables)
        .on_the_command_line("keyledger events");
    let kept = [("kind", Some(kind).filter(|kind| !kind.is_empty())), ("key", key)];
    let next = events.next().map(|after| frame.to_next("ui/events", &kept, after));
    let kinds = KINDS.map(|(value, name, _)| (value, name, value == kind)).into();
    let list = List { at: at.map(str::to_owned), kinds, next, events, frame };
    Ok(visit.answer(&list, None))
}
