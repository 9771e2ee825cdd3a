//! Showing the key once more: what gives somebody more rights, or cannot be undone, asks for it if it was not shown lately.
//! The form that was sent is kept, and sent again with the key.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::document;
use super::fault;
use super::form::Fields;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::Who;
use super::visit::Visit;
use crate::graphql::in_process::Refused;

/// The field in which the key is pasted.
const PROOF: &str = "proof";

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
}

#[derive(Template)]
#[template(path = "prove.html")]
struct Proof {
    frame: Frame,
    /// Where the form is sent again.
    path: String,
    /// What is done then.
    what: &'static str,
    fields: Vec<(String, String)>,
    /// What is wrong with the key that was pasted, if one was.
    error: Option<Refused>,
}

/// What a form wants to do.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    /// The section that it is of.
    pub(super) section: &'a str,
    /// Where it is sent.
    pub(super) path: &'a str,
    /// What it does, after "to".
    pub(super) what: &'static str,
}

/// Whether the key was shown lately, or with this form; if not, the page that asks for it.
pub(super) async fn asked_for(
    visit: &Visit,
    fields: &Fields,
    wish: Wish<'_>,
) -> Result<Option<Response>, Refusal> {
    let Err(refused) = visit.proven(fields) else { return Ok(None) };
    let Answer { who } = visit.page(document::WHO, &json!({})).await?;
    let kept = fields.iter().filter(|(name, _)| *name != PROOF);
    let page = Proof {
        frame: Frame::new(visit, wish.section, "Show that it is you", &who),
        path: wish.path.to_owned(),
        what: wish.what,
        fields: kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        error: fields.get(PROOF).is_some().then(|| fault::about(refused.clone(), &[])),
    };
    Ok(Some(visit.answer(&page, Some(&refused))))
}
