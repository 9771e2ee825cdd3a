//! What the API answers to the documents of the pages, as far as a page shows it.

use serde::Deserialize;

use super::state_of_key::StateOfKey;
use super::when::When;
use super::words::{interface_words, program_words, reason_words};

/// Who looks, and where they act.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Who {
    pub(super) auth_info: AuthInfo,
    pub(super) user: Vec<Me>,
}

impl Who {
    /// The tenant in which they act, if they may look at it.
    pub(super) fn tenant(&self) -> Option<&Tenant> {
        self.auth_info.tenant.as_ref()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AuthInfo {
    pub(super) tenant_id: Option<String>,
    pub(super) tenant: Option<Tenant>,
    pub(super) user_id: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) role: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Me {
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) operator: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tenant {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) standing: String,
    pub(super) created_at: Option<When>,
    pub(super) key_life_seconds_max: Option<u64>,
    pub(super) key_life_seconds_default: Option<u64>,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) edges: Vec<Edge<T>>,
    pub(super) page_info: Option<PageInfo>,
    pub(super) as_of: Option<Basis>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Edge<T> {
    pub(super) node: T,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

/// What an answer rests on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Basis {
    pub(super) position: String,
    pub(super) instant: When,
    pub(super) head: String,
}

impl<T> Page<T> {
    /// One with nothing on it.
    pub(super) const fn empty() -> Self {
        Self { edges: vec![], page_info: None, as_of: None }
    }

    /// The entries.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &T> {
        self.edges.iter().map(|edge| &edge.node)
    }

    /// Whether it has none.
    pub(super) fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Where the next page begins, if there is one.
    pub(super) fn next(&self) -> Option<&str> {
        let info = self.page_info.as_ref().filter(|info| info.has_next_page)?;
        info.end_cursor.as_deref()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) note: Option<String>,
    pub(super) prefix: String,
    pub(super) last_four: String,
    pub(super) status: String,
    pub(super) user_id: String,
    pub(super) owner_name: Option<String>,
    pub(super) tenant_id: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) created_at: When,
    pub(super) created_by: Option<Actor>,
    pub(super) created_by_name: Option<String>,
    pub(super) expires_at: Option<When>,
    pub(super) grace_ends_at: Option<When>,
    pub(super) revocation_reason: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) usage_withheld: bool,
    pub(super) tokens: Option<LivingTokens>,
    pub(super) allowed_addresses: Option<Vec<String>>,
    pub(super) rate_limit: Option<RateLimit>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RateLimit {
    pub(super) requests: u64,
    pub(super) period_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Usage {
    pub(super) first_used_at: When,
    pub(super) last_used_at: When,
    pub(super) count: u64,
    pub(super) callers: Vec<String>,
    pub(super) last_way: String,
}

/// What is known of the tokens that live now.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LivingTokens {
    pub(super) living: u64,
    pub(super) last_ends_at: Option<When>,
    pub(super) counted_since: When,
    pub(super) uncounted_until: Option<When>,
}

impl LivingTokens {
    /// Whether one lives, as far as is known, or may live.
    pub(super) fn may_live(&self) -> bool {
        self.living > 0 || self.uncounted_until.is_some()
    }

    /// How many, in words.
    pub(super) fn how_many(&self) -> String {
        let known = match (self.living, &self.uncounted_until) {
            (0, None) => return "No token lives now".to_owned(),
            (0, Some(_)) => return "No living token is known".to_owned(),
            (1, None) => return "1 token lives now".to_owned(),
            (1, Some(_)) => return "At least 1 token lives now".to_owned(),
            (known, _) => known,
        };
        let least = if self.uncounted_until.is_some() { "At least " } else { "" };
        format!("{least}{known} tokens live now")
    }
}

impl Key {
    /// Its state, for people.
    pub(super) fn state(&self) -> StateOfKey {
        StateOfKey::of(&self.status).reaching(self.tenant_id.is_none())
    }

    /// What is shown of its string.
    pub(super) fn hint(&self) -> String {
        hint(&self.prefix, &self.last_four)
    }

    /// Why it was revoked, if it was.
    pub(super) fn reason(&self) -> Option<&str> {
        self.revocation_reason.as_deref().map(reason_words)
    }

    /// What its owner is called.
    pub(super) fn owner(&self) -> &str {
        self.owner_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.user_id)
    }

    /// Who made it, as far as the reader may know.
    pub(super) fn maker(&self) -> &str {
        let actor = self.created_by.as_ref();
        match (&self.created_by_name, actor.map(|actor| actor.kind.as_str())) {
            (Some(name), _) => name,
            (None, Some("console")) => "somebody at the machine itself",
            (None, Some("server")) => "the server",
            (None, _) => actor.and_then(|actor| actor.id.as_deref()).unwrap_or("somebody"),
        }
    }

    /// The scopes in one line; none: it is not narrowed.
    pub(super) fn scope_words(&self) -> Option<String> {
        let scopes = self.scopes.as_ref()?;
        Some(if scopes.is_empty() { "nothing".to_owned() } else { scopes.join(", ") })
    }
}

impl Usage {
    /// How often, in words.
    pub(super) fn times(&self) -> String {
        if self.count == 1 { "once".to_owned() } else { format!("about {} times", self.count) }
    }

    /// By what kinds of programs, in one line.
    pub(super) fn caller_words(&self) -> String {
        let mut callers: Vec<_> = self.callers.iter().map(|kind| program_words(kind)).collect();
        if callers.is_empty() {
            callers.push(program_words("none"));
        }
        format!("{}; last {}", callers.join(", "), way_words(&self.last_way))
    }
}

/// What is shown of a key's string.
pub(super) fn hint(prefix: &str, last_four: &str) -> String {
    format!("{}_…{last_four}", prefix.trim_end_matches('_'))
}

/// A way of use, in words.
pub(super) fn way_words(way: &str) -> &str {
    match way {
        "rest" => "over REST",
        "graphql" => "over GraphQL",
        "oauth" => "exchanged for a token",
        "shown" => "shown to another service",
        "ui" => "in this web UI",
        other => other,
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) standing: String,
    pub(super) created_at: When,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Member {
    pub(super) user_id: String,
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) role: String,
    pub(super) standing: String,
    pub(super) since: When,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Event {
    pub(super) position: String,
    pub(super) recorded_at: When,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) effect: String,
    pub(super) summary: String,
    #[serde(default)]
    pub(super) way: String,
    #[serde(default)]
    pub(super) request_id: String,
    pub(super) idempotency_key: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) actor: Option<Actor>,
    #[serde(default)]
    pub(super) details: Vec<Detail>,
}

impl Event {
    /// By which interface, in words.
    pub(super) fn way_words(&self) -> &str {
        interface_words(&self.way)
    }

    /// What kind of thing happened, for its mark: something began, ended, stopped for a time, or changed.
    pub(super) fn mark(&self) -> &'static str {
        mark_of(&self.effect)
    }
}

/// The class of a mark. Anything that a newer server may tell is a change.
pub(super) fn mark_of(effect: &str) -> &'static str {
    match effect {
        "begins" => "begins",
        "ends" => "ends",
        "stops" => "stops",
        _ => "changes",
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Actor {
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) key_id: Option<String>,
}

impl Actor {
    /// What kind of somebody, in words.
    pub(super) fn kind_words(&self) -> String {
        self.kind.replace('_', " ")
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Detail {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct SigningKey {
    pub(super) id: String,
    pub(super) kid: String,
    pub(super) active_from: When,
    pub(super) retired_at: Option<When>,
    pub(super) reason: Option<String>,
    pub(super) created_at: When,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) operator: bool,
    pub(super) standing: String,
    pub(super) created_at: When,
}

/// A role as a choice: what it is called, and what it may do, in plain words.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoleWords {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) says: &'static str,
}

impl RoleWords {
    /// Every role, the least powerful first.
    pub(super) const ALL: [Self; 4] = [
        Self { value: "read_only", name: "Read only", says: "Looks, and changes nothing." },
        Self {
            value: "runner",
            name: "Runner",
            says: "An agent: signs in and fetches work. Right for most machines.",
        },
        Self { value: "member", name: "Member", says: "Works in the tenant, and checks the keys of others." },
        Self {
            value: "administrator",
            name: "Administrator",
            says: "Everything here: people, service accounts and their keys included.",
        },
    ];
}

/// A role's name for people.
pub(super) fn role_name(value: &str) -> &str {
    RoleWords::ALL.iter().find(|role| role.value == value).map_or(value, |role| role.name)
}

pub(super) use domain::time::in_words as duration_words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_units() {
        for (seconds, words) in [
            (86_400, "1 day"),
            (2_592_000, "30 days"),
            (3_600, "1 hour"),
            (90, "90 seconds"),
            (600, "10 minutes"),
        ] {
            assert_eq!(duration_words(seconds), words);
        }
    }
}
