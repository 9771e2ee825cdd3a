//! Rules about tenants. Operators make, suspend and remove them; their administrators do the rest.

use super::{Case, Decision, Stop};
use crate::command::{FirstAdministrator, NewTenant};
use crate::event::{Event, TenantPolicy};
use crate::ids::TenantId;
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::rejection::{Entity, Rejection};
use crate::role::Role;
use crate::row::{Standing, UniqueName};
use crate::sealed::SealedName;

impl<L: Lookup> Case<'_, L> {
    pub(super) fn create_tenant(&self, tenant: NewTenant, administrator: FirstAdministrator) -> Decision<L> {
        self.operate()?;
        let (id, policy) = (tenant.id, tenant.policy);
        let mut events = vec![self.tenant_created(tenant)?];
        let member = |user| Event::MemberAdded { tenant: id, user, role: Role::Administrator };
        match administrator {
            FirstAdministrator::Known(user) => {
                self.living_user(user)?;
                events.push(member(user));
            }
            FirstAdministrator::New(new) => {
                let (user, key) = *new;
                let (user_id, reach) = (user.id, Reach::AnyTenant { home: id });
                self.grant(&key.scopes, reach)?;
                let expires_at = self.key_end(&[(id, policy)], key.expires_at, self.now)?;
                events.push(self.user_created(user)?);
                events.push(member(user_id));
                events.extend(self.key_created(Owner::User(user_id), reach, key, expires_at)?);
            }
        }
        Ok(events)
    }

    pub(super) fn rename_tenant(&self, tenant: TenantId, name: SealedName) -> Decision<L> {
        self.administer(tenant)?;
        let same = self.tenant(tenant)?.name.digest == name.digest;
        Ok(if same { vec![] } else { vec![Event::TenantRenamed { tenant, name }] })
    }

    pub(super) fn change_tenant_policy(&self, tenant: TenantId, policy: TenantPolicy) -> Decision<L> {
        self.administer(tenant)?;
        sound(&policy)?;
        let same = self.tenant(tenant)?.policy == policy;
        Ok(if same { vec![] } else { vec![Event::TenantPolicyChanged { tenant, policy }] })
    }

    pub(super) fn suspend_tenant(&self, tenant: TenantId) -> Decision<L> {
        self.operate_on(tenant)?;
        match self.tenant(tenant)?.standing {
            Standing::Living => Ok(vec![Event::TenantSuspended { tenant }]),
            Standing::Suspended => Ok(vec![]),
            Standing::Removed => Err(Rejection::Removed(Entity::Tenant(tenant)).into()),
        }
    }

    pub(super) fn resume_tenant(&self, tenant: TenantId) -> Decision<L> {
        self.operate_on(tenant)?;
        match self.tenant(tenant)?.standing {
            Standing::Living => Ok(vec![]),
            Standing::Suspended => Ok(vec![Event::TenantResumed { tenant }]),
            Standing::Removed => Err(Rejection::Removed(Entity::Tenant(tenant)).into()),
        }
    }

    pub(super) fn remove_tenant(&self, tenant: TenantId) -> Decision<L> {
        self.operate_on(tenant)?;
        match self.tenant(tenant)?.standing {
            Standing::Living | Standing::Suspended => Ok(vec![Event::TenantRemoved { tenant }]),
            Standing::Removed => Ok(vec![]),
        }
    }

    pub(super) fn tenant_created(&self, tenant: NewTenant) -> Result<Event, Stop<L::Error>> {
        let NewTenant { id, slug, name, policy } = tenant;
        sound(&policy)?;
        if self.rows.tenant(id).map_err(Stop::Failed)?.is_some() {
            return Err(Rejection::IdTaken(Entity::Tenant(id)).into());
        }
        let holder = self.rows.unique_name(UniqueName::TenantSlug(slug.digest));
        match holder.map_err(Stop::Failed)? {
            Some(_) => Err(Rejection::SlugTaken.into()),
            None => Ok(Event::TenantCreated { tenant: id, slug, name, policy }),
        }
    }
}

fn sound<E>(policy: &TenantPolicy) -> Result<(), Stop<E>> {
    let max = policy.key_life_seconds_max.unwrap_or(u64::MAX);
    let fits = policy.key_life_seconds_default.is_none_or(|default| (1..=max).contains(&default));
    if max >= 1 && fits { Ok(()) } else { Err(Rejection::PolicyContradicts.into()) }
}
