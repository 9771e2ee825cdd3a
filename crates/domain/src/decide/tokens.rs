//! Rules about tokens: whoever manages what they rest on may have those minted until now refused; how long they live.

use super::{Case, Decision, Stop};
use crate::event::{Event, TokenTarget};
use crate::ids::{TenantId, UserId};
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::rejection::Entity;
use crate::token_life::TokenLife;

impl<L: Lookup> Case<'_, L> {
    /// Each time is a new event: tokens may have been minted since the last.
    pub(super) fn revoke_tokens(&self, target: TokenTarget) -> Decision<L> {
        match target {
            // Whoever shows a token may end it.
            TokenTarget::Token { token, key } if self.shows(token, key) => {}
            TokenTarget::Token { token: _, key } | TokenTarget::Key(key) => self.stop_key(&self.key(key)?)?,
            TokenTarget::Owner(Owner::User(user)) => self.tokens_of_user(user)?,
            TokenTarget::Owner(Owner::ServiceAccount(account)) if self.is_operating()? => {
                self.service_account(account)?;
            }
            TokenTarget::Owner(Owner::ServiceAccount(account)) => drop(self.administered(account)?),
            TokenTarget::Tenant(tenant) => self.bring_into(tenant)?,
            TokenTarget::SigningKey(id) => {
                self.operate()?;
                self.found(self.rows.signing_key(id), Entity::SigningKey(id))?;
            }
            TokenTarget::All => self.operate()?,
        }
        Ok(vec![Event::TokensRevoked { target }])
    }

    /// A ledger without a tenant mints no tokens, and begins with one.
    pub(super) fn change_token_life(&self, life: TokenLife) -> Decision<L> {
        self.server()?;
        let row = self.rows.deployment().map_err(Stop::Failed)?;
        let otherwise = row.filter(|row| row.token_life_since.is_none() || row.token_life != life);
        Ok(otherwise.map(|_| Event::TokenLifeChanged { life }).into_iter().collect())
    }

    /// The user, by a credential that is not confined to a tenant; or an operator.
    fn tokens_of_user(&self, user: UserId) -> Result<(), Stop<L::Error>> {
        let owner = Owner::User(user);
        // A reach that only an unconfined credential covers: the home named does not matter.
        let anywhere = Reach::AnyTenant { home: TenantId::from_bytes([0; 16]) };
        match self.manage_keys_of(owner, anywhere, Entity::User(user)) {
            Err(Stop::Rejected(_)) => {
                self.operate()?;
                self.user(user).map(drop)
            }
            own => own,
        }
    }
}
