//! Retiring a signing key for good: because another took its place, or because somebody else may have it.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::consequences::Consequences;
use super::document;
use super::form::Fields;
use super::frame::Frame;
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Page, SigningKey, Who};
use super::visit::Visit;
use crate::graphql::in_process::Refused;
use crate::named::Named;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    signing_keys: Page<SigningKey>,
}

/// Why a signing key is retired.
struct Reason {
    value: &'static str,
    name: &'static str,
    says: &'static str,
}

const REASONS: [Reason; 2] = [
    Reason {
        value: "superseded",
        name: "Another took its place",
        says: "What it signed is accepted until it expires. Another key must sign already.",
    },
    Reason {
        value: "compromised",
        name: "Somebody else may have it",
        says: "It is replaced in the same moment. Every token that it signed is refused here at once, and elsewhere as soon as the key set is fetched again; clients get new ones with their keys.",
    },
];

#[derive(Template)]
#[template(path = "retire_signing_key.html")]
struct Retirement {
    frame: Frame,
    key: SigningKey,
    reason: &'static Reason,
    consequences: Consequences,
    error: Option<Refused>,
}

impl Retirement {
    fn reasons(&self) -> &'static [Reason] {
        &REASONS
    }
}

/// `GET /ui/signing-keys/ID/retire?reason=…`
pub(super) async fn form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    let reason = reason(visit.query.get("reason"));
    asked(&visit, &id, reason, None).await
}

/// `POST /ui/signing-keys/ID/retire`
pub(super) async fn retire(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let reason = reason(fields.get("reason"));
    let path = format!("ui/signing-keys/{id}/retire");
    let wish = Wish { section: "ui/signing-keys", path: &path, what: "retire a signing key" };
    if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
        return Ok(asked);
    }
    let input = json!({"signing_key_id": id, "reason": reason.value});
    match visit.ask::<Value>(document::RETIRE_SIGNING_KEY, &json!({ "input": input })).await {
        Ok(_) => Ok(visit.go_to("ui/signing-keys?done=signing-key-retired")),
        Err(refused) => asked(&visit, &id, reason, Some(refused)).await,
    }
}

fn reason(value: Option<&str>) -> &'static Reason {
    REASONS.iter().find(|reason| Some(reason.value) == value).unwrap_or(&REASONS[0])
}

async fn asked(
    visit: &Visit,
    id: &str,
    reason: &'static Reason,
    error: Option<Refused>,
) -> Result<Response, Refusal> {
    let (who, key) = named(visit, id).await?;
    let input = json!({"signing_key_id": id, "reason": reason.value});
    let field = "retire_signing_key";
    let consequences = Consequences::of(visit, document::RETIRE_SIGNING_KEY, field, input.clone()).await;
    let frame = Frame::new(visit, "ui/signing-keys", "Retire a signing key", &who)
        .asked(document::RETIRE_SIGNING_KEY, &json!({ "input": input }))
        .on_the_command_line(format!("keyledger signing-key retire {id} --reason {}", reason.value));
    let page = Retirement { frame, key, reason, consequences, error };
    Ok(visit.answer(&page, page.error.as_ref()))
}

async fn named(visit: &Visit, id: &str) -> Result<(Who, SigningKey), Refusal> {
    let mut after: Option<String> = None;
    loop {
        let variables = json!({"after": after, "as_of": null});
        let Answer { who, signing_keys } = visit.page(document::SIGNING_KEYS, &variables).await?;
        if let Some(key) = signing_keys.nodes().find(|key| key.id == id) {
            return Ok((who, key.clone()));
        }
        after = signing_keys.next().map(str::to_owned);
        if after.is_none() {
            return Err(visit.refusal(&Refused::new("NOT_FOUND", "there is no such signing key")));
        }
    }
}
