//! Who made a key: whoever is named by the event that it began with.

use domain::Lookup as _;
use domain::actor::ActorId;
use domain::key::Owner;
use domain::row::Standing;
use domain::time::Position;
use store::StoreError;

use crate::as_of::{AsOf, View};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::failure::Failure;

/// Whoever did something, and what they are called now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maker {
    /// As the event has it.
    pub actor: ActorId,
    /// A service account's name or a user's e-mail address; none: it has no name, or the reader may not see it.
    pub name: Option<String>,
}

impl Authority {
    /// Who did what was recorded at these positions. Whoever asks was shown the keys that began there. It costs an event
    /// each.
    pub fn makers(
        &self,
        caller: &Caller,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<Vec<Maker>, Failure> {
        let view = self.view(AsOf::Now)?;
        let administers = match caller.tenant {
            Some(tenant) => self.see_service_accounts(&view, caller, tenant).is_ok(),
            None => false,
        };
        let mut makers = vec![];
        for position in positions {
            let actor = view.snapshot.recorded(position)?.metadata.actor;
            let name = match &actor {
                ActorId::Holder { identity, .. } => self.name_of(&view, caller, *identity, administers)?,
                ActorId::Console | ActorId::Server => None,
            };
            makers.push(Maker { actor, name });
        }
        Ok(makers)
    }

    /// What somebody is called, for whoever could see it in a list of the tenant in which they act.
    fn name_of(
        &self,
        view: &View,
        caller: &Caller,
        identity: Owner,
        administers: bool,
    ) -> Result<Option<String>, StoreError> {
        let rows = view.now();
        let own = identity == caller.owner;
        Ok(match identity {
            Owner::User(user) => {
                let membership = match caller.tenant {
                    Some(tenant) => rows.membership(tenant, user)?,
                    None => None,
                };
                let seen = membership.is_some_and(|row| {
                    administers || (row.standing == Standing::Living && caller.role.is_some())
                });
                let row = if own || seen { rows.user(user)? } else { None };
                row.map(|row| self.open_text(&row.email.text))
            }
            Owner::ServiceAccount(account) => {
                let row = rows.service_account(account)?;
                let row = row.filter(|row| own || (administers && Some(row.tenant) == caller.tenant));
                row.map(|row| self.open_text(&row.name.text))
            }
        })
    }
}
