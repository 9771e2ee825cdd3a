//! One key: its state and why, its life, its use, its lineage, and what somebody who had it could do.

use askama::Template;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::document;
use super::form::Fields;
use super::frame::Frame;
use super::keys::by_id;
use super::refusal::Refusal;
use super::shown::{Basis, Event, Key, Usage, Who, duration_words, mark_of, role_name};
use super::state_of_key::StateOfKey;
use super::timeline::Timeline;
use super::visit::Visit;
use super::when::When;
use crate::graphql::in_process::Refused;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    key: Option<Key>,
    key_history: History,
    blast_radius: Blast,
    explain: Explanation,
}

#[derive(Deserialize)]
struct History {
    steps: Vec<Step>,
    as_of: Basis,
}

/// Something that happened to the key.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Step {
    pub(super) at: When,
    pub(super) what: String,
    pub(super) through: String,
    pub(super) position: Option<String>,
    pub(super) status: String,
    pub(super) approximate: bool,
    pub(super) event: Option<StepEvent>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StepEvent {
    pub(super) summary: String,
    pub(super) way: String,
}

impl Step {
    /// How the key stood afterwards.
    pub(super) fn state(&self) -> StateOfKey {
        StateOfKey::of(&self.status)
    }

    /// What happened, in words.
    pub(super) fn words(&self) -> String {
        match (&self.event, self.what.as_str()) {
            (Some(event), _) => event.summary.clone(),
            (None, "expired") => "Its time was over".to_owned(),
            (None, "grace_over") => "The grace after its rotation was over".to_owned(),
            (None, "first_used") => "Used for the first time, as far as is known".to_owned(),
            (None, "last_used") => "Used for the last time, as far as is known".to_owned(),
            (None, other) => other.to_owned(),
        }
    }

    /// Through what it befell the key, if it was nothing that was done to the key itself.
    pub(super) fn through_words(&self) -> Option<&'static str> {
        match self.through.as_str() {
            "owner" => Some("through its owner"),
            "membership" => Some("through its owner’s membership"),
            "tenant" => Some("through its tenant"),
            _ => None,
        }
    }

    /// The kind of its mark.
    pub(super) fn mark(&self) -> &'static str {
        match self.what.as_str() {
            "expired" | "grace_over" => "ends",
            "first_used" | "last_used" => "use",
            kind => mark_of(kind),
        }
    }
}

#[derive(Deserialize)]
struct Blast {
    spells: Vec<Spell>,
    events: Vec<Event>,
    events_count: u64,
    keys_made: Vec<String>,
    predecessor_ids: Vec<String>,
    successor_ids: Vec<String>,
    tokens_dead_at: Option<When>,
    contain_with: Option<String>,
}

/// Where and as what it was accepted, from when until when.
#[derive(Deserialize)]
struct Spell {
    tenant_id: Option<String>,
    role: Option<String>,
    from: When,
    until: Option<When>,
    position: String,
}

#[derive(Deserialize)]
struct Explanation {
    code: String,
    decided_by: Vec<Deciding>,
}

#[derive(Deserialize)]
struct Deciding {
    position: String,
    recorded_at: When,
    #[serde(rename = "type")]
    kind: String,
    decides: String,
}

#[derive(Template)]
#[template(path = "key.html")]
struct Shown {
    frame: Frame,
    id: String,
    /// None: it was made later.
    key: Option<Key>,
    steps: Vec<Step>,
    timeline: Option<Timeline>,
    blast: Blast,
    explanation: Explanation,
    rate: Option<String>,
    /// The tenants by their ids, as far as the reader has them.
    tenants: Vec<(String, String)>,
}

impl Shown {
    fn tenant_name<'a>(&'a self, id: &'a Option<String>) -> &'a str {
        let Some(id) = id else { return "outside of every tenant" };
        self.tenants.iter().find(|(known, _)| known == id).map_or(id, |(_, name)| name)
    }

    fn role<'a>(&self, role: &'a Option<String>) -> &'a str {
        role.as_deref().map_or("no role", role_name)
    }
}

/// `GET /ui/keys/ID`
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let variables = json!({"key": by_id(&id), "as_of": visit.moment()});
    let answer: Answer = visit.page(document::KEY, &variables).await?;
    let Answer { who, key, key_history, blast_radius, explain } = answer;
    let title = key.as_ref().map_or_else(|| "A key that is to come".to_owned(), |key| key.name.clone());
    let frame = Frame::new(&visit, "ui/keys", title, &who)
        .based(Some(&key_history.as_of))
        .asked(document::KEY, &variables)
        .on_the_command_line(format!("keyledger key show {id}"));
    let timeline = key.as_ref().and_then(|key| {
        Timeline::of(
            &key_history.steps,
            key.expires_at.as_ref(),
            key.grace_ends_at.as_ref(),
            &key_history.as_of.instant,
        )
    });
    let rate = key
        .as_ref()
        .and_then(|key| key.rate_limit.as_ref())
        .map(|rate| format!("{} requests in {}", rate.requests, duration_words(rate.period_seconds)));
    let tenants = who.tenant.iter().map(|tenant| (tenant.id.clone(), tenant.name.clone())).collect();
    let shown = Shown {
        frame,
        id,
        key,
        steps: key_history.steps,
        timeline,
        blast: blast_radius,
        explanation: explain,
        rate,
        tenants,
    };
    Ok(visit.answer(&shown, None))
}

#[derive(Deserialize)]
struct Used {
    key: Option<UsedKey>,
}

#[derive(Deserialize)]
struct UsedKey {
    usage: Option<Usage>,
}

/// `GET /ui/keys/ID/used`: for the page of a new key, which waits for its first use.
pub(super) async fn used(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let Used { key } = visit.page(document::USED, &json!({"key": by_id(&id)})).await?;
    let usage = key.and_then(|key| key.usage);
    let told = match usage {
        Some(usage) => json!({
            "used": true,
            "at": usage.first_used_at.exact(),
            "by": usage.caller_words(),
        }),
        None => json!({"used": false}),
    };
    Ok(([(CONTENT_TYPE, "application/json")], told.to_string()).into_response())
}

/// `POST /ui/keys/ID/rename`
pub(super) async fn rename(
    visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    if fields.get("name").is_none() {
        return Err(
            visit.refusal(&Refused::new("FORM_INVALID", "give the key a name of at most 200 characters"))
        );
    }
    let input = json!({"key_id": id, "name": fields.get("name")});
    let _: Value = visit.page(document::RENAME_KEY, &json!({"input": input})).await?;
    Ok(visit.go_to(&format!("ui/keys/{id}?done=renamed")))
}
