//! Of what tokens are to be refused: exactly one target of those that the input can name.

use authority::{Failure, InputError};
use domain::event::TokenTarget;
use domain::key::Owner;
use juniper::GraphQLInputObject;

use super::scalars::Uuid;

/// Whose tokens are to be refused: exactly one target. Tokens minted afterwards are accepted.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "revoke_tokens_input", rename_all = "none")]
pub struct RevokeTokensInput {
    /// One token, by its `jti`; with `key_id`, the key from which it was minted, which says who may revoke it.
    pub token_id: Option<Uuid>,
    /// Every token minted from this key; with `token_id`, only that one.
    pub key_id: Option<Uuid>,
    /// Every token of this user: for the user with a key for any tenant, and for operators.
    pub user_id: Option<Uuid>,
    /// Every token of this service account: for its tenant's administrators, and for operators.
    pub service_account_id: Option<Uuid>,
    /// Every token for this tenant: for its administrators, and for operators.
    pub tenant_id: Option<Uuid>,
    /// Every token that this key signed: for operators.
    pub signing_key_id: Option<Uuid>,
    /// If true, every token of the deployment: for operators.
    pub all: Option<bool>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

impl RevokeTokensInput {
    /// The one target.
    pub fn target(&self) -> Result<TokenTarget, Failure> {
        let malformed = |field, rule| Failure::from(InputError::Malformed { field, rule });
        let of_key = match (self.token_id, self.key_id) {
            (Some(token), Some(key)) => Some(TokenTarget::Token { token: token.id(), key: key.id() }),
            (None, Some(key)) => Some(TokenTarget::Key(key.id())),
            (Some(_), None) => {
                let rule = "give key_id, too: the key from which the token was minted, its claim key_id";
                return Err(malformed("token_id", rule));
            }
            (None, None) => None,
        };
        let targets = [
            of_key,
            self.user_id.map(|user| TokenTarget::Owner(Owner::User(user.id()))),
            self.service_account_id.map(|account| TokenTarget::Owner(Owner::ServiceAccount(account.id()))),
            self.tenant_id.map(|tenant| TokenTarget::Tenant(tenant.id())),
            self.signing_key_id.map(|key| TokenTarget::SigningKey(key.id())),
            (self.all == Some(true)).then_some(TokenTarget::All),
        ];
        let mut named = targets.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(target), None) => Ok(target),
            (Some(_), Some(_)) | (None, _) => {
                let rule = "name exactly one of token_id with key_id, key_id, user_id, service_account_id, \
                            tenant_id, signing_key_id and all: true";
                Err(malformed("input", rule))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Option<Uuid> = Some(Uuid([7; 16]));

    #[test]
    fn a_token_goes_with_its_key_and_is_one_target() {
        let input = RevokeTokensInput { token_id: ID, key_id: ID, ..Default::default() };
        assert!(matches!(input.target(), Ok(TokenTarget::Token { .. })));
        let input = RevokeTokensInput { key_id: ID, ..Default::default() };
        assert!(matches!(input.target(), Ok(TokenTarget::Key(_))));
        let input = RevokeTokensInput { token_id: ID, ..Default::default() };
        assert!(input.target().unwrap_err().to_string().starts_with("token_id: give key_id, too"));
    }

    #[test]
    fn neither_none_nor_two_are_a_target() {
        let two = RevokeTokensInput { key_id: ID, tenant_id: ID, ..Default::default() };
        let everything_and_more = RevokeTokensInput { user_id: ID, all: Some(true), ..Default::default() };
        let not_all = RevokeTokensInput { all: Some(false), ..Default::default() };
        for input in [two, everything_and_more, not_all, RevokeTokensInput::default()] {
            let failure = input.target().unwrap_err();
            assert_eq!(failure.code(), "INVALID");
            assert!(failure.to_string().starts_with("input: name exactly one of"), "{failure}");
        }
        let one = RevokeTokensInput { tenant_id: ID, all: Some(false), ..Default::default() };
        assert!(matches!(one.target(), Ok(TokenTarget::Tenant(_))));
    }
}
