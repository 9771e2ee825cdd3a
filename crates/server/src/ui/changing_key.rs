//! Changing what a key is held to, when it ends, from where it is accepted and how often; and what is remarked about it.

use axum::response::Response;
use serde_json::{Value, json};

use super::document::{self, Document};
use super::form::Fields;
use super::new_key;
use super::refusal::Refusal;
use super::visit::Visit;
use crate::graphql::in_process::Refused;
use crate::named::Named;

/// The periods that a rate can be given for, in seconds.
pub(super) const PERIODS: [(u64, &str); 4] =
    [(1, "a second"), (60, "a minute"), (3_600, "an hour"), (86_400, "a day")];

/// `POST /ui/keys/ID/end`
pub(super) async fn end(visit: Visit, Named(id): Named<String>, fields: Fields) -> Result<Response, Refusal> {
    let unsaid = || Refused::new("FORM_INVALID", "choose when the key is to end");
    let chosen = fields.get("end").ok_or_else(unsaid);
    let end = chosen.and_then(|_| new_key::end(&visit, &fields));
    let end = end.map_err(|refused| visit.refusal(&refused))?;
    let input = json!({"key_id": id, "expires_at": end});
    change(&visit, &id, document::CHANGE_KEY_END, input, "end").await
}

/// `POST /ui/keys/ID/addresses`
pub(super) async fn addresses(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let text = fields.text("addresses");
    let list: Vec<_> = text.split([',', ' ', '\n']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let input = json!({"key_id": id, "allowed_addresses": (!list.is_empty()).then_some(list)});
    change(&visit, &id, document::CHANGE_KEY_ADDRESSES, input, "addresses").await
}

/// `POST /ui/keys/ID/rate`
pub(super) async fn rate(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let number = |name: &str| fields.get(name).map(str::parse::<i32>).transpose();
    let (Ok(requests), Ok(period)) = (number("requests"), number("period")) else {
        let message = "give the number of requests in digits, or leave it empty for no limit";
        return Err(visit.refusal(&Refused::new("FORM_INVALID", message)));
    };
    let rate = match (requests, period) {
        (None, _) => Value::Null,
        (Some(_), None) => {
            let message = "say in which period so many requests are accepted; choose one of the list";
            return Err(visit.refusal(&Refused::new("FORM_INVALID", message)));
        }
        (Some(requests), Some(period)) => json!({"requests": requests, "period_seconds": period}),
    };
    let input = json!({"key_id": id, "rate_limit": rate});
    change(&visit, &id, document::CHANGE_KEY_RATE, input, "rate").await
}

/// `POST /ui/keys/ID/note`
pub(super) async fn note(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let input = json!({"key_id": id, "note": fields.get("note")});
    change(&visit, &id, document::CHANGE_KEY_NOTE, input, "note").await
}

async fn change(
    visit: &Visit,
    id: &str,
    document: Document,
    input: Value,
    done: &str,
) -> Result<Response, Refusal> {
    let _: Value = visit.page(document, &json!({"input": input})).await?;
    Ok(visit.go_to(&format!("ui/keys/{id}?done={done}")))
}
