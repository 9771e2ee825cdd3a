//! What would stop, told before it is done: the dry run of the mutation itself. A key that would be refused in one tenant
//! only is told apart from those that stop: it goes on elsewhere.

use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{self, Document};
use super::keys::by_id;
use super::shown::{LivingTokens, hint};
use super::visit::Visit;
use super::when::When;
use crate::graphql::in_process::Refused;

/// What a mutation would do.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Consequences {
    pub(super) events: Vec<Planned>,
    pub(super) keys: Vec<Stopped>,
    pub(super) keys_count: u64,
    pub(super) members_count: u64,
    pub(super) tokens_live_until: Option<When>,
    /// The keys that are told, by where they would be refused.
    #[serde(skip)]
    pub(super) groups: Vec<Group>,
    pub(super) tokens: Option<LivingTokens>,
    /// Why it cannot be done at all, if it cannot.
    #[serde(skip)]
    pub(super) hindered: Option<Refused>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Planned {
    pub(super) summary: String,
}

/// A key that would be refused.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stopped {
    pub(super) key_id: String,
    /// The only tenant where it would be refused, if it is only one of those where it acts.
    pub(super) tenant_id: Option<String>,
    pub(super) last_used_at: Option<When>,
    /// What lists show of it, as far as the reader may see it.
    #[serde(skip)]
    pub(super) shown: Option<ShownKey>,
}

/// What lists show of a key.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ShownKey {
    pub(super) name: String,
    prefix: String,
    last_four: String,
    owner_name: Option<String>,
    user_id: String,
}

/// Keys that would be refused in the same place.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The only tenant; none: wherever they act.
    tenant_id: Option<String>,
    tenant: Option<String>,
    pub(super) count: usize,
    /// Those that are listed one by one.
    pub(super) listed: Vec<Stopped>,
}

#[derive(Deserialize)]
struct Seen {
    key: Option<ShownKey>,
}

/// The most keys of a group that are listed one by one.
const LISTED_MAX: usize = 20;

impl Consequences {
    /// Asks for them: the document's one field with `dry_run`.
    pub(super) async fn of(visit: &Visit, document: Document, field: &str, mut input: Value) -> Self {
        input["dry_run"] = Value::Bool(true);
        match visit.ask::<Value>(document, &json!({ "input": input })).await {
            Ok(mut answer) => {
                let told: Self = serde_json::from_value(answer[field]["dry_run"].take()).unwrap_or_default();
                Self { groups: grouped(visit, &told.keys).await, ..told }
            }
            Err(refused) => Self { hindered: Some(refused), ..Self::default() },
        }
    }

    /// Calls a tenant by a name that the page knows, which its reader may be no member of.
    pub(super) fn naming(mut self, tenant: &str, name: &str) -> Self {
        for group in &mut self.groups {
            if group.tenant_id.as_deref() == Some(tenant) {
                group.tenant.get_or_insert_with(|| name.to_owned());
            }
        }
        self
    }

    /// How many keys more would be refused than are told at all.
    pub(super) fn untold(&self) -> u64 {
        self.keys_count.saturating_sub(self.keys.len() as u64)
    }
}

impl Group {
    /// The only tenant where these would be refused.
    pub(super) fn only_in(&self) -> Option<&str> {
        self.tenant.as_deref().or(self.tenant_id.as_deref())
    }

    /// How many are not listed.
    pub(super) fn more(&self) -> usize {
        self.count - self.listed.len()
    }
}

impl ShownKey {
    /// What is shown of its string.
    pub(super) fn hint(&self) -> String {
        hint(&self.prefix, &self.last_four)
    }

    /// What its owner is called.
    pub(super) fn owner(&self) -> &str {
        self.owner_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.user_id)
    }
}

/// The keys by where they would be refused, those that stop everywhere first.
async fn grouped(visit: &Visit, keys: &[Stopped]) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    for key in keys {
        let found = groups.iter_mut().find(|group| group.tenant_id == key.tenant_id);
        let group = match found {
            Some(group) => group,
            None => {
                let tenant_id = key.tenant_id.clone();
                groups.push(Group { tenant_id, tenant: None, count: 0, listed: vec![] });
                groups.last_mut().expect("one was just added")
            }
        };
        group.count += 1;
        if group.listed.len() < LISTED_MAX {
            group.listed.push(key.clone());
        }
    }
    groups.sort_by_key(|group| group.tenant_id.is_some());
    for group in &mut groups {
        if let Some(id) = &group.tenant_id {
            group.tenant = visit.own_tenant(id).await;
        }
        for stopped in &mut group.listed {
            // Whoever may remove an owner may not therefore see the keys: of those they see the id.
            let asked = json!({ "key": by_id(&stopped.key_id) });
            let seen = visit.ask::<Seen>(document::STOPPED_KEY, &asked).await;
            stopped.shown = seen.ok().and_then(|seen| seen.key);
        }
    }
    groups
}
