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
use super::fault::Field;
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

impl Asked {
    fn of(visit: &Visit) -> Self {
        let text = |name: &str| visit.query.get(name).map(str::to_owned);
        Self {
            kind: text("kind"),
            kind_of_event: text("type"),
            actor: text("actor"),
            since: text("since"),
            until: text("until"),
            at: text("at"),
            key: text("key"),
            account: text("account"),
            user: text("user"),
            all: visit.query.get("all") == Some("yes"),
        }
    }

    /// As an address has it.
    fn query(&self) -> Vec<(&'static str, Option<&str>)> {
        vec![
            ("kind", self.kind.as_deref()),
            ("type", self.kind_of_event.as_deref()),
            ("actor", self.actor.as_deref()),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
            ("at", self.at.as_deref()),
            ("key", self.key.as_deref()),
            ("account", self.account.as_deref()),
            ("user", self.user.as_deref()),
            ("all", self.all.then_some("yes")),
        ]
    }

    /// The same list of another kind.
    fn to_kind(&self, kind: &str) -> String {
        let kind = Some(kind).filter(|kind| !kind.is_empty()).map(str::to_owned);
        let other = Self { kind, kind_of_event: None, ..self.clone() };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in other.query() {
            query.extend_pairs(value.map(|value| (name, value)));
        }
        format!("ui/events?{}", query.finish())
    }

    /// The types of the API; none: all.
    fn types(&self) -> Option<Vec<&str>> {
        if let Some(one) = &self.kind_of_event {
            return Some(vec![one]);
        }
        let kind = self.kind.as_deref().unwrap_or_default();
        let (_, _, types) = KINDS.iter().find(|(value, _, _)| *value == kind)?;
        (!types.is_empty()).then(|| types.to_vec())
    }

    /// The filter as the API takes it.
    fn filter(&self) -> Result<Value, Refused> {
        if let Some(actor) = &self.actor
            && UserId::parse(actor).is_err()
        {
            let message = "give the whole id of a person, a service account, a key or a token, such as 01890a5d-ac96-774b-bcce-b302099a8057";
            return Err(Refused::new("FORM_INVALID", message).at(("actor", "By")));
        }
        let instant = |field: Field, text: &Option<String>| {
            let Some(moment) = AsOf::of(text.as_deref()) else { return Ok(None) };
            let message = "give a time in UTC, such as 2026-11-25T10:00";
            moment.instant().map(Some).ok_or(Refused::new("FORM_INVALID", message).at(field))
        };
        Ok(json!({
            "types": self.types(),
            "actor_id": self.actor,
            "from": self.at,
            "to": self.at,
            "key_id": self.key,
            "service_account_id": self.account,
            "user_id": self.user,
            "since": instant(("since", "From, in UTC"), &self.since)?,
            "until": instant(("until", "Until before, in UTC"), &self.until)?,
        }))
    }

    /// The same list on the command line.
    fn command_line(&self) -> String {
        let types = self.types().map(|types| types.join(","));
        let instant = |text: &Option<String>| AsOf::of(text.as_deref()).and_then(|moment| moment.instant());
        let (since, until) = (instant(&self.since), instant(&self.until));
        let flags = [
            ("--type", types.as_deref()),
            ("--actor", self.actor.as_deref()),
            ("--from", self.at.as_deref()),
            ("--to", self.at.as_deref()),
            ("--since", since.as_deref()),
            ("--until", until.as_deref()),
            ("--key", self.key.as_deref()),
            ("--service-account", self.account.as_deref()),
            // An account and a person are never both asked about there.
            ("--user", self.user.as_deref().filter(|_| self.account.is_none())),
        ];
        let command = if self.all { "keyledger events --deployment" } else { "keyledger events" };
        with_flags(command, &flags)
    }

    /// What it is confined to by the page that led here.
    fn only(&self) -> Option<String> {
        let only = match self {
            Self { at: Some(at), .. } => format!("Only event {at}."),
            Self { key: Some(_), .. } => "Only what was done with one key, or to it.".to_owned(),
            Self { account: Some(_), .. } => "Only what concerns one service account.".to_owned(),
            Self { user: Some(_), .. } => "Only what concerns one person.".to_owned(),
            _ => return None,
        };
        Some(only)
    }

    /// Whether something was typed, which may be wrong.
    fn was_typed(&self) -> bool {
        [&self.kind_of_event, &self.actor, &self.since, &self.until].into_iter().any(Option::is_some)
    }
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
