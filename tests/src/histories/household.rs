//! What a recording is about: two tenants with users in both and a service account in each, their keys and tokens.
//!
//! Everything in it comes to an end, so a household is replaced by a new one after a while.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;

use super::credential::{Credential, Register};
use super::operation::CredentialNumber;
use crate::history::dice::Dice;

/// How many credentials of a household are shown; older ones are forgotten.
const SHOWN_MAX: usize = 28;

/// A key that may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub key: KeyId,
    /// Whose it is.
    pub owner: Owner,
}

/// A credential as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its number in the history.
    pub number: CredentialNumber,
    /// What it rests on.
    pub credential: Credential,
    /// The key string, or the token.
    pub text: String,
}

/// Two tenants, and who is in them.
pub struct Household {
    /// The tenants.
    pub tenants: [TenantId; 2],
    /// Users, who are in both tenants, each with a key that is never changed itself.
    pub users: BTreeMap<UserId, String>,
    /// Their addresses.
    pub addresses: BTreeMap<UserId, String>,
    /// One in each tenant.
    pub accounts: [ServiceAccountId; 2],
    held: Mutex<Vec<Held>>,
    shown: RwLock<Arc<Vec<Shown>>>,
    wishes: AtomicUsize,
}

impl Household {
    /// One that nobody knows yet.
    pub fn new(
        tenants: [TenantId; 2],
        users: BTreeMap<UserId, String>,
        addresses: BTreeMap<UserId, String>,
        accounts: [ServiceAccountId; 2],
    ) -> Self {
        let (held, shown, wishes) = (Mutex::default(), RwLock::default(), AtomicUsize::new(0));
        Self { tenants, users, addresses, accounts, held, shown, wishes }
    }

    /// The tenants in which an owner's keys are shown.
    pub fn tenants_of(&self, owner: Owner) -> &[TenantId] {
        match owner {
            Owner::User(_) => &self.tenants,
            Owner::ServiceAccount(account) if account == self.accounts[0] => &self.tenants[..1],
            Owner::ServiceAccount(_) => &self.tenants[1..],
        }
    }

    /// Everybody.
    pub fn owners(&self) -> Vec<Owner> {
        let users = self.users.keys().map(|user| Owner::User(*user));
        users.chain(self.accounts.map(Owner::ServiceAccount)).collect()
    }

    /// From now on the key may be changed.
    pub fn hold(&self, held: Held) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }

    /// One of the keys that were made last.
    pub(super) fn any_held(&self, dice: &mut Dice) -> Held {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *dice.pick(&held[held.len().saturating_sub(8)..])
    }

    /// From now on the credential is shown.
    pub fn show(&self, shown: Shown) {
        let mut known = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let mut list = Vec::clone(&known);
        if list.len() >= SHOWN_MAX {
            list.remove(0);
        }
        list.push(shown);
        *known = Arc::new(list);
    }

    /// From now on the key is not shown: it was not made.
    pub fn forget(&self, key: KeyId) {
        let mut known = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let rest = known.iter().filter(|shown| shown.credential.key != key);
        *known = Arc::new(rest.cloned().collect());
    }

    /// What is shown now.
    pub fn shown(&self) -> Arc<Vec<Shown>> {
        Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Some of what is shown and rests on one of these, the youngest first.
    pub fn resting_on(&self, registers: &[Register]) -> Vec<Shown> {
        let shown = self.shown();
        let rests = shown.iter().rev().filter(|shown| {
            let facets = shown.credential.facets();
            registers.iter().any(|register| facets.contains(register))
        });
        rests.cloned().collect()
    }

    /// How many wishes there were before this one.
    pub(super) fn one_more_wish(&self) -> usize {
        self.wishes.fetch_add(1, Ordering::Relaxed)
    }
}
