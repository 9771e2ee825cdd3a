//! What was refused: who asked for what, when, and with which code. No event: nothing happened. For administrators of the
//! tenant; for operators also what concerns no tenant.

use askama::Template;
use axum::response::Response;
use domain::telling::in_plain_words;
use serde::Deserialize;
use serde_json::json;

use super::command_line::with_flags;
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
        in_plain_words(&self.command)
    }

    fn is_about_a_key(&self) -> bool {
        self.about_kind.as_deref() == Some("key")
    }
}

/// `GET /ui/refusals`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let outside = visit.query.get("outside") == Some("yes");
    let key = visit.query.get("key");
    let after = visit.query.get("after");
    let variables = json!({"outside": outside, "key_id": key, "after": after, "as_of": visit.moment()});
    let answer: Answer = visit.page(document::REFUSALS, &variables).await?;
    let Answer { who, refusals: Refusals { page, dropped } } = answer;
    let cli = if outside { "keyledger refusals --outside" } else { "keyledger refusals" };
    let cli = with_flags(cli, &[("--key", key)]);
    let frame = Frame::new(&visit, "ui/events", "Refusals", &who)
        .based(page.as_of.as_ref())
        .asked(document::REFUSALS, &variables)
        .on_the_command_line(cli);
    let kept = [("outside", outside.then_some("yes")), ("key", key)];
    let next = page.next().map(|after| frame.to_next("ui/refusals", &kept, after));
    let key = key.map(str::to_owned);
    Ok(visit.answer(&List { frame, refusals: page, dropped, outside, key, next }, None))
}
