//! What a resolver is given: the authority, who calls, and in which request.

use std::sync::Arc;

use authority::compose::Composed;
use authority::{Authority, Caller, Done, Failure, InputError, Request};
use domain::actor::IdempotencyKey;
use domain::ids::TenantId;
use juniper::{FieldError, FieldResult};

use super::budget::Budget;
use super::errors::refused;

/// The context of one request.
pub struct Context {
    pub(super) authority: Arc<Authority>,
    pub(super) caller: Caller,
    pub(super) request: Request,
    pub(super) budget: Budget,
}

impl juniper::Context for Context {}

impl Context {
    /// Carries a command out, in the caller's name, and waits until it lasts.
    ///
    /// Resolvers run on threads of their own, one root field after the other, so waiting is right here.
    pub(super) fn execute(&self, composed: Composed, idempotency_key: Option<&str>) -> FieldResult<Done> {
        let idempotency_key = idempotency_key
            .map(|text| {
                let rule = "give 1 to 128 visible ASCII characters";
                let malformed = InputError::Malformed { field: "idempotency_key", rule };
                IdempotencyKey::parse(text).ok_or_else(|| refused(malformed.into()))
            })
            .transpose()?;
        let request = Request { idempotency_key, ..self.request.clone() };
        self.authority.execute(&self.caller.actor, &request, composed).map_err(refused)
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
