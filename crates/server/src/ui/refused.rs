//! What was refused: who asked for what, when, and with which code. No event: nothing happened. For administrators of the
//! tenant; for operators also what concerns no tenant.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Actor, Page, Who};
use super::visit::Visit;
use super::when::When;
use super::words::interface_words;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    refusals: Refusals,
}

#[derive(Deserialize)]
struct Refusals {
    #[serde(flatten)]
    page: Page<Entry>,
    dropped: u64,
}

/// A command that was refused.
#[derive(Deserialize)]
struct Entry {
    at: When,
    code: String,
    command: String,
    way: String,
    request_id: String,
    about_kind: Option<String>,
    about_id: Option<String>,
    actor: Actor,
}

#[derive(Template)]
#[template(path = "refusals.html")]
struct List {
    frame: Frame,
    refusals: Page<Entry>,
    dropped: u64,
    /// Those of no tenant.
    outside: bool,
    /// Only what this key was shown with, or was about.
    key: Option<String>,
    next: Option<String>,
}

impl Entry {
    /// By which interface, in words.
    fn way_words(&self) -> &str {
        interface_words(&self.way)
    }

    /// The command in words: its name taken apart.
    fn command_words(&self) -> String {
        let mut words = String::new();
        for letter in self.command.chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
                words.extend(letter.to_lowercase());
            } else {
                words.push(letter);
            }
        }
        words
    }

    fn is_about_a_key(&self) -> bool {
        self.about_kind.as_deref() == Some("key")
    }

    fn concerns(&self, key: &str) -> bool {
        let about = self.is_about_a_key() && self.about_id.as_deref() == Some(key);
        about || self.actor.key_id.as_deref() == Some(key)
    }
}

/// How many pages of the list are looked through for one key: as many as there are, at 50 to a page.
const PAGES_MAX: usize = 20;

/// `GET /ui/refusals`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let outside = visit.query.get("outside") == Some("yes");
    let key = visit.query.get("key");
    let ask = |after: Option<String>| json!({"outside": outside, "after": after, "as_of": visit.moment()});
    let mut variables = ask(visit.query.get("after").map(str::to_owned));
    let mut answer: Answer = visit.page(document::REFUSALS, &variables).await?;
    if let Some(key) = key {
        // The API lists a tenant's refusals as they came; of one key there may be few among them.
        let mut found = vec![];
        for _ in 0..PAGES_MAX {
            let page = &mut answer.refusals.page;
            let edges = std::mem::take(&mut page.edges);
            found.extend(edges.into_iter().filter(|edge| edge.node.concerns(key)));
            let Some(after) = page.next().map(str::to_owned) else { break };
            variables = ask(Some(after));
            answer = visit.page(document::REFUSALS, &variables).await?;
        }
        answer.refusals.page.edges = found;
        answer.refusals.page.page_info = None;
        variables = ask(None);
    }
    let Answer { who, refusals: Refusals { page, dropped } } = answer;
    let cli = if outside { "keyledger refusals --outside" } else { "keyledger refusals" };
    let frame = Frame::new(&visit, "ui/events", "Refusals", &who)
        .based(page.as_of.as_ref())
        .asked(document::REFUSALS, &variables)
        .on_the_command_line(cli);
    let kept = [("outside", outside.then_some("yes"))];
    let next = page.next().map(|after| frame.to_next("ui/refusals", &kept, after));
    let key = key.map(str::to_owned);
    Ok(visit.answer(&List { frame, refusals: page, dropped, outside, key, next }, None))
}
