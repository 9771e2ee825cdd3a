//! What would stop, told before it is done: the dry run of the mutation itself.

use serde::Deserialize;
use serde_json::{Value, json};

use super::document::Document;
use super::shown::LivingTokens;
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
    pub(super) last_used_at: Option<When>,
}

impl Consequences {
    /// Asks for them: the document's one field with `dry_run`.
    pub(super) async fn of(visit: &Visit, document: Document, field: &str, mut input: Value) -> Self {
        input["dry_run"] = Value::Bool(true);
        match visit.ask::<Value>(document, &json!({ "input": input })).await {
            Ok(mut answer) => serde_json::from_value(answer[field]["dry_run"].take()).unwrap_or_default(),
            Err(refused) => Self { hindered: Some(refused), ..Self::default() },
        }
    }

    /// Those of the keys that are listed one by one.
    pub(super) fn listed(&self) -> &[Stopped] {
        &self.keys[..self.keys.len().min(20)]
    }

    /// How many are not.
    pub(super) fn more(&self) -> u64 {
        self.keys_count.saturating_sub(self.listed().len() as u64)
    }
}
