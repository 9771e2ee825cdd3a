//! The keys that sign tokens: for operators.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document;
use super::form::Fields;
use super::frame::Frame;
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Page, SigningKey, Who, duration_words};
use super::visit::Visit;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    signing_keys: Page<SigningKey>,
}

#[derive(Template)]
#[template(path = "signing_keys.html")]
struct List {
    frame: Frame,
    keys: Vec<Line>,
    next: Option<String>,
    /// How long a new key is published before it signs.
    ahead: String,
}

/// A signing key and how it stands.
struct Line {
    key: SigningKey,
    word: &'static str,
    sign: &'static str,
    class: &'static str,
}

/// `GET /ui/signing-keys`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let variables = json!({"after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, signing_keys } = visit.page(document::SIGNING_KEYS, &variables).await?;
    let frame = Frame::new(&visit, "ui/signing-keys", "Signing keys", &who)
        .based(signing_keys.as_of.as_ref())
        .asked(document::SIGNING_KEYS, &variables)
        .on_the_command_line("keyledger signing-key list");
    let next = signing_keys.next().map(|after| frame.to_next("ui/signing-keys", &[], after));
    let now = signing_keys.as_of.as_ref().and_then(|basis| basis.instant.unix_ms()).unwrap_or(i64::MAX);
    // Of those that may, the one that began last signs.
    let may = |key: &&SigningKey| {
        key.retired_at.is_none() && key.active_from.unix_ms().is_some_and(|from| from <= now)
    };
    let signs = signing_keys
        .nodes()
        .filter(may)
        .max_by_key(|key| key.active_from.unix_ms())
        .map(|key| key.kid.clone());
    let line = |key: &SigningKey| {
        let to_come = key.active_from.unix_ms().is_some_and(|from| from > now);
        let (word, sign, class) = match () {
            () if key.retired_at.is_some() => ("retired", "✕", "dead"),
            () if Some(&key.kid) == signs.as_ref() => ("signs", "●", "good"),
            () if to_come => ("to come", "◷", "over"),
            () => ("checks only", "○", "held"),
        };
        Line { key: key.clone(), word, sign, class }
    };
    let keys = signing_keys.nodes().map(line).collect();
    let ahead = duration_words(visit.app.prepublish_seconds);
    Ok(visit.answer(&List { frame, keys, next, ahead }, None))
}

/// `POST /ui/signing-keys`: a new key. It signs once everybody had time to fetch it, unless it must at once.
pub(super) async fn rotate(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    let what = "publish a new signing key";
    let wish = Wish { section: "ui/signing-keys", path: "ui/signing-keys", what };
    if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
        return Ok(asked);
    }
    let at_once = fields.get("from") == Some("now");
    let later = || visit.app.authority.now().plus_seconds(visit.app.prepublish_seconds).to_string();
    let input = json!({"active_from": (!at_once).then(later)});
    let _: Value = visit.page(document::ROTATE_SIGNING_KEY, &json!({"input": input})).await?;
    Ok(visit.go_to("ui/signing-keys?done=signing-key"))
}
