//! Making a key, or a key's successor; and the page that shows its secret, this once.

use askama::Template;
use axum::response::Response;
use domain::ids::ServiceAccountId;
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::Address;
use super::attempt;
use super::document;
use super::ending_key::briefly;
use super::fault::{self, Meant};
use super::form::Fields;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Account, Key, Page, Who, duration_words};
use super::visit::Visit;
use super::when::When;
use crate::graphql::in_process::Refused;
use crate::instant;
use crate::named::Named;

#[derive(Deserialize)]
struct Owners {
    #[serde(flatten)]
    who: Who,
    service_accounts: Option<Page<Account>>,
    /// The account that was asked for, if one was.
    wanted: Option<Page<Account>>,
}

/// For whom a key can be made.
struct OwnerChoice {
    id: String,
    name: String,
    chosen: bool,
}

/// When a key is to end.
pub(super) struct End {
    pub(super) value: &'static str,
    pub(super) name: String,
    pub(super) at: Option<When>,
    pub(super) chosen: bool,
}

/// A permission that a key may be narrowed to.
struct ScopeChoice {
    scope: &'static str,
    says: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "new_key.html")]
struct NewKeyForm {
    frame: Frame,
    owners: Vec<OwnerChoice>,
    /// Nobody is chosen: the one who was asked for cannot be, and nobody else is in their place.
    unchosen: bool,
    /// There are more service accounts than can be chosen here.
    more_accounts: bool,
    name: String,
    note: String,
    ends: Vec<End>,
    custom_end: String,
    narrowed: bool,
    /// Whether it is to act here only, though its owner may act elsewhere, too.
    confined: bool,
    scopes: Vec<ScopeChoice>,
    more_scopes: String,
    /// The tenant's longest life of a key, in words.
    longest: Option<String>,
    attempt: String,
    /// The key that is signed in with must be pasted again.
    must_prove: bool,
    error: Option<Refused>,
}

#[derive(Template)]
#[template(path = "rotate_key.html")]
struct RotationForm {
    frame: Frame,
    key: Key,
    /// Why there can be no successor, if there can be none.
    hindered: Option<&'static str>,
    overlaps: Vec<(&'static str, &'static str, bool)>,
    ends: Vec<End>,
    custom_end: String,
    longest: Option<String>,
    attempt: String,
    must_prove: bool,
    error: Option<Refused>,
}

#[derive(Template)]
#[template(path = "new_key_shown.html")]
struct Made {
    frame: Frame,
    id: String,
    name: String,
    owner: String,
    /// None: the form was sent twice, and the secret was shown the first time.
    secret: Option<String>,
    expires_at: Option<When>,
    /// When its predecessor is refused, if it is a successor.
    grace_ends_at: Option<When>,
    /// The file for programs that read their settings from the environment.
    env_file: String,
    json_file: String,
    file_name: String,
    /// The short name of the tenant in which one acts; clients in the field ask for it.
    slug: Option<String>,
    /// Where this server is.
    address: Address,
}

#[derive(Deserialize)]
struct Created {
    #[serde(alias = "create_api_key", alias = "rotate_api_key")]
    made: MadeKey,
}

#[derive(Deserialize)]
struct MadeKey {
    id: String,
    key: Option<String>,
    expires_at: Option<When>,
    grace_ends_at: Option<When>,
}

/// The lives that are offered, in days.
const DAYS: [(&str, u64); 5] = [("7", 7), ("30", 30), ("60", 60), ("90", 90), ("365", 365)];
const DAY_SECONDS: u64 = 24 * 60 * 60;
const MINUTE_MS: i64 = 60 * 1000;

const SCOPES: [(&str, &str); 7] = [
    ("keyledger:read", "See the tenant, its members and its own keys"),
    ("keyledger:keys", "Manage its owner's keys"),
    ("keyledger:verify", "Check keys that others show"),
    ("keyledger:admin", "Administer the tenant, as far as its owner may"),
    ("keyledger:operate", "Operate the deployment, as far as its owner may"),
    (
        "keyledger:audit",
        "See all of the tenant, its events included, and change nothing, as far as its owner may",
    ),
    ("keyledger:metrics", "Read the metrics, as far as its owner may"),
];

/// How long the old key is accepted beside its successor, in seconds.
const OVERLAPS: [(&str, &str); 5] = [
    ("0", "No time at all: it is refused at once"),
    ("3600", "1 hour"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
];

/// `GET /ui/keys/new`
pub(super) async fn form(visit: Visit) -> Result<Response, Refusal> {
    let fields = Fields::parse(b"");
    creation(&visit, &fields, None).await
}

/// `POST /ui/keys/new`
pub(super) async fn create(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    if let Err(refused) = visit.proven(&fields) {
        return creation(&visit, &fields, Some(refused)).await;
    }
    let input = match creation_input(&visit, &fields) {
        Ok(input) => input,
        Err(refused) => return creation(&visit, &fields, Some(refused)).await,
    };
    // Everything that the page of the secret needs is read before there is one: it must not be lost.
    let owners = owners(&visit, fields.get("owner")).await?;
    let owner = match owners.chosen(fields.get("owner")) {
        Ok(Chosen::Account(account)) => account.name.clone(),
        Ok(Chosen::Reader | Chosen::Nobody) => "you".to_owned(),
        Err(refused) => return creation(&visit, &fields, Some(refused)).await,
    };
    let who = owners.who;
    match visit.ask::<Created>(document::CREATE_KEY, &json!({ "input": input })).await {
        Ok(Created { made }) => {
            let named = fields.text("name");
            Ok(shown(&visit, &who, document::CREATE_KEY, &input, made, (named, owner)))
        }
        Err(refused) => creation(&visit, &fields, Some(refused)).await,
    }
}

/// `GET /ui/keys/ID/rotate`
pub(super) async fn rotation_form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    rotation(&visit, &id, &Fields::parse(b""), None).await
}

/// `POST /ui/keys/ID/rotate`
pub(super) async fn rotate(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    if let Err(refused) = visit.proven(&fields) {
        return rotation(&visit, &id, &fields, Some(refused)).await;
    }
    let end = match end(&visit, &fields) {
        Ok(end) => end,
        Err(refused) => return rotation(&visit, &id, &fields, Some(refused)).await,
    };
    let overlap = fields.get("overlap").map(str::parse::<u64>).transpose();
    let Ok(overlap) = overlap else {
        let refused =
            Refused::new("FORM_INVALID", "say how long the old key is accepted; choose one of the list");
        return rotation(&visit, &id, &fields, Some(refused)).await;
    };
    let (who, key) = briefly(&visit, &id).await?;
    let input = json!({
        "key_id": id,
        "overlap_seconds": overlap,
        "expires_at": end,
        "idempotency_key": fields.get("attempt"),
    });
    match visit.ask::<Created>(document::ROTATE_KEY, &json!({ "input": input })).await {
        Ok(Created { made }) => {
            let (named, owner) = (key.name.clone(), key.owner().to_owned());
            Ok(shown(&visit, &who, document::ROTATE_KEY, &input, made, (named, owner)))
        }
        Err(refused) => rotation(&visit, &id, &fields, Some(refused)).await,
    }
}

fn creation_input(visit: &Visit, fields: &Fields) -> Result<Value, Refused> {
    let name = fields.get("name").ok_or(
        Refused::new("FORM_INVALID", "give the key a name, such as what will use it").at(fault::NAME),
    )?;
    let owner = fields
        .get("owner")
        .ok_or(Refused::new("FORM_INVALID", "say whose key it is to be").at(fault::OWNER))?;
    let more = fields.get("more_scopes").unwrap_or_default();
    let scopes: Vec<_> = fields.all("scope").chain(more.split_whitespace()).collect();
    let narrowed = match fields.get("narrowed") {
        Some("yes") => true,
        Some("no") | None if scopes.is_empty() => false,
        Some(_) | None => {
            let message = "you chose what the key may do, and also that it may do all that its owner may: choose one of the two";
            return Err(Refused::new("FORM_INVALID", message));
        }
    };
    if narrowed && scopes.is_empty() {
        return Err(Refused::new(
            "FORM_INVALID",
            "choose what the key may do, or let it do all that its owner may",
        ));
    }
    let here = match fields.get("reach") {
        None | Some("anywhere") => None,
        Some("here") => visit.caller.tenant.map(|tenant| tenant.to_string()),
        Some(_) => {
            let message = "say where the key is to act; choose one of the list";
            return Err(Refused::new("FORM_INVALID", message));
        }
    };
    Ok(json!({
        "user_id": owner,
        "name": name,
        "note": fields.get("note"),
        "expires_at": end(visit, fields)?,
        "scopes": narrowed.then_some(scopes),
        "tenant_id": here,
        "idempotency_key": fields.get("attempt"),
    }))
}

/// The end that was chosen, as the API takes it; none: as the tenant's rules say.
pub(super) fn end(visit: &Visit, fields: &Fields) -> Result<Option<String>, Refused> {
    let chosen = fields.get("end").unwrap_or("none");
    if chosen == "custom" {
        let missing =
            Refused::new("FORM_INVALID", "say when the key is to end, or choose one of the other ends")
                .at(fault::CUSTOM_END);
        let text = fields.get("custom_end").ok_or(missing)?;
        let instant = instant(text).ok_or_else(|| {
            let message = format!(
                "{text} is no time that a key can end at: under \"At this time, in UTC\" give a day that there is, until the year 9999, and a time, such as 2027-02-28T18:00"
            );
            Refused::new("FORM_INVALID", message).at(fault::CUSTOM_END)
        })?;
        return Ok(Some(instant));
    }
    if fields.get("custom_end").is_some() {
        let message =
            "you gave a time, and chose another end: choose \"At another time\", or empty the field";
        return Err(Refused::new("FORM_INVALID", message).at(fault::CUSTOM_END));
    }
    if chosen == "none" {
        return Ok(None);
    }
    let days = DAYS.iter().find(|(value, _)| *value == chosen).map(|(_, days)| *days);
    let days =
        days.ok_or(Refused::new("FORM_INVALID", "there is no such end to choose; choose one of the list"))?;
    // From when the form was made, as it said: sent once more, it is the same command.
    let begun = fields.get("attempt").and_then(attempt::begun).unwrap_or_else(|| visit.app.authority.now());
    Ok(Some(after(begun, days).exact().to_owned()))
}

/// A time as a field for times sends it, in UTC, as the API takes it; none, if it is none.
fn instant(text: &str) -> Option<String> {
    let at = instant::of_civil(text.parse().ok()?)?;
    text.contains('T').then(|| at.to_string())
}

/// With which field what is refused.
const MEANT: [Meant; 5] = [
    Meant { field: fault::NAME, codes: &[], word: Some("a name") },
    Meant { field: fault::NOTE, codes: &[], word: Some("a note") },
    Meant { field: fault::CUSTOM_END, codes: &["EXPIRY_IN_PAST", "KEY_LIFE_TOO_LONG"], word: None },
    Meant { field: fault::MORE_SCOPES, codes: &["SCOPE_INVALID"], word: None },
    Meant { field: fault::OWNER, codes: &["SUSPENDED", "REMOVED"], word: None },
];

/// What was refused, in words for whoever filled in the form.
fn in_plain_words(refused: Refused, who: &Who) -> Refused {
    let refused = attempt::in_plain_words(
        refused,
        "this form was sent before, with something else in it: the key that it asked for then was made, its secret was shown then, and it stands among the API keys. Nothing was done now. To make one more key, send this form once more",
    );
    let refused = fault::about(refused, &MEANT);
    match who.tenant() {
        Some(here) => {
            let message = refused.message.replace(&format!("tenant {}", here.id), &here.name);
            Refused { message, ..refused }
        }
        None => refused,
    }
}

/// So many days from then, less what is beyond the minute: what is shown is exact.
fn after(begun: Timestamp, days: u64) -> When {
    let end = begun.plus_seconds(days * DAY_SECONDS);
    When::of_unix_ms(end.unix_ms() / MINUTE_MS * MINUTE_MS)
}

/// The ends that the tenant's rules allow.
pub(super) fn ends(visit: &Visit, who: &Who, chosen: Option<&str>) -> (Vec<End>, Option<String>) {
    let tenant = who.tenant();
    let longest = tenant.and_then(|tenant| tenant.key_life_seconds_max);
    let default = tenant.and_then(|tenant| tenant.key_life_seconds_default.or(tenant.key_life_seconds_max));
    let fits = |days: u64| longest.is_none_or(|longest| days * DAY_SECONDS <= longest);
    // Where a tenant says how long keys live, that is what is meant unless something else is chosen.
    let says = tenant.is_some_and(|tenant| tenant.key_life_seconds_default.is_some());
    let chosen = chosen.unwrap_or(if fits(90) && !says { "90" } else { "none" });
    let mut ends: Vec<_> = DAYS
        .iter()
        .filter(|(_, days)| fits(*days))
        .map(|(value, days)| End {
            value,
            name: format!("{days} days"),
            at: Some(after(visit.app.authority.now(), *days)),
            chosen: *value == chosen,
        })
        .collect();
    let name = match default {
        Some(seconds) => format!("As this tenant says: after {}", duration_words(seconds)),
        None => "No end: until somebody revokes it".to_owned(),
    };
    ends.push(End { value: "none", name, at: None, chosen: chosen == "none" });
    ends.push(End {
        value: "custom",
        name: "At another time".to_owned(),
        at: None,
        chosen: chosen == "custom",
    });
    (ends, longest.map(duration_words))
}

/// Whose a new key can be; whoever is asked for is looked up by id, however many there are.
async fn owners(visit: &Visit, wanted: Option<&str>) -> Result<Owners, Refusal> {
    let administers = visit.caller.role == Some(domain::role::Role::Administrator);
    let wanted = wanted.filter(|id| administers && ServiceAccountId::parse(id).is_ok());
    let variables = json!({"administers": administers, "named": wanted.is_some(), "wanted": wanted});
    visit.page(document::OWNERS, &variables).await
}

/// Whose key it is to be.
enum Chosen<'a> {
    /// Whoever looks, who is a person.
    Reader,
    Account(&'a Account),
    /// Nobody was asked for.
    Nobody,
}

impl Owners {
    /// The owner who was asked for, or why it cannot be them.
    fn chosen(&self, wanted: Option<&str>) -> Result<Chosen<'_>, Refused> {
        let Some(wanted) = wanted else { return Ok(Chosen::Nobody) };
        if !self.who.user.is_empty() && self.who.auth_info.user_id.as_deref() == Some(wanted) {
            return Ok(Chosen::Reader);
        }
        let missing =
            "there is no such service account here whose key you could make; choose whose it is to be";
        let account = self.wanted.iter().flat_map(Page::nodes).find(|account| account.id == wanted);
        let account = account.ok_or(Refused::new("NOT_FOUND", missing))?;
        let name = &account.name;
        match account.standing.as_str() {
            "living" => Ok(Chosen::Account(account)),
            "suspended" => {
                let message = format!(
                    "the service account {name} is suspended; resume it first, or choose whose key it is to be"
                );
                Err(Refused::new("SUSPENDED", message))
            }
            _ => {
                let message = format!("the service account {name} was removed; choose whose key it is to be");
                Err(Refused::new("REMOVED", message))
            }
        }
    }

    /// Everybody who can be chosen: the reader, who stands first, whoever was asked for, and the first accounts.
    fn choices(&self, chosen: Option<&Chosen<'_>>) -> Vec<OwnerChoice> {
        let mut choices = vec![];
        if let (Some(me), Some(id)) = (self.who.user.first(), &self.who.auth_info.user_id) {
            choices.push(OwnerChoice {
                id: id.clone(),
                name: format!("{} (you)", me.name.as_ref().unwrap_or(&me.email)),
                chosen: matches!(chosen, Some(Chosen::Reader | Chosen::Nobody)),
            });
        }
        let asked_for = match chosen {
            Some(Chosen::Account(account)) => Some(*account),
            Some(Chosen::Reader | Chosen::Nobody) | None => None,
        };
        let choice = |account: &Account, chosen| OwnerChoice {
            id: account.id.clone(),
            name: account.name.clone(),
            chosen,
        };
        choices.extend(asked_for.map(|account| choice(account, true)));
        let others = self.service_accounts.iter().flat_map(Page::nodes);
        let others = others.filter(|account| asked_for.is_none_or(|asked_for| asked_for.id != account.id));
        choices.extend(others.map(|account| choice(account, false)));
        choices
    }
}

async fn creation(visit: &Visit, fields: &Fields, error: Option<Refused>) -> Result<Response, Refusal> {
    let wanted = fields.get("owner").or(visit.query.get("owner"));
    let owners = owners(visit, wanted).await?;
    let (chosen, error) = match owners.chosen(wanted) {
        Ok(chosen) => (Some(chosen), error),
        Err(refused) => (None, Some(error.unwrap_or(refused))),
    };
    let choices = owners.choices(chosen.as_ref());
    let unchosen = !choices.iter().any(|choice| choice.chosen);
    let more_accounts = owners.service_accounts.as_ref().is_some_and(|accounts| accounts.next().is_some());
    let who = owners.who;
    let error = error.map(|refused| in_plain_words(refused, &who));
    let frame = Frame::new(visit, "ui/keys", "New key", &who)
        .asked(document::CREATE_KEY, &json!({"input": {"user_id": "…", "name": "…"}}))
        .on_the_command_line("keyledger key create -n NAME --owner OWNER --expires 90d");
    let (ends, longest) = ends(visit, &who, fields.get("end"));
    let chosen: Vec<_> = fields.all("scope").collect();
    let scopes = SCOPES.map(|(scope, says)| ScopeChoice { scope, says, chosen: chosen.contains(&scope) });
    let form = NewKeyForm {
        frame,
        owners: choices,
        unchosen,
        more_accounts,
        name: fields.text("name"),
        note: fields.text("note"),
        ends,
        custom_end: fields.text("custom_end"),
        narrowed: fields.get("narrowed") == Some("yes"),
        confined: fields.get("reach") == Some("here"),
        scopes: scopes.into(),
        more_scopes: fields.text("more_scopes"),
        longest,
        attempt: attempt::name(visit, fields, error.as_ref()),
        must_prove: !visit.is_proved(),
        error,
    };
    Ok(visit.answer(&form, form.error.as_ref()))
}

async fn rotation(
    visit: &Visit,
    id: &str,
    fields: &Fields,
    error: Option<Refused>,
) -> Result<Response, Refusal> {
    let (who, key) = briefly(visit, id).await?;
    let error = error.map(|refused| in_plain_words(refused, &who));
    let frame = Frame::new(visit, "ui/keys", format!("Replace {}", key.name), &who)
        .asked(document::ROTATE_KEY, &json!({"input": {"key_id": id, "overlap_seconds": 86400}}))
        .on_the_command_line(format!("keyledger key rotate {id} --overlap 1d"));
    let (ends, longest) = ends(visit, &who, fields.get("end"));
    let chosen = fields.get("overlap").unwrap_or("86400").to_owned();
    let overlaps = OVERLAPS.map(|(value, name)| (value, name, value == chosen));
    let form = RotationForm {
        frame,
        hindered: hindrance(&key),
        key,
        overlaps: overlaps.into(),
        ends,
        custom_end: fields.text("custom_end"),
        longest,
        attempt: attempt::name(visit, fields, error.as_ref()),
        must_prove: !visit.is_proved(),
        error,
    };
    Ok(visit.answer(&form, form.error.as_ref()))
}

/// Why a key can have no successor: what it is past, its rotation would be refused for.
fn hindrance(key: &Key) -> Option<&'static str> {
    let state = key.state();
    match key.status.as_str() {
        _ if !state.lives => Some(state.says),
        "KEY_DISABLED" => Some("It is disabled. Enable it before you replace it."),
        _ if key.grace_ends_at.is_some() => Some("It was replaced already. Its page leads to its successor."),
        _ => None,
    }
}

/// The page of the secret. It asks nothing any more.
fn shown(
    visit: &Visit,
    who: &Who,
    document: document::Document,
    input: &Value,
    made: MadeKey,
    (name, owner): (String, String),
) -> Response {
    let frame = Frame::new(visit, "ui/keys", format!("{name} is made"), who)
        .asked(document, &json!({ "input": input }));
    let env = made.key.as_ref().map(|secret| format!("KEYLEDGER_KEY={secret}\n"));
    let json = made.key.as_ref().map(|secret| {
        let object = json!({"key_id": made.id, "name": name, "key": secret, "expires_at": made.expires_at.as_ref().map(When::exact)});
        format!("{object:#}\n")
    });
    let tenant = who.tenant();
    let page = Made {
        frame,
        owner,
        name,
        id: made.id,
        secret: made.key,
        expires_at: made.expires_at,
        grace_ends_at: made.grace_ends_at,
        env_file: data_url("text/plain", &env.unwrap_or_default()),
        json_file: data_url("application/json", &json.unwrap_or_default()),
        file_name: "keyledger-key".to_owned(),
        slug: tenant.map(|tenant| tenant.slug.clone()),
        address: visit.address.clone(),
    };
    visit.answer(&page, None)
}

/// A file that is in the page itself: the secret is never at an address.
fn data_url(media: &str, text: &str) -> String {
    let escaped: String = text
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("data:{media};charset=utf-8,{escaped}")
}
