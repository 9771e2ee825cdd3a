//! What is told before something is done that can be undone: disabling a key, suspending a service account, another role. What
//! would stop is told first, by the dry run of the mutation itself.

use askama::Template;
use axum::response::Response;
use serde_json::{Value, json};

use super::consequences::Consequences;
use super::document::Document;
use super::frame::Frame;
use super::shown::{RoleWords, role_name};
use super::visit::Visit;
use crate::graphql::in_process::Refused;

/// What is about to be done, in words.
pub(super) struct Wanted {
    pub(super) title: String,
    /// What it means.
    pub(super) says: String,
    /// What it means for a reader whom it concerns.
    pub(super) own: Option<String>,
    /// Where the form is sent, from the root.
    pub(super) path: String,
    /// Where whoever does not want it goes, from the root.
    pub(super) back: String,
    pub(super) button: &'static str,
    /// The role that is given, if one is.
    pub(super) role: Option<&'static str>,
}

/// The mutation, its field and its input.
pub(super) struct Mutation {
    pub(super) document: Document,
    pub(super) field: &'static str,
    pub(super) input: Value,
}

#[derive(Template)]
#[template(path = "preview.html")]
struct Preview {
    frame: Frame,
    wanted: Wanted,
    consequences: Consequences,
    error: Option<Refused>,
}

/// The page.
pub(super) async fn show(
    visit: &Visit,
    frame: Frame,
    wanted: Wanted,
    mutation: Mutation,
    error: Option<Refused>,
) -> Response {
    let Mutation { document, field, input } = mutation;
    let consequences = Consequences::of(visit, document, field, input.clone()).await;
    let frame = frame.asked(document, &json!({ "input": input }));
    let page = Preview { frame, wanted, consequences, error };
    visit.answer(&page, page.error.as_ref())
}

/// The role that a form or an address names.
pub(super) fn role(value: Option<&str>) -> Result<RoleWords, Refused> {
    let known = RoleWords::ALL.into_iter().find(|role| Some(role.value) == value);
    known.ok_or_else(|| Refused::new("FORM_INVALID", "choose what they may do: there is no such role"))
}

/// What another role means.
pub(super) fn another_role(name: &str, from: &str, to: RoleWords) -> String {
    let says = first_letter_small(to.says);
    if from == to.value {
        return format!("{name} has this role already: {} {says}", to.name);
    }
    format!("{name} is {} now. As {} they may do this: {says}", role_name(from), to.name)
}

/// What another role means for whoever gives it to themselves.
pub(super) fn own_role(tenant: &str, from: &str, to: RoleWords) -> String {
    let administers = |role: &str| role == "administrator";
    if administers(from) && !administers(to.value) {
        return format!(
            "This is you: from the next request on you do not administer {tenant} any more, and cannot take it back. Another administrator can."
        );
    }
    "This is you.".to_owned()
}

fn first_letter_small(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
