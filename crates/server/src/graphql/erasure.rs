//! Whose texts are to be erased: exactly one subject of those that the input can name.

use authority::{Failure, InputError};
use domain::sealed::Subject;
use juniper::GraphQLInputObject;

use super::scalars::Uuid;

/// Whose texts are to become unreadable: exactly one subject, which must be removed.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "erase_subject_input", rename_all = "none")]
pub struct EraseSubjectInput {
    /// A removed user, with the names of the user's keys: for operators.
    pub user_id: Option<Uuid>,
    /// A removed service account, or one of a removed tenant, with the names of its keys: for the tenant's
    /// administrators, and for operators.
    pub service_account_id: Option<Uuid>,
    /// A removed tenant: its slug and name. For operators.
    pub tenant_id: Option<Uuid>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

impl EraseSubjectInput {
    /// The one subject.
    pub fn subject(&self) -> Result<Subject, Failure> {
        match (self.user_id, self.service_account_id, self.tenant_id) {
            (Some(user), None, None) => Ok(Subject::User(user.id())),
            (None, Some(account), None) => Ok(Subject::ServiceAccount(account.id())),
            (None, None, Some(tenant)) => Ok(Subject::Tenant(tenant.id())),
            _ => {
                let rule = "name exactly one of user_id, service_account_id and tenant_id";
                Err(InputError::Malformed { field: "input", rule }.into())
            }
        }
    }
}
