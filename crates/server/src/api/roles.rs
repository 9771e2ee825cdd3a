//! `/api/accounts/{account}/account_roles`: the roles of a service account, under the ids by which clients name them.

use authority::{AsOf, Failure, InputError};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::TenantId;
use domain::rejection::{Entity, Rejection};
use domain::role::{Permission, Role};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asker::{Asked, Asker, answered};
use super::given::{AnyOf, Given, id};
use crate::named::Named;
use crate::refusal::RestError;

/// The id of each role, the same in every deployment and for ever, and what these clients call it: the first two by the
/// names that Prefect has for them.
const ROLES: [(Role, &str, &str); 4] = [
    (Role::Administrator, "9aff71b4-8a9f-4272-98cb-c91f7f1c5d05", "Admin"),
    (Role::Member, "cedbd3a3-0031-4d4b-8f46-98392388388c", "Member"),
    (Role::Runner, "d3060a86-2ff1-4e0c-8c8e-a8648f7dce44", "Runner"),
    (Role::ReadOnly, "e4342768-36b9-4f8a-a4f5-bc437de6cf4f", "Read only"),
];

/// Which roles are wanted.
#[derive(Default, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    account_roles: Conditions,
}

#[derive(Default, Deserialize)]
struct Conditions {
    name: Option<AnyOf>,
}

/// `POST …/account_roles/filter`.
pub(crate) async fn filter(
    asker: Asker,
    Named(account): Named<String>,
    Given(filter): Given<Filter>,
) -> Response {
    asker
        .answer(move |asked| {
            acts_in(asked, id("account_id", &account)?)?;
            let wanted = filter.account_roles.name;
            let roles = ROLES.iter().filter(|(_, _, name)| AnyOf::admits(wanted.as_ref(), name));
            Ok(answered(StatusCode::OK, roles.map(|(role, _, _)| shown(*role)).collect()))
        })
        .await
}

/// `GET …/account_roles/{id}`.
pub(crate) async fn show(asker: Asker, Named((account, role)): Named<(String, String)>) -> Response {
    let Some(known) = with_id(&role) else {
        return asker.refuse(RestError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such role"));
    };
    asker
        .answer(move |asked| {
            acts_in(asked, id("account_id", &account)?)?;
            Ok(answered(StatusCode::OK, shown(known)))
        })
        .await
}

/// The role that an id names; a member's, if there is none.
pub(super) fn asked_for(id: Option<&str>) -> Result<Role, Failure> {
    let rule = "there is no such role: ask account_roles/filter for the ids of roles";
    let malformed = || InputError::Malformed { field: "account_role_id", rule }.into();
    id.map_or(Ok(Role::Member), |id| with_id(id).ok_or_else(malformed))
}

/// The id of a role.
pub(super) fn id_of(role: Role) -> &'static str {
    entry(role).1
}

/// What these clients call a role.
pub(super) fn name_of(role: Role) -> &'static str {
    entry(role).2
}

fn entry(role: Role) -> &'static (Role, &'static str, &'static str) {
    ROLES.iter().find(|(known, _, _)| *known == role).expect("every role has an id; a test counts them")
}

fn with_id(id: &str) -> Option<Role> {
    let same = |known: &str| known.eq_ignore_ascii_case(id);
    ROLES.iter().find(|(_, known, _)| same(known)).map(|(role, _, _)| *role)
}

fn shown(role: Role) -> Value {
    let permissions = Permission::ALL.into_iter().filter(|permission| role.permits(*permission));
    json!({
        "id": id_of(role),
        "name": name_of(role),
        "permissions": permissions.map(Permission::scope).collect::<Vec<_>>(),
        "account_id": null,
        "is_system_role": true,
    })
}

/// Roles are the same everywhere; an account that the caller may not see is not there all the same.
fn acts_in(asked: &Asked, tenant: TenantId) -> Result<(), Failure> {
    let tenants = asked.authority.own_tenants(&asked.caller, AsOf::Now)?.value;
    let known = tenants.iter().any(|known| known.id == tenant);
    if known { Ok(()) } else { Err(Rejection::NotFound(Entity::Tenant(tenant)).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_an_id_and_a_name_of_its_own() {
        for role in Role::ALL {
            assert_eq!(with_id(&id_of(role).to_uppercase()), Some(role));
            assert!(ROLES.iter().all(|(other, id, name)| *other == role || (*id != id_of(role) && *name != name_of(role))));
        }
        assert_eq!(asked_for(None).ok(), Some(Role::Member));
        assert!(asked_for(Some("administrator")).is_err());
    }
}
