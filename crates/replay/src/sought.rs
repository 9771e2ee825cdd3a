//! What a filter names and the log must know: an empty listing of a mistyped id would look as if nothing had happened.

use domain::Recorded;
use domain::ids::{KeyId, TenantId};
use domain::rejection::Entity;
use domain::subjects::subjects_of;

use crate::filter::{ActorFilter, Filter};

/// An id that the log does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Of a key.
    Key(KeyId),
    /// Of a tenant.
    Tenant(TenantId),
    /// Of whoever may act: a user, a service account, a key or a token.
    Actor([u8; 16]),
}

/// The ids of a filter that were not met yet. Whether an event is wanted otherwise does not matter to that.
pub(crate) struct Sought(Vec<Unknown>);

impl Sought {
    pub(crate) fn of(filter: &Filter) -> Self {
        let actor = match filter.actor {
            Some(ActorFilter::Id(id)) => Some(Unknown::Actor(id)),
            Some(ActorFilter::Console | ActorFilter::Server) | None => None,
        };
        let (key, tenant) = (filter.key.map(Unknown::Key), filter.tenant.map(Unknown::Tenant));
        Self([key, tenant, actor].into_iter().flatten().collect())
    }

    /// Whether all were met.
    pub(crate) fn is_met(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn meet(&mut self, recorded: &Recorded) {
        if self.is_met() {
            return;
        }
        let subjects = subjects_of(&recorded.event);
        self.0.retain(|id| match *id {
            Unknown::Key(key) => !subjects.contains(&Entity::Key(key)),
            Unknown::Tenant(tenant) => !subjects.contains(&Entity::Tenant(tenant)),
            Unknown::Actor(id) => {
                !recorded.metadata.actor.is(id) && !subjects.iter().any(|subject| may_act(*subject, id))
            }
        });
    }

    /// The first that was never met.
    pub(crate) fn unknown(&self) -> Option<Unknown> {
        self.0.first().copied()
    }
}

/// Whether it is what the id names, and may act.
fn may_act(subject: Entity, id: [u8; 16]) -> bool {
    match subject {
        Entity::User(user) | Entity::Member { user, .. } => user.bytes() == id,
        Entity::ServiceAccount(account) => account.bytes() == id,
        Entity::Key(key) => key.bytes() == id,
        Entity::Tenant(_) | Entity::SigningKey(_) => false,
    }
}
