//! The tenants that an event concerns, read off what it names: the plain way, against which others are compared.

use domain::Lookup;
use domain::event::Event;
use domain::ids::TenantId;
use domain::rejection::Entity;
use domain::row::Standing;
use domain::subjects::subjects_of;

/// Whether what the event names belongs to the tenant, by the rows after the event.
///
/// A service account belongs to its tenant and a key to its home; a user to each tenant of which it is a
/// living member. What concerns the whole deployment belongs to no tenant.
pub fn concerns_tenant<L: Lookup>(rows: &L, event: &Event, tenant: TenantId) -> Result<bool, L::Error> {
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

/// Whether the event may concern the tenant, as far as it tells that itself: where it names tenants, it concerns these, and
/// where it names nothing but signing keys, or nothing, it concerns none.
pub(crate) fn may_concern_tenant(event: &Event, tenant: TenantId) -> bool {
    let subjects = subjects_of(event);
    let named = |subject: &Entity| match subject {
        Entity::Tenant(named) | Entity::Member { tenant: named, .. } => Some(*named),
        Entity::User(_) | Entity::ServiceAccount(_) | Entity::Key(_) | Entity::SigningKey(_) => None,
    };
    let mut tenants = subjects.iter().filter_map(named).peekable();
    if tenants.peek().is_some() {
        return tenants.any(|named| named == tenant);
    }
    subjects.iter().any(|subject| !matches!(subject, Entity::SigningKey(_)))
}
