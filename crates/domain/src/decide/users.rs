//! Rules about users and operators. A user spans tenants, so only operators suspend and remove one.

use super::{Case, Decision, Stop};
use crate::command::{NewKey, NewUser};
use crate::event::Event;
use crate::ids::{TenantId, UserId};
use crate::key::Reach;
use crate::lookup::Lookup;
use crate::rejection::{Entity, Rejection};
use crate::role::Role;
use crate::row::{Standing, UniqueName, User};

impl<L: Lookup> Case<'_, L> {
    pub(super) fn create_user(
        &self,
        user: NewUser,
        tenant: TenantId,
        role: Role,
        first_key: Option<NewKey>,
    ) -> Decision<L> {
        self.bring_into(tenant)?;
        let id = user.id;
        let mut events = vec![self.user_created(user)?, Event::MemberAdded { tenant, user: id, role }];
        // A tenant's administrator gives what it has, which is that tenant.
        let reach =
            if self.is_operating()? { Reach::AnyTenant { home: tenant } } else { Reach::Tenant(tenant) };
        events.extend(self.first_key(id, reach, first_key)?);
        Ok(events)
    }

    pub(super) fn suspend_user(&self, id: UserId) -> Decision<L> {
        self.operate()?;
        let user = self.user(id)?;
        match user.standing {
            Standing::Living => {
                self.dispensable(&user)?;
                Ok(vec![Event::UserSuspended { user: id }])
            }
            Standing::Suspended => Ok(vec![]),
            Standing::Removed => Err(Rejection::Removed(Entity::User(id)).into()),
        }
    }

    pub(super) fn resume_user(&self, id: UserId) -> Decision<L> {
        self.operate()?;
        match self.user(id)?.standing {
            Standing::Living => Ok(vec![]),
            Standing::Suspended => Ok(vec![Event::UserResumed { user: id }]),
            Standing::Removed => Err(Rejection::Removed(Entity::User(id)).into()),
        }
    }

    pub(super) fn remove_user(&self, id: UserId) -> Decision<L> {
        self.operate()?;
        let user = self.user(id)?;
        match user.standing {
            Standing::Living => {
                self.dispensable(&user)?;
                Ok(vec![Event::UserRemoved { user: id }])
            }
            // A suspended user counts neither as administrator nor as operator: nothing more is lost.
            Standing::Suspended => Ok(vec![Event::UserRemoved { user: id }]),
            Standing::Removed => Ok(vec![]),
        }
    }

    pub(super) fn grant_operator(&self, id: UserId) -> Decision<L> {
        self.operate()?;
        let user = self.living_user(id)?;
        Ok(if user.operator { vec![] } else { vec![Event::OperatorGranted { user: id }] })
    }

    pub(super) fn withdraw_operator(&self, id: UserId) -> Decision<L> {
        self.operate()?;
        let user = self.user(id)?;
        if user.standing == Standing::Removed {
            return Err(Rejection::Removed(Entity::User(id)).into());
        }
        if !user.operator {
            return Ok(vec![]);
        }
        self.not_the_last_operator(&user)?;
        Ok(vec![Event::OperatorWithdrawn { user: id }])
    }

    pub(super) fn user_created(&self, user: NewUser) -> Result<Event, Stop<L::Error>> {
        let NewUser { id, email, name } = user;
        if self.rows.user(id).map_err(Stop::Failed)?.is_some() {
            return Err(Rejection::IdTaken(Entity::User(id)).into());
        }
        let holder = self.rows.unique_name(UniqueName::UserEmail(email.digest));
        match holder.map_err(Stop::Failed)? {
            Some(_) => Err(Rejection::EmailTaken.into()),
            None => Ok(Event::UserCreated { user: id, email, name }),
        }
    }

    pub(super) fn living_user(&self, id: UserId) -> Result<User, Stop<L::Error>> {
        let user = self.user(id)?;
        match user.standing {
            Standing::Living => Ok(user),
            Standing::Suspended => Err(Rejection::Suspended(Entity::User(id)).into()),
            Standing::Removed => Err(Rejection::Removed(Entity::User(id)).into()),
        }
    }

    /// Neither the last operator nor the last administrator of any tenant.
    fn dispensable(&self, user: &User) -> Result<(), Stop<L::Error>> {
        self.not_the_last_operator(user)?;
        let mut tenants = vec![];
        for membership in self.rows.memberships_of(user.id).map_err(Stop::Failed)? {
            if self.is_last_administrator(&membership)? {
                tenants.push(membership.tenant);
            }
        }
        if tenants.is_empty() { Ok(()) } else { Err(Rejection::LastAdministrator { tenants }.into()) }
    }

    fn not_the_last_operator(&self, user: &User) -> Result<(), Stop<L::Error>> {
        let operators = self.rows.deployment().map_err(Stop::Failed)?.unwrap_or_default().operators;
        let last = user.operator && user.standing == Standing::Living && operators <= 1;
        if last { Err(Rejection::LastOperator.into()) } else { Ok(()) }
    }
}
