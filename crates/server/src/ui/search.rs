//! Searching: a name, or a part of what a key is known by, leads to the list; a key or its id, whole, to its page. What is searched for comes by POST, because an
//! address is written down in too many places to have a key in it.

use authority::{Denial, Denied};
use axum::response::Response;
use domain::Refusal as CredentialRefusal;
use domain::ids::KeyId;
use domain::names::Email;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::document;
use super::form::Fields;
use super::keys::by_id;
use super::refusal::Refusal;
use super::visit::Visit;
use crate::graphql::in_process::Refused;

/// The most characters that are searched for by name: as many as the longest e-mail address has.
const WANTED_CHARS_MAX: usize = 254;

const KEYS_LIST: &str = "ui/keys";

#[derive(Deserialize)]
struct Found {
    explain: Explained,
}

#[derive(Deserialize)]
struct Explained {
    key_id: Option<String>,
}

/// A key, if the reader may see it.
#[derive(Deserialize)]
struct Seen {
    key: Option<IgnoredAny>,
}

/// `POST /ui/keys/find`
pub(super) async fn keys(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    led(&visit, &fields, KEYS_LIST).await
}

/// `POST /ui/accounts/find`
pub(super) async fn accounts(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    led(&visit, &fields, "ui/accounts").await
}

/// `POST /ui/members/find`
pub(super) async fn members(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    led(&visit, &fields, "ui/members").await
}

/// Leads to the list, with what was searched for, or to the key that was pasted.
pub(super) async fn led(visit: &Visit, fields: &Fields, list: &str) -> Result<Response, Refusal> {
    let wanted = as_listed(fields.get("q").unwrap_or_default());
    let words = words(wanted);
    let mut pasted = words.iter().filter(|word| looks_like_a_key(word));
    let Some(key) = pasted.next() else {
        if wanted.chars().count() > WANTED_CHARS_MAX {
            let message = format!("search for {WANTED_CHARS_MAX} characters at the most");
            return Err(visit.refusal(&Refused::new("FORM_INVALID", message)));
        }
        if list == KEYS_LIST && KeyId::parse(wanted).is_ok() && is_seen(visit, wanted).await? {
            return Ok(visit.lead_to(&format!("{KEYS_LIST}/{wanted}")));
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !wanted.is_empty() {
            query.append_pair("q", wanted);
        }
        return Ok(visit.lead_to(&format!("{list}?{}", query.finish())));
    };
    if pasted.next().is_some() {
        let message = "there is more than one key in this; paste one";
        return Err(visit.refusal(&Refused::new("FORM_INVALID", message)));
    }
    match visit.ask::<Found>(document::FIND, &json!({"key": {"secret": key}})).await {
        Ok(Found { explain: Explained { key_id: Some(id) } }) => led_to(visit, &id).await,
        Ok(Found { explain: Explained { key_id: None } }) => Err(unknown(visit)),
        Err(refused) if refused.code == "NOT_FOUND" => Err(unknown(visit)),
        Err(refused) => Err(visit.refusal(&refused)),
    }
}

/// Leads to a key's page, if the reader may see it. Whoever has the key may ask why it is accepted or refused, whosever it is;
/// its page is for fewer.
async fn led_to(visit: &Visit, id: &str) -> Result<Response, Refusal> {
    if !is_seen(visit, id).await? {
        let message = "this key is known here, but it is none that you may see: it is of another tenant, or of somebody else";
        return Err(visit.refusal(&Refused::new("FORBIDDEN", message)));
    }
    Ok(visit.lead_to(&format!("{KEYS_LIST}/{id}")))
}

/// Whether the reader may see a key, of which only the id is known.
async fn is_seen(visit: &Visit, id: &str) -> Result<bool, Refusal> {
    match visit.ask::<Seen>(document::KEY_BRIEFLY, &json!({"key": by_id(id)})).await {
        Ok(Seen { key }) => Ok(key.is_some()),
        Err(refused) if refused.code == "NOT_FOUND" => Ok(false),
        Err(refused) => Err(visit.refusal(&refused)),
    }
}

/// Nobody here has the key. It counts as a guess, as it does wherever it is shown.
fn unknown(visit: &Visit) -> Refusal {
    let denial = Denial { denied: Denied::Refused(CredentialRefusal::KeyUnknown), key: None };
    let refused = visit.app.counted(denial, visit.visitor.address);
    if refused.retry_after_seconds().is_some() {
        return Refusal::not_let_in(visit.root, &refused).signed_in();
    }
    let message = "nobody here has this key; look whether you pasted all of it";
    visit.refusal(&Refused::new("NOT_FOUND", message))
}

/// What was typed; of a key as the lists show it, such as `kls_…mA5Y`, its last characters.
fn as_listed(wanted: &str) -> &str {
    let cut = ["…", "..."].iter().find_map(|dots| wanted.split_once(dots));
    match cut {
        Some((prefix, last)) if prefix.ends_with('_') && !last.is_empty() => last,
        _ => wanted,
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
    // An e-mail address may be as long, and have an underscore in it.
    let address = Email::parse(word).is_ok();
    word.is_ascii() && !address && (begins || word.len() > 40 || (word.len() >= 32 && word.contains('_')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_as_the_lists_show_it_is_looked_for_by_its_last_characters() {
        for (wanted, looked_for) in [
            ("kls_…mA5Y", "mA5Y"),
            ("kls_...mA5Y", "mA5Y"),
            ("and so on…", "and so on…"),
            ("a…b", "a…b"),
            ("kls_…", "kls_…"),
        ] {
            assert_eq!(as_listed(wanted), looked_for);
        }
    }

    #[test]
    fn a_pasted_key_is_told_from_a_name() {
        let key = format!("klu_{}_{}", "0".repeat(22), "s".repeat(49));
        assert!(looks_like_a_key(&key) && looks_like_a_key(&"x".repeat(64)));
        assert!(looks_like_a_key(&key[..20]), "half a key is no name");
        for name in [
            "",
            "etl",
            "etl_agent",
            "nightly_import_eu_1",
            "backfill-2026",
            "ada_lovelaceofcountess@example.com",
        ] {
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
