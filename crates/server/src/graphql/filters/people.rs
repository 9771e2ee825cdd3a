//! Which tenants, users, members and service accounts are wanted.

use authority::Failure;
use authority::queries::Which;
use domain::row::ServiceAccount;
use juniper::GraphQLInputObject;

use super::{among, bounds, contains};
use crate::graphql::scalars::Uuid;
use crate::graphql::types::{Member, Role, StandingValue, Tenant, User};

/// Which tenants are wanted: those that everything given applies to.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "tenant_filter", rename_all = "none")]
pub struct TenantFilter {
    /// With this id.
    pub id: Option<Uuid>,
    /// That stand so.
    pub state: Option<Vec<StandingValue>>,
    /// Whose name or slug holds this text, in any letter case.
    pub name_contains: Option<String>,
}

impl TenantFilter {
    /// Refuses more than is looked for; the text is in lower case afterwards.
    pub(in crate::graphql) fn checked(self) -> Result<Self, Failure> {
        bounds::few("filter.state", self.state.as_deref())?;
        let name_contains = bounds::lower("filter.name_contains", self.name_contains.as_deref())?;
        Ok(Self { name_contains, ..self })
    }

    pub(in crate::graphql) fn admits(&self, tenant: &Tenant) -> bool {
        let wanted = self.name_contains.as_deref();
        self.id.is_none_or(|id| id == tenant.id)
            && among(&tenant.standing, self.state.as_deref())
            && (contains(&tenant.name, wanted) || contains(&tenant.slug, wanted))
    }
}

/// Which users are wanted: those that everything given applies to.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "user_filter", rename_all = "none")]
pub struct UserFilter {
    /// With this id.
    pub id: Option<Uuid>,
    /// That stand so; null: those that were not removed.
    pub state: Option<Vec<StandingValue>>,
    /// Whether they may make and remove tenants.
    pub operator: Option<bool>,
    /// Whose name or e-mail address holds this text, in any letter case.
    pub name_contains: Option<String>,
}

impl UserFilter {
    /// Refuses more than is looked for; the text is in lower case afterwards.
    pub(in crate::graphql) fn checked(self) -> Result<Self, Failure> {
        bounds::few("filter.state", self.state.as_deref())?;
        let name_contains = bounds::lower("filter.name_contains", self.name_contains.as_deref())?;
        Ok(Self { name_contains, ..self })
    }

    pub(in crate::graphql) fn which(&self) -> Which {
        let removed = self.state.as_ref().is_some_and(|state| state.contains(&StandingValue::removed));
        if removed { Which::All } else { Which::Living }
    }

    pub(in crate::graphql) fn admits(&self, user: &User) -> bool {
        let wanted = self.name_contains.as_deref();
        let named = user.name.as_deref().is_some_and(|name| contains(name, wanted));
        self.id.is_none_or(|id| id == user.id)
            && among(&user.standing, self.state.as_deref())
            && self.operator.is_none_or(|operator| operator == user.operator)
            && (named || contains(&user.email, wanted))
    }
}

/// Which members are wanted: those that everything given applies to.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "member_filter", rename_all = "none")]
pub struct MemberFilter {
    /// This user.
    pub user_id: Option<Uuid>,
    /// Whose user stands so. Members that were removed are not listed.
    pub state: Option<Vec<StandingValue>>,
    /// With one of these roles.
    pub role: Option<Vec<Role>>,
    /// Whose name or e-mail address holds this text, in any letter case.
    pub name_contains: Option<String>,
}

impl MemberFilter {
    /// Refuses more than is looked for; the text is in lower case afterwards.
    pub(in crate::graphql) fn checked(self) -> Result<Self, Failure> {
        bounds::few("filter.state", self.state.as_deref())?;
        bounds::few("filter.role", self.role.as_deref())?;
        let name_contains = bounds::lower("filter.name_contains", self.name_contains.as_deref())?;
        Ok(Self { name_contains, ..self })
    }

    pub(in crate::graphql) fn admits(&self, member: &Member) -> bool {
        let wanted = self.name_contains.as_deref();
        let named = member.name.as_deref().is_some_and(|name| contains(name, wanted));
        self.user_id.is_none_or(|id| id == member.user_id)
            && among(&member.standing, self.state.as_deref())
            && among(&member.role, self.role.as_deref())
            && (named || contains(&member.email, wanted))
    }
}

/// Which service accounts are wanted: those that everything given applies to.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "service_account_filter", rename_all = "none")]
pub struct ServiceAccountFilter {
    /// With this id.
    pub id: Option<Uuid>,
    /// That stand so; null: those that were not removed.
    pub state: Option<Vec<StandingValue>>,
    /// With one of these roles.
    pub role: Option<Vec<Role>>,
    /// Whose name holds this text, in any letter case.
    pub name_contains: Option<String>,
}

impl ServiceAccountFilter {
    /// Refuses more than is looked for; the text is in lower case afterwards.
    pub(in crate::graphql) fn checked(self) -> Result<Self, Failure> {
        bounds::few("filter.state", self.state.as_deref())?;
        bounds::few("filter.role", self.role.as_deref())?;
        let name_contains = bounds::lower("filter.name_contains", self.name_contains.as_deref())?;
        Ok(Self { name_contains, ..self })
    }

    pub(in crate::graphql) fn which(&self) -> Which {
        let removed = self.state.iter().flatten().any(|state| *state == StandingValue::removed);
        if removed { Which::All } else { Which::Living }
    }

    /// Whether an account is wanted, by all but its name.
    pub(in crate::graphql) fn admits(&self, account: &ServiceAccount) -> bool {
        self.id.is_none_or(|id| id == Uuid::from(account.id))
            && among(&account.standing.into(), self.state.as_deref())
            && among(&account.role.into(), self.role.as_deref())
    }

    /// Whether the name matters.
    pub(in crate::graphql) fn names(&self) -> bool {
        self.name_contains.is_some()
    }

    /// Whether an account of this name is wanted.
    pub(in crate::graphql) fn admits_name(&self, name: &str) -> bool {
        contains(name, self.name_contains.as_deref())
    }
}
