//! A key as somebody names it, and how much of its past they may see.
//!
//! Its owner sees it, and so do the administrators of its home, whom its events concern, and operators, who can stop any
//! key. Whoever may verify what others show may ask about a key by its secret, as `POST /v1/verify` answers them, too.

use credentials::digest::sha256_digest;
use credentials::secret::SecretText;
use domain::Lookup as _;
use domain::decide::{operates, role_of};
use domain::ids::{KeyId, TenantId};
use domain::key::Owner;
use domain::rejection::{Entity, Rejection};
use domain::role::Permission;
use domain::row::Key;

use crate::as_of::View;
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::events::Scope;
use crate::failure::{Failure, InputError};
use crate::queries::confinement;

/// A key as it is named.
#[derive(Clone)]
pub enum KeyNamed {
    /// By its public id.
    Id(KeyId),
    /// By its secret, whole.
    Secret(String),
}

/// How much of a key's past somebody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Its events, with the names that such a reader knows.
    Events(Scope),
    /// Whether it is accepted in a tenant, which is all that a verifier learns.
    Verdict(TenantId),
}

/// A key that is known here, with its row now.
pub(crate) struct Known {
    pub(crate) key: Key,
    pub(crate) sight: Sight,
}

impl Authority {
    /// The key that is named, as far as the caller may see it. None: nobody has such a secret.
    pub(crate) fn known(
        &self,
        view: &View,
        caller: &Caller,
        named: &KeyNamed,
        tenant: Option<TenantId>,
    ) -> Result<Option<Known>, Failure> {
        let id = match named {
            KeyNamed::Id(id) => Some(*id),
            KeyNamed::Secret(shown) => self.shown(shown)?,
        };
        let row = match id {
            Some(id) => view.now().key(id)?,
            None => None,
        };
        if let Some(key) = row
            && let Some(scope) = self.sees(view, caller, &key)?
        {
            return Ok(Some(Known { key, sight: Sight::Events(scope) }));
        }
        match (named, tenant.or(caller.tenant)) {
            (KeyNamed::Id(id), _) => Err(Rejection::NotFound(Entity::Key(*id)).into()),
            (KeyNamed::Secret(_), None) => Err(Rejection::Forbidden { needs: Permission::Verify }.into()),
            (KeyNamed::Secret(_), Some(tenant)) => {
                role_of(&view.now(), &caller.actor, tenant, Permission::Verify, self.now())??;
                let row = match id {
                    Some(id) => view.now().key(id)?,
                    None => None,
                };
                Ok(row.map(|key| Known { key, sight: Sight::Verdict(tenant) }))
            }
        }
    }

    /// As whom the caller sees the events of a key, if at all.
    fn sees(&self, view: &View, caller: &Caller, key: &Key) -> Result<Option<Scope>, Failure> {
        let (rows, actor, now) = (view.now(), &caller.actor, self.now());
        if operates(&rows, actor, now)?.is_ok() {
            return Ok(Some(Scope::Deployment));
        }
        let home = key.reach.home();
        if role_of(&rows, actor, home, Permission::Administer, now)?.is_ok() {
            return Ok(Some(Scope::Tenant(home)));
        }
        let confined = confinement(caller);
        let own = matches!(key.owner, Owner::User(_))
            && key.owner == caller.owner
            && (confined.is_none() || key.reach.confined_to() == confined)
            && caller.scopes.include(Permission::Read.scope());
        Ok(own.then_some(Scope::Oneself))
    }

    /// The key with this secret, accepted or not.
    fn shown(&self, text: &str) -> Result<Option<KeyId>, Failure> {
        let rule = "give a key, whole: one line of visible characters";
        let malformed = InputError::Malformed { field: "key.secret", rule };
        let secret = SecretText::parse(text).map_err(|_| malformed)?;
        let digest = self.shared.keyring.pepper.digest_shown(secret);
        let index = self.index();
        let record = index
            .by_digest(&digest)
            .or_else(|| index.has_imported_keys().then(|| index.by_digest(&sha256_digest(secret))).flatten());
        Ok(record.map(|record| record.key()))
    }
}
