//! What happened, the last first: the log as people read it.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::command_line::with_flags;
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
    /// What the list is confined to, beside a kind.
    only: Option<String>,
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
            "KeyNoteChanged",
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

/// The same list on the command line.
fn command_line(types: Option<&[&str]>, [at, key, account, user]: [Option<&str>; 4]) -> String {
    let types = types.map(|types| types.join(","));
    let flags = [
        ("--type", types.as_deref()),
        ("--from", at),
        ("--to", at),
        ("--key", key),
        ("--service-account", account),
        // An account and a person are never both asked about there.
        ("--user", user.filter(|_| account.is_none())),
    ];
    with_flags("keyledger events", &flags)
}

/// `GET /ui/events`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let kind = visit.query.get("kind").unwrap_or_default();
    let types = KINDS.iter().find(|(value, _, _)| *value == kind).map(|(_, _, types)| *types);
    let types = types.filter(|types| !types.is_empty());
    let [at, key, account, user] = ["at", "key", "account", "user"].map(|name| visit.query.get(name));
    let filter = json!({
        "types": types,
        "from": at,
        "to": at,
        "key_id": key,
        "service_account_id": account,
        "user_id": user,
    });
    let only = match (at, key, account, user) {
        (Some(at), ..) => Some(format!("Only event {at}.")),
        (None, Some(_), ..) => Some("Only what was done with one key, or to it.".to_owned()),
        (None, None, Some(_), _) => Some("Only what concerns one service account.".to_owned()),
        (None, None, None, Some(_)) => Some("Only what concerns one person.".to_owned()),
        (None, None, None, None) => None,
    };
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
        .on_the_command_line(command_line(types, [at, key, account, user]));
    let kind = Some(kind).filter(|kind| !kind.is_empty());
    let kept = [("kind", kind), ("key", key), ("account", account), ("user", user)];
    let next = events.next().map(|after| frame.to_next("ui/events", &kept, after));
    let kinds = KINDS.map(|(value, name, _)| (value, name, value == kind.unwrap_or_default())).into();
    let list = List { only, kinds, next, events, frame };
    Ok(visit.answer(&list, None))
}
