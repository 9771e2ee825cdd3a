//! Changing what a key is called and held to, when it ends, from where it is accepted and how often; and what is remarked
//! about it.

use axum::response::Response;
use serde_json::{Value, json};

use super::document::{self, Document};
use super::fault::{self, Field};
use super::form::Fields;
use super::key;
use super::new_key;
use super::notices;
use super::refusal::Refusal;
use super::visit::Visit;
use crate::graphql::in_process::Refused;
use crate::named::Named;

/// The periods that a rate can be given for, in seconds.
pub(super) const PERIODS: [(u64, &str); 4] =
    [(1, "a second"), (60, "a minute"), (3_600, "an hour"), (86_400, "a day")];

/// A form on the page of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Name,
    Note,
    End,
    Addresses,
    Rate,
}

impl Form {
    fn document(self) -> Document {
        match self {
            Self::Name => document::RENAME_KEY,
            Self::Note => document::CHANGE_KEY_NOTE,
            Self::End => document::CHANGE_KEY_END,
            Self::Addresses => document::CHANGE_KEY_ADDRESSES,
            Self::Rate => document::CHANGE_KEY_RATE,
        }
    }

    /// The field that is wrong if it is refused.
    pub(super) const fn field(self) -> Field {
        match self {
            Self::Name => fault::NAME,
            Self::Note => fault::NOTE,
            Self::End => fault::CUSTOM_END,
            Self::Addresses => ("addresses", "Networks or single addresses"),
            Self::Rate => ("requests", "At most so many requests"),
        }
    }

    /// Which refusals are about its field, and not about the key or who asks.
    pub(super) const CODES: &[&str] = &[
        "FORM_INVALID",
        "INVALID",
        "NAME_INVALID",
        "NAME_TOO_LONG",
        "NETWORK_INVALID",
        "EXPIRY_IN_PAST",
        "KEY_LIFE_TOO_LONG",
    ];

    /// What is said to be done afterwards.
    fn done(self) -> &'static str {
        match self {
            Self::Name => "renamed",
            Self::Note => "note",
            Self::End => "end",
            Self::Addresses => "addresses",
            Self::Rate => "rate",
        }
    }
}

/// A form that was sent and refused: its page is shown again, with what was typed.
pub(super) struct Sent<'a> {
    pub(super) form: Form,
    pub(super) fields: &'a Fields,
    pub(super) refused: Refused,
}

/// `POST /ui/keys/ID/rename`
pub(super) async fn rename(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let unsaid = || Refused::new("FORM_INVALID", "give the key a name of at most 200 characters");
    let input = fields.get("name").ok_or_else(unsaid).map(|name| json!({"key_id": id, "name": name}));
    change(&visit, &id, Form::Name, &fields, input).await
}

/// `POST /ui/keys/ID/end`
pub(super) async fn end(visit: Visit, Named(id): Named<String>, fields: Fields) -> Result<Response, Refusal> {
    let unsaid = || Refused::new("FORM_INVALID", "choose when the key is to end");
    let chosen = fields.get("end").ok_or_else(unsaid);
    let end = chosen.and_then(|_| new_key::end(&visit, &fields));
    let input = end.map(|end| json!({"key_id": id, "expires_at": end}));
    change(&visit, &id, Form::End, &fields, input).await
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
    change(&visit, &id, Form::Addresses, &fields, Ok(input)).await
}

/// `POST /ui/keys/ID/rate`
pub(super) async fn rate(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let input = wanted_rate(&fields).map(|rate| json!({"key_id": id, "rate_limit": rate}));
    change(&visit, &id, Form::Rate, &fields, input).await
}

fn wanted_rate(fields: &Fields) -> Result<Value, Refused> {
    let number = |name: &str| fields.get(name).map(str::parse::<i32>).transpose();
    let (Ok(requests), Ok(period)) = (number("requests"), number("period")) else {
        let message = "give the number of requests in digits, or leave it empty for no limit";
        return Err(Refused::new("FORM_INVALID", message));
    };
    match (requests, period) {
        (None, _) => Ok(Value::Null),
        (Some(_), None) => {
            let message = "say in which period so many requests are accepted; choose one of the list";
            Err(Refused::new("FORM_INVALID", message))
        }
        (Some(requests), Some(period)) => Ok(json!({"requests": requests, "period_seconds": period})),
    }
}

/// `POST /ui/keys/ID/note`
pub(super) async fn note(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let input = json!({"key_id": id, "note": fields.get("note")});
    change(&visit, &id, Form::Note, &fields, Ok(input)).await
}

async fn change(
    visit: &Visit,
    id: &str,
    form: Form,
    fields: &Fields,
    input: Result<Value, Refused>,
) -> Result<Response, Refusal> {
    let changed = match input {
        Ok(input) => visit.ask::<Value>(form.document(), &json!({"input": input})).await,
        Err(refused) => Err(refused),
    };
    match changed {
        Ok(answer) => {
            let done = notices::word(&answer, form.done(), "unchanged");
            Ok(visit.go_to(&format!("ui/keys/{id}?done={done}")))
        }
        Err(refused) => key::again(visit, id, Sent { form, fields, refused }).await,
    }
}
