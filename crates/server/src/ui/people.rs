//! The people of the deployment, across all tenants, the removed ones too: for operators.

use askama::Template;
use axum::response::Response;
use credentials::sealing::ERASED_TEXT;
use serde::Deserialize;
use serde_json::json;

use super::document;
use super::form::Fields;
use super::frame::Frame;
use super::refusal::Refusal;
use super::search;
use super::shown::{Page, User, Who};
use super::visit::Visit;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    users: Page<User>,
}

#[derive(Template)]
#[template(path = "people.html")]
struct List {
    frame: Frame,
    users: Page<User>,
    /// The filters: the address, the name, whether it is this one.
    filters: Vec<(String, &'static str, bool)>,
    wanted: String,
    next: Option<String>,
}

impl List {
    fn is_erased(&self, user: &User) -> bool {
        user.email == ERASED_TEXT
    }
}

/// The filters: what the address calls them, what people do, and the states of the API.
const FILTERS: [(&str, &str, &[&str]); 3] = [
    ("", "Known", &["living", "suspended"]),
    ("suspended", "Suspended", &["suspended"]),
    ("removed", "Removed", &["removed"]),
];

/// `GET /ui/deployment/people`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let state = visit.query.get("state").unwrap_or_default();
    let wanted = visit.query.get("q");
    let (_, _, states) = FILTERS.iter().find(|(value, _, _)| *value == state).unwrap_or(&FILTERS[0]);
    let filter = json!({"state": states, "name_contains": wanted});
    let variables = json!({"filter": filter, "after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, users } = visit.page(document::PEOPLE, &variables).await?;
    let frame = Frame::new(&visit, "ui/deployment", "People", &who)
        .based(users.as_of.as_ref())
        .asked(document::PEOPLE, &variables)
        .on_the_command_line("keyledger user list");
    let filters = FILTERS.map(|(value, name, _)| {
        let path = match value {
            "" => "ui/deployment/people".to_owned(),
            value => format!("ui/deployment/people?state={value}"),
        };
        (frame.to(&path), name, value == state)
    });
    let kept = [("state", Some(state).filter(|state| !state.is_empty())), ("q", wanted)];
    let next = users.next().map(|after| frame.to_next("ui/deployment/people", &kept, after));
    let wanted = wanted.unwrap_or_default().to_owned();
    Ok(visit.answer(&List { frame, users, filters: filters.into(), wanted, next }, None))
}

/// `POST /ui/deployment/people/find`
pub(super) async fn find(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    search::led(&visit, &fields, "ui/deployment/people").await
}
