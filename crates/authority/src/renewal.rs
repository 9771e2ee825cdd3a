//! Renewal, for clients that know no other exchange: a token comes with a refresh token, which gets the next two.
//!
//! A refresh token is a signed token of the same claims for an audience that no service has. It is looked up like any
//! token, so whatever ends the key, its owner or its tokens ends it at once, and it never gives more than the key does.

use credentials::claims::{Audience, Claims};
use domain::actor::Token;
use domain::ids::TenantId;
use domain::rejection::Refusal;
use domain::status::token_status;

use crate::authenticate::{Caller, Credential, Denial};
use crate::authority::Authority;
use crate::exchange::{ExchangeError, Minted};
use crate::failure::InputError;
use crate::token_life::REFRESH_TOKEN_LIFE;

/// A token, and what gets the next one.
pub struct Pair {
    /// The token.
    pub access: Minted,
    /// The refresh token: it lives as long as the longest token may.
    pub refresh_token: String,
}

/// Why a token was not renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewalError {
    /// No token is minted.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// Something else was shown.
    #[error("only a refresh token gets another token; show the one that came with the token to be renewed")]
    NotARefreshToken,
    /// The token to be renewed is none, or not of the key and tenant of the refresh token.
    #[error(transparent)]
    OtherToken(#[from] InputError),
}

impl From<Denial> for RenewalError {
    fn from(denial: Denial) -> Self {
        Self::Exchange(denial.into())
    }
}

impl Authority {
    /// Mints tokens for a tenant in which the bearer of a key acts.
    pub fn switch_tenant(&self, caller: &Caller, tenant: TenantId) -> Result<Pair, ExchangeError> {
        if caller.credential != Credential::Key {
            return Err(ExchangeError::NotAKey);
        }
        self.pair(self.admit_key(caller, tenant)?)
    }

    /// Mints the next tokens for the bearer of a refresh token, in the place of the token that came with it. That one
    /// may have expired; it may not have been revoked.
    pub fn renew(&self, caller: &Caller, access_token: &str) -> Result<Pair, RenewalError> {
        let Credential::Refresh(claims) = &caller.credential else {
            return Err(RenewalError::NotARefreshToken);
        };
        let renewed = self.to_be_renewed(claims, access_token)?;
        // As the key is accepted now: the new tokens are not held to the end of the old ones.
        let mut holder = self.admit_key(caller, claims.tenant)?;
        // But they are no younger than the refresh token was asked about: what refuses that from then on, refuses them.
        holder.position = holder.position.min(caller.position);
        holder.scopes = holder.scopes.intersect(&claims.scopes).intersect(&renewed.scopes);
        Ok(self.pair(holder)?)
    }

    fn to_be_renewed(&self, refresh: &Claims, shown: &str) -> Result<Claims, RenewalError> {
        let rule = "give the token that came with the refresh token shown";
        let other = InputError::Malformed { field: "access_token", rule };
        let (good, _) = self.signed(shown).map_err(|_| other.clone())?;
        let claims = &good.claims;
        let same = claims.issuer == refresh.issuer
            && claims.key == refresh.key
            && claims.owner == refresh.owner
            && claims.tenant == refresh.tenant
            && claims.check_audience(&self.audience).is_ok();
        if !same {
            return Err(other.into());
        }
        let token = Token { id: claims.token, seq: claims.seq, signing_key: good.signing_key };
        let Ok(accepted) = token_status(&*self.index(), &token, claims.key, claims.owner, claims.tenant);
        let denial = |refusal: Refusal| Denial { denied: refusal.into(), key: Some(claims.key) };
        accepted.map_err(denial)?;
        Ok(Claims::clone(claims))
    }

    fn pair(&self, holder: Caller) -> Result<Pair, ExchangeError> {
        let scopes = holder.scopes.clone();
        let refresh = self.issue(holder.clone(), scopes.clone(), Audience::renewal(), REFRESH_TOKEN_LIFE)?;
        let access = self.issue(holder, scopes, self.audience.clone(), self.token_life())?;
        Ok(Pair { access, refresh_token: refresh.token })
    }
}
