//! The way from an event to the payload that is stored of it, and back.

use domain::event::{Event, KeyCreated, PublicKey};
use domain::ids::Id;
use domain::limits::RateLimit;
use domain::sealed::Sealed;
use domain::time::{Position, Timestamp};
use domain::token_life::TokenLife;

use super::limits::{RateLimitV1, addresses, of_addresses};
use super::parts::{SealedV1, instant, key_prefix, last_four, of_scopes, scopes};
use super::payloads::*;
use crate::codec::error::Malformed;
use crate::codec::event_type::EventType;
use crate::codec::{codes, read, write};

/// The payload of an event.
pub(crate) fn encode(event: &Event) -> Vec<u8> {
    match event {
        Event::TenantCreated { tenant, slug, name, policy } => write(&TenantCreatedV1 {
            tenant: tenant.bytes(),
            slug: slug.into(),
            name: name.into(),
            policy: policy.into(),
        }),
        Event::TenantRenamed { tenant, name } => {
            write(&TenantRenamedV1 { tenant: tenant.bytes(), name: name.into() })
        }
        Event::TenantPolicyChanged { tenant, policy } => {
            write(&TenantPolicyChangedV1 { tenant: tenant.bytes(), policy: policy.into() })
        }
        Event::TenantSuspended { tenant } => write(&TenantSuspendedV1 { tenant: tenant.bytes() }),
        Event::TenantResumed { tenant } => write(&TenantResumedV1 { tenant: tenant.bytes() }),
        Event::TenantRemoved { tenant } => write(&TenantRemovedV1 { tenant: tenant.bytes() }),
        Event::UserCreated { user, email, name } => write(&UserCreatedV1 {
            user: user.bytes(),
            email: email.into(),
            name: name.as_ref().map(SealedV1::from),
        }),
        Event::UserSuspended { user } => write(&UserSuspendedV1 { user: user.bytes() }),
        Event::UserResumed { user } => write(&UserResumedV1 { user: user.bytes() }),
        Event::UserRemoved { user } => write(&UserRemovedV1 { user: user.bytes() }),
        Event::OperatorGranted { user } => write(&OperatorGrantedV1 { user: user.bytes() }),
        Event::OperatorWithdrawn { user } => write(&OperatorWithdrawnV1 { user: user.bytes() }),
        Event::MemberAdded { tenant, user, role } => {
            write(&MemberAddedV1 { tenant: tenant.bytes(), user: user.bytes(), role: codes::of_role(*role) })
        }
        Event::MemberRoleChanged { tenant, user, role } => write(&MemberRoleChangedV1 {
            tenant: tenant.bytes(),
            user: user.bytes(),
            role: codes::of_role(*role),
        }),
        Event::MemberRemoved { tenant, user } => {
            write(&MemberRemovedV1 { tenant: tenant.bytes(), user: user.bytes() })
        }
        Event::ServiceAccountCreated { service_account, tenant, name, role } => {
            write(&ServiceAccountCreatedV1 {
                service_account: service_account.bytes(),
                tenant: tenant.bytes(),
                name: name.into(),
                role: codes::of_role(*role),
            })
        }
        Event::ServiceAccountRenamed { service_account, name } => {
            write(&ServiceAccountRenamedV1 { service_account: service_account.bytes(), name: name.into() })
        }
        Event::ServiceAccountRoleChanged { service_account, role } => write(&ServiceAccountRoleChangedV1 {
            service_account: service_account.bytes(),
            role: codes::of_role(*role),
        }),
        Event::ServiceAccountSuspended { service_account } => {
            write(&ServiceAccountSuspendedV1 { service_account: service_account.bytes() })
        }
        Event::ServiceAccountResumed { service_account } => {
            write(&ServiceAccountResumedV1 { service_account: service_account.bytes() })
        }
        Event::ServiceAccountRemoved { service_account } => {
            write(&ServiceAccountRemovedV1 { service_account: service_account.bytes() })
        }
        Event::KeyCreated(created) => write(&KeyCreatedV1::from(created)),
        Event::KeyRenamed { key, name } => write(&KeyRenamedV1 { key: key.bytes(), name: name.into() }),
        Event::KeyExpiryChanged { key, expires_at } => {
            write(&KeyExpiryChangedV1 { key: key.bytes(), expires_at_ms: expires_at.map(Timestamp::unix_ms) })
        }
        Event::KeyDisabled { key } => write(&KeyDisabledV1 { key: key.bytes() }),
        Event::KeyEnabled { key } => write(&KeyEnabledV1 { key: key.bytes() }),
        Event::KeyRevoked { key, reason, note } => write(&KeyRevokedV1 {
            key: key.bytes(),
            reason: codes::of_revocation(*reason),
            note: note.as_ref().map(SealedV1::from),
        }),
        Event::KeyRotated { key, successor, grace_ends_at } => write(&KeyRotatedV1 {
            key: key.bytes(),
            successor: successor.bytes(),
            grace_ends_at_ms: grace_ends_at.unix_ms(),
        }),
        Event::KeyAddressesChanged { key, addresses } => {
            write(&KeyAddressesChangedV1 { key: key.bytes(), addresses: of_addresses(addresses) })
        }
        Event::KeyRateChanged { key, rate } => {
            write(&KeyRateChangedV1 { key: key.bytes(), rate: rate.map(RateLimitV1::from) })
        }
        Event::KeyNoteChanged { key, note } => {
            write(&KeyNoteChangedV1 { key: key.bytes(), note: note.as_ref().map(SealedV1::from) })
        }
        Event::SigningKeyAdded { signing_key, public_key, active_from } => write(&SigningKeyAddedV1 {
            signing_key: signing_key.bytes(),
            public_key: public_key.0,
            active_from_ms: active_from.unix_ms(),
        }),
        Event::SigningKeyRetired { signing_key, reason } => write(&SigningKeyRetiredV1 {
            signing_key: signing_key.bytes(),
            reason: codes::of_retirement(*reason),
        }),
        Event::TokensRevoked { target } => write(&TokensRevokedV1 { target: (*target).into() }),
        Event::TokenLifeChanged { life } => write(&TokenLifeChangedV1 { life_seconds: life.seconds() }),
        Event::SubjectErased { subject } => write(&SubjectErasedV1 { subject: subject.into() }),
        Event::RollbackAccepted { guard_position, guard_hash } => {
            write(&RollbackAcceptedV1 { guard_position: guard_position.number(), guard_hash: *guard_hash })
        }
    }
}

/// The event of a type out of its payload.
pub(crate) fn decode(event_type: EventType, payload: &[u8]) -> Result<Event, Malformed> {
    Ok(match event_type {
        EventType::TenantCreated => {
            let stored: TenantCreatedV1 = read(payload)?;
            Event::TenantCreated {
                tenant: Id::from_bytes(stored.tenant),
                slug: stored.slug.try_into()?,
                name: stored.name.try_into()?,
                policy: stored.policy.into(),
            }
        }
        EventType::TenantRenamed => {
            let stored: TenantRenamedV1 = read(payload)?;
            Event::TenantRenamed { tenant: Id::from_bytes(stored.tenant), name: stored.name.try_into()? }
        }
        EventType::TenantPolicyChanged => {
            let stored: TenantPolicyChangedV1 = read(payload)?;
            Event::TenantPolicyChanged { tenant: Id::from_bytes(stored.tenant), policy: stored.policy.into() }
        }
        EventType::TenantSuspended => {
            let stored: TenantSuspendedV1 = read(payload)?;
            Event::TenantSuspended { tenant: Id::from_bytes(stored.tenant) }
        }
        EventType::TenantResumed => {
            let stored: TenantResumedV1 = read(payload)?;
            Event::TenantResumed { tenant: Id::from_bytes(stored.tenant) }
        }
        EventType::TenantRemoved => {
            let stored: TenantRemovedV1 = read(payload)?;
            Event::TenantRemoved { tenant: Id::from_bytes(stored.tenant) }
        }
        EventType::UserCreated => {
            let stored: UserCreatedV1 = read(payload)?;
            Event::UserCreated {
                user: Id::from_bytes(stored.user),
                email: stored.email.try_into()?,
                name: stored.name.map(Sealed::try_from).transpose()?,
            }
        }
        EventType::UserSuspended => {
            let stored: UserSuspendedV1 = read(payload)?;
            Event::UserSuspended { user: Id::from_bytes(stored.user) }
        }
        EventType::UserResumed => {
            let stored: UserResumedV1 = read(payload)?;
            Event::UserResumed { user: Id::from_bytes(stored.user) }
        }
        EventType::UserRemoved => {
            let stored: UserRemovedV1 = read(payload)?;
            Event::UserRemoved { user: Id::from_bytes(stored.user) }
        }
        EventType::OperatorGranted => {
            let stored: OperatorGrantedV1 = read(payload)?;
            Event::OperatorGranted { user: Id::from_bytes(stored.user) }
        }
        EventType::OperatorWithdrawn => {
            let stored: OperatorWithdrawnV1 = read(payload)?;
            Event::OperatorWithdrawn { user: Id::from_bytes(stored.user) }
        }
        EventType::MemberAdded => {
            let stored: MemberAddedV1 = read(payload)?;
            Event::MemberAdded {
                tenant: Id::from_bytes(stored.tenant),
                user: Id::from_bytes(stored.user),
                role: codes::role(stored.role)?,
            }
        }
        EventType::MemberRoleChanged => {
            let stored: MemberRoleChangedV1 = read(payload)?;
            Event::MemberRoleChanged {
                tenant: Id::from_bytes(stored.tenant),
                user: Id::from_bytes(stored.user),
                role: codes::role(stored.role)?,
            }
        }
        EventType::MemberRemoved => {
            let stored: MemberRemovedV1 = read(payload)?;
            Event::MemberRemoved { tenant: Id::from_bytes(stored.tenant), user: Id::from_bytes(stored.user) }
        }
        EventType::ServiceAccountCreated => {
            let stored: ServiceAccountCreatedV1 = read(payload)?;
            Event::ServiceAccountCreated {
                service_account: Id::from_bytes(stored.service_account),
                tenant: Id::from_bytes(stored.tenant),
                name: stored.name.try_into()?,
                role: codes::role(stored.role)?,
            }
        }
        EventType::ServiceAccountRenamed => {
            let stored: ServiceAccountRenamedV1 = read(payload)?;
            Event::ServiceAccountRenamed {
                service_account: Id::from_bytes(stored.service_account),
                name: stored.name.try_into()?,
            }
        }
        EventType::ServiceAccountRoleChanged => {
            let stored: ServiceAccountRoleChangedV1 = read(payload)?;
            Event::ServiceAccountRoleChanged {
                service_account: Id::from_bytes(stored.service_account),
                role: codes::role(stored.role)?,
            }
        }
        EventType::ServiceAccountSuspended => {
            let stored: ServiceAccountSuspendedV1 = read(payload)?;
            Event::ServiceAccountSuspended { service_account: Id::from_bytes(stored.service_account) }
        }
        EventType::ServiceAccountResumed => {
            let stored: ServiceAccountResumedV1 = read(payload)?;
            Event::ServiceAccountResumed { service_account: Id::from_bytes(stored.service_account) }
        }
        EventType::ServiceAccountRemoved => {
            let stored: ServiceAccountRemovedV1 = read(payload)?;
            Event::ServiceAccountRemoved { service_account: Id::from_bytes(stored.service_account) }
        }
        EventType::KeyCreated => Event::KeyCreated(read::<KeyCreatedV1>(payload)?.try_into()?),
        EventType::KeyRenamed => {
            let stored: KeyRenamedV1 = read(payload)?;
            Event::KeyRenamed { key: Id::from_bytes(stored.key), name: stored.name.try_into()? }
        }
        EventType::KeyExpiryChanged => {
            let stored: KeyExpiryChangedV1 = read(payload)?;
            Event::KeyExpiryChanged {
                key: Id::from_bytes(stored.key),
                expires_at: stored.expires_at_ms.map(|ms| instant("expires_at", ms)).transpose()?,
            }
        }
        EventType::KeyDisabled => {
            let stored: KeyDisabledV1 = read(payload)?;
            Event::KeyDisabled { key: Id::from_bytes(stored.key) }
        }
        EventType::KeyEnabled => {
            let stored: KeyEnabledV1 = read(payload)?;
            Event::KeyEnabled { key: Id::from_bytes(stored.key) }
        }
        EventType::KeyRevoked => {
            let stored: KeyRevokedV1 = read(payload)?;
            Event::KeyRevoked {
                key: Id::from_bytes(stored.key),
                reason: codes::revocation(stored.reason)?,
                note: stored.note.map(Sealed::try_from).transpose()?,
            }
        }
        EventType::KeyRotated => {
            let stored: KeyRotatedV1 = read(payload)?;
            Event::KeyRotated {
                key: Id::from_bytes(stored.key),
                successor: Id::from_bytes(stored.successor),
                grace_ends_at: instant("grace_ends_at", stored.grace_ends_at_ms)?,
            }
        }
        EventType::KeyAddressesChanged => {
            let stored: KeyAddressesChangedV1 = read(payload)?;
            Event::KeyAddressesChanged {
                key: Id::from_bytes(stored.key),
                addresses: addresses(stored.addresses)?,
            }
        }
        EventType::KeyRateChanged => {
            let stored: KeyRateChangedV1 = read(payload)?;
            Event::KeyRateChanged {
                key: Id::from_bytes(stored.key),
                rate: stored.rate.map(RateLimit::try_from).transpose()?,
            }
        }
        EventType::KeyNoteChanged => {
            let stored: KeyNoteChangedV1 = read(payload)?;
            Event::KeyNoteChanged {
                key: Id::from_bytes(stored.key),
                note: stored.note.map(Sealed::try_from).transpose()?,
            }
        }
        EventType::SigningKeyAdded => {
            let stored: SigningKeyAddedV1 = read(payload)?;
            Event::SigningKeyAdded {
                signing_key: Id::from_bytes(stored.signing_key),
                public_key: PublicKey(stored.public_key),
                active_from: instant("active_from", stored.active_from_ms)?,
            }
        }
        EventType::SigningKeyRetired => {
            let stored: SigningKeyRetiredV1 = read(payload)?;
            Event::SigningKeyRetired {
                signing_key: Id::from_bytes(stored.signing_key),
                reason: codes::retirement(stored.reason)?,
            }
        }
        EventType::TokensRevoked => {
            let stored: TokensRevokedV1 = read(payload)?;
            Event::TokensRevoked { target: stored.target.try_into()? }
        }
        EventType::TokenLifeChanged => {
            let stored: TokenLifeChangedV1 = read(payload)?;
            Event::TokenLifeChanged { life: TokenLife::new(stored.life_seconds)? }
        }
        EventType::SubjectErased => {
            let stored: SubjectErasedV1 = read(payload)?;
            Event::SubjectErased { subject: stored.subject.try_into()? }
        }
        EventType::RollbackAccepted => {
            let stored: RollbackAcceptedV1 = read(payload)?;
            Event::RollbackAccepted {
                guard_position: Position::new(stored.guard_position),
                guard_hash: stored.guard_hash,
            }
        }
    })
}

impl From<&KeyCreated> for KeyCreatedV1 {
    fn from(created: &KeyCreated) -> Self {
        Self {
            key: created.key.bytes(),
            owner: created.owner.into(),
            reach: created.reach.into(),
            name: (&created.name).into(),
            digest: (&created.digest).into(),
            prefix: created.prefix.as_str().to_owned(),
            last_four: created.last_four.bytes(),
            scopes: of_scopes(&created.scopes),
            expires_at_ms: created.expires_at.map(Timestamp::unix_ms),
        }
    }
}

impl TryFrom<KeyCreatedV1> for KeyCreated {
    type Error = Malformed;

    fn try_from(stored: KeyCreatedV1) -> Result<Self, Malformed> {
        Ok(Self {
            key: Id::from_bytes(stored.key),
            owner: stored.owner.try_into()?,
            reach: stored.reach.try_into()?,
            name: stored.name.try_into()?,
            digest: stored.digest.try_into()?,
            prefix: key_prefix(stored.prefix)?,
            last_four: last_four(stored.last_four)?,
            scopes: scopes(stored.scopes)?,
            expires_at: stored.expires_at_ms.map(|ms| instant("expires_at", ms)).transpose()?,
        })
    }
}
