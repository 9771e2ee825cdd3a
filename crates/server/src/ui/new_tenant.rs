//! Making a tenant with its first administrator: for operators. Somebody new gets a first key, which is shown this once.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::attempt;
use super::document;
use super::fault::{self, Field, Meant};
use super::form::Fields;
use super::frame::Frame;
use super::members::FirstKey;
use super::refusal::Refusal;
use super::shown::Who;
use super::tenants::{LONGEST, Rule, USUAL, rule_seconds};
use super::visit::Visit;
use crate::graphql::in_process::Refused;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
}

#[derive(Template)]
#[template(path = "new_tenant.html")]
struct NewTenant {
    frame: Frame,
    slug: String,
    name: String,
    email: String,
    rules: [Rule; 2],
    must_prove: bool,
    error: Option<Refused>,
    /// The first key of an administrator who is new.
    first_key: Option<String>,
    /// The id of the first key, if this form was sent before and the key shown then.
    made_before: Option<String>,
    attempt: String,
}

const SLUG: Field = ("slug", "Short name");

/// With which field what is refused.
const MEANT: [Meant; 4] = [
    Meant { field: SLUG, codes: &["SLUG_TAKEN"], word: Some("a slug") },
    Meant { field: fault::EMAIL, codes: &["EMAIL_TAKEN"], word: Some("e-mail address") },
    Meant { field: fault::NAME, codes: &[], word: Some("a name") },
    Meant { field: (LONGEST.number, LONGEST.label), codes: &["POLICY_CONTRADICTS"], word: None },
];

/// `GET /ui/deployment/tenants/new`
pub(super) async fn form(visit: Visit) -> Result<Response, Refusal> {
    let who = who(&visit).await?;
    Ok(page(&visit, &who, &Fields::default(), None, FirstKey::default()))
}

/// `POST /ui/deployment/tenants/new`
pub(super) async fn create(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    // Everything that the page of the key needs is read before there is one: it must not be lost.
    let who = who(&visit).await?;
    let input = match visit.proven(&fields).and_then(|()| input(&fields)) {
        Ok(input) => input,
        Err(refused) => return Ok(page(&visit, &who, &fields, Some(refused), FirstKey::default())),
    };
    match visit.ask::<Value>(document::CREATE_TENANT, &json!({ "input": input })).await {
        Ok(made) => match FirstKey::of(&made["create_tenant"]) {
            FirstKey { id: None, .. } => Ok(visit.go_to("ui/deployment?done=tenant-created")),
            first_key => Ok(page(&visit, &who, &fields, None, first_key)),
        },
        Err(refused) => Ok(page(&visit, &who, &fields, Some(refused), FirstKey::default())),
    }
}

/// What is said if the form was sent before with something else in it.
const SENT_BEFORE: &str = "this form was sent before, with something else in it: the tenant that it named then was made, and its administrator's first key, if there is one, was shown then. Nothing was done now. To make one more, send this form once more";

fn input(fields: &Fields) -> Result<Value, Refused> {
    let missing = |field, message| Refused::new("FORM_INVALID", message).at(field);
    let slug = fields.get("slug").ok_or(missing(SLUG, "give the tenant a short name, such as acme"))?;
    let email = fields.get("email");
    let email = email.ok_or(missing(fault::EMAIL, "give the e-mail address of its first administrator"))?;
    Ok(json!({
        "slug": slug,
        "name": fields.get("name"),
        "administrator_email": email,
        "key_life_seconds_max": rule_seconds(fields, LONGEST)?,
        "key_life_seconds_default": rule_seconds(fields, USUAL)?,
        "idempotency_key": fields.get("attempt"),
    }))
}

/// Who looks. Only an operator is shown the form: the list of all tenants is theirs alone.
async fn who(visit: &Visit) -> Result<Who, Refusal> {
    let Answer { who } = visit.page(document::DEPLOYMENT, &json!({"after": null, "as_of": null})).await?;
    Ok(who)
}

fn page(visit: &Visit, who: &Who, fields: &Fields, error: Option<Refused>, first_key: FirstKey) -> Response {
    let error = error.map(|refused| attempt::in_plain_words(refused, SENT_BEFORE));
    let error = error.map(|refused| fault::about(refused, &MEANT));
    let frame = Frame::new(visit, "ui/deployment", "New tenant", who)
        .asked(document::CREATE_TENANT, &json!({"input": {"slug": "…", "administrator_email": "…"}}))
        .on_the_command_line("keyledger tenant create SLUG --admin EMAIL");
    let page = NewTenant {
        frame,
        slug: fields.text("slug"),
        name: fields.text("name"),
        email: fields.text("email"),
        rules: [LONGEST, USUAL].map(|field| Rule::typed(field, fields)),
        must_prove: !visit.is_proved(),
        attempt: attempt::name(visit, fields, error.as_ref()),
        error,
        made_before: first_key.made_before(),
        first_key: first_key.secret,
    };
    visit.answer(&page, page.error.as_ref())
}
