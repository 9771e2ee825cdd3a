//! The documents of the pages: what each asks of the API. A page shows its own.

/// A document of GraphQL with its one operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document(&'static str);

impl Document {
    /// Its text.
    pub(super) const fn text(self) -> &'static str {
        self.0
    }
}

// Pages: each asks, too, who looks at it and where they act.

pub(super) const WHO: Document = Document(concat!(
    include_str!("documents/who_looks.graphql"),
    "\n",
    include_str!("documents/who.graphql")
));
pub(super) const KEYS: Document =
    Document(concat!(include_str!("documents/keys.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const KEY: Document =
    Document(concat!(include_str!("documents/key.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const KEY_TO_COME: Document = Document(concat!(
    include_str!("documents/key_to_come.graphql"),
    "\n",
    include_str!("documents/who.graphql")
));
pub(super) const KEY_BRIEFLY: Document = Document(concat!(
    include_str!("documents/key_briefly.graphql"),
    "\n",
    include_str!("documents/who.graphql")
));
pub(super) const OWNERS: Document =
    Document(concat!(include_str!("documents/owners.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const ACCOUNTS: Document = Document(concat!(
    include_str!("documents/accounts.graphql"),
    "\n",
    include_str!("documents/who.graphql")
));
pub(super) const MEMBERS: Document =
    Document(concat!(include_str!("documents/members.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const TENANTS: Document =
    Document(concat!(include_str!("documents/tenants.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const EVENTS: Document =
    Document(concat!(include_str!("documents/events.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const TIME: Document =
    Document(concat!(include_str!("documents/time.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const TIME_OF_KEY: Document = Document(include_str!("documents/time_of_key.graphql"));
pub(super) const TIME_DIFF: Document = Document(include_str!("documents/time_diff.graphql"));
pub(super) const SIGNING_KEYS: Document = Document(concat!(
    include_str!("documents/signing_keys.graphql"),
    "\n",
    include_str!("documents/who.graphql")
));
pub(super) const DEPLOYMENT: Document = Document(concat!(
    include_str!("documents/deployment.graphql"),
    "\n",
    include_str!("documents/who.graphql")
));
pub(super) const PEOPLE: Document =
    Document(concat!(include_str!("documents/people.graphql"), "\n", include_str!("documents/who.graphql")));
pub(super) const REFUSALS: Document = Document(concat!(
    include_str!("documents/refusals.graphql"),
    "\n",
    include_str!("documents/who.graphql")
));

// Everything else: one field each.

pub(super) const MANAGED: Document = Document(include_str!("documents/managed.graphql"));
pub(super) const OWN_TENANT: Document = Document(include_str!("documents/own_tenant.graphql"));
pub(super) const CLOSED: Document = Document(include_str!("documents/closed.graphql"));
pub(super) const STOPPED_KEY: Document = Document(include_str!("documents/stopped_key.graphql"));
pub(super) const FIND: Document = Document(include_str!("documents/find_key.graphql"));
pub(super) const REACHED: Document = Document(include_str!("documents/reached.graphql"));
pub(super) const USED: Document = Document(include_str!("documents/key_used.graphql"));
pub(super) const CREATE_KEY: Document = Document(include_str!("documents/create_key.graphql"));
pub(super) const REVOKE_KEY: Document = Document(include_str!("documents/revoke_key.graphql"));
pub(super) const DISABLE_KEY: Document = Document(include_str!("documents/disable_key.graphql"));
pub(super) const ENABLE_KEY: Document = Document(include_str!("documents/enable_key.graphql"));
pub(super) const ROTATE_KEY: Document = Document(include_str!("documents/rotate_key.graphql"));
pub(super) const RENAME_KEY: Document = Document(include_str!("documents/rename_key.graphql"));
pub(super) const CHANGE_KEY_END: Document = Document(include_str!("documents/change_key_end.graphql"));
pub(super) const CHANGE_KEY_ADDRESSES: Document =
    Document(include_str!("documents/change_key_addresses.graphql"));
pub(super) const CHANGE_KEY_NOTE: Document = Document(include_str!("documents/change_key_note.graphql"));
pub(super) const CHANGE_KEY_RATE: Document = Document(include_str!("documents/change_key_rate.graphql"));
pub(super) const CREATE_ACCOUNT: Document = Document(include_str!("documents/create_account.graphql"));
pub(super) const REMOVE_ACCOUNT: Document = Document(include_str!("documents/remove_account.graphql"));
pub(super) const CHANGE_ACCOUNT_ROLE: Document =
    Document(include_str!("documents/change_account_role.graphql"));
pub(super) const SUSPEND_ACCOUNT: Document = Document(include_str!("documents/suspend_account.graphql"));
pub(super) const RESUME_ACCOUNT: Document = Document(include_str!("documents/resume_account.graphql"));
pub(super) const ADD_MEMBER: Document = Document(include_str!("documents/add_member.graphql"));
pub(super) const CHANGE_MEMBER_ROLE: Document =
    Document(include_str!("documents/change_member_role.graphql"));
pub(super) const REMOVE_MEMBER: Document = Document(include_str!("documents/remove_member.graphql"));
pub(super) const CHANGE_POLICY: Document = Document(include_str!("documents/change_policy.graphql"));
pub(super) const ROTATE_SIGNING_KEY: Document =
    Document(include_str!("documents/rotate_signing_key.graphql"));
pub(super) const RETIRE_SIGNING_KEY: Document =
    Document(include_str!("documents/retire_signing_key.graphql"));
pub(super) const CREATE_TENANT: Document = Document(include_str!("documents/create_tenant.graphql"));
pub(super) const SUSPEND_TENANT: Document = Document(include_str!("documents/suspend_tenant.graphql"));
pub(super) const RESUME_TENANT: Document = Document(include_str!("documents/resume_tenant.graphql"));
pub(super) const REMOVE_TENANT: Document = Document(include_str!("documents/remove_tenant.graphql"));
pub(super) const SUSPEND_USER: Document = Document(include_str!("documents/suspend_user.graphql"));
pub(super) const RESUME_USER: Document = Document(include_str!("documents/resume_user.graphql"));
pub(super) const REMOVE_USER: Document = Document(include_str!("documents/remove_user.graphql"));
pub(super) const GRANT_OPERATOR: Document = Document(include_str!("documents/grant_operator.graphql"));
pub(super) const WITHDRAW_OPERATOR: Document = Document(include_str!("documents/withdraw_operator.graphql"));
pub(super) const ERASE: Document = Document(include_str!("documents/erase.graphql"));

#[cfg(test)]
mod tests {
    use juniper::ValidatedOperation;

    use super::*;
    use crate::graphql::schema::schema;

    #[test]
    fn every_document_is_of_the_schema() {
        let schema = schema();
        for document in [
            WHO,
            KEYS,
            KEY,
            KEY_TO_COME,
            KEY_BRIEFLY,
            OWNERS,
            ACCOUNTS,
            MEMBERS,
            TENANTS,
            EVENTS,
            TIME,
            TIME_OF_KEY,
            TIME_DIFF,
            SIGNING_KEYS,
            DEPLOYMENT,
            MANAGED,
            OWN_TENANT,
            CLOSED,
            STOPPED_KEY,
            FIND,
            REACHED,
            USED,
            CREATE_KEY,
            REVOKE_KEY,
            DISABLE_KEY,
            ENABLE_KEY,
            ROTATE_KEY,
            RENAME_KEY,
            CHANGE_KEY_NOTE,
            CHANGE_KEY_END,
            CHANGE_KEY_ADDRESSES,
            CHANGE_KEY_RATE,
            CREATE_ACCOUNT,
            REMOVE_ACCOUNT,
            CHANGE_ACCOUNT_ROLE,
            SUSPEND_ACCOUNT,
            RESUME_ACCOUNT,
            ADD_MEMBER,
            CHANGE_MEMBER_ROLE,
            REMOVE_MEMBER,
            CHANGE_POLICY,
            ROTATE_SIGNING_KEY,
            RETIRE_SIGNING_KEY,
            PEOPLE,
            REFUSALS,
            CREATE_TENANT,
            SUSPEND_TENANT,
            RESUME_TENANT,
            REMOVE_TENANT,
            SUSPEND_USER,
            RESUME_USER,
            REMOVE_USER,
            GRANT_OPERATOR,
            WITHDRAW_OPERATOR,
            ERASE,
        ] {
            let text = document.text();
            let operation = ValidatedOperation::new(text, None, &schema);
            assert!(operation.is_ok(), "{text}: {:?}", operation.err());
        }
    }

    #[test]
    fn every_document_that_there_is_has_its_name_here() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ui/documents");
        let own = include_str!("document.rs");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(own.contains(&format!("documents/{name}")), "{name}");
        }
    }
}
