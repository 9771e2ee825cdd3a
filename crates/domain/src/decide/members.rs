//! Rules about who belongs to a tenant, and as what.

use super::{Case, Decision, Stop};
use crate::command::NewKey;
use crate::event::Event;
use crate::ids::{TenantId, UserId};
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::rejection::{Entity, Rejection};
use crate::role::Role;
use crate::row::{Membership, Standing};

impl<L: Lookup> Case<'_, L> {
    pub(super) fn add_member(
        &self,
        tenant: TenantId,
        user: UserId,
        role: Role,
        first_key: Option<NewKey>,
    ) -> Decision<L> {
        self.bring_into(tenant)?;
        self.living_user(user)?;
        if let Some(member) = self.living_membership(tenant, user)? {
            let first_key = first_key.is_some();
            let same = member.role == role && !first_key;
            let already = Rejection::AlreadyMember { tenant, user, first_key };
            return if same { Ok(vec![]) } else { Err(already.into()) };
        }
        let mut events = vec![Event::MemberAdded { tenant, user, role }];
        // Bringing somebody in says who did it; a wide key of a known user would act in that user's name anywhere.
        events.extend(self.first_key(user, Reach::Tenant(tenant), first_key)?);
        Ok(events)
    }

    pub(super) fn change_member_role(&self, tenant: TenantId, user: UserId, role: Role) -> Decision<L> {
        self.administer(tenant)?;
        let not_found = Rejection::NotFound(Entity::Member { tenant, user });
        let member = self.living_membership(tenant, user)?.ok_or(not_found)?;
        if member.role == role {
            return Ok(vec![]);
        }
        self.not_the_last_administrator(&member)?;
        Ok(vec![Event::MemberRoleChanged { tenant, user, role }])
    }

    pub(super) fn remove_member(&self, tenant: TenantId, user: UserId) -> Decision<L> {
        // Whoever was brought in may leave.
        if !self.is_oneself(user, tenant)? {
            self.administer(tenant)?;
        }
        let member = self.rows.membership(tenant, user);
        let member = self.found(member, Entity::Member { tenant, user })?;
        match member.standing {
            Standing::Living | Standing::Suspended => {
                self.not_the_last_administrator(&member)?;
                Ok(vec![Event::MemberRemoved { tenant, user }])
            }
            Standing::Removed => Ok(vec![]),
        }
    }

    /// The key with which whoever brings a user in lets that user begin.
    pub(super) fn first_key(&self, user: UserId, reach: Reach, first_key: Option<NewKey>) -> Decision<L> {
        let Some(key) = first_key else { return Ok(vec![]) };
        let tenant = self.tenant(reach.home())?;
        self.grant(&key.scopes, reach)?;
        let expires_at = self.key_end(&[(tenant.id, tenant.policy)], key.expires_at, self.now)?;
        self.key_created(Owner::User(user), reach, key, expires_at)
    }

    pub(super) fn is_last_administrator(&self, member: &Membership) -> Result<bool, Stop<L::Error>> {
        let administers = member.role == Role::Administrator && member.standing == Standing::Living;
        if !administers {
            return Ok(false);
        }
        let user_lives = self
            .rows
            .user(member.user)
            .map_err(Stop::Failed)?
            .is_some_and(|u| u.standing == Standing::Living);
        let tenant = self.tenant(member.tenant)?;
        Ok(user_lives && tenant.standing != Standing::Removed && tenant.administrators <= 1)
    }

    fn not_the_last_administrator(&self, member: &Membership) -> Result<(), Stop<L::Error>> {
        if self.is_last_administrator(member)? {
            return Err(Rejection::LastAdministrator { tenants: vec![member.tenant] }.into());
        }
        Ok(())
    }

    fn living_membership(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Membership>, Stop<L::Error>> {
        let row = self.rows.membership(tenant, user).map_err(Stop::Failed)?;
        Ok(row.filter(|row| row.standing == Standing::Living))
    }
}
