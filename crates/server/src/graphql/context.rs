//! What a resolver is given: the authority, who calls, and in which request.

use std::sync::{Arc, Mutex, PoisonError};

use authority::as_of::Answer;
use authority::compose::Composed;
use authority::{Authority, Caller, Done, Failure, InputError, Request};
use domain::Recorded;
use domain::actor::IdempotencyKey;
use domain::ids::{AgentId, TenantId};
use juniper::{Executor, FieldError, FieldResult};
use serde_json::{Map, Value};

use super::as_of::{self, AsOfInput, AsOfShown};
use super::budget::Budget;
use super::dry_run::DryRun;
use super::errors::{given_up, refused};
use super::progress::Progress;

/// The context of one request.
pub struct Context {
    pub(super) authority: Arc<Authority>,
    pub(super) caller: Caller,
    pub(super) request: Request,
    /// The agent that asks, by its own word.
    pub(super) agent: Option<AgentId>,
    pub(super) budget: Budget,
    /// What the fields rest on that were asked about a moment, by their names in the answer.
    pub(super) told: Mutex<Map<String, Value>>,
    /// Whether anybody waits for the answer.
    pub(super) progress: Arc<Progress>,
}

impl juniper::Context for Context {}

impl Context {
    /// Carries a command out, in the caller's name, and waits until it lasts.
    ///
    /// Resolvers run on threads of their own, one root field after the other, so waiting is right here.
    pub(super) fn execute(&self, composed: Composed, idempotency_key: Option<&str>) -> FieldResult<Done> {
        answered(self.carry_out(composed, idempotency_key))
    }

    /// The same, with a refusal that is still to be looked at.
    pub(super) fn carry_out(
        &self,
        composed: Composed,
        idempotency_key: Option<&str>,
    ) -> Result<Done, Failure> {
        let request = self.under(idempotency_key)?;
        self.authority.execute(&self.caller.actor, &request, composed)
    }

    /// The request, under an idempotency key.
    fn under(&self, idempotency_key: Option<&str>) -> Result<Request, Failure> {
        let idempotency_key = idempotency_key
            .map(|text| {
                let rule = "give 1 to 128 visible ASCII characters";
                let malformed = InputError::Malformed { field: "idempotency_key", rule };
                IdempotencyKey::parse(text).ok_or(malformed)
            })
            .transpose()?;
        Ok(Request { idempotency_key, ..self.request.clone() })
    }

    /// What a command would do, if it were carried out in the caller's name; or what it did before, under the same idempotency key.
    pub(super) fn rehearse(
        &self,
        composed: Composed,
        idempotency_key: Option<&str>,
    ) -> FieldResult<(Vec<Recorded>, DryRun)> {
        let request = answered(self.under(idempotency_key))?;
        let mut rehearsed = answered(self.authority.rehearse(&self.caller, &request, &composed))?;
        let mut events: Vec<_> = rehearsed.value.events.iter().map(|event| event.recorded.clone()).collect();
        events.append(&mut rehearsed.value.before);
        let dry_run = DryRun::from(rehearsed);
        let details: usize = dry_run.events.iter().map(|event| event.details.len()).sum();
        let fields: usize = dry_run.changes.iter().map(|change| change.fields.len()).sum();
        let entries = dry_run.events.len() + dry_run.keys.len() + dry_run.members.len();
        let entries = entries + dry_run.service_account_ids.len() + dry_run.changes.len();
        self.budget.take(entries, details + fields)?;
        Ok((events, dry_run))
    }

    /// The value of an answer, and what it rests on. If a moment was asked about, the answer's `extensions` tell it,
    /// too: lists that existing clients know have no room for it.
    pub(super) fn told<T>(
        &self,
        field: &Executor<'_, '_, Self>,
        asked: Option<AsOfInput>,
        answer: Result<Answer<T>, Failure>,
    ) -> FieldResult<(T, AsOfShown)> {
        let Answer { value, basis } = answered(answer)?;
        if self.progress.is_given_up() {
            return Err(given_up());
        }
        if asked.is_some() {
            let name = field.look_ahead().field_name().to_owned();
            self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name, as_of::json(basis));
        }
        Ok((value, basis.into()))
    }

    /// The tenant that is meant when none is named.
    pub(super) fn tenant(&self, named: Option<TenantId>) -> FieldResult<TenantId> {
        named.or(self.caller.tenant).ok_or_else(|| {
            let rule = "name a tenant: this credential acts in none of its own";
            refused(InputError::Malformed { field: "tenant_id", rule }.into())
        })
    }
}

/// The answer of the authority, or its refusal as a field's error.
pub(super) fn answered<T>(result: Result<T, impl Into<Failure>>) -> Result<T, FieldError> {
    result.map_err(|failure| refused(failure.into()))
}
