//! What decides whether a key is accepted, remembered from one key to the next: keys are listed owner by owner.

use std::cell::Cell;

use domain::Lookup as _;
use domain::event::TokenTarget;
use domain::ids::{ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::role::Role;
use domain::row::{Membership, SigningKey, Standing};
use domain::status::{Ancestors, Operator};
use domain::time::Position;
use store::StoreError;

use crate::rows::RowsAt;

/// The facts about ancestors, as of one moment; of each kind the one that was asked for last is remembered.
pub(crate) struct Standings<'a> {
    rows: &'a RowsAt<'a>,
    tenant: Last<TenantId, Option<Standing>>,
    user: Last<UserId, Option<(Standing, Operator)>>,
    membership: Last<(TenantId, UserId), Option<Membership>>,
    account: Last<ServiceAccountId, Option<(Standing, TenantId, Role)>>,
}

impl<'a> Standings<'a> {
    pub(crate) fn of(rows: &'a RowsAt<'a>) -> Self {
        Self {
            rows,
            tenant: Last::default(),
            user: Last::default(),
            membership: Last::default(),
            account: Last::default(),
        }
    }
}

impl Ancestors for Standings<'_> {
    type Error = StoreError;

    fn tenant_standing(&self, id: TenantId) -> Result<Option<Standing>, StoreError> {
        self.tenant.of(id, || self.rows.tenant_standing(id))
    }

    fn user_standing(&self, id: UserId) -> Result<Option<(Standing, Operator)>, StoreError> {
        self.user.of(id, || self.rows.user_standing(id))
    }

    fn membership_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, StoreError> {
        self.membership.of((tenant, user), || self.rows.membership(tenant, user))
    }

    fn all_memberships_of(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.rows.memberships_of(user)
    }

    fn account_standing(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(Standing, TenantId, Role)>, StoreError> {
        self.account.of(id, || self.rows.account_standing(id))
    }

    fn token_watermark(&self, target: TokenTarget) -> Result<Option<Position>, StoreError> {
        self.rows.watermark(target)
    }

    fn token_signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, StoreError> {
        self.rows.signing_key(id)
    }
}

/// What was found last, and under what.
struct Last<K, V>(Cell<Option<(K, V)>>);

impl<K, V> Default for Last<K, V> {
    fn default() -> Self {
        Self(Cell::new(None))
    }
}

impl<K: Copy + Eq, V: Copy> Last<K, V> {
    fn of<E>(&self, key: K, read: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        if let Some((known, found)) = self.0.get()
            && known == key
        {
            return Ok(found);
        }
        let found = read()?;
        self.0.set(Some((key, found)));
        Ok(found)
    }
}
