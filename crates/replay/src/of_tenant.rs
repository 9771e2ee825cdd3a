//! The rows of one tenant, by the events that begin them: whoever asks for one tenant need not read the rows of all.

use std::collections::BTreeSet;

use domain::event::Event;
use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::row::RowId;

/// What came to a tenant so far. The rows that concern it ([`domain::concern::concerned`]) are among these, but for refused
/// tokens.
#[derive(Clone, Debug)]
pub(crate) struct OfTenant {
    tenant: TenantId,
    users: BTreeSet<UserId>,
    service_accounts: BTreeSet<ServiceAccountId>,
    keys: BTreeSet<(Owner, KeyId)>,
}

impl OfTenant {
    pub(crate) fn new(tenant: TenantId) -> Self {
        Self { tenant, users: BTreeSet::new(), service_accounts: BTreeSet::new(), keys: BTreeSet::new() }
    }

    /// Takes in the next event.
    pub(crate) fn take(&mut self, event: &Event) {
        if let Event::MemberAdded { tenant, user, .. } = event {
            if *tenant == self.tenant {
                self.users.insert(*user);
            }
        } else if let Event::ServiceAccountCreated { tenant, service_account, .. } = event {
            if *tenant == self.tenant {
                self.service_accounts.insert(*service_account);
            }
        } else if let Event::KeyCreated(made) = event
            && made.reach.home() == self.tenant
        {
            self.keys.insert((made.owner, made.key));
        }
    }

    /// In the order in which all rows are named.
    pub(crate) fn row_ids(&self) -> impl Iterator<Item = RowId> {
        let Self { tenant, users, service_accounts, keys } = self;
        let membership = |user: &UserId| RowId::Membership { tenant: *tenant, user: *user };
        [RowId::Tenant(*tenant)]
            .into_iter()
            .chain(users.iter().copied().map(RowId::User))
            .chain(users.iter().map(membership))
            .chain(service_accounts.iter().copied().map(RowId::ServiceAccount))
            .chain(keys.iter().map(|(_, key)| RowId::Key(*key)))
    }
}
