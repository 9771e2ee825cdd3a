//! Things by the name that people use for them, or by id.

use std::fmt;

use domain::ids::{Id, ServiceAccountId, TenantId, UserId};
use domain::names::{Email, Name, NameError, Slug};
use domain::role::Role;
use serde_json::{Value, json};

use super::as_of::AsOfArgs;
use super::error::ClientError;
use super::graphql::{Argument, List, Server, text};
use crate::args::MalformedValue;
use crate::exit::Exit;

/// A tenant, by slug or id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantName {
    /// By id.
    Id(TenantId),
    /// By slug.
    Slug(Slug),
}

/// A service account, by id, or by its name in the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountName {
    /// By id.
    Id(ServiceAccountId),
    /// By name.
    Name(Name),
}

/// A user, by id, or by the e-mail address that members of the tenant see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserName {
    /// By id.
    Id(UserId),
    /// By address.
    Email(Email),
}

impl TenantName {
    /// A slug, or an id: what has the form of an id is one.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        if let Ok(id) = TenantId::parse(text) {
            return Ok(Self::Id(id));
        }
        let malformed = MalformedValue("give a tenant's slug, such as acme, or its id");
        Slug::parse(text).map(Self::Slug).map_err(|_| malformed)
    }

    /// The id, looked up among the tenants of the credential and, for an operator, among all.
    pub fn id(&self, server: &Server) -> Result<TenantId, ClientError> {
        let slug = match self {
            Self::Id(id) => return Ok(*id),
            Self::Slug(slug) => slug.as_str(),
        };
        let document = "query($slug: String) { tenant(where: {slug: {_eq: $slug}}) { id } }";
        let own = server.query("tenant", document, json!({"slug": slug}))?;
        let not_found = || ClientError::NotFound { what: format!("tenant {slug}") };
        if let Some(id) = own[0]["id"].as_str() {
            return TenantId::parse(id).map_err(|_| not_found());
        }
        let list = List { name: "tenants", selection: "id slug standing" };
        let all: [Argument; 1] = [("all", "Boolean", json!(true))];
        let tenants = match server.all(list, &all) {
            // No operator: there is nothing more to see.
            Err(ClientError::Refused(refusal)) if refusal.exit == Exit::NotAllowed => return Err(not_found()),
            tenants => tenants?,
        };
        let living = |tenant: &&Value| text(tenant, "slug") == slug && text(tenant, "standing") != "removed";
        let id = tenants.iter().find(living).and_then(|tenant| TenantId::parse(text(tenant, "id")).ok());
        id.ok_or_else(not_found)
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Slug(slug) => f.write_str(slug.as_str()),
        }
    }
}

impl AccountName {
    /// A name, or an id: what has the form of an id is one.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match ServiceAccountId::parse(text) {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => Name::parse(text).map(Self::Name),
        }
    }

    /// The id, looked up among the tenant's service accounts.
    pub fn id(&self, server: &Server, tenant: Option<&str>) -> Result<String, ClientError> {
        self.id_as_of(server, tenant, &AsOfArgs::NOW)
    }

    /// The id of what was called so at the moment, or else is called so now.
    fn id_as_of(
        &self,
        server: &Server,
        tenant: Option<&str>,
        as_of: &AsOfArgs,
    ) -> Result<String, ClientError> {
        let name = match self {
            Self::Id(id) => return Ok(id.to_string()),
            Self::Name(name) => name,
        };
        let account = find_account(server, tenant, name, as_of)?;
        let missing = || ClientError::NotFound { what: format!("service account {}", name.as_str()) };
        Ok(text(&account.ok_or_else(missing)?, "id").to_owned())
    }

    /// The same for whoever only looks: of what was removed, that which was called so last.
    pub fn id_to_look_at(
        &self,
        server: &Server,
        tenant: Option<&str>,
        as_of: &AsOfArgs,
    ) -> Result<String, ClientError> {
        let missing = match self.id_as_of(server, tenant, as_of) {
            Err(missing @ ClientError::NotFound { .. }) => missing,
            found => return found,
        };
        let list = List { name: "service_accounts", selection: "id name created_at" };
        let filter = json!({"state": ["removed"]});
        let arguments = [("tenant_id", "uuid", json!(tenant)), ("filter", "service_account_filter", filter)];
        let removed = server.all(list, &arguments)?;
        let called_so = removed
            .iter()
            .filter(|account| matches!(self, Self::Name(name) if text(account, "name") == name.as_str()));
        let last = called_so.max_by_key(|account| text(account, "created_at"));
        last.map(|account| text(account, "id").to_owned()).ok_or(missing)
    }
}

/// The first entry of a tenant's list that is meant: as it was at the moment, or else as it is now.
fn found_as_of(
    server: &Server,
    list: List,
    tenant: Option<&str>,
    as_of: &AsOfArgs,
    meant: &dyn Fn(&Value) -> bool,
) -> Result<Option<Value>, ClientError> {
    let arguments: [Argument; 1] = [("tenant_id", "uuid", json!(tenant))];
    let found = |as_of: &AsOfArgs| -> Result<Option<Value>, ClientError> {
        Ok(server.all_as_of(list, &arguments, as_of)?.entries.into_iter().find(meant))
    };
    match found(as_of)? {
        None if as_of.as_of.is_some() => found(&AsOfArgs::NOW),
        found => Ok(found),
    }
}

/// The service account that was called so at the moment, or else is called so now, if the tenant has one.
pub fn find_account(
    server: &Server,
    tenant: Option<&str>,
    name: &Name,
    as_of: &AsOfArgs,
) -> Result<Option<Value>, ClientError> {
    let list = List { name: "service_accounts", selection: "id name role" };
    found_as_of(server, list, tenant, as_of, &|account| text(account, "name") == name.as_str())
}

impl UserName {
    /// An e-mail address, or an id.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        if let Ok(id) = UserId::parse(text) {
            return Ok(Self::Id(id));
        }
        let malformed = MalformedValue("give a user's e-mail address, such as ada@example.com, or id");
        Email::parse(text).map(Self::Email).map_err(|_| malformed)
    }

    /// The id, looked up among the members of the tenant.
    pub fn id(&self, server: &Server, tenant: Option<&str>) -> Result<String, ClientError> {
        self.id_as_of(server, tenant, &AsOfArgs::NOW)
    }

    /// The same and, for an operator, among all users of the deployment, also those who were removed.
    pub fn id_anywhere(
        &self,
        server: &Server,
        tenant: Option<&str>,
        as_of: &AsOfArgs,
    ) -> Result<String, ClientError> {
        let missing = match (self.id_as_of(server, tenant, as_of), self) {
            (Err(missing @ ClientError::NotFound { .. }), Self::Email(email)) => (missing, email),
            (found, _) => return found,
        };
        let (missing, email) = missing;
        match find_users(server, email, &["living", "suspended", "removed"]) {
            // No operator: there is nothing more to see.
            Err(ClientError::Refused(refusal)) if refusal.exit == Exit::NotAllowed => Err(missing),
            users => {
                let users = users?;
                // Whoever has the address now comes before who had it.
                let removed = |user: &&Value| text(user, "standing") == "removed";
                let found = users.iter().find(|user| !removed(user)).or_else(|| users.last());
                found.map(|user| text(user, "id").to_owned()).ok_or(missing)
            }
        }
    }

    /// The id of whoever was a member at the moment, or else is one now.
    fn id_as_of(
        &self,
        server: &Server,
        tenant: Option<&str>,
        as_of: &AsOfArgs,
    ) -> Result<String, ClientError> {
        let email = match self {
            Self::Id(id) => return Ok(id.to_string()),
            Self::Email(email) => email,
        };
        let list = List { name: "members", selection: "user_id email" };
        let this = |member: &Value| text(member, "email").to_lowercase() == email.folded();
        let member = found_as_of(server, list, tenant, as_of, &this)?;
        let missing = || ClientError::NotFound { what: format!("member {} of this tenant", email.as_str()) };
        Ok(text(&member.ok_or_else(missing)?, "user_id").to_owned())
    }
}

impl UserName {
    /// The id, looked up among all users of the deployment: for operators.
    pub fn id_in_deployment(&self, server: &Server) -> Result<String, ClientError> {
        let email = match self {
            Self::Id(id) => return Ok(id.to_string()),
            Self::Email(email) => email,
        };
        match find_users(server, email, &["living", "suspended"])?.first() {
            Some(user) => Ok(text(user, "id").to_owned()),
            None => Err(ClientError::NotFound { what: format!("user {}", email.as_str()) }),
        }
    }
}

/// Whoever of the deployment's users has the address and stands so: for operators.
fn find_users(server: &Server, email: &Email, states: &[&str]) -> Result<Vec<Value>, ClientError> {
    let list = List { name: "users", selection: "id email standing" };
    let filter = json!({"name_contains": email.as_str(), "state": states});
    let mut users = server.all(list, &[("filter", "user_filter", filter)])?;
    users.retain(|user| text(user, "email").to_lowercase() == email.folded());
    Ok(users)
}

/// The word for a role.
pub fn parse_role(text: &str) -> Result<Role, MalformedValue> {
    Role::parse(text).ok_or(MalformedValue("give administrator, member, runner or read_only"))
}

/// An owner of keys: a user by address or id, a service account by name or id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerName {
    /// By id, of either kind.
    Id(String),
    /// A member's address.
    Email(UserName),
    /// A service account's name.
    Account(AccountName),
}

impl OwnerName {
    /// An id, an e-mail address, or else the name of a service account.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if let Ok(id) = Id::<domain::ids::kind::Request>::parse(text) {
            return Ok(Self::Id(id.to_string()));
        }
        match Email::parse(text) {
            Ok(email) => Ok(Self::Email(UserName::Email(email))),
            Err(_) => AccountName::parse(text).map(Self::Account),
        }
    }

    /// The id of whoever may have a key.
    pub fn id(&self, server: &Server) -> Result<String, ClientError> {
        match self {
            Self::Id(id) => Ok(id.clone()),
            Self::Email(user) => user.id(server, None),
            Self::Account(account) => account.id(server, None),
        }
    }

    /// The id of whoever was called so at the moment, or else is or was called so.
    pub fn id_to_look_at(&self, server: &Server, as_of: &AsOfArgs) -> Result<String, ClientError> {
        match self {
            Self::Id(id) => Ok(id.clone()),
            Self::Email(user) => user.id_anywhere(server, None, as_of),
            Self::Account(account) => account.id_to_look_at(server, None, as_of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn ids_are_told_from_names() {
        assert!(matches!(TenantName::parse(ID), Ok(TenantName::Id(_))));
        assert!(matches!(TenantName::parse("acme"), Ok(TenantName::Slug(_))));
        assert!(TenantName::parse("Acme Corp").is_err());
        assert!(matches!(AccountName::parse("etl agent"), Ok(AccountName::Name(_))));
        assert!(matches!(UserName::parse("ada@example.com"), Ok(UserName::Email(_))));
        assert!(UserName::parse("ada").is_err());
        assert!(matches!(OwnerName::parse(ID), Ok(OwnerName::Id(_))));
        assert!(matches!(OwnerName::parse("ada@example.com"), Ok(OwnerName::Email(_))));
        assert!(matches!(OwnerName::parse("etl-agent"), Ok(OwnerName::Account(_))));
    }
}
