//! Queries by id: one key, the keys of one owner, one service account. What the caller may not see is not there.
//!
//! They show what the lists of `queries` show, and cost what one row costs.

use domain::Lookup as _;
use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::rejection::{Entity, Rejection};
use domain::role::Permission;
use domain::row::Standing;

use crate::as_of::{AsOf, View};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::failure::Failure;
use crate::queries::{KeyView, ServiceAccountView, Which, confinement, include};

impl Authority {
    /// One key, ended or not: one's own, or for administrators that of a service account.
    pub fn key(&self, caller: &Caller, id: KeyId) -> Result<KeyView, Failure> {
        let view = self.view(AsOf::Now)?;
        let entity = Entity::Key(id);
        let row = view.now().key(id)?.ok_or(Rejection::NotFound(entity))?;
        self.see_keys_of(&view, caller, row.owner, entity)?;
        let confined = confinement(caller).filter(|_| matches!(row.owner, Owner::User(_)));
        if confined.is_some() && row.reach.confined_to() != confined {
            return Err(Rejection::NotFound(entity).into());
        }
        self.view_key(&view, row)
    }

    /// The keys of one owner, the oldest first: one's own, or for administrators those of a service account.
    pub fn keys_of(
        &self,
        caller: &Caller,
        owner: [u8; 16],
        which: Which,
    ) -> Result<(Owner, Vec<KeyView>), Failure> {
        let entity = Entity::User(UserId::from_bytes(owner));
        let owner = self.owner_with(owner)?.ok_or(Rejection::NotFound(entity))?;
        let view = self.view(AsOf::Now)?;
        self.see_keys_of(&view, caller, owner, entity)?;
        let (snapshot, mut keys) = (&view.snapshot, vec![]);
        let ids = match (owner, which) {
            (Owner::User(user), Which::Living) => snapshot.keys_living_of(user, view.basis.position)?,
            (Owner::User(_) | Owner::ServiceAccount(_), _) => snapshot.keys_of(owner)?,
        };
        self.view_keys(&view, ids, which, &mut keys)?;
        let confined = confinement(caller).filter(|_| matches!(owner, Owner::User(_)));
        keys.retain(|key| confined.is_none() || key.reach.confined_to() == confined);
        keys.sort_by_key(|key| (key.created, key.id));
        Ok((owner, keys))
    }

    /// One service account of a tenant: for the tenant's administrators.
    pub fn service_account(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: ServiceAccountId,
        which: Which,
    ) -> Result<ServiceAccountView, Failure> {
        let view = self.view(AsOf::Now)?;
        self.see_service_accounts(&view, caller, tenant)?;
        let row = view.now().service_account(id)?;
        let row = row
            .filter(|row| row.tenant == tenant)
            .filter(|row| which == Which::All || row.standing != Standing::Removed);
        let row = row.ok_or(Rejection::NotFound(Entity::ServiceAccount(id)))?;
        Ok(self.service_account_view(row))
    }

    /// The service account whose credential was shown; none for a user.
    pub fn own_service_account(&self, caller: &Caller) -> Result<Option<ServiceAccountView>, Failure> {
        let Owner::ServiceAccount(id) = caller.owner else { return Ok(None) };
        include(caller, Permission::Read)?;
        let row = self.view(AsOf::Now)?.now().service_account(id)?;
        Ok(row.map(|row| self.service_account_view(row)))
    }

    /// Whether the caller may see the keys of this owner; what is out of sight is not there.
    fn see_keys_of(&self, view: &View, caller: &Caller, owner: Owner, entity: Entity) -> Result<(), Failure> {
        let unseen = || Failure::from(Rejection::NotFound(entity));
        match owner {
            Owner::User(_) if owner == caller.owner => include(caller, Permission::Read),
            Owner::User(_) => Err(unseen()),
            Owner::ServiceAccount(id) => {
                let account = view.now().service_account(id)?.ok_or_else(unseen)?;
                match self.see_service_accounts(view, caller, account.tenant) {
                    Err(Failure::Rejected(Rejection::NotFound(_))) => Err(unseen()),
                    seen => seen,
                }
            }
        }
    }
}
