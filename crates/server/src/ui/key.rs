//! One key: its state and why, its life, its use, its lineage, and what somebody who had it could do.

use askama::Template;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::changing_key::{Form, PERIODS, Sent};
use super::document;
use super::fault::{self, Meant};
use super::frame::Frame;
use super::keys::by_id;
use super::new_key::{End, ends};
use super::offered::Offered;
use super::reach::Reach;
use super::refusal::Refusal;
use super::shown::{Basis, Event, Key, LivingTokens, Usage, Who, duration_words, mark_of, role_name};
use super::state_of_key::StateOfKey;
use super::timeline::Timeline;
use super::visit::Visit;
use super::when::When;
use super::words::interface_words;
use crate::graphql::in_process::Refused;
use crate::named::Named;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    key: Key,
    key_history: History,
    blast_radius: Blast,
    explain: Explanation,
}

#[derive(Deserialize)]
struct History {
    steps: Vec<Step>,
    earlier: bool,
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
    pub(super) effect: String,
    /// The event from which it followed.
    pub(super) cause: Option<String>,
}

impl Step {
    /// How the key stood afterwards.
    pub(super) fn state(&self) -> StateOfKey {
        StateOfKey::of(&self.status)
    }

    /// Whether it is the key's own rotation: its successor is there from then on.
    pub(super) fn rotates(&self) -> bool {
        self.what == "KeyRotated" && self.through == "key"
    }

    /// Whether the end of its grace ended the key.
    pub(super) fn ends_grace(&self) -> bool {
        self.what == "grace_over"
    }

    /// By which interface, in words; none: the clock did it.
    pub(super) fn way_words(&self) -> Option<&str> {
        self.event.as_ref().map(|event| interface_words(&event.way))
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
            "signing_key" => Some("through a signing key of its tokens"),
            "all_tokens" => Some("with the tokens of everybody"),
            _ => None,
        }
    }

    /// The kind of its mark.
    pub(super) fn mark(&self) -> &'static str {
        match (&self.event, self.what.as_str()) {
            (Some(event), _) => mark_of(&event.effect),
            (None, "first_used" | "last_used") => "use",
            (None, _) => "ends",
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Blast {
    pub(super) spells: Vec<Spell>,
    pub(super) earlier: bool,
    pub(super) events: Vec<Event>,
    pub(super) events_count: u64,
    pub(super) keys_made: Vec<String>,
    pub(super) predecessor_ids: Vec<String>,
    pub(super) successor_ids: Vec<String>,
    pub(super) tokens_dead_at: Option<When>,
    pub(super) contain_with: Option<String>,
    pub(super) tokens: Option<LivingTokens>,
}

/// Where and as what it was accepted, from when until when.
#[derive(Deserialize)]
pub(super) struct Spell {
    pub(super) tenant_id: Option<String>,
    pub(super) tenant_name: Option<String>,
    pub(super) role: Option<String>,
    pub(super) from: When,
    pub(super) until: Option<When>,
    pub(super) position: String,
}

impl Spell {
    /// What the tenant is called, as far as the reader may know.
    pub(super) fn tenant(&self) -> &str {
        match (&self.tenant_name, &self.tenant_id) {
            (Some(known), _) | (None, Some(known)) => known,
            (None, None) => "outside of every tenant",
        }
    }
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
    /// None: it is not for the reader to see.
    event: Option<IgnoredAny>,
}

/// That a key has a successor.
struct Replaced {
    /// Since when, if it is known.
    at: Option<When>,
    /// From when on it is refused for this reason: not, if something else ended it before.
    refused_from: Option<When>,
}

impl Replaced {
    fn of(key: &Key, steps: &[Step]) -> Option<Self> {
        let grace = key.grace_ends_at.as_ref()?;
        // What ended it before its grace did is told by its state; and so is an end of its own that comes sooner.
        let first =
            key.expires_at.as_ref().and_then(When::unix_ms).is_none_or(|end| grace.unix_ms() <= Some(end));
        let ends = key.status == "KEY_ROTATED" || (key.state().lives && first);
        let at = rotation(steps).map(|step| step.at.clone());
        Some(Self { at, refused_from: ends.then(|| grace.clone()) })
    }
}

/// The rotation that gave the key a successor: the last, for its own beginning may have been one, too.
pub(super) fn rotation(steps: &[Step]) -> Option<&Step> {
    steps.iter().rev().find(|step| step.rotates())
}

#[derive(Template)]
#[template(path = "key.html")]
struct Shown {
    frame: Frame,
    id: String,
    key: Key,
    offered: Offered,
    steps: Vec<Step>,
    earlier: bool,
    timeline: Option<Timeline>,
    blast: Blast,
    explanation: Explanation,
    rate: Option<String>,
    reach: Option<Reach>,
    replaced: Option<Replaced>,
    typed: Typed,
    periods: Vec<(u64, String, bool)>,
    /// What its end can be changed to.
    ends: Vec<End>,
    custom_end: String,
    longest: Option<String>,
    /// What the tenant is called to which it is confined; none: it acts in every tenant of its owner.
    confined_to: Option<String>,
    error: Option<Refused>,
}

/// What stands in the fields of the forms: what the key has, and of a form that was refused what was typed.
struct Typed {
    /// The form that was refused.
    form: Option<Form>,
    name: String,
    note: String,
    addresses: String,
    requests: String,
}

impl Typed {
    fn of(key: &Key, sent: Option<&Sent<'_>>) -> Self {
        let typed = |form: Form, field: &str, has: String| match sent {
            Some(sent) if sent.form == form => sent.fields.text(field),
            Some(_) | None => has,
        };
        let requests = key.rate_limit.as_ref().map(|rate| rate.requests.to_string());
        Self {
            form: sent.map(|sent| sent.form),
            name: typed(Form::Name, "name", key.name.clone()),
            note: typed(Form::Note, "note", key.note.clone().unwrap_or_default()),
            addresses: typed(
                Form::Addresses,
                "addresses",
                key.allowed_addresses.as_ref().map(|list| list.join("\n")).unwrap_or_default(),
            ),
            requests: typed(Form::Rate, "requests", requests.unwrap_or_default()),
        }
    }

    /// Whether this form was refused, and is to be seen at once.
    fn is(&self, form: Form) -> bool {
        self.form == Some(form)
    }
}

impl Shown {
    /// How many events were made with it, and which of them are told.
    fn acted_words(&self) -> String {
        acted_words(self.blast.events_count, self.blast.events.len().min(ACTED_SHOWN))
    }

    fn role<'a>(&self, role: &'a Option<String>) -> &'a str {
        role.as_deref().map_or("no role", role_name)
    }
}

/// The most events that are told of what was done with a key.
const ACTED_SHOWN: usize = 50;

fn acted_words(count: u64, shown: usize) -> String {
    match count {
        1 => "1 event".to_owned(),
        _ if count > shown as u64 => format!("the last {shown} of {count} events, the last first"),
        _ => format!("{count} events, the last first"),
    }
}

/// The periods that a rate can be given for, and the one that it has.
fn periods(current: Option<u64>) -> Vec<(u64, String, bool)> {
    let named =
        |(seconds, name): &(u64, &str)| (*seconds, (*name).to_owned(), current.unwrap_or(60) == *seconds);
    let mut periods: Vec<_> = PERIODS.iter().map(named).collect();
    if let Some(seconds) = current
        && !periods.iter().any(|(known, _, _)| *known == seconds)
    {
        periods.push((seconds, duration_words(seconds), true));
    }
    periods
}

/// `GET /ui/keys/ID`
pub(super) async fn show(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    page(&visit, &id, None).await
}

/// The same page, with a form of it that was refused.
pub(super) async fn again(visit: &Visit, id: &str, sent: Sent<'_>) -> Result<Response, Refusal> {
    page(visit, id, Some(sent)).await
}

async fn page(visit: &Visit, id: &str, sent: Option<Sent<'_>>) -> Result<Response, Refusal> {
    let variables = json!({"key": by_id(id), "as_of": visit.moment()});
    let answer = match visit.ask::<Answer>(document::KEY, &variables).await {
        Err(refused) if refused.code == "NOT_FOUND" && visit.as_of.is_some() => {
            return to_come(visit, id.to_owned(), &variables, &refused).await;
        }
        answer => answer.map_err(|refused| visit.refusal(&refused))?,
    };
    let Answer { who, key, key_history, blast_radius, explain } = answer;
    let mut frame = Frame::new(visit, "ui/keys", key.name.as_str(), &who)
        .based(Some(&key_history.as_of))
        .asked(document::KEY, &variables)
        .on_the_command_line(format!("keyledger key show {id}"));
    let offered = Offered::of(visit, &mut frame, &key).await;
    let instant = &key_history.as_of.instant;
    let (ends_at, grace) = (key.expires_at.as_ref(), key.grace_ends_at.as_ref());
    let timeline = Timeline::of(&key_history.steps, ends_at, grace, instant);
    let rate_limit = key.rate_limit.as_ref();
    let rate = rate_limit
        .map(|rate| format!("{} requests in {}", rate.requests, duration_words(rate.period_seconds)));
    let confined_to = key.tenant_id.as_ref().map(|id| {
        // It was accepted there when it was made.
        let spell = blast_radius.spells.iter().find(|spell| spell.tenant_id.as_ref() == Some(id));
        spell.map_or(id.as_str(), Spell::tenant).to_owned()
    });
    let reach = Reach::of(&key, &blast_radius, &key_history.steps, instant);
    let replaced = Replaced::of(&key, &key_history.steps);
    let sent_in = |form| sent.as_ref().filter(|sent| sent.form == form).map(|sent| sent.fields);
    // None of them is chosen unless it was: to change an end takes a choice.
    let end = sent_in(Form::End);
    let (ends, longest) =
        ends(visit, &who, end.map(|fields| fields.get("end").unwrap_or_default()).or(Some("")));
    let custom_end = end.map(|fields| fields.text("custom_end")).unwrap_or_default();
    let period = sent_in(Form::Rate).and_then(|fields| fields.get("period")?.parse().ok());
    let period = period.or(rate_limit.map(|rate| rate.period_seconds));
    let shown = Shown {
        typed: Typed::of(&key, sent.as_ref()),
        periods: periods(period),
        frame,
        id: id.to_owned(),
        key,
        offered,
        steps: key_history.steps,
        earlier: key_history.earlier,
        timeline,
        blast: blast_radius,
        explanation: explain,
        rate,
        reach,
        replaced,
        ends,
        custom_end,
        longest,
        confined_to,
        error: sent.map(|sent| {
            let meant = Meant { field: sent.form.field(), codes: Form::CODES, word: None };
            fault::about(sent.refused, &[meant])
        }),
    };
    Ok(visit.answer(&shown, shown.error.as_ref()))
}

#[derive(Deserialize)]
struct ToCome {
    #[serde(flatten)]
    who: Who,
    key_history: NoHistory,
}

#[derive(Deserialize)]
struct NoHistory {
    steps: Vec<Value>,
    as_of: Basis,
}

#[derive(Template)]
#[template(path = "key_to_come.html")]
struct YetToCome {
    frame: Frame,
    id: String,
}

/// The page of a key that was made later than the moment asked about: nothing of it is there to be told. What nobody made
/// is refused as it was.
async fn to_come(
    visit: &Visit,
    id: String,
    variables: &Value,
    refused: &Refused,
) -> Result<Response, Refusal> {
    let ToCome { who, key_history } = visit.page(document::KEY_TO_COME, variables).await?;
    if !key_history.steps.is_empty() {
        return Err(visit.refusal(refused));
    }
    let frame = Frame::new(visit, "ui/keys", "A key that is to come", &who)
        .based(Some(&key_history.as_of))
        .asked(document::KEY_TO_COME, variables)
        .on_the_command_line(format!("keyledger key history {id}"));
    Ok(visit.answer(&YetToCome { frame, id }, None))
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
pub(super) async fn used(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_which_of_the_events_are_told() {
        assert_eq!(acted_words(1, 1), "1 event");
        assert_eq!(acted_words(50, 50), "50 events, the last first");
        assert_eq!(acted_words(69, 50), "the last 50 of 69 events, the last first");
    }
}
