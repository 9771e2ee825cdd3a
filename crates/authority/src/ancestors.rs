//! What keys rest on at one moment: of many keys, each tenant, owner and membership is read once.
//!
//! It lasts as long as one answer, and remembers facts of one snapshot, which do not change; no verdict is kept.

use std::cell::RefCell;
use std::collections::HashMap;

use domain::event::TokenTarget;
use domain::ids::{ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::rejection::Refusal;
use domain::role::Role;
use domain::row::{Key, Membership, SigningKey, Standing};
use domain::status::{Ancestors, Bearer, Operator, admit};
use domain::time::{Position, Timestamp};
use store::StoreError;
use store::snapshot::SnapshotRows;

use crate::as_of::View;

/// The rows of a moment, with what was read of them.
pub(crate) struct Remembered<'a> {
    pub(crate) rows: SnapshotRows<'a>,
    tenants: Facts<TenantId, Standing>,
    users: Facts<UserId, (Standing, Operator)>,
    memberships: Facts<(TenantId, UserId), Membership>,
    accounts: Facts<ServiceAccountId, (Standing, TenantId, Role)>,
}

/// Facts by what they are of; none: there is no such thing.
type Facts<I, F> = RefCell<HashMap<I, Option<F>>>;

impl<'a> Remembered<'a> {
    pub(crate) fn of(view: &'a View) -> Self {
        Self {
            rows: view.then(),
            tenants: RefCell::default(),
            users: RefCell::default(),
            memberships: RefCell::default(),
            accounts: RefCell::default(),
        }
    }

    /// Whether a key is accepted where it acts if no tenant is named.
    pub(crate) fn status(&self, key: &Key, at: Timestamp) -> Result<Result<(), Refusal>, StoreError> {
        self.status_in(key, None, at)
    }

    /// Whether a key is accepted in a tenant; none: where it acts if no tenant is named.
    pub(crate) fn status_in(
        &self,
        key: &Key,
        tenant: Option<TenantId>,
        at: Timestamp,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let bearer = Bearer::key(key.owner, key.reach, key.created.position);
        Ok(admit(self, &bearer, &key.life, tenant, at)?.map(drop))
    }
}

fn once<I: Eq + std::hash::Hash, F: Copy>(
    facts: &Facts<I, F>,
    of: I,
    read: impl FnOnce(&I) -> Result<Option<F>, StoreError>,
) -> Result<Option<F>, StoreError> {
    if let Some(known) = facts.borrow().get(&of) {
        return Ok(*known);
    }
    let fact = read(&of)?;
    facts.borrow_mut().insert(of, fact);
    Ok(fact)
}

impl Ancestors for Remembered<'_> {
    type Error = StoreError;

    fn tenant_standing(&self, id: TenantId) -> Result<Option<Standing>, StoreError> {
        once(&self.tenants, id, |id| self.rows.tenant_standing(*id))
    }

    fn user_standing(&self, id: UserId) -> Result<Option<(Standing, Operator)>, StoreError> {
        once(&self.users, id, |id| self.rows.user_standing(*id))
    }

    fn membership_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, StoreError> {
        once(&self.memberships, (tenant, user), |_| self.rows.membership_of(tenant, user))
    }

    fn all_memberships_of(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.rows.all_memberships_of(user)
    }

    fn account_standing(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(Standing, TenantId, Role)>, StoreError> {
        once(&self.accounts, id, |id| self.rows.account_standing(*id))
    }

    fn token_watermark(&self, target: TokenTarget) -> Result<Option<Position>, StoreError> {
        self.rows.token_watermark(target)
    }

    fn token_signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, StoreError> {
        self.rows.token_signing_key(id)
    }
}
