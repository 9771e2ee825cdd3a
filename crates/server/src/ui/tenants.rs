//! Tenants: those in which the reader acts, which one they are in, and its rules for new keys.

use askama::Template;
use axum::response::Response;
use domain::ids::TenantId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document;
use super::form::Fields;
use super::frame::Frame;
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Page, Tenant, Who, duration_words};
use super::visit::Visit;
use crate::graphql::in_process::Refused;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    tenants: Page<Tenant>,
}

#[derive(Template)]
#[template(path = "tenants.html")]
struct List {
    frame: Frame,
    tenants: Page<Tenant>,
    /// The rules of the tenant where the reader is, in days.
    days_max: String,
    days_default: String,
    error: Option<Refused>,
}

impl List {
    fn life(&self, seconds: &Option<u64>) -> String {
        seconds.map_or_else(|| "unlimited".to_owned(), duration_words)
    }
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// `GET /ui/tenants`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    listed(&visit, None).await
}

/// `POST /ui/tenants/enter`
pub(super) async fn enter(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    let missing = || visit.refusal(&Refused::new("NOT_A_MEMBER", "choose one of your tenants"));
    let tenant = fields.get("tenant").and_then(|id| TenantId::parse(id).ok()).ok_or_else(missing)?;
    // Whether it is theirs is what the list of their tenants says; and it is asked again at every request.
    let Answer { tenants, .. } = visit.page(document::TENANTS, &json!({"as_of": null})).await?;
    if !tenants.nodes().any(|known| known.id == tenant.to_string()) {
        return Err(missing());
    }
    visit.app.authority.enter_tenant(visit.secret(), tenant);
    Ok(visit.go_to("ui/keys?done=tenant"))
}

/// `POST /ui/tenants/policy`
pub(super) async fn change_policy(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    let read = (life_seconds(&fields, "days_max"), life_seconds(&fields, "days_default"));
    let (max, default) = match read {
        (Ok(max), Ok(default)) => (max, default),
        (Err(refused), _) | (_, Err(refused)) => return listed(&visit, Some(refused)).await,
    };
    let what = "change the rules for new keys";
    let wish = Wish { section: "ui/tenants", path: "ui/tenants/policy", what };
    if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
        return Ok(asked);
    }
    let input = json!({"key_life_seconds_max": max, "key_life_seconds_default": default});
    match visit.ask::<Value>(document::CHANGE_POLICY, &json!({ "input": input })).await {
        Ok(_) => Ok(visit.go_to("ui/tenants?done=policy")),
        Err(refused) => listed(&visit, Some(refused)).await,
    }
}

/// Days as seconds; none: unlimited.
pub(super) fn life_seconds(fields: &Fields, name: &str) -> Result<Option<u64>, Refused> {
    let Some(text) = fields.get(name) else { return Ok(None) };
    let days: Option<u64> = text.parse().ok().filter(|days| (1..=20_000).contains(days));
    let message = "give a number of days, 1 to 20000, or leave the field empty for no limit";
    days.map(|days| Some(days * DAY_SECONDS)).ok_or(Refused::new("FORM_INVALID", message))
}

async fn listed(visit: &Visit, error: Option<Refused>) -> Result<Response, Refusal> {
    let variables = json!({ "as_of": visit.moment() });
    let Answer { who, tenants } = visit.page(document::TENANTS, &variables).await?;
    let frame = Frame::new(visit, "ui/tenants", "Tenants", &who)
        .based(tenants.as_of.as_ref())
        .asked(document::TENANTS, &variables)
        .on_the_command_line("keyledger tenant list");
    let here = tenants.nodes().find(|tenant| tenant.id == frame.who.tenant_id);
    let days =
        |seconds: Option<u64>| seconds.map(|seconds| (seconds / DAY_SECONDS).to_string()).unwrap_or_default();
    let days_max = days(here.and_then(|tenant| tenant.key_life_seconds_max));
    let days_default = days(here.and_then(|tenant| tenant.key_life_seconds_default));
    let list = List { frame, tenants, days_max, days_default, error };
    Ok(visit.answer(&list, list.error.as_ref()))
}
