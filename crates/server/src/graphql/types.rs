//! What answers are made of. The names in lower case are those of existing clients; fields may be added.

use authority::queries::{KeyView, MemberView, ServiceAccountView, TenantView, UserView};
use domain::key::Owner;
use domain::role::Scopes;
use domain::row::Standing;
use domain::time::Position;
use juniper::{GraphQLEnum, GraphQLObject};

use super::dry_run::DryRun;
use super::events::EventActor;
use super::inputs::Reason;
use super::limits::{RateLimit, shown_addresses, shown_rate};
use super::living_tokens::LivingTokens;
use super::scalars::{Instant, LogPosition, Uuid};
use super::usage::Usage;

/// What a user or a service account may do in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "role", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum Role {
    /// Everything in the tenant, its members, service accounts and their keys included.
    administrator,
    /// Works in the tenant and manages own keys.
    member,
    /// An agent: authenticates and fetches work.
    runner,
    /// Looks, and changes nothing of the tenant.
    read_only,
}

impl From<domain::role::Role> for Role {
    fn from(role: domain::role::Role) -> Self {
        match role {
            domain::role::Role::Administrator => Self::administrator,
            domain::role::Role::Member => Self::member,
            domain::role::Role::Runner => Self::runner,
            domain::role::Role::ReadOnly => Self::read_only,
        }
    }
}

impl From<Role> for domain::role::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::administrator => Self::Administrator,
            Role::member => Self::Member,
            Role::runner => Self::Runner,
            Role::read_only => Self::ReadOnly,
        }
    }
}

/// Whether something is accepted, for all that rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "standing", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum StandingValue {
    /// Accepted.
    living,
    /// Refused until resumed.
    suspended,
    /// Refused for ever.
    removed,
}

impl From<Standing> for StandingValue {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Living => Self::living,
            Standing::Suspended => Self::suspended,
            Standing::Removed => Self::removed,
        }
    }
}

/// Who calls, and where they act.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "auth_info", rename_all = "none")]
pub struct AuthInfo {
    /// The tenant in which the credential acts; the one asked for by header, or its own.
    pub tenant_id: Option<Uuid>,
    /// That tenant, as far as the credential may look at it.
    pub tenant: Option<Tenant>,
    /// The user or service account.
    pub user_id: Option<Uuid>,
    /// RUNNER for a service account's key, USER for a user's: what older agents ask before they start.
    pub api_token_scope: Option<String>,
    /// The key shown, or the one from which the token shown was minted.
    pub key_id: Option<Uuid>,
    /// What the owner may do in that tenant.
    pub role: Option<Role>,
    /// The address from which the request came, as the server sees it.
    pub address: Option<String>,
}

/// A user, across all tenants.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "user", rename_all = "none")]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// Its e-mail address.
    pub email: String,
    /// Its own name, if given.
    pub name: Option<String>,
    /// Whether it may make and remove tenants.
    pub operator: bool,
    /// Whether it is accepted.
    pub standing: StandingValue,
    /// When it became known.
    pub created_at: Instant,
    /// Of the calling user, the tenant in which the credential acts; of others null.
    pub default_membership: Option<Membership>,
}

impl User {
    /// The user, with the tenant in which its credential acts, if it is the caller.
    pub fn of(view: UserView, default_membership: Option<Membership>) -> Self {
        let UserView { id, email, name, standing, operator, created_at } = view;
        Self {
            id: id.into(),
            email,
            name,
            operator,
            standing: standing.into(),
            created_at: Instant(created_at),
            default_membership,
        }
    }
}

/// A user's membership of a tenant.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "membership", rename_all = "none")]
pub struct Membership {
    /// The tenant.
    pub tenant_id: Uuid,
}

/// A tenant.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "tenant", rename_all = "none")]
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// Its display name.
    pub name: String,
    /// Its short name, for good.
    pub slug: String,
    /// Whether it is accepted.
    pub standing: StandingValue,
    /// When it began.
    pub created_at: Instant,
    /// The longest life of a new key, in seconds; null: unlimited.
    pub key_life_seconds_max: Option<i32>,
    /// The life of a new key for which no end was asked, in seconds; null: the longest.
    pub key_life_seconds_default: Option<i32>,
}

impl From<TenantView> for Tenant {
    fn from(view: TenantView) -> Self {
        let TenantView { id, slug, name, standing, policy, created_at } = view;
        // The API takes no more than an Int holds, so it has to show no more.
        let seconds = |seconds: u64| i32::try_from(seconds).unwrap_or(i32::MAX);
        Self {
            id: id.into(),
            name,
            slug,
            standing: standing.into(),
            created_at: Instant(created_at),
            key_life_seconds_max: policy.key_life_seconds_max.map(seconds),
            key_life_seconds_default: policy.key_life_seconds_default.map(seconds),
        }
    }
}

/// A member of a tenant.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "member", rename_all = "none")]
pub struct Member {
    /// The user.
    pub user_id: Uuid,
    /// The user's e-mail address.
    pub email: String,
    /// The user's own name, if given.
    pub name: Option<String>,
    /// What the user may do in the tenant.
    pub role: Role,
    /// Whether the user is accepted.
    pub standing: StandingValue,
    /// When this membership began.
    pub since: Instant,
}

impl From<MemberView> for Member {
    fn from(view: MemberView) -> Self {
        let MemberView { tenant: _, user, role, since } = view;
        let UserView { id, email, name, standing, .. } = user;
        let (role, standing) = (role.into(), standing.into());
        Self { user_id: id.into(), email, name, role, standing, since: Instant(since) }
    }
}

/// A service account: a machine identity of one tenant. It is administrator unless it was given less.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "service_account", rename_all = "none")]
pub struct ServiceAccount {
    /// Its id.
    pub id: Uuid,
    /// Its tenant, for good.
    pub tenant_id: Uuid,
    /// Its name, unique among the living of its tenant.
    pub name: String,
    /// What it may do there.
    pub role: Role,
    /// Whether it is accepted.
    pub standing: StandingValue,
    /// When it began.
    pub created_at: Instant,
}

impl From<ServiceAccountView> for ServiceAccount {
    fn from(view: ServiceAccountView) -> Self {
        let ServiceAccountView { id, tenant, name, role, standing, created_at } = view;
        Self {
            id: id.into(),
            tenant_id: tenant.into(),
            name,
            role: role.into(),
            standing: standing.into(),
            created_at: Instant(created_at),
        }
    }
}

/// An API key; never its secret.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "auth_api_key", rename_all = "none")]
pub struct ApiKey {
    /// Its public id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// What is remarked about it; null: nothing.
    pub note: Option<String>,
    /// When it ends by itself; null: never.
    pub expires_at: Option<Instant>,
    /// Its owner: a user or a service account.
    pub user_id: Uuid,
    /// What the owner is called now: a service account's name, or a user's e-mail address; told by `keys` and `key`, and
    /// null in `auth_api_key`.
    pub owner_name: Option<String>,
    /// The only tenant in which it acts; null: any tenant of its user.
    pub tenant_id: Option<Uuid>,
    /// How its string begins.
    pub prefix: String,
    /// How its string ends.
    pub last_four: String,
    /// What it is narrowed to; null: whatever its owner's role permits.
    pub scopes: Option<Vec<String>>,
    /// From where it is accepted: networks in CIDR notation; null: from everywhere.
    pub allowed_addresses: Option<Vec<String>>,
    /// How often it is accepted; null: as often as it is shown.
    pub rate_limit: Option<RateLimit>,
    /// ACTIVE, or the code with which it is refused at the moment asked about.
    pub status: String,
    /// When it was made.
    pub created_at: Instant,
    /// Where in the log that stands: of two that were made in one instant it tells which came first.
    #[graphql(ignore)]
    pub created: Position,
    /// Who made it, as the event says that it began with; told by `keys` and `key`, and null in `auth_api_key`.
    pub created_by: Option<EventActor>,
    /// What whoever made it is called now: a service account's name, or a user's e-mail address; null: they have no name, or
    /// it is not for you to see. Told by `keys` and `key`.
    pub created_by_name: Option<String>,
    /// From when on only its successor is accepted; null: it was not rotated.
    pub grace_ends_at: Option<Instant>,
    /// The key that took its place; null: it was not rotated.
    pub successor_id: Option<Uuid>,
    /// The key whose place it took; null: it is no successor.
    pub predecessor_id: Option<Uuid>,
    /// Why it was revoked; null: it was not.
    pub revocation_reason: Option<Reason>,
    /// How it was used, approximately, as far as is known now; null: no use of it is known, or it is withheld.
    pub usage: Option<Usage>,
    /// Whether nothing of its use is told to you, whatever is known: it acts in every tenant of its owner, who acts in yours
    /// no more.
    pub usage_withheld: bool,
    /// The tokens minted from it that live now, approximately: of somebody else's key, for an administrator, those for the
    /// own tenant. Null in an answer about an earlier moment: how many lived then is not kept.
    pub tokens: Option<LivingTokens>,
}

impl ApiKey {
    /// How many entries the lists of the key have.
    pub(super) fn within(&self) -> usize {
        let entries = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
        let usage = self.usage.as_ref().map_or(0, Usage::within);
        entries(&self.scopes) + entries(&self.allowed_addresses) + usage
    }
}

impl From<KeyView> for ApiKey {
    fn from(view: KeyView) -> Self {
        let user_id = match view.owner {
            Owner::User(id) => id.into(),
            Owner::ServiceAccount(id) => id.into(),
        };
        Self {
            id: view.id.into(),
            name: view.name,
            note: view.note,
            expires_at: view.expires_at.map(Instant),
            user_id,
            owner_name: None,
            tenant_id: view.reach.confined_to().map(Uuid::from),
            prefix: view.prefix.as_str().to_owned(),
            last_four: view.last_four.as_str().to_owned(),
            scopes: scope_names(&view.scopes),
            allowed_addresses: shown_addresses(&view.limits),
            rate_limit: shown_rate(&view.limits),
            status: view.status.map_or_else(|refusal| refusal.code(), |()| "ACTIVE").to_owned(),
            created_at: Instant(view.created.at),
            created: view.created.position,
            created_by: None,
            created_by_name: None,
            grace_ends_at: view.grace_ends_at.map(Instant),
            successor_id: view.successor.map(Uuid::from),
            predecessor_id: view.predecessor.map(Uuid::from),
            revocation_reason: view.revoked.map(Reason::from),
            usage: view.usage.map(Usage::from),
            usage_withheld: view.usage_withheld,
            tokens: view.tokens.map(LivingTokens::from),
        }
    }
}

fn scope_names(scopes: &Scopes) -> Option<Vec<String>> {
    match scopes {
        Scopes::All => None,
        Scopes::Only(list) => Some(list.as_slice().iter().map(|scope| scope.as_str().to_owned()).collect()),
    }
}

/// A new key. `key` and `token` are the same secret, shown this once; null when the request is a repetition.
#[derive(GraphQLObject)]
#[graphql(name = "create_api_key_payload", rename_all = "none")]
pub struct CreateApiKeyPayload {
    /// Its public id.
    pub id: Option<Uuid>,
    /// The secret.
    pub key: Option<String>,
    /// The secret.
    pub token: Option<String>,
    /// When it ends by itself; null: never.
    pub expires_at: Option<Instant>,
    /// The position of the log that says so.
    pub position: Option<LogPosition>,
}

/// A key's successor. `key` and `token` are the same secret, shown this once; null when the request is a repetition.
#[derive(GraphQLObject)]
#[graphql(name = "rotate_api_key_payload", rename_all = "none")]
pub struct RotateApiKeyPayload {
    /// The successor's public id; in a dry run one that it might have.
    pub id: Uuid,
    /// The successor's secret.
    pub key: Option<String>,
    /// The successor's secret.
    pub token: Option<String>,
    /// When the successor ends by itself; null: never.
    pub expires_at: Option<Instant>,
    /// From when on the old key is refused.
    pub grace_ends_at: Instant,
    /// The position of the log that says so.
    pub position: LogPosition,
    /// What would be done, if a dry run was asked for: nothing was done.
    pub dry_run: Option<DryRun>,
}

/// Whether it is so now. Refusals are errors, never `success: false`.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "success_payload", rename_all = "none")]
pub struct SuccessPayload {
    /// True: it is so now, whether or not it was before. Null: it was a dry run.
    pub success: Option<bool>,
    /// Whether this made it so: false if it was so before, and nothing was recorded. Null: it was a dry run.
    pub changed: Option<bool>,
    /// Always null.
    pub error: Option<String>,
    /// The position of the log as of which it is so.
    pub position: Option<LogPosition>,
    /// What would be done, if a dry run was asked for: nothing was done.
    pub dry_run: Option<DryRun>,
}

/// A new tenant, with its first administrator.
#[derive(GraphQLObject)]
#[graphql(name = "create_tenant_payload", rename_all = "none")]
pub struct CreateTenantPayload {
    /// Its id.
    pub id: Uuid,
    /// The first administrator.
    pub administrator_id: Uuid,
    /// The first administrator's key, if that user is new: shown this once.
    pub key: Option<String>,
    /// The id of that key, also where the same was asked before and the key is shown no more.
    pub key_id: Option<Uuid>,
    /// The position of the log that says so.
    pub position: LogPosition,
}

/// A new member.
#[derive(GraphQLObject)]
#[graphql(name = "add_member_payload", rename_all = "none")]
pub struct AddMemberPayload {
    /// The user: known by that address, or new.
    pub user_id: Uuid,
    /// The first key, if one was asked for: shown this once. It acts in this tenant
    /// only, unless an operator brought in a new user.
    pub key: Option<String>,
    /// The id of that key, also where the same was asked before and the key is shown no more.
    pub key_id: Option<Uuid>,
    /// Whether anything was changed: false, if the user was a member with that role before.
    pub changed: bool,
    /// The position of the log that says so.
    pub position: LogPosition,
}

/// A new service account.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "create_service_account_payload", rename_all = "none")]
pub struct CreateServiceAccountPayload {
    /// Its id.
    pub id: Uuid,
    /// What it may do in its tenant: administrator, unless less was asked for.
    pub role: Role,
    /// The position of the log that says so.
    pub position: LogPosition,
}
