//! Tokens for a tenant as older clients ask for them: by switching to it, and by renewing what they got.

use authority::renewal::Pair;
use juniper::{FieldResult, GraphQLInputObject, GraphQLObject};

use super::context::Context;
use super::errors::{not_minted, not_renewed};
use super::scalars::{Instant, Uuid};

/// The one field that a refresh token may ask for.
pub(super) const RENEWING: &str = "refresh_token";

/// The tenant to act in.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "switch_tenant_input", rename_all = "none")]
pub struct SwitchTenantInput {
    /// The tenant; the bearer must be a member.
    pub tenant_id: Uuid,
}

/// A token to be renewed. The refresh token that came with it is sent as the bearer's.
#[derive(Clone, GraphQLInputObject)]
#[graphql(name = "refresh_token_input", rename_all = "none")]
pub struct RefreshTokenInput {
    /// The token; it may have expired.
    pub access_token: String,
}

/// A short-lived token for one tenant, and what gets the next one.
#[derive(Clone, GraphQLObject)]
#[graphql(name = "tokens_payload", rename_all = "none")]
pub struct TokensPayload {
    /// The token: a signed one of RFC 9068.
    pub access_token: String,
    /// When the token ends.
    pub expires_at: Instant,
    /// Good for `refresh_token` and nothing else, for 15 minutes, and no longer than its key.
    pub refresh_token: String,
}

impl From<Pair> for TokensPayload {
    fn from(pair: Pair) -> Self {
        let Pair { access, refresh_token } = pair;
        Self { access_token: access.token, expires_at: Instant(access.expires_at), refresh_token }
    }
}

pub(super) fn switch(context: &Context, input: &SwitchTenantInput) -> FieldResult<TokensPayload> {
    let pair = context.authority.switch_tenant(&context.caller, input.tenant_id.id());
    pair.map(TokensPayload::from).map_err(|error| not_minted(&error))
}

pub(super) fn renew(context: &Context, input: &RefreshTokenInput) -> FieldResult<TokensPayload> {
    let pair = context.authority.renew(&context.caller, &input.access_token);
    pair.map(TokensPayload::from).map_err(not_renewed)
}
