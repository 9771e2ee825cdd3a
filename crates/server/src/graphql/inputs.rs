//! What requests are made of, and how it becomes what the authority takes.

use authority::compose::{self, FirstKey, KeyInput, TenantInput, UserInput};
use authority::{Failure, InputError};
use domain::event::TenantPolicy;
use domain::key::RevocationReason;
use domain::limits::KeyLimits;
use domain::names::{Email, Note, Slug};
use domain::role::{Scope, Scopes};
use juniper::{GraphQLEnum, GraphQLInputObject, Nullable};

use super::limits::{self, RateLimitInput};
use super::scalars::{Instant, Uuid};
use super::types::Role;

/// A key to be.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "create_api_key_input", rename_all = "none")]
pub struct CreateApiKeyInput {
    /// The owner: a user or a service account.
    pub user_id: Uuid,
    /// What people will call it.
    pub name: String,
    /// When it ends by itself; null: as the tenant's policy says, else never.
    pub expires_at: Option<Instant>,
    /// The only tenant in which it is to act; null: as wide as the credential used. A service account's
    /// key always acts in its tenant only.
    pub tenant_id: Option<Uuid>,
    /// What it is narrowed to; null: as wide as the credential used.
    pub scopes: Option<Vec<String>>,
    /// From where it is accepted: 1 to 32 networks in CIDR notation, or single addresses; null: from wherever
    /// the key used is.
    pub allowed_addresses: Option<Vec<String>>,
    /// How often it is accepted; null: as often as it is shown.
    pub rate_limit: Option<RateLimitInput>,
    /// A remark for whoever may see the key, such as where it is kept: one line of at most 2000 bytes.
    pub note: Option<String>,
    /// Your own name for this attempt: sent again with the same input, nothing is done twice.
    pub idempotency_key: Option<String>,
}

impl CreateApiKeyInput {
    /// The key as the authority takes it.
    pub fn key(&self, unasked: &Scopes) -> Result<KeyInput, Failure> {
        let scopes = match &self.scopes {
            None => unasked.clone(),
            Some(scopes) => {
                let scopes: Result<Vec<_>, _> = scopes.iter().map(|scope| Scope::parse(scope)).collect();
                Scopes::only(scopes?)?
            }
        };
        let (name, expires_at) = (compose::name(&self.name)?, self.expires_at.map(|at| at.0));
        let addresses = limits::addresses(self.allowed_addresses.as_deref())?;
        let limits = KeyLimits { addresses, rate: limits::rate(self.rate_limit.as_ref())? };
        let note = self.note.as_deref().map(compose::note).transpose()?;
        Ok(KeyInput { name, expires_at, scopes, limits, note })
    }
}

/// A key's new name.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "rename_api_key_input", rename_all = "none")]
pub struct RenameApiKeyInput {
    /// The key.
    pub key_id: Uuid,
    /// What people will call it.
    pub name: String,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// What is remarked about a key.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "change_api_key_note_input", rename_all = "none")]
pub struct ChangeApiKeyNoteInput {
    /// The key.
    pub key_id: Uuid,
    /// The remark, one line of at most 2000 bytes; null: none. Those before stay in its history.
    pub note: Option<String>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A key's new end.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "change_api_key_expiry_input", rename_all = "none")]
pub struct ChangeApiKeyExpiryInput {
    /// The key.
    pub key_id: Uuid,
    /// When it ends by itself; null: as the tenant's policy says, counted from when the key was made, else never.
    pub expires_at: Option<Instant>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
}

/// A key to be replaced by a successor of the same name, owner, reach and scopes.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "rotate_api_key_input", rename_all = "none")]
pub struct RotateApiKeyInput {
    /// The key.
    pub key_id: Uuid,
    /// For how many seconds it is accepted beside its successor: at most 90 days; null: 0, it is refused at once.
    pub overlap_seconds: Option<i32>,
    /// When the successor ends by itself; null: as the tenant's policy says, else never.
    pub expires_at: Option<Instant>,
    /// Your own name for this attempt: sent again with the same input, nothing is done twice.
    pub idempotency_key: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
}

impl RotateApiKeyInput {
    /// The overlap as the authority takes it.
    pub fn overlap_seconds(&self) -> Result<u64, Failure> {
        let rule = "give a number of seconds, at least 0";
        Ok(seconds("overlap_seconds", self.overlap_seconds, rule)?.unwrap_or(0))
    }
}

/// Why a key is revoked: the reasons of RFC 5280, section 5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "revocation_reason", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum Reason {
    /// No reason given.
    unspecified,
    /// Somebody else may have the secret.
    key_compromise,
    /// The owner changed its affiliation.
    affiliation_changed,
    /// Another key took its place.
    superseded,
    /// It is no longer needed.
    cessation_of_operation,
    /// The owner must no longer have what it gives.
    privilege_withdrawn,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::unspecified => Self::Unspecified,
            Reason::key_compromise => Self::KeyCompromise,
            Reason::affiliation_changed => Self::AffiliationChanged,
            Reason::superseded => Self::Superseded,
            Reason::cessation_of_operation => Self::CessationOfOperation,
            Reason::privilege_withdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

impl From<RevocationReason> for Reason {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::Unspecified => Self::unspecified,
            RevocationReason::KeyCompromise => Self::key_compromise,
            RevocationReason::AffiliationChanged => Self::affiliation_changed,
            RevocationReason::Superseded => Self::superseded,
            RevocationReason::CessationOfOperation => Self::cessation_of_operation,
            RevocationReason::PrivilegeWithdrawn => Self::privilege_withdrawn,
        }
    }
}

/// A key to be revoked.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "delete_api_key_input", rename_all = "none")]
pub struct DeleteApiKeyInput {
    /// The key.
    pub key_id: Uuid,
    /// Why.
    pub reason: Option<Reason>,
    /// A remark for whoever reads the log.
    pub note: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

impl DeleteApiKeyInput {
    /// The remark, if it is fit to be one.
    pub fn note(&self) -> Result<Option<Note>, Failure> {
        self.note.as_deref().map(compose::note).transpose()
    }
}

/// A service account to be.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "create_service_account_input", rename_all = "none")]
pub struct CreateServiceAccountInput {
    /// Its tenant, for good; null: the tenant in which the credential acts.
    pub tenant_id: Option<Uuid>,
    /// Its name, unique among the living of the tenant.
    pub name: String,
    /// What it may do there; null: administrator.
    pub role: Option<Role>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A service account's new name.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "rename_service_account_input", rename_all = "none")]
pub struct RenameServiceAccountInput {
    /// The service account.
    pub service_account_id: Uuid,
    /// Its name from now on, unique among the living of its tenant.
    pub name: String,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A service account's new role.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "change_service_account_role_input", rename_all = "none")]
pub struct ChangeServiceAccountRoleInput {
    /// The service account.
    pub service_account_id: Uuid,
    /// What it may do from now on.
    pub role: Role,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
}

/// A service account spoken of.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "service_account_id_input", rename_all = "none")]
pub struct ServiceAccountIdInput {
    /// The service account.
    pub service_account_id: Uuid,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A service account to be removed, with its keys.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "delete_service_account_input", rename_all = "none")]
pub struct DeleteServiceAccountInput {
    /// The service account.
    pub service_account_id: Uuid,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A tenant to be, with its first administrator.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "create_tenant_input", rename_all = "none")]
pub struct CreateTenantInput {
    /// Its short name, for good: lower-case letters, digits and inner hyphens.
    pub slug: String,
    /// Its display name; null: the slug.
    pub name: Option<String>,
    /// The e-mail address of its first administrator: a known user, or a new one, who gets a key.
    pub administrator_email: String,
    /// The longest life of a new key, in seconds; null: unlimited.
    pub key_life_seconds_max: Option<i32>,
    /// The life of a new key for which no end was asked, in seconds; null: without end.
    pub key_life_seconds_default: Option<i32>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

impl CreateTenantInput {
    /// The tenant and its first administrator as the authority takes them.
    pub fn parse(&self) -> Result<(TenantInput, UserInput), Failure> {
        let policy = policy(self.key_life_seconds_max, self.key_life_seconds_default)?;
        let slug = Slug::parse(&self.slug)?;
        let name = compose::name(self.name.as_deref().unwrap_or(slug.as_str()))?;
        let administrator = UserInput { email: Email::parse(&self.administrator_email)?, name: None };
        Ok((TenantInput { slug, name, policy }, administrator))
    }
}

/// A tenant's rules for new keys, or why they are none.
fn policy(max: Option<i32>, default: Option<i32>) -> Result<TenantPolicy, InputError> {
    let rule = "give a number of seconds, at least 1";
    Ok(TenantPolicy {
        key_life_seconds_max: seconds("key_life_seconds_max", max, rule)?,
        key_life_seconds_default: seconds("key_life_seconds_default", default, rule)?,
    })
}

fn seconds(field: &'static str, given: Option<i32>, rule: &'static str) -> Result<Option<u64>, InputError> {
    given.map(|seconds| u64::try_from(seconds).map_err(|_| InputError::Malformed { field, rule })).transpose()
}

/// A tenant's new display name.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "rename_tenant_input", rename_all = "none")]
pub struct RenameTenantInput {
    /// The tenant; null: the one in which the credential acts.
    pub tenant_id: Option<Uuid>,
    /// Its display name from now on.
    pub name: String,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A tenant's new rules for keys. They are replaced as a whole, so both must be given: nothing is lifted unseen.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "change_tenant_policy_input", rename_all = "none")]
pub struct ChangeTenantPolicyInput {
    /// The tenant; null: the one in which the credential acts.
    pub tenant_id: Option<Uuid>,
    /// The longest life of a new key, in seconds; null: unlimited. Must be given.
    pub key_life_seconds_max: Nullable<i32>,
    /// The life of a new key for which no end was asked, in seconds; null: the longest. Must be given.
    pub key_life_seconds_default: Nullable<i32>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
}

impl ChangeTenantPolicyInput {
    /// The rules as the authority takes them.
    pub fn policy(&self) -> Result<TenantPolicy, Failure> {
        let given = |field, seconds: Nullable<i32>| match seconds {
            Nullable::Some(seconds) => Ok(Some(seconds)),
            Nullable::ExplicitNull => Ok(None),
            Nullable::ImplicitNull => {
                let rule = "give a number of seconds, or null: the policy is replaced as a whole";
                Err(InputError::Malformed { field, rule })
            }
        };
        let max = given("key_life_seconds_max", self.key_life_seconds_max)?;
        let default = given("key_life_seconds_default", self.key_life_seconds_default)?;
        Ok(policy(max, default)?)
    }
}

/// A tenant spoken of.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "tenant_id_input", rename_all = "none")]
pub struct TenantIdInput {
    /// The tenant.
    pub tenant_id: Uuid,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A user spoken of.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "user_id_input", rename_all = "none")]
pub struct UserIdInput {
    /// The user.
    pub user_id: Uuid,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A key spoken of.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "key_id_input", rename_all = "none")]
pub struct KeyIdInput {
    /// The key.
    pub key_id: Uuid,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A member to be: a user known by that address, or a new one.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "add_member_input", rename_all = "none")]
pub struct AddMemberInput {
    /// The tenant; null: the one in which the credential acts.
    pub tenant_id: Option<Uuid>,
    /// The user's e-mail address.
    pub email: String,
    /// A new user's own name.
    pub name: Option<String>,
    /// What the user may do in the tenant; null: member.
    pub role: Option<Role>,
    /// Whether to make a first key for the user to begin with.
    pub first_key: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

impl AddMemberInput {
    /// The user as the authority takes it.
    pub fn user(&self) -> Result<UserInput, Failure> {
        let name = self.name.as_deref().map(compose::name).transpose()?;
        Ok(UserInput { email: Email::parse(&self.email)?, name })
    }

    /// Whether a first key is wanted.
    pub fn first_key(&self) -> FirstKey {
        if self.first_key == Some(true) { FirstKey::Wanted } else { FirstKey::None }
    }
}

/// A member spoken of.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "member_input", rename_all = "none")]
pub struct MemberInput {
    /// The tenant; null: the one in which the credential acts.
    pub tenant_id: Option<Uuid>,
    /// The user.
    pub user_id: Uuid,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A member's new role.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "change_member_role_input", rename_all = "none")]
pub struct ChangeMemberRoleInput {
    /// The tenant; null: the one in which the credential acts.
    pub tenant_id: Option<Uuid>,
    /// The user.
    pub user_id: Uuid,
    /// What the user may do from now on.
    pub role: Role,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
}

/// Which tenants: every condition must hold; a comparison with null holds for all.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "tenant_bool_exp", rename_all = "none")]
pub struct TenantBoolExp {
    /// By id.
    pub id: Option<UuidComparisonExp>,
    /// By slug.
    pub slug: Option<StringComparisonExp>,
}

/// A condition on an id.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "uuid_comparison_exp", rename_all = "none")]
pub struct UuidComparisonExp {
    /// Equal to this; null: any.
    pub _eq: Option<Uuid>,
}

/// A condition on a text.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "String_comparison_exp", rename_all = "none")]
pub struct StringComparisonExp {
    /// Equal to this; null: any.
    pub _eq: Option<String>,
}

/// By what tenants are ordered.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "tenant_order_by", rename_all = "none")]
pub struct TenantOrderBy {
    /// By slug.
    pub slug: Option<OrderBy>,
    /// By display name.
    pub name: Option<OrderBy>,
}

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "order_by", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum OrderBy {
    /// The smallest first.
    asc,
    /// The largest first.
    desc,
}
