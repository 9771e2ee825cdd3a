//! Rules about service accounts: only administrators of their tenant create, change, remove or see them.

use super::{Case, Decision, Stop};
use crate::command::NewKey;
use crate::event::Event;
use crate::ids::{ServiceAccountId, TenantId};
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::rejection::{Entity, Rejection};
use crate::role::Role;
use crate::row::{ServiceAccount, Standing, UniqueName};
use crate::sealed::SealedName;

impl<L: Lookup> Case<'_, L> {
    pub(super) fn create_service_account(
        &self,
        service_account: ServiceAccountId,
        tenant: TenantId,
        name: SealedName,
        role: Role,
        first_key: Option<NewKey>,
    ) -> Decision<L> {
        self.administer(tenant)?;
        if self.rows.service_account(service_account).map_err(Stop::Failed)?.is_some() {
            return Err(Rejection::IdTaken(Entity::ServiceAccount(service_account)).into());
        }
        self.free_name(tenant, &name)?;
        let mut events = vec![Event::ServiceAccountCreated { service_account, tenant, name, role }];
        if let Some(key) = first_key {
            // The rules of a key that is made afterwards; its account, only, is not to be found yet.
            let (owner, reach) = (Owner::ServiceAccount(service_account), Reach::Tenant(tenant));
            self.grant(&key.scopes, reach)?;
            let policy = self.tenant(tenant)?.policy;
            let expires_at = self.key_end(&[(tenant, policy)], key.expires_at, self.now)?;
            events.extend(self.key_created(owner, reach, key, expires_at)?);
        }
        Ok(events)
    }

    pub(super) fn rename_service_account(&self, id: ServiceAccountId, name: SealedName) -> Decision<L> {
        let account = self.unremoved(id)?;
        if account.name.digest == name.digest {
            return Ok(vec![]);
        }
        self.free_name(account.tenant, &name)?;
        Ok(vec![Event::ServiceAccountRenamed { service_account: id, name }])
    }

    pub(super) fn change_service_account_role(&self, id: ServiceAccountId, role: Role) -> Decision<L> {
        let same = self.unremoved(id)?.role == role;
        Ok(if same { vec![] } else { vec![Event::ServiceAccountRoleChanged { service_account: id, role }] })
    }

    pub(super) fn suspend_service_account(&self, id: ServiceAccountId) -> Decision<L> {
        let suspended = self.unremoved(id)?.standing == Standing::Suspended;
        Ok(if suspended { vec![] } else { vec![Event::ServiceAccountSuspended { service_account: id }] })
    }

    pub(super) fn resume_service_account(&self, id: ServiceAccountId) -> Decision<L> {
        let living = self.unremoved(id)?.standing == Standing::Living;
        Ok(if living { vec![] } else { vec![Event::ServiceAccountResumed { service_account: id }] })
    }

    pub(super) fn remove_service_account(&self, id: ServiceAccountId) -> Decision<L> {
        let removed = self.administered(id)?.standing == Standing::Removed;
        Ok(if removed { vec![] } else { vec![Event::ServiceAccountRemoved { service_account: id }] })
    }

    /// The account, if the actor administers its tenant; otherwise as if there were none.
    pub(super) fn administered(&self, id: ServiceAccountId) -> Result<ServiceAccount, Stop<L::Error>> {
        let entity = Entity::ServiceAccount(id);
        let account = self.service_account(id)?;
        match self.administer(account.tenant) {
            Err(Stop::Rejected(Rejection::NotFound(_))) => Err(Rejection::NotFound(entity).into()),
            Err(stop) => Err(stop),
            Ok(()) => Ok(account),
        }
    }

    fn unremoved(&self, id: ServiceAccountId) -> Result<ServiceAccount, Stop<L::Error>> {
        let account = self.administered(id)?;
        match account.standing {
            Standing::Living | Standing::Suspended => Ok(account),
            Standing::Removed => Err(Rejection::Removed(Entity::ServiceAccount(id)).into()),
        }
    }

    fn free_name(&self, tenant: TenantId, name: &SealedName) -> Result<(), Stop<L::Error>> {
        let holder = self.rows.unique_name(UniqueName::ServiceAccountName(tenant, name.digest));
        if holder.map_err(Stop::Failed)?.is_some() { Err(Rejection::NameTaken.into()) } else { Ok(()) }
    }
}
