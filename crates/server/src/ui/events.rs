//! What happened, the last first: the log as people read it.

use askama::Template;
use authority::events::EventType;
use axum::response::Response;
use domain::ids::UserId;
use domain::telling::in_plain_words;
use serde::Deserialize;
use serde_json::{Value, json};

use super::as_of::AsOf;
use super::command_line::with_flags;
use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Event, Page, Who};
use super::visit::Visit;
use crate::graphql::in_process::Refused;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    events: Page<Event>,
}

#[derive(Deserialize)]
struct WhoOnly {
    #[serde(flatten)]
    who: Who,
}

#[derive(Template)]
#[template(path = "events.html")]
struct List {
    frame: Frame,
    events: Page<Event>,
    /// The filters by kind: the address, the name, whether it is this one.
    kinds: Vec<(String, &'static str, bool)>,
    /// The types that can be chosen: of the API, in words, whether it is this one.
    types: Vec<(String, String, bool)>,
    asked: Asked,
    /// What the list is confined to by the page that led here.
    only: Option<String>,
    /// Why the one event that was asked for is not shown.
    absent: Option<String>,
    next: Option<String>,
    error: Option<Refused>,
}

/// What is asked for, as it stands in the address.
#[derive(Clone, Default)]
struct Asked {
    kind: Option<String>,
    kind_of_event: Option<String>,
    actor: Option<String>,
    since: Option<String>,
    until: Option<String>,
    at: Option<String>,
    key: Option<String>,
    account: Option<String>,
    user: Option<String>,
    /// Every event of the deployment.
    all: bool,
}

impl List {
    /// What else is asked for, that the form does not ask.
    fn kept(&self) -> Vec<(&'static str, &str)> {
        let own = ["type", "actor", "since", "until", "all"];
        let asked = self.asked.query().into_iter().filter(|(name, _)| !own.contains(name));
        let moment = ("as_of", self.frame.moment());
        asked.chain([moment]).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn actor(&self) -> &str {
        self.asked.actor.as_deref().unwrap_or_default()
    }

    fn since(&self) -> &str {
        self.asked.since.as_deref().unwrap_or_default()
    }

    fn until(&self) -> &str {
        self.asked.until.as_deref().unwrap_or_default()
    }

    /// The whole list: of the deployment, if this is.
    fn everything(&self) -> &'static str {
        if self.asked.all { "ui/events?all=yes" } else { "ui/events" }
    }

    /// The same event in the log of the deployment.
    fn in_the_deployment(&self) -> String {
        let at = self.asked.at.as_deref().unwrap_or_default();
        self.frame.to(&format!("ui/events?at={at}&all=yes"))
    }
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
    let asked = Asked::of(&visit);
    let (filter, wrong) = match asked.filter() {
        Ok(filter) => (filter, None),
        Err(refused) => (Value::Null, Some(refused)),
    };
    let variables = json!({
        "filter": filter,
        "after": visit.query.get("after"),
        "all": asked.all.then_some(true),
        "as_of": visit.moment(),
    });
    let answer = match wrong {
        Some(refused) => Err(refused),
        None => visit.ask::<Answer>(document::EVENTS, &variables).await,
    };
    let (who, events, error) = match answer {
        Ok(Answer { who, events }) => (who, events, None),
        // What was typed stands there still, to be put right.
        Err(refused) if asked.was_typed() && refused.code != "FORBIDDEN" => {
            let WhoOnly { who } = visit.page(document::WHO, &json!({})).await?;
            (who, Page::empty(), Some(refused))
        }
        Err(refused) => return Err(visit.refusal(&refused)),
    };
    let frame = Frame::new(&visit, "ui/events", "Events", &who)
        .based(events.as_of.as_ref())
        .asked(document::EVENTS, &variables)
        .on_the_command_line(asked.command_line());
    let next = events.next().map(|after| frame.to_next("ui/events", &asked.query(), after));
    let kind = asked.kind.clone().unwrap_or_default();
    let kinds = KINDS.map(|(value, name, _)| {
        (frame.to(&asked.to_kind(value)), name, value == kind && asked.kind_of_event.is_none())
    });
    let types = EventType::ALL.map(|known| {
        let name = known.to_string();
        let chosen = asked.kind_of_event.as_ref() == Some(&name);
        (name.clone(), in_plain_words(&name), chosen)
    });
    let list = List {
        absent: absent(&asked, &events, &frame),
        only: asked.only(),
        kinds: kinds.into(),
        types: types.into(),
        next,
        events,
        asked,
        frame,
        error,
    };
    Ok(visit.answer(&list, list.error.as_ref()))
}

/// Why the one event that was asked for is not shown, if it is not.
fn absent(asked: &Asked, events: &Page<Event>, frame: &Frame) -> Option<String> {
    let at = asked.at.as_ref().filter(|_| events.is_empty())?;
    let last = events.as_of.as_ref().and_then(|basis| basis.position.parse::<u64>().ok())?;
    let sentence = match at.parse::<u64>() {
        Ok(position) if (1..=last).contains(&position) && asked.all => {
            format!("Event {at} is there, and does not fit what else is asked for.")
        }
        Ok(position) if (1..=last).contains(&position) => format!(
            "Event {at} is none of {}’s: it concerns another tenant, or none at all, as when somebody becomes known to the deployment.",
            frame.who.tenant
        ),
        _ => format!("There is no event {at}: the log goes from 1 to {last}."),
    };
    Some(sentence)
}
