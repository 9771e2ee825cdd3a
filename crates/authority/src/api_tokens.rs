//! Tokens as older clients know them: keys that are asked for by a name and a scope, from which it follows whose they are.
//!
//! Those clients name no owner. A person's token is the person's own key; the others are keys of the service account that
//! has the token's name, and the role that goes with its scope. It is made when it is first needed.

use credentials::digest::TextKind;
use domain::ids::{ServiceAccountId, TenantId};
use domain::key::{Owner, Reach};
use domain::names::Name;
use domain::rejection::Rejection;
use domain::role::Role;
use domain::row::{NameHolder, UniqueName};
use domain::{Event, Lookup as _};

use crate::authenticate::Caller;
use crate::authority::{Authority, Request};
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
    /// Whose such a token is to be. The service account is made, in the asker's name, if there is none yet; the rules
    /// let administrators only. One of that name which may do more, or less, is not taken for it.
    pub fn token_owner(
        &self,
        asker: &Caller,
        request: &Request,
        tenant: TenantId,
        scope: TokenScope,
        name: &Name,
    ) -> Result<Owner, Failure> {
        let Some(role) = scope.role() else { return Ok(asker.owner) };
        if let Some(account) = self.account_called(tenant, name, role)? {
            return Ok(Owner::ServiceAccount(account));
        }
        let composed = self.create_service_account(tenant, name, role);
        let account = match self.execute(&asker.actor, request, composed) {
            Ok(done) => done.recorded.iter().find_map(|recorded| match &recorded.event {
                Event::ServiceAccountCreated { service_account, .. } => Some(*service_account),
                _ => None,
            }),
            // Another request may have made it in the meantime.
            Err(Failure::Rejected(Rejection::NameTaken)) => self.account_called(tenant, name, role)?,
            Err(failure) => return Err(failure),
        };
        account.map(Owner::ServiceAccount).ok_or(Rejection::NameTaken.into())
    }

    /// A token of an owner.
    pub fn create_api_token(
        &self,
        owner: Owner,
        reach: Reach,
        scope: TokenScope,
        input: &KeyInput,
    ) -> Result<Composed, Failure> {
        // The account may be another one the next time; what was asked for is not.
        let asked = format!("create_api_token {reach:?} {scope:?} {input:?}");
        Ok(Composed { asked, ..self.create_key(owner, reach, input)? })
    }

    fn account_called(
        &self,
        tenant: TenantId,
        name: &Name,
        role: Role,
    ) -> Result<Option<ServiceAccountId>, Failure> {
        let digest = self.shared.keyring.pepper.text_digest(TextKind::AccountName, name.as_str());
        let snapshot = self.snapshot()?;
        let holder = snapshot.rows().unique_name(UniqueName::ServiceAccountName(tenant, digest))?;
        let Some(NameHolder::ServiceAccount(account)) = holder else { return Ok(None) };
        Ok(snapshot.rows().service_account(account)?.filter(|row| row.role == role).map(|row| row.id))
    }
}
