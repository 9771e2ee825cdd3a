//! The list of keys: those that live, the others counted; searched by name, or by pasting a key.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::document;
use super::form::Fields;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Key, Page, Who};
use super::visit::Visit;
use crate::graphql::in_process::Refused;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    keys: KeysPage,
}

#[derive(Deserialize)]
struct KeysPage {
    #[serde(flatten)]
    page: Page<Key>,
    states: Vec<StateCount>,
}

#[derive(Deserialize)]
struct StateCount {
    state: String,
    count: u64,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct List {
    frame: Frame,
    keys: Page<Key>,
    filters: Vec<Filter>,
    /// What was searched for.
    wanted: String,
    /// Whose keys, if only one owner's.
    owner: Option<String>,
    /// Whether there is nothing because nothing was ever made.
    untouched: bool,
    state: Option<String>,
    next: Option<String>,
}

/// A filter by state, with how many keys it lets through.
struct Filter {
    address: String,
    name: &'static str,
    count: u64,
    current: bool,
}

/// The filters: what the address calls them, what people do, and the states of the API.
const FILTERS: &[(&str, &str, &[&str])] = &[
    ("", "Living", &["active", "expired", "disabled", "suspended"]),
    ("active", "Active", &["active"]),
    ("expired", "Expired", &["expired"]),
    ("disabled", "Disabled", &["disabled"]),
    ("suspended", "Suspended", &["suspended"]),
    ("dead", "Dead", &["revoked", "rotated", "ended"]),
];

/// `GET /ui/keys`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let state = visit.query.get("state").unwrap_or_default();
    let (_, _, states) = FILTERS.iter().find(|(name, _, _)| *name == state).unwrap_or(&FILTERS[0]);
    let (owner, wanted) = (visit.query.get("owner"), visit.query.get("q"));
    let filter = json!({"state": states, "user_id": owner, "name_contains": wanted});
    let variables = json!({"filter": filter, "after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, keys } = visit.page(document::KEYS, &variables).await?;
    let KeysPage { page, states: counts } = keys;
    let frame = Frame::new(&visit, "ui/keys", "API keys", &who)
        .based(page.as_of.as_ref())
        .asked(document::KEYS, &variables)
        .on_the_command_line("keyledger key list --all");
    let count = |states: &[&str]| {
        let counted = counts.iter().filter(|counted| states.contains(&counted.state.as_str()));
        counted.map(|counted| counted.count).sum()
    };
    let filters = FILTERS.iter().map(|(value, name, states)| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept =
            [("state", Some(*value).filter(|value| !value.is_empty())), ("owner", owner), ("q", wanted)];
        for (name, value) in kept {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        let path = if query.is_empty() { "ui/keys".to_owned() } else { format!("ui/keys?{query}") };
        Filter { address: frame.to(&path), name, count: count(states), current: *value == state }
    });
    let filters: Vec<_> = filters.collect();
    let all: u64 = counts.iter().map(|counted| counted.count).sum();
    let next = page.next().map(|after| {
        let state = Some(state).filter(|state| !state.is_empty());
        frame.to_next("ui/keys", &[("state", state), ("owner", owner), ("q", wanted)], after)
    });
    let owner_name = owner.map(|owner| match page.nodes().next() {
        Some(key) => key.owner().to_owned(),
        None => owner.to_owned(),
    });
    let list = List {
        filters,
        wanted: wanted.unwrap_or_default().to_owned(),
        owner: owner_name,
        untouched: all == 0 && owner.is_none() && wanted.is_none(),
        state: Some(state.to_owned()).filter(|state| !state.is_empty()),
        next,
        keys: page,
        frame,
    };
    Ok(visit.answer(&list, None))
}

#[derive(Deserialize)]
struct Found {
    explain: Explained,
}

#[derive(Deserialize)]
struct Explained {
    key_id: Option<String>,
}

/// `POST /ui/keys/find`: a name leads to the list; a key, pasted whole, to its page. It comes by POST because an
/// address is written down in too many places to have a key in it.
pub(super) async fn find(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    let wanted = fields.get("q").unwrap_or_default();
    let words = words(wanted);
    let mut pasted = words.iter().filter(|word| looks_like_a_key(word));
    let Some(key) = pasted.next() else {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !wanted.is_empty() {
            query.append_pair("q", wanted);
        }
        return Ok(visit.go_to(&format!("ui/keys?{}", query.finish())));
    };
    if pasted.next().is_some() {
        let message = "there is more than one key in this; paste one";
        return Ok(visit.refusal(&Refused::new("FORM_INVALID", message)).into_response());
    }
    let variables = json!({"key": {"secret": key}});
    let Found { explain } = visit.page(document::FIND, &variables).await?;
    match explain.key_id {
        Some(id) => Ok(visit.go_to(&format!("ui/keys/{id}"))),
        None => {
            let message = "nobody here has this key; look whether you pasted all of it";
            Ok(visit.refusal(&Refused::new("NOT_FOUND", message)).into_response())
        }
    }
}

/// The words of what was pasted, without what people paste around a key: quotes, a variable's name, characters that
/// nobody sees.
fn words(text: &str) -> Vec<String> {
    let visible: String = text.chars().filter(|c| c.is_whitespace() || !is_unseen(*c)).collect();
    let marks = ['"', '\'', '`', ',', ';'];
    let word = |word: &str| {
        word.trim_matches(marks).rsplit('=').next().unwrap_or_default().trim_matches(marks).to_owned()
    };
    visible.split_whitespace().map(word).filter(|word| !word.is_empty()).collect()
}

fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// Whether a word is a key, or a good part of one, and no name: that it is not written into an address is worth more than
/// that a long name is found.
fn looks_like_a_key(word: &str) -> bool {
    let begins = word.split_once('_').is_some_and(|(prefix, rest)| {
        domain::key::KeyPrefix::admits(prefix)
            && rest.bytes().take_while(u8::is_ascii_alphanumeric).count() >= 12
    });
    word.is_ascii() && (begins || word.len() > 40 || (word.len() >= 32 && word.contains('_')))
}

/// A key by its id, as the API takes it.
pub(super) fn by_id(id: &str) -> Value {
    json!({ "id": id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_key_is_told_from_a_name() {
        let key = format!("klu_{}_{}", "0".repeat(22), "s".repeat(49));
        assert!(looks_like_a_key(&key) && looks_like_a_key(&"x".repeat(64)));
        assert!(looks_like_a_key(&key[..20]), "half a key is no name");
        for name in ["", "etl", "etl_agent", "nightly_import_eu_1", "backfill-2026"] {
            assert!(!looks_like_a_key(name), "{name}");
        }
        for pasted in [
            format!("Authorization: Bearer {key}"),
            format!("KEYLEDGER_KEY=\"{key}\""),
            format!("\u{200B}{key}\u{FEFF}"),
        ] {
            let found: Vec<_> = words(&pasted).into_iter().filter(|word| looks_like_a_key(word)).collect();
            assert_eq!(found, std::slice::from_ref(&key), "{pasted}");
        }
    }
}
