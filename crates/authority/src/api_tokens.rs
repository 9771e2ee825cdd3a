//! Tokens as older clients know them: keys that are asked for by a name and a scope, from which it follows whose they are.
//!
//! Those clients name no owner. A person's token is the person's own key; the others are keys of the service account that
//! has the token's name, and the role that goes with its scope. It is made when it is first needed.

use domain::Lookup as _;
use domain::ids::{ServiceAccountId, TenantId};
use domain::key::Owner;
use domain::names::Name;
use domain::role::Role;

use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::compose::{Composed, KeyInput};
use crate::failure::Failure;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// An agent's.
    Runner,
    /// For the administration of a tenant, by a program.
    Tenant,
    /// The asker's own.
    User,
}

impl TokenScope {
    /// Reads the word, in any letter case.
    pub fn parse(word: &str) -> Option<Self> {
        let scopes = [("RUNNER", Self::Runner), ("TENANT", Self::Tenant), ("USER", Self::User)];
        scopes.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, scope)| scope)
    }

    /// The role of the service account that owns such tokens; none: they are the asker's own.
    const fn role(self) -> Option<Role> {
        match self {
            Self::Runner => Some(Role::Runner),
            Self::Tenant => Some(Role::Administrator),
            Self::User => None,
        }
    }
}

impl Authority {
    /// A token: a key of the asker's own, or of the service account that goes with its name and scope. An account that there
    /// is not is made with it, in the asker's name: both, or neither. One of that name which may do more, or less, is not
    /// taken for it.
    pub fn create_api_token(
        &self,
        asker: &Caller,
        tenant: TenantId,
        scope: TokenScope,
        input: &KeyInput,
    ) -> Result<Composed, Failure> {
        let reach = Self::reach_of_key(asker, None)?;
        // The account may be another one the next time; what was asked for is not.
        let asked = format!("create_api_token {reach:?} {scope:?} {input:?}");
        let owner = match scope.role() {
            None => asker.owner,
            Some(role) => match self.account_called(tenant, &input.name, role)? {
                Some(account) => Owner::ServiceAccount(account),
                None => {
                    let composed = self.create_service_account_with_key(tenant, &input.name, role, input);
                    return Ok(Composed { asked, ..composed });
                }
            },
        };
        Ok(Composed { asked, ..self.create_key(owner, reach, input)? })
    }

    fn account_called(
        &self,
        tenant: TenantId,
        name: &Name,
        role: Role,
    ) -> Result<Option<ServiceAccountId>, Failure> {
        let Some(account) = self.account_with(tenant, name)? else { return Ok(None) };
        let row = self.snapshot()?.rows().service_account(account)?;
        Ok(row.filter(|row| row.role == role).map(|row| row.id))
    }
}
