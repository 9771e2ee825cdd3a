//! The time machine: a place in the log, what happened around it, what there was then, and the way to every page as it was.
//!
//! With a program the slider and the list are one: where it stands is asked for as this page, and the parts of it that are
//! marked for that take the places of those that are shown.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::as_of::AsOf;
use super::density::{Density, Drawing};
use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Basis, Event, Page, Who};
use super::unified::{self, Line};
use super::visit::{NO_MOMENT, Visit};
use crate::graphql::in_process::Refused;

/// The most positions that the slider spans: of so many the API counts the events.
const SPAN_MAX: u64 = 10_000_000;
/// The most differences of a page, as its document says.
const ENTRIES_MAX: u64 = 200;
/// What lies so close to now is compared with it without being asked: it costs little.
const COMPARED_UNASKED: u64 = 1_000;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    event_density: Density,
    before: Page<Event>,
    after: Page<Event>,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    states: Vec<StateCount>,
}

#[derive(Deserialize)]
struct StateCount {
    state: String,
    count: u64,
}

#[derive(Deserialize)]
struct OfKey {
    before: Page<Event>,
    after: Page<Event>,
}

#[derive(Deserialize)]
struct Compared {
    state_diff: Difference,
}

#[derive(Deserialize)]
pub(super) struct Difference {
    pub(super) from: Basis,
    pub(super) to: Basis,
    pub(super) events_count: u64,
    pub(super) count: u64,
    pub(super) entries: Vec<Entry>,
}

#[derive(Deserialize)]
pub(super) struct Entry {
    pub(super) what: String,
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) increases_access: bool,
    pub(super) summary: String,
    pub(super) fields: Vec<Field>,
}

#[derive(Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Entry {
    /// What it is, without its fields, which are told one by one: the summary as far as the first colon that is in no
    /// name. In quotes a backslash stands before a quote.
    pub(super) fn subject(&self) -> &str {
        let (mut quoted, mut escaped) = (false, false);
        for (at, c) in self.summary.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                ':' if !quoted => return &self.summary[..at],
                _ => {}
            }
        }
        &self.summary
    }

    /// The page of the thing, if it has one.
    fn key_id(&self) -> Option<&str> {
        self.id.as_deref().filter(|_| self.kind == "key")
    }
}

/// The steps that one can take from a place: addresses.
struct Steps {
    first: String,
    earlier: Option<String>,
    later: Option<String>,
    /// To the changes of the key that the event at this place is about.
    earlier_of_key: Option<String>,
    later_of_key: Option<String>,
}

#[derive(Template)]
#[template(path = "time.html")]
struct Shown {
    frame: Frame,
    here: Basis,
    /// The instant as a field for times has it, in UTC.
    instant_field: String,
    /// Where the slider stands, where it begins, and where it ends.
    position: u64,
    first: u64,
    head: u64,
    drawing: Drawing,
    density: Density,
    /// How many events of which kind, with classes and words.
    kinds: Vec<(&'static str, &'static str, u64)>,
    states: Vec<(&'static str, u64)>,
    before: Vec<Event>,
    after: Vec<Event>,
    steps: Steps,
    comparison: Comparison,
    /// Why the machine does not stand at the moment that was asked for.
    error: Option<Refused>,
}

/// What is otherwise between this place and another.
struct Comparison {
    /// The moment of the other end, as it stands in the address; empty: now.
    to_text: String,
    only_increases: bool,
    /// The other end lies before this place, so it is told from there to here.
    backwards: bool,
    told: Told,
}

/// A part of a long difference.
struct Part {
    /// The number of its first entry, from 1.
    first: u64,
    last: u64,
    all: u64,
    /// Where the parts before it and after it are.
    before: Option<String>,
    after: Option<String>,
}

enum Told {
    /// It is far to now, and nobody asked.
    Unasked {
        positions: u64,
    },
    /// It cannot be told.
    Refused(Refused),
    Difference(Difference, Vec<Line>, Part),
}

/// The page's main answer, and what was asked for it.
struct Seen {
    answer: Answer,
    variables: Value,
    first: u64,
    head: u64,
}

/// `GET /ui/time?as_of=…&to=…`
pub(super) async fn show(mut visit: Visit) -> Result<Response, Refusal> {
    let (seen, error) = match see(&visit).await {
        Ok(seen) => (seen, None),
        // From a moment that is none one can go to one that is: the machine stands at now.
        Err(refused) if visit.as_of.take().is_some() => {
            let seen = see(&visit).await.map_err(|_| visit.refusal(&refused))?;
            (seen, Some(refused))
        }
        Err(refused) => return Err(visit.refusal(&refused)),
    };
    let Seen { answer, variables, first, head } = seen;
    let Answer { who, event_density, before, after, keys } = answer;
    let here = before.as_of.clone();
    let here =
        here.ok_or_else(|| visit.refusal(&Refused::new("INTERNAL", "the server failed; its log says why")))?;
    let position = number(&here.position);
    let head = number(&here.head).max(head);
    let mut frame = Frame::new(&visit, "ui/time", "Time machine", &who)
        .based(Some(&here))
        .asked(document::TIME, &variables)
        .on_the_command_line("keyledger events");
    let current = before.nodes().next().cloned();
    let steps = steps(&visit, &mut frame, position, current.as_ref(), (&before, &after)).await;
    let comparison = compare(&visit, &mut frame, position, head).await;
    let shown = Shown {
        instant_field: here.instant.field(),
        drawing: Drawing::of(&event_density, (first, head), position),
        kinds: event_density.counts.kinds().into(),
        density: event_density,
        states: states(&keys.states),
        before: before.nodes().cloned().collect(),
        after: after.nodes().cloned().collect(),
        frame,
        here,
        position,
        first,
        head,
        steps,
        comparison,
        error,
    };
    Ok(visit.answer(&shown, shown.error.as_ref()))
}

/// What there is at the moment asked about.
async fn see(visit: &Visit) -> Result<Seen, Refused> {
    let head = visit.app.authority.position().number();
    let place = match &visit.as_of {
        None => head,
        Some(as_of) if !as_of.is_well_formed() => return Err(Refused::new("FORM_INVALID", NO_MOMENT)),
        Some(as_of) => place_of(visit, as_of).await?,
    };
    let first = head.saturating_sub(SPAN_MAX - 1).max(1);
    let next = place.saturating_add(1);
    let variables = json!({
        "moment": visit.moment(),
        "next": next.to_string(),
        "from": first.to_string(),
    });
    let answer = visit.ask(document::TIME, &variables).await?;
    Ok(Seen { answer, variables, first, head })
}

/// The steps to the events beside this place, and to the changes of the same key.
async fn steps(
    visit: &Visit,
    frame: &mut Frame,
    position: u64,
    current: Option<&Event>,
    (before, after): (&Page<Event>, &Page<Event>),
) -> Steps {
    let to = |event: &Event| format!("{}ui/time?as_of={}", visit.root, event.position);
    let mut steps = Steps {
        first: format!("{}ui/time?as_of=1", visit.root),
        earlier: before.nodes().find(|event| number(&event.position) < position).map(to),
        later: after.nodes().next().map(to),
        earlier_of_key: None,
        later_of_key: None,
    };
    if let Some(key) = current.and_then(|event| event.key_id.as_ref())
        && let Some(at) = current.map(|event| number(&event.position))
    {
        let variables = json!({
            "before": {"key_id": key, "to": at.saturating_sub(1).to_string()},
            "after": {"key_id": key, "from": at.saturating_add(1).to_string()},
        });
        // A step less is no page less.
        if let Ok(OfKey { before, after }) = visit.ask(document::TIME_OF_KEY, &variables).await {
            steps.earlier_of_key = before.nodes().next().map(to);
            steps.later_of_key = after.nodes().next().map(to);
            frame.also_asked(document::TIME_OF_KEY, &variables);
        }
    }
    steps
}

/// The code of a difference of which the second moment is the earlier one.
const BACKWARDS: &str = "AS_OF_BACKWARDS";

/// What is otherwise, if it was asked for or costs little.
async fn compare(visit: &Visit, frame: &mut Frame, position: u64, head: u64) -> Comparison {
    let to = AsOf::of(visit.query.get("to"));
    let asked = visit.query.get("to").is_some();
    let only_increases = visit.query.get("only_increases") == Some("yes");
    let to_text = to.as_ref().map(|to| to.text().to_owned()).unwrap_or_default();
    let positions = head.saturating_sub(position);
    let mut comparison =
        Comparison { to_text, only_increases, backwards: false, told: Told::Unasked { positions } };
    if !asked && positions > COMPARED_UNASKED {
        return comparison;
    }
    // Neither has to be named first.
    comparison.backwards = match &to {
        None => false,
        Some(to) => match place_of(visit, to).await {
            Ok(place) => place < position,
            Err(refused) => return Comparison { told: Told::Refused(refused), ..comparison },
        },
    };
    comparison.told = told(visit, frame, position, to.as_ref(), &comparison).await;
    // Between the same two events the clock tells which is the later one.
    if to.is_some() && matches!(&comparison.told, Told::Refused(refused) if refused.code == BACKWARDS) {
        comparison.backwards = !comparison.backwards;
        comparison.told = told(visit, frame, position, to.as_ref(), &comparison).await;
    }
    comparison
}

/// The difference itself, or the part of it that was asked for.
async fn told(
    visit: &Visit,
    frame: &mut Frame,
    position: u64,
    to: Option<&AsOf>,
    comparison: &Comparison,
) -> Told {
    let here = visit.as_of.clone().unwrap_or_else(|| AsOf::at(position));
    let (from, to) = match to {
        Some(to) if comparison.backwards => (to, Some(&here)),
        to => (&here, to),
    };
    let offset = visit.query.get("offset").and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let variables = json!({
        "from": from.input(),
        "to": to.map_or(Value::Null, AsOf::input),
        "only_increases": comparison.only_increases,
        "offset": offset.min(i32::MAX as u32),
    });
    match visit.ask::<Compared>(document::TIME_DIFF, &variables).await {
        Ok(Compared { state_diff }) => {
            frame.also_asked(document::TIME_DIFF, &variables);
            let to = to.map(|to| format!(" {}", to.on_the_command_line())).unwrap_or_default();
            let increases = if comparison.only_increases { " --only-increases" } else { "" };
            frame.cli = Some(format!("keyledger diff {}{to}{increases}", from.on_the_command_line()));
            let part = Part::of(&state_diff, u64::from(offset), |offset| {
                to_part(visit, here.text(), comparison, offset)
            });
            let mut lines = unified::lines(&state_diff);
            lines.extend(part.cut());
            Told::Difference(state_diff, lines, part)
        }
        Err(refused) => Told::Refused(refused),
    }
}

/// The address of a part of the same difference, which is between the same two moments.
fn to_part(visit: &Visit, here: &str, comparison: &Comparison, offset: u64) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("as_of", here);
    let to = Some(comparison.to_text.as_str()).filter(|to| !to.is_empty());
    query.append_pair("to", to.unwrap_or("now"));
    if comparison.only_increases {
        query.append_pair("only_increases", "yes");
    }
    query.append_pair("offset", &offset.to_string());
    format!("{}ui/time?{}#diff", visit.root, query.finish())
}

impl Part {
    fn of(difference: &Difference, offset: u64, to: impl Fn(u64) -> String) -> Self {
        let last = offset + difference.entries.len() as u64;
        Self {
            first: offset + 1,
            last,
            all: difference.count,
            before: (offset > 0).then(|| to(offset.saturating_sub(ENTRIES_MAX))),
            after: (last < difference.count && last > offset).then(|| to(last)),
        }
    }

    /// Whether it is not the whole.
    fn is_cut(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }

    /// The line that says so, for whoever copies the text.
    fn cut(&self) -> Option<Line> {
        let text = format!(
            "# differences {} to {} of {}: the others are not in this text",
            self.first, self.last, self.all
        );
        self.is_cut().then_some(Line { class: "file", text })
    }
}

/// How many keys stood how, those that lived.
fn states(counts: &[StateCount]) -> Vec<(&'static str, u64)> {
    let count =
        |state: &str| counts.iter().find(|counted| counted.state == state).map_or(0, |counted| counted.count);
    let states = ["active", "disabled", "suspended"];
    states.into_iter().map(|state| (state, count(state))).filter(|(_, count)| *count > 0).collect()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

#[derive(Deserialize)]
struct Reached {
    position: String,
}

/// The last place until a moment.
async fn place_of(visit: &Visit, moment: &AsOf) -> Result<u64, Refused> {
    if let Some(position) = moment.position() {
        return Ok(position);
    }
    let reached = visit.ask(document::REACHED, &json!({"as_of": moment.input()})).await;
    reached.map(|Reached { position }| number(&position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_colon_is_no_end_of_the_subject() {
        let entry = |summary: &str| Entry {
            what: String::new(),
            kind: String::new(),
            id: None,
            increases_access: false,
            summary: summary.to_owned(),
            fields: vec![],
        };
        for (summary, subject) in [
            (r#"key "a" 0123: disabled no"#, r#"key "a" 0123"#),
            (r#"key "a: \"b: \\" 0123: disabled no"#, r#"key "a: \"b: \\" 0123"#),
            ("operators of the deployment", "operators of the deployment"),
        ] {
            assert_eq!(entry(summary).subject(), subject);
        }
    }
}
