//! A key as somebody names it, and how much of its past they may see.
//!
//! Its owner sees it, and so do the administrators of its home, whom its events concern, and operators, who can stop any
//! key. Whoever may verify what others show may ask about a key by its secret, as `POST /v1/verify` answers them, too.

use credentials::digest::{parse_digest, sha256_digest};
use credentials::secret::SecretText;
use domain::Lookup as _;
use domain::decide::{audits, role_of};
use domain::ids::{KeyId, TenantId};
use domain::key::{DigestScheme, KeyDigest, Owner};
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
    /// By what is stored of it: 64 hexadecimal digits.
    Digest(String),
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
    /// The key that is named, as far as the caller may see it. None: nobody has such a secret or digest; or the caller names a
    /// key by its digest and may not see it, for who knows a digest holds no secret.
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
            KeyNamed::Digest(digits) => self.digested(digits)?,
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
            (_, None) => Err(Rejection::Forbidden { needs: Permission::Verify }.into()),
            (KeyNamed::Secret(_) | KeyNamed::Digest(_), Some(tenant)) => {
                role_of(&view.now(), &caller.actor, tenant, Permission::Verify, self.now())??;
                if matches!(named, KeyNamed::Digest(_)) {
                    return Ok(None);
                }
                let row = match id {
                    Some(id) => view.now().key(id)?,
                    None => None,
                };
                Ok(row.map(|key| Known { key, sight: Sight::Verdict(tenant) }))
            }
        }
    }

    /// The same, if the caller may see its events, and as whom.
    pub(crate) fn known_with_past(
        &self,
        view: &View,
        caller: &Caller,
        named: &KeyNamed,
    ) -> Result<(KeyId, Scope), Failure> {
        let known = self.known(view, caller, named, None)?;
        let seen = known.and_then(|known| match known.sight {
            Sight::Events(scope) => Some((known.key.id, scope)),
            // A verifier learns what a key is worth, and no more.
            Sight::Verdict(_) => None,
        });
        seen.ok_or_else(|| unseen(named))
    }

    /// As whom the caller sees the events of a key, if at all.
    fn sees(&self, view: &View, caller: &Caller, key: &Key) -> Result<Option<Scope>, Failure> {
        let (rows, actor, now) = (view.now(), &caller.actor, self.now());
        if audits(&rows, actor, now)?.is_ok() {
            return Ok(Some(Scope::Deployment));
        }
        let home = key.reach.home();
        if role_of(&rows, actor, home, Permission::Audit, now)?.is_ok() {
            return Ok(Some(Scope::Tenant(home)));
        }
        let confined = confinement(caller);
        let own = matches!(key.owner, Owner::User(_))
            && key.owner == caller.owner
            && (confined.is_none() || key.reach.confined_to() == confined)
            && caller.scopes.permit(Permission::Read);
        // And a machine the very key that it shows.
        let shown =
            key.id == caller.key && key.owner == caller.owner && caller.scopes.permit(Permission::Read);
        Ok((own || shown).then_some(Scope::Oneself))
    }

    /// The key of which this is stored, accepted or not.
    fn digested(&self, digits: &str) -> Result<Option<KeyId>, Failure> {
        let rule = "give the digest of a key: 64 hexadecimal digits";
        let malformed = InputError::Malformed { field: "key.digest", rule };
        let bytes = parse_digest(digits).ok_or(malformed)?;
        let ours = DigestScheme::KeyedBlake3(self.shared.keyring.pepper.id());
        let index = self.index();
        let found = [ours, DigestScheme::Sha256]
            .into_iter()
            .find_map(|scheme| index.by_digest(&KeyDigest { scheme, bytes }).map(|record| record.key()));
        Ok(found)
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

/// There is no such key, or none whose past the caller may see.
pub(crate) fn unseen(named: &KeyNamed) -> Failure {
    match named {
        KeyNamed::Id(id) => Rejection::NotFound(Entity::Key(*id)).into(),
        KeyNamed::Secret(_) | KeyNamed::Digest(_) => {
            let rule = "nobody here has this key, or its past is not for you to see";
            InputError::Malformed { field: "key", rule }.into()
        }
    }
}
