//! Tokens as older clients know them: keys by a name and a scope, from which it follows whose they are.

use authority::api_tokens::TokenScope;
use authority::compose::{self, KeyInput};
use authority::queries::KeyView;
use authority::{Failure, InputError};
use domain::key::Owner;
use domain::limits::KeyLimits;
use domain::rejection::Rejection;
use juniper::{FieldResult, GraphQLInputObject, GraphQLObject};

use super::context::{Context, answered};
use super::scalars::{Instant, LogPosition, Uuid};
use crate::made::{key_created, shown};

/// A token of older clients: a key under another name.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "api_token", rename_all = "none")]
pub struct ApiToken {
    /// Its id, which is the key's.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// When it ends by itself; null: never.
    pub expires_at: Option<Instant>,
    /// Its owner: a user or a service account.
    pub user_id: Uuid,
}

/// A token to be. The server chooses its owner by its scope.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "create_api_token_input", rename_all = "none")]
pub struct CreateApiTokenInput {
    /// What people will call it, and its service account, if it has one.
    pub name: String,
    /// RUNNER: of the service account of that name, which is a runner; TENANT: of the one of that name, which is an
    /// administrator. Both are for administrators; the account is made if it is not there, and an error if it has another
    /// role. USER: your own.
    pub scope: String,
    /// When it ends by itself; null: as the tenant's policy says, else never.
    pub expires_at: Option<Instant>,
    /// Your own name for this attempt: sent again with the same input, nothing is done twice.
    pub idempotency_key: Option<String>,
}

/// A token to be ended.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "delete_api_token_input", rename_all = "none")]
pub struct DeleteApiTokenInput {
    /// The token, or any other key.
    pub token_id: Uuid,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A new token, shown this once; null when the request is a repetition.
#[derive(GraphQLObject)]
#[graphql(name = "create_api_token_payload", rename_all = "none")]
pub struct CreateApiTokenPayload {
    /// Its public id.
    pub id: Option<Uuid>,
    /// The secret.
    pub token: Option<String>,
    /// The position of the log that says so.
    pub position: Option<LogPosition>,
}

impl From<KeyView> for ApiToken {
    fn from(view: KeyView) -> Self {
        let user_id = match view.owner {
            Owner::User(id) => id.into(),
            Owner::ServiceAccount(id) => id.into(),
        };
        Self { id: view.id.into(), name: view.name, expires_at: view.expires_at.map(Instant), user_id }
    }
}

pub(super) fn create(context: &Context, input: &CreateApiTokenInput) -> FieldResult<CreateApiTokenPayload> {
    let rule = "give RUNNER, TENANT or USER";
    let scope = TokenScope::parse(&input.scope).ok_or(InputError::Malformed { field: "scope", rule });
    let (scope, name) = (answered(scope)?, answered(compose::name(&input.name))?);
    let (authority, caller) = (&context.authority, &context.caller);
    let tenant = context.tenant(None)?;
    // As wide as the credential used, as with every new key for which nothing was asked.
    let (scopes, limits) = (caller.scopes.clone(), KeyLimits::default());
    let key = KeyInput { name, expires_at: input.expires_at.map(|at| at.0), scopes, limits, note: None };
    let attempt = || -> Result<_, Failure> {
        let mut composed = authority.create_api_token(caller, tenant, scope, &key)?;
        let secret = composed.key.take();
        Ok((context.carry_out(composed, input.idempotency_key.as_deref())?, secret))
    };
    let (done, secret) = match attempt() {
        // Another request may have made the account in the meantime; if its role is another, the answer is the same again.
        Err(Failure::Rejected(Rejection::NameTaken)) => answered(attempt())?,
        outcome => answered(outcome)?,
    };
    Ok(CreateApiTokenPayload {
        id: key_created(&done.recorded).map(|(id, _)| id.into()),
        token: shown(&done, secret),
        position: Some(LogPosition(done.position)),
    })
}
