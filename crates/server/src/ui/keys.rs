//! The list of keys: those that live, the others counted; searched by name, or by pasting a key.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::command_line::with_flags;
use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Key, Page, Who};
use super::visit::Visit;

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
    /// What the other tenants are called in which they act, by id.
    tenants: Vec<(String, String)>,
    filters: Vec<Filter>,
    /// Ended ones that fit, if none that lives does: how many, and where they are listed.
    ended: Option<(u64, String)>,
    /// What was searched for.
    wanted: String,
    /// Whose keys, if only one owner's.
    owner: Option<String>,
    /// Whether there is nothing because nothing was ever made.
    untouched: bool,
    state: Option<String>,
    next: Option<String>,
}

impl List {
    /// Where a key acts, as far as the reader may know.
    fn acts_in<'a>(&'a self, key: &'a Key) -> &'a str {
        let Some(id) = &key.tenant_id else { return "every tenant of its owner" };
        if *id == self.frame.who.tenant_id {
            return &self.frame.who.tenant;
        }
        let known = self.tenants.iter().find(|(known, _)| known == id);
        known.map_or("another tenant", |(_, name)| name)
    }
}

/// The names of the tenants in which keys act beside the one where the reader is, for those that are theirs.
async fn other_tenants(visit: &Visit, keys: &Page<Key>, here: Option<&str>) -> Vec<(String, String)> {
    let mut ids: Vec<_> = keys.nodes().filter_map(|key| key.tenant_id.as_deref()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut named = vec![];
    for id in ids.into_iter().filter(|id| Some(*id) != here) {
        named.extend(visit.own_tenant(id).await.map(|name| (id.to_owned(), name)));
    }
    named
}

/// A filter by state, with how many keys it lets through.
struct Filter {
    address: String,
    value: &'static str,
    name: &'static str,
    count: u64,
    current: bool,
}

const DEAD: &str = "dead";

/// The filters: what the address calls them, what people do, and the states of the API.
const FILTERS: &[(&str, &str, &[&str])] = &[
    ("", "Living", &["active", "disabled", "suspended"]),
    ("active", "Active", &["active"]),
    ("disabled", "Disabled", &["disabled"]),
    ("suspended", "Suspended", &["suspended"]),
    (DEAD, "Dead", &["expired", "revoked", "rotated", "ended"]),
    ("expired", "Expired", &["expired"]),
];

/// `GET /ui/keys`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let state = visit.query.get("state").unwrap_or_default();
    let (_, _, states) = FILTERS.iter().find(|(name, _, _)| *name == state).unwrap_or(&FILTERS[0]);
    let (owner, wanted) = (visit.query.get("owner"), visit.query.get("q"));
    let filter = json!({"state": states, "user_id": owner, "search": wanted});
    let variables = json!({"filter": filter, "after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, keys } = visit.page(document::KEYS, &variables).await?;
    let KeysPage { page, states: counts } = keys;
    let frame = Frame::new(&visit, "ui/keys", "API keys", &who)
        .based(page.as_of.as_ref())
        .asked(document::KEYS, &variables)
        .on_the_command_line(command_line(states, owner, wanted));
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
        Filter { address: frame.to(&path), value, name, count: count(states), current: *value == state }
    });
    let filters: Vec<_> = filters.collect();
    let wants = state.is_empty() && wanted.is_some() && page.is_empty();
    let dead = filters.iter().find(|filter| filter.value == DEAD && wants && filter.count > 0);
    let ended = dead.map(|filter| (filter.count, filter.address.clone()));
    let all: u64 = counts.iter().map(|counted| counted.count).sum();
    let next = page.next().map(|after| {
        let state = Some(state).filter(|state| !state.is_empty());
        frame.to_next("ui/keys", &[("state", state), ("owner", owner), ("q", wanted)], after)
    });
    let owner_name = owner.map(|owner| match page.nodes().next() {
        Some(key) => key.owner().to_owned(),
        None => owner.to_owned(),
    });
    let tenants = other_tenants(&visit, &page, who.auth_info.tenant_id.as_deref()).await;
    let list = List {
        filters,
        tenants,
        ended,
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

/// The same list on the command line.
fn command_line(states: &[&str], owner: Option<&str>, wanted: Option<&str>) -> String {
    let states = states.join(",");
    let flags = [("--state", Some(states.as_str())), ("--owner", owner), ("--search", wanted)];
    with_flags("keyledger key list", &flags)
}

/// A key by its id, as the API takes it.
pub(super) fn by_id(id: &str) -> Value {
    json!({ "id": id })
}
