//! What an event is about: the tenants, users, service accounts and keys that it names, and the tenants of those.

use domain::Lookup;
use domain::event::{Event, TokenTarget};
use domain::ids::TenantId;
use domain::key::Owner;
use domain::rejection::Entity;
use domain::row::Standing;

/// What the event names. Nothing for what concerns the whole deployment.
pub fn subjects_of(event: &Event) -> Vec<Entity> {
    match event {
        Event::TenantCreated { tenant, .. }
        | Event::TenantRenamed { tenant, .. }
        | Event::TenantPolicyChanged { tenant, .. }
        | Event::TenantSuspended { tenant }
        | Event::TenantResumed { tenant }
        | Event::TenantRemoved { tenant } => vec![Entity::Tenant(*tenant)],

        Event::UserCreated { user, .. }
        | Event::UserSuspended { user }
        | Event::UserResumed { user }
        | Event::UserRemoved { user }
        | Event::OperatorGranted { user }
        | Event::OperatorWithdrawn { user } => vec![Entity::User(*user)],

        Event::MemberAdded { tenant, user, .. }
        | Event::MemberRoleChanged { tenant, user, .. }
        | Event::MemberRemoved { tenant, user } => vec![Entity::Member { tenant: *tenant, user: *user }],

        Event::ServiceAccountCreated { service_account, tenant, .. } => {
            vec![Entity::ServiceAccount(*service_account), Entity::Tenant(*tenant)]
        }
        Event::ServiceAccountRenamed { service_account, .. }
        | Event::ServiceAccountRoleChanged { service_account, .. }
        | Event::ServiceAccountSuspended { service_account }
        | Event::ServiceAccountResumed { service_account }
        | Event::ServiceAccountRemoved { service_account } => vec![Entity::ServiceAccount(*service_account)],

        Event::KeyCreated(created) => {
            vec![Entity::Key(created.key), owner(created.owner), Entity::Tenant(created.reach.home())]
        }
        Event::KeyRenamed { key, .. }
        | Event::KeyExpiryChanged { key, .. }
        | Event::KeyDisabled { key }
        | Event::KeyEnabled { key }
        | Event::KeyAddressesChanged { key, .. }
        | Event::KeyRateChanged { key, .. }
        | Event::KeyRevoked { key, .. } => vec![Entity::Key(*key)],
        Event::KeyRotated { key, successor, .. } => vec![Entity::Key(*key), Entity::Key(*successor)],

        Event::SigningKeyAdded { signing_key, .. } | Event::SigningKeyRetired { signing_key, .. } => {
            vec![Entity::SigningKey(*signing_key)]
        }
        Event::TokensRevoked { target } => match target {
            TokenTarget::Token { key, .. } | TokenTarget::Key(key) => vec![Entity::Key(*key)],
            TokenTarget::Owner(of) => vec![owner(*of)],
            TokenTarget::Tenant(tenant) => vec![Entity::Tenant(*tenant)],
            TokenTarget::SigningKey(signing_key) => vec![Entity::SigningKey(*signing_key)],
            TokenTarget::All => vec![],
        },
        Event::RollbackAccepted { .. } => vec![],
    }
}

fn owner(owner: Owner) -> Entity {
    match owner {
        Owner::User(user) => Entity::User(user),
        Owner::ServiceAccount(account) => Entity::ServiceAccount(account),
    }
}

/// Whether what the event names belongs to the tenant, by the rows after the event.
///
/// A service account belongs to its tenant and a key to its home; a user to each tenant of which it is a
/// living member. What concerns the whole deployment belongs to no tenant.
pub(crate) fn concerns_tenant<L: Lookup>(
    rows: &L,
    event: &Event,
    tenant: TenantId,
) -> Result<bool, L::Error> {
    for subject in subjects_of(event) {
        let concerned = match subject {
            Entity::Tenant(named) | Entity::Member { tenant: named, .. } => named == tenant,
            // The others named with it say where the key or the user acts.
            Entity::User(_) if matches!(event, Event::KeyCreated(_)) => false,
            Entity::User(user) => {
                rows.membership(tenant, user)?.is_some_and(|row| row.standing == Standing::Living)
            }
            Entity::ServiceAccount(account) => {
                rows.service_account(account)?.is_some_and(|row| row.tenant == tenant)
            }
            Entity::Key(key) => rows.key(key)?.is_some_and(|row| row.reach.home() == tenant),
            Entity::SigningKey(_) => false,
        };
        if concerned {
            return Ok(true);
        }
    }
    Ok(false)
}
