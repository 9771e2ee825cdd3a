//! Exchange: a key for a short-lived token, for one tenant, with at most the key's scopes.

use credentials::claims::{Audience, Claims};
use domain::ids::{TenantId, TokenId};
use domain::role::Scopes;
use domain::time::Timestamp;
use domain::token_life::TokenLife;

use crate::authenticate::{Caller, Credential, Denial, Shown};
use crate::authority::Authority;
use crate::entropy;
use crate::failure::Denied;

/// What is wanted of the token.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// For which tenant; none: the key's own.
    pub tenant: Option<TenantId>,
    /// Narrowed to which scopes; none: as the key is.
    pub scopes: Option<Scopes>,
    /// For which services; none: this one.
    pub audience: Option<Audience>,
}

/// A minted token.
pub struct Minted {
    /// The token, in the compact form of RFC 7515.
    pub token: String,
    /// Its `jti`.
    pub id: TokenId,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How long it lives, in whole seconds.
    pub expires_in_seconds: u64,
    /// What it is narrowed to.
    pub scopes: Scopes,
    /// From whose key.
    pub caller: Caller,
}

/// Why no token was minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The key is not accepted.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// A token was shown where a key is needed.
    #[error("a token cannot be exchanged again; show the key")]
    NotAKey,
    /// Scope may only narrow.
    #[error("the key does not have all of the scopes asked for; ask for fewer")]
    ScopesNotHeld,
    /// That audience is the one of refresh tokens, which come with a token and are not asked for.
    #[error("this audience is reserved; name the service that the token is for")]
    AudienceReserved,
    /// An operator's key, outside of every tenant.
    #[error("a token is for a tenant, and this key acts in none")]
    NoTenant,
    /// No active signing key's private half is here.
    #[error("no key signs tokens at this time; an operator must add a signing key")]
    NoSigningKey,
}

impl Authority {
    /// Mints a token for the bearer of a key.
    pub fn exchange(&self, shown: Shown<'_>, wanted: Wanted) -> Result<Minted, ExchangeError> {
        let caller = self.authenticate(shown, wanted.tenant)?;
        self.mint(caller, wanted)
    }

    /// Mints a token for a caller that was just let in with a key.
    pub fn mint(&self, caller: Caller, wanted: Wanted) -> Result<Minted, ExchangeError> {
        if caller.credential != Credential::Key {
            return Err(ExchangeError::NotAKey);
        }
        let role = caller.role.ok_or(ExchangeError::NoTenant)?;
        if wanted.audience.as_ref().is_some_and(Audience::renews) {
            return Err(ExchangeError::AudienceReserved);
        }
        let scopes = wanted.scopes.unwrap_or_else(|| caller.scopes.clone());
        if !scopes.within(&caller.scopes) || !scopes.permitted_to(Some(role)) {
            return Err(ExchangeError::ScopesNotHeld);
        }
        let audience = wanted.audience.unwrap_or_else(|| self.audience.clone());
        self.issue(caller, scopes, audience, self.token_life())
    }

    /// Signs a token for the tenant in which somebody acts. What it may say was checked before.
    pub(crate) fn issue(
        &self,
        caller: Caller,
        scopes: Scopes,
        audience: Audience,
        life: TokenLife,
    ) -> Result<Minted, ExchangeError> {
        let (Some(tenant), Some(role)) = (caller.tenant, caller.role) else {
            return Err(ExchangeError::NoTenant);
        };
        let now = self.now();
        let signing_key = self.active_signing_key(now).ok_or(ExchangeError::NoSigningKey)?;
        // Not beyond the key's own end.
        let longest = life.from(now);
        let expires_at = caller.expires_at.map_or(longest, |end| end.min(longest));
        let id = entropy::id(now);
        // A refresh token is worth something here only, and stops here with its key.
        let is_access = !audience.renews();
        let claims = Claims {
            issuer: self.issuer.clone(),
            audience,
            owner: caller.owner,
            key: caller.key,
            tenant,
            role,
            scopes: scopes.clone(),
            seq: caller.position,
            token: id,
            issued_at: now,
            not_before: now,
            expires_at,
        };
        let whole = |instant: Timestamp| u64::try_from(instant.unix_seconds()).unwrap_or(0);
        let expires_in_seconds = whole(expires_at).saturating_sub(whole(now));
        if expires_in_seconds == 0 {
            let denied = Denied::Refused(domain::Refusal::KeyExpired);
            return Err(Denial { denied, key: Some(caller.key) }.into());
        }
        let token = signing_key.sign(&claims);
        if is_access {
            self.tokens.minted(caller.key, tenant, expires_at, now);
        }
        Ok(Minted { token, id, expires_at, expires_in_seconds, scopes, caller })
    }
}
