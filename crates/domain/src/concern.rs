//! Whom a changed row concerns: the tenants, users, service accounts and keys to whose histories its event belongs.

use crate::actor::ActorId;
use crate::event::TokenTarget;
use crate::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use crate::key::Owner;
use crate::lookup::Lookup;
use crate::row::{Change, Key, Standing};

/// Something with a history of its own: the events that concern it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the field is what the variant names")]
pub enum Concerned {
    Tenant(TenantId),
    User(UserId),
    ServiceAccount(ServiceAccountId),
    Key(KeyId),
    /// What was done with a key, or with a token minted from it.
    ActingKey(KeyId),
}

impl From<Owner> for Concerned {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::User(user) => Self::User(user),
            Owner::ServiceAccount(account) => Self::ServiceAccount(account),
        }
    }
}

/// The key with which somebody acted, if it was with one.
pub fn acting_key(actor: &ActorId) -> Option<Concerned> {
    match actor {
        ActorId::Console | ActorId::Server => None,
        ActorId::Holder { key, .. } => Some(Concerned::ActingKey(*key)),
    }
}

/// Whom a changed row concerns; `rows` are those after the event.
///
/// A service account belongs to its tenant and a key to its owner and its home; a user to each tenant of which it
/// is a living member. What concerns the whole deployment concerns nobody in particular.
pub fn concerned<L: Lookup>(rows: &L, change: &Change) -> Result<Vec<Concerned>, L::Error> {
    match change {
        Change::Tenant(row) => Ok(vec![Concerned::Tenant(row.id)]),
        Change::User(row) => with_tenants(rows, row.id),
        Change::Membership(row) => Ok(vec![Concerned::Tenant(row.tenant), Concerned::User(row.user)]),
        Change::ServiceAccount(row) => {
            Ok(vec![Concerned::ServiceAccount(row.id), Concerned::Tenant(row.tenant)])
        }
        Change::Key(row) => Ok(with_owner(row)),
        Change::Watermark(target, _) => match target {
            TokenTarget::Token { key, .. } | TokenTarget::Key(key) => {
                Ok(rows.key(*key)?.as_ref().map(with_owner).unwrap_or_default())
            }
            TokenTarget::Owner(Owner::User(user)) => with_tenants(rows, *user),
            TokenTarget::Owner(Owner::ServiceAccount(account)) => {
                let tenant = rows.service_account(*account)?.map(|row| Concerned::Tenant(row.tenant));
                Ok(tenant.into_iter().chain([Concerned::ServiceAccount(*account)]).collect())
            }
            TokenTarget::Tenant(tenant) => Ok(vec![Concerned::Tenant(*tenant)]),
            TokenTarget::SigningKey(_) | TokenTarget::All => Ok(vec![]),
        },
        // Who takes or frees a name has a changed row of its own.
        Change::UniqueName(_, _) | Change::Deployment(_) | Change::SigningKey(_) => Ok(vec![]),
    }
}

fn with_owner(key: &Key) -> Vec<Concerned> {
    vec![Concerned::Key(key.id), key.owner.into(), Concerned::Tenant(key.reach.home())]
}

fn with_tenants<L: Lookup>(rows: &L, user: UserId) -> Result<Vec<Concerned>, L::Error> {
    let memberships = rows.memberships_of(user)?;
    let living = memberships.into_iter().filter(|row| row.standing == Standing::Living);
    Ok(living.map(|row| Concerned::Tenant(row.tenant)).chain([Concerned::User(user)]).collect())
}
