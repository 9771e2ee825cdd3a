//! What an event names: the tenants, users, service accounts, keys and signing keys that it speaks of.

use crate::event::{Event, TokenTarget};
use crate::rejection::Entity;

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
            vec![Entity::Key(created.key), created.owner.into(), Entity::Tenant(created.reach.home())]
        }
        Event::KeyRenamed { key, .. }
        | Event::KeyExpiryChanged { key, .. }
        | Event::KeyDisabled { key }
        | Event::KeyEnabled { key }
        | Event::KeyAddressesChanged { key, .. }
        | Event::KeyRateChanged { key, .. }
        | Event::KeyNoteChanged { key, .. }
        | Event::KeyRevoked { key, .. } => vec![Entity::Key(*key)],
        Event::KeyRotated { key, successor, .. } => vec![Entity::Key(*key), Entity::Key(*successor)],

        Event::SigningKeyAdded { signing_key, .. } | Event::SigningKeyRetired { signing_key, .. } => {
            vec![Entity::SigningKey(*signing_key)]
        }
        Event::TokensRevoked { target } => match target {
            TokenTarget::Token { key, .. } | TokenTarget::Key(key) => vec![Entity::Key(*key)],
            TokenTarget::Owner(of) => vec![(*of).into()],
            TokenTarget::Tenant(tenant) => vec![Entity::Tenant(*tenant)],
            TokenTarget::SigningKey(signing_key) => vec![Entity::SigningKey(*signing_key)],
            TokenTarget::All => vec![],
        },
        Event::SubjectErased { subject } => vec![(*subject).into()],
        Event::TokenLifeChanged { .. } | Event::RollbackAccepted { .. } => vec![],
    }
}
