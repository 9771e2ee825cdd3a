//! Ending a key: what is known of its use, the gentler ways, and the last one.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::consequences::Consequences;
use super::document;
use super::fault::{self, Field, Meant};
use super::form::Fields;
use super::frame::Frame;
use super::keys::by_id;
use super::notices;
use super::offered::Offered;
use super::preview::{self, Mutation, Wanted};
use super::refusal::Refusal;
use super::shown::{Key, Who};
use super::visit::Visit;
use crate::graphql::in_process::Refused;
use crate::named::Named;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    key: Option<Key>,
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct Revocation {
    frame: Frame,
    key: Key,
    offered: Offered,
    consequences: Consequences,
    /// Used within a day: its name must be typed.
    busy: bool,
    /// It is the key that the reader signed in with.
    own: bool,
    note: String,
    reason: String,
    error: Option<Refused>,
}

/// The reasons, as the API has them and as people say them.
pub(super) const REASONS: [(&str, &str); 6] = [
    ("unspecified", "No reason given"),
    ("key_compromise", "Somebody else may have it"),
    ("cessation_of_operation", "It is no longer needed"),
    ("superseded", "Another key took its place"),
    ("affiliation_changed", "Its owner moved on"),
    ("privilege_withdrawn", "Its owner must no longer have what it gives"),
];

impl Revocation {
    fn reasons(&self) -> &'static [(&'static str, &'static str)] {
        &REASONS
    }
}

const REMARK: Field = ("note", "A remark");

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// `GET /ui/keys/ID/revoke`
pub(super) async fn form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    asked(&visit, &id, &Fields::default(), None).await
}

/// `POST /ui/keys/ID/revoke`
pub(super) async fn revoke(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let key = briefly(&visit, &id).await?.1;
    if is_busy(&visit, &key) && fields.get("name") != Some(key.name.trim()) {
        let message = "type the key's name to revoke it: it was used within the last day";
        let refused = Refused::new("NAME_DIFFERS", message).at(fault::NAME);
        return asked(&visit, &id, &fields, Some(refused)).await;
    }
    let input = json!({"key_id": id, "reason": fields.get("reason"), "note": fields.get("note")});
    match visit.ask::<Value>(document::REVOKE_KEY, &json!({"input": input})).await {
        Ok(answer) => {
            let done = notices::word(&answer, "revoked", "revoked-before");
            Ok(visit.go_to(&format!("ui/keys/{id}?done={done}")))
        }
        Err(refused) => asked(&visit, &id, &fields, Some(refused)).await,
    }
}

/// `GET /ui/keys/ID/disable`
pub(super) async fn disabling_form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    disabling(&visit, &id, None).await
}

/// `POST /ui/keys/ID/disable`
pub(super) async fn disable(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    match visit.ask::<Value>(document::DISABLE_KEY, &json!({"input": {"key_id": id}})).await {
        Ok(answer) => {
            let done = notices::word(&answer, "disabled", "unchanged");
            Ok(visit.go_to(&format!("ui/keys/{id}?done={done}")))
        }
        Err(refused) => disabling(&visit, &id, Some(refused)).await,
    }
}

/// `POST /ui/keys/ID/enable`
pub(super) async fn enable(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    let answer: Value = visit.page(document::ENABLE_KEY, &json!({"input": {"key_id": id}})).await?;
    let done = notices::word(&answer, "enabled", "unchanged");
    Ok(visit.go_to(&format!("ui/keys/{id}?done={done}")))
}

async fn disabling(visit: &Visit, id: &str, error: Option<Refused>) -> Result<Response, Refusal> {
    let (who, key) = briefly(visit, id).await?;
    let title = format!("Disable {}", key.name);
    let frame = Frame::new(visit, "ui/keys", title.as_str(), &who)
        .on_the_command_line(format!("keyledger key disable {id}"));
    let own = (frame.who.key_id == key.id).then(|| {
        "You signed in with this key. You will be signed out, and it takes another key to enable it."
            .to_owned()
    });
    let wanted = Wanted {
        title,
        says: "It is refused from the next request on, with every token made from it, until somebody enables it."
            .to_owned(),
        own,
        path: format!("ui/keys/{id}/disable"),
        back: format!("ui/keys/{id}"),
        button: "Disable it",
        role: None,
    };
    let (document, field) = (document::DISABLE_KEY, "disable_api_key");
    let mutation = Mutation { document, field, input: json!({"key_id": id}) };
    Ok(preview::show(visit, frame, wanted, mutation, error).await)
}

async fn asked(
    visit: &Visit,
    id: &str,
    fields: &Fields,
    error: Option<Refused>,
) -> Result<Response, Refusal> {
    let (who, key) = briefly(visit, id).await?;
    let input = json!({"key_id": id});
    let consequences = Consequences::of(visit, document::REVOKE_KEY, "delete_api_key", input.clone()).await;
    let mut frame = Frame::new(visit, "ui/keys", format!("Revoke {}", key.name), &who)
        .asked(document::REVOKE_KEY, &json!({ "input": input }))
        .on_the_command_line(format!("keyledger key revoke {id}"));
    let offered = Offered::of(visit, &mut frame, &key).await;
    let meant = Meant { field: REMARK, codes: &["INVALID"], word: Some("a note") };
    let error = error.map(|refused| fault::about(refused, &[meant]));
    let page = Revocation {
        offered,
        busy: is_busy(visit, &key),
        own: frame.who.key_id == key.id,
        note: fields.text("note"),
        reason: fields.text("reason"),
        frame,
        key,
        consequences,
        error,
    };
    Ok(visit.answer(&page, page.error.as_ref()))
}

/// Who looks, and the key.
pub(super) async fn briefly(visit: &Visit, id: &str) -> Result<(Who, Key), Refusal> {
    let Answer { who, key } = visit.page(document::KEY_BRIEFLY, &json!({"key": by_id(id)})).await?;
    let missing = || visit.refusal(&Refused::new("NOT_FOUND", "there is no such key"));
    Ok((who, key.ok_or_else(missing)?))
}

/// Whether it was used within a day, as far as is known.
fn is_busy(visit: &Visit, key: &Key) -> bool {
    let now = visit.app.authority.now().unix_ms();
    let last = key.usage.as_ref().and_then(|usage| usage.last_used_at.unix_ms());
    key.state().lives && last.is_some_and(|last| now - last < DAY_MS)
}
