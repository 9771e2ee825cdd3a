//! The rows of one tenant, by the events that begin them: whoever asks for one tenant need not read the rows of all.

use std::collections::BTreeSet;

use domain::event::Event;
use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::row::RowId;
use memchr::memmem::Finder;
use store::codec::event_type::EventType;

/// What came to a tenant so far. The rows that concern it ([`domain::concern::concerned`]) are among these, but for refused
/// tokens.
#[derive(Clone, Debug)]
pub(crate) struct OfTenant {
    tenant: TenantId,
    its_id: Finder<'static>,
    users: BTreeSet<UserId>,
    service_accounts: BTreeSet<ServiceAccountId>,
    keys: BTreeSet<(Owner, KeyId)>,
}

impl OfTenant {
    pub(crate) fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            its_id: Finder::new(&tenant.bytes()).into_owned(),
            users: BTreeSet::new(),
            service_accounts: BTreeSet::new(),
            keys: BTreeSet::new(),
        }
    }

    /// Whether an event may begin a row of the tenant. One that does names it, and ids are stored as the bytes that they are: to
    /// look for these costs a fraction of reading the event.
    pub(crate) fn may_want(&self, event: EventType, envelope: &[u8]) -> bool {
        matches!(event, EventType::MemberAdded | EventType::ServiceAccountCreated | EventType::KeyCreated)
            && self.its_id.find(envelope).is_some()
    }

    /// Takes in the next event; none need be one that is not wanted.
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
        let Self { tenant, its_id: _, users, service_accounts, keys } = self;
        let membership = |user: &UserId| RowId::Membership { tenant: *tenant, user: *user };
        [RowId::Tenant(*tenant)]
            .into_iter()
            .chain(users.iter().copied().map(RowId::User))
            .chain(users.iter().map(membership))
            .chain(service_accounts.iter().copied().map(RowId::ServiceAccount))
            .chain(keys.iter().map(|(_, key)| RowId::Key(*key)))
    }
}
