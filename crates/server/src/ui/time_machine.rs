//! The time machine: a place in the log, what is otherwise now, and the way to every page as it was then.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::as_of::AsOf;
use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Basis, Event, Page, Who};
use super::visit::Visit;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    state_diff: Difference,
    before: Page<Event>,
    after: Page<Event>,
}

#[derive(Deserialize)]
struct Difference {
    from: Basis,
    to: Basis,
    events_count: u64,
    count: u64,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    what: String,
    kind: String,
    id: Option<String>,
    increases_access: bool,
    summary: String,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

impl Entry {
    /// The kind in words.
    fn kind_words(&self) -> String {
        self.kind.replace('_', " ")
    }

    /// The page of the thing, if it has one.
    fn key_id(&self) -> Option<&str> {
        self.id.as_deref().filter(|_| self.kind == "key")
    }
}

#[derive(Template)]
#[template(path = "time.html")]
struct Shown {
    frame: Frame,
    from: Basis,
    to: Basis,
    /// The moment of the other end, as it stands in the address; empty: now.
    to_text: String,
    position: u64,
    head: u64,
    difference: Difference,
    only_increases: bool,
    before: Vec<Event>,
    after: Vec<Event>,
    /// The steps to the events beside this place.
    earlier: Option<String>,
    later: Option<String>,
}

impl Shown {
    /// How far along the slider an event of the list lies, in thousandths.
    fn place(&self, event: &Event) -> u64 {
        let position: u64 = event.position.parse().unwrap_or(0);
        if self.head <= 1 { 1000 } else { (position.saturating_sub(1)) * 1000 / (self.head - 1) }
    }
}

/// `GET /ui/time?as_of=…&to=…`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    // Without a moment it begins where the log ends: the place itself is asked first, for the lists around it.
    let from = match &visit.as_of {
        Some(as_of) => as_of.clone(),
        None => AsOf::of(Some(&visit.app.authority.position().to_string())).expect("a position is a moment"),
    };
    let to = AsOf::of(visit.query.get("to"));
    let only_increases = visit.query.get("only_increases") == Some("yes");
    let place = match from.position() {
        Some(position) => position.to_string(),
        None => position_at(&visit, &from).await?,
    };
    let next = place.parse::<u64>().map_or(1, |place| place.saturating_add(1));
    let variables = json!({
        "from": from.input(),
        "to": to.as_ref().map(AsOf::input),
        "only_increases": only_increases,
        "before": {"to": place},
        "after": {"from": next.to_string()},
    });
    let Answer { who, state_diff, before, after } = visit.page(document::TIME, &variables).await?;
    let line = format!("keyledger diff {}", from.text());
    let mut frame = Frame::new(&visit, "ui/time", "Time machine", &who).asked(document::TIME, &variables);
    frame.cli = Some(match &to {
        Some(to) => format!("{line} {}", to.text()),
        None => line,
    });
    let frame = frame.based(Some(&state_diff.from));
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let step = |event: &Event| format!("{}ui/time?as_of={}", visit.root, event.position);
    let before: Vec<_> = before.nodes().cloned().collect();
    let after: Vec<_> = after.nodes().cloned().collect();
    let earlier =
        before.iter().find(|event| number(&event.position) < number(&state_diff.from.position)).map(step);
    let shown = Shown {
        frame,
        position: number(&state_diff.from.position),
        head: number(&state_diff.from.head),
        from: state_diff.from.clone(),
        to: state_diff.to.clone(),
        to_text: to.as_ref().map(|to| to.text().to_owned()).unwrap_or_default(),
        difference: state_diff,
        only_increases,
        later: after.first().map(step),
        earlier,
        before,
        after,
    };
    Ok(visit.answer(&shown, None))
}

#[derive(Deserialize)]
struct Reached {
    position: String,
}

/// The last place until an instant.
async fn position_at(visit: &Visit, moment: &AsOf) -> Result<String, Refusal> {
    let Reached { position } = visit.page(document::REACHED, &json!({"as_of": moment.input()})).await?;
    Ok(position)
}
