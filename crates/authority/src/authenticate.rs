//! Authentication: what was shown becomes a [`Caller`], or a reason why not. Asks the index, and nothing else.

use std::net::IpAddr;
use std::sync::Arc;

use credentials::claims::{Audience, Claims, ClaimsError};
use credentials::jws::{JwsError, TOKEN_BYTES_MAX, Unverified};
use credentials::key_string::{KeyString, KeyStringError};
use credentials::mark::Mark;
use credentials::secret::SecretText;
use domain::actor::{Actor, Holder, Token};
use domain::ids::{KeyId, TenantId};
use domain::key::Owner;
use domain::limits::RateLimit;
use domain::rejection::Refusal;
use domain::role::{Role, Scopes};
use domain::status::{Bearer, admit, token_status};
use domain::time::{Position, Timestamp};

use crate::authority::Authority;
use crate::failure::Denied;
use crate::index::{Index, KeyRecord};
use crate::signatures::Good;
use crate::tally::CredentialKind;

/// How far the clock of whoever minted a token may be ahead of ours. It was us.
const LEEWAY_SECONDS: u64 = 5;

/// Somebody whose credential is accepted, and where and as what they act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who acts: the first argument of everything they do.
    pub actor: Actor,
    /// The owner of the key.
    pub owner: Owner,
    /// The key shown, or the one from which the token shown was minted.
    pub key: KeyId,
    /// The tenant in which they act; none for an operator without a living membership.
    pub tenant: Option<TenantId>,
    /// The owner's role there.
    pub role: Option<Role>,
    /// What the credential is narrowed to.
    pub scopes: Scopes,
    /// How often the key is accepted; whoever lets callers in holds them to it.
    pub rate: Option<RateLimit>,
    /// When the credential ends by itself.
    pub expires_at: Option<Timestamp>,
    /// What was shown.
    pub credential: Credential,
    /// The position of the log as of which all this is true.
    pub position: Position,
    /// The instant at which it was asked.
    pub at: Timestamp,
}

impl Caller {
    /// From where the credential was shown, if that is known.
    pub fn address(&self) -> Option<IpAddr> {
        match &self.actor {
            Actor::Holder(holder) => holder.from,
            Actor::Console | Actor::Server => None,
        }
    }
}

/// A credential as it is shown.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The key or token.
    pub credential: &'a str,
    /// From where, if that is known. A key with a list of addresses is accepted from these only.
    pub from: Option<IpAddr>,
}

impl<'a> Shown<'a> {
    /// Shown from an address that nobody knows.
    pub const fn from_nowhere(credential: &'a str) -> Self {
        Self { credential, from: None }
    }
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An API key, now or when the session began that it opened.
    Key,
    /// A token minted from one, with what it says.
    Token(Arc<Claims>),
    /// A refresh token, which gets the next token of its key and is good for nothing else.
    Refresh(Arc<Claims>),
}

/// For which service a token must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For<'a> {
    /// This one.
    Us,
    /// This one, or none: a refresh token.
    UsOrRenewal,
    /// One of these: it was shown to that service, which asks us.
    Service(&'a Audience),
    /// Whichever: whoever asks reads in the token for which.
    Anyone,
}

/// Somebody who is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{denied}")]
pub struct Denial {
    /// Why.
    pub denied: Denied,
    /// The key that it is about, if one is known: for the log.
    pub key: Option<KeyId>,
}

impl Authority {
    /// Lets the holder of a key or token in, to the tenant wanted or else to the credential's own.
    pub fn authenticate(&self, shown: Shown<'_>, wanted: Option<TenantId>) -> Result<Caller, Denial> {
        self.let_in(shown, wanted, For::Us)
    }

    /// The same question about a credential that was shown to another service, which asks us: a token must be for
    /// that service (RFC 9068, section 4), or for us if the service does not say what it is called. A key is for any.
    pub fn verify(
        &self,
        shown: Shown<'_>,
        wanted: Option<TenantId>,
        service: Option<&Audience>,
    ) -> Result<Caller, Denial> {
        self.let_in(shown, wanted, service.map_or(For::Us, For::Service))
    }

    /// The same question again, of whoever compares the token's audience themselves: it may be any.
    pub fn introspect(&self, shown: Shown<'_>, wanted: Option<TenantId>) -> Result<Caller, Denial> {
        self.let_in(shown, wanted, For::Anyone)
    }

    /// The same as [`Authority::authenticate`], and the bearer of a refresh token is let in, too: whoever asks must
    /// let such a [`Credential::Refresh`] renew, and do nothing else.
    pub fn authenticate_or_renew(
        &self,
        shown: Shown<'_>,
        wanted: Option<TenantId>,
    ) -> Result<Caller, Denial> {
        self.let_in(shown, wanted, For::UsOrRenewal)
    }

    /// Lets somebody who is here in to another tenant, if the credential that was shown acts there, too.
    pub fn admit_to(&self, here: &Caller, tenant: TenantId) -> Result<Caller, Denial> {
        let token = match (&here.actor, &here.credential) {
            (Actor::Holder(holder), Credential::Token(claims) | Credential::Refresh(claims)) => {
                holder.token.map(|token| (token, claims))
            }
            (Actor::Holder(_) | Actor::Console | Actor::Server, _) => None,
        };
        self.readmit(here, token, tenant)
    }

    /// Lets the holder of the key on which somebody's credential rests in to a tenant, as if the key itself had been
    /// shown from where they are.
    pub(crate) fn admit_key(&self, here: &Caller, tenant: TenantId) -> Result<Caller, Denial> {
        self.readmit(here, None, tenant)
    }

    fn readmit(
        &self,
        here: &Caller,
        token: Option<(Token, &Arc<Claims>)>,
        tenant: TenantId,
    ) -> Result<Caller, Denial> {
        let denial = |refusal: Refusal| Denial { denied: refusal.into(), key: Some(here.key) };
        let index = self.index();
        let record = index.by_id(here.key).ok_or(denial(Refusal::KeyUnknown))?;
        let bearer = index.bearer(record);
        let bearer = token.map_or(bearer, |(_, claims)| bearer.token(claims.tenant));
        let now = self.now();
        caller(&index, record, &bearer, token, Some(tenant), here.address(), now).map_err(denial)
    }

    /// Lets somebody in who showed this key before, and was given a session for it. It is asked about as its secret
    /// would be: what ended the key, ended the session.
    pub(crate) fn authenticate_known(
        &self,
        key: KeyId,
        from: Option<IpAddr>,
        wanted: Option<TenantId>,
    ) -> Result<Caller, Denial> {
        let denial = |refusal: Refusal| Denial { denied: refusal.into(), key: Some(key) };
        let now = self.now();
        let index = self.index();
        let record = index.by_id(key).ok_or(denial(Refusal::KeyUnknown))?;
        let bearer = index.bearer(record);
        caller(&index, record, &bearer, None, wanted, from, now).map_err(denial)
    }

    fn let_in(&self, shown: Shown<'_>, wanted: Option<TenantId>, service: For<'_>) -> Result<Caller, Denial> {
        // Three dotted parts that begin like a JSON object: a key string has no dots.
        let (kind, caller) = if shown.credential.starts_with("eyJ") && shown.credential.contains('.') {
            (CredentialKind::Token, self.authenticate_token(shown, wanted, service))
        } else {
            (CredentialKind::Key, self.authenticate_key(shown, wanted))
        };
        self.shared.tally.count(kind, caller.as_ref().map(|_| ()).map_err(|denial| denial.denied));
        caller
    }

    /// What a token of ours says, whether or not it is still accepted; none, if we did not sign it.
    pub fn claims(&self, shown: &str) -> Option<Claims> {
        self.signed(shown).ok().map(|(good, _)| Claims::clone(&good.claims))
    }

    /// What a token with a good signature says, and its mark if that was not known yet.
    pub(crate) fn signed(&self, shown: &str) -> Result<(Good, Option<Mark>), Denial> {
        let unknown = |denied| Denial { denied, key: None };
        if shown.len() > TOKEN_BYTES_MAX {
            return Err(unknown(Denied::Token(JwsError::TooLong)));
        }
        let mark = self.signatures.mark(shown);
        if let Some(good) = self.signatures.recall(&mark) {
            return Ok((good, None));
        }
        let unverified = Unverified::parse(shown).map_err(|error| unknown(Denied::Token(error)))?;
        let key = self.index().verifying_key(unverified.kid());
        let (signing_key, verifying_key) = key.ok_or(unknown(Denied::Token(JwsError::Kid)))?;
        // Outside of the lock: checking a signature takes longer than everything else together.
        let claims = unverified.verify(&verifying_key).map_err(|error| unknown(Denied::Token(error)))?;
        Ok((Good { signing_key, claims: Arc::new(claims) }, Some(mark)))
    }

    fn authenticate_key(&self, shown: Shown<'_>, wanted: Option<TenantId>) -> Result<Caller, Denial> {
        let unknown = |denied| Denial { denied, key: None };
        let (secret, mistyped) = match KeyString::check(shown.credential) {
            Ok(secret) => (secret, false),
            // A key of another shape may have been imported.
            Err(error) => {
                let secret = SecretText::parse(shown.credential).map_err(|_| unknown(Denied::Malformed))?;
                (secret, tells_mistyped(&error))
            }
        };
        let digest = self.shared.keyring.pepper.digest_shown(secret);
        let now = self.now();
        let index = self.index();
        let plain = || index.has_imported_keys().then(|| credentials::digest::sha256_digest(secret));
        let record = index.by_digest(&digest).or_else(|| index.by_digest(&plain()?));
        let Some(record) = record else {
            let denied = if mistyped { Denied::Mistyped } else { Denied::Refused(Refusal::KeyUnknown) };
            return Err(unknown(denied));
        };
        let bearer = index.bearer(record);
        caller(&index, record, &bearer, None, wanted, shown.from, now)
            .map_err(|refusal| Denial { denied: refusal.into(), key: Some(record.key()) })
    }

    fn authenticate_token(
        &self,
        shown: Shown<'_>,
        wanted: Option<TenantId>,
        service: For<'_>,
    ) -> Result<Caller, Denial> {
        let (good, new) = self.signed(shown.credential)?;
        let Good { signing_key, claims } = &good;
        let now = self.now();
        let known = |denied| Denial { denied, key: Some(claims.key) };
        claims.check_times(now, LEEWAY_SECONDS).map_err(|error| known(Denied::Claims(error)))?;
        claims.check_issuer(&self.issuer).map_err(|error| known(Denied::Claims(error)))?;
        match (service, claims.audience.renews()) {
            (For::Anyone, false) | (For::UsOrRenewal, true) => {}
            // To nobody a refresh token is worth anything but to who renews.
            (For::Anyone | For::Service(_), true) => {
                return Err(known(Denied::Claims(ClaimsError::Audience)));
            }
            (For::Service(service), false) => {
                claims.check_audience(service).map_err(|error| known(Denied::Claims(error)))?;
            }
            (For::Us | For::UsOrRenewal, _) => {
                claims.check_audience(&self.audience).map_err(|error| known(Denied::Claims(error)))?;
            }
        }

        let token = Token { id: claims.token, seq: claims.seq, signing_key: *signing_key };
        let index = self.index();
        let refused = |refusal: Refusal| known(refusal.into());
        let record = index.by_id(claims.key).ok_or(refused(Refusal::KeyUnknown))?;
        let bearer = index.bearer(record);
        if bearer.owner != claims.owner {
            return Err(refused(Refusal::KeyUnknown));
        }
        if bearer.reach.confined_to().is_some_and(|only| only != claims.tenant) {
            return Err(refused(Refusal::OtherTenant));
        }
        let Ok(accepted) = token_status(&*index, &token, claims.key, claims.owner, claims.tenant);
        accepted.map_err(refused)?;
        let bearer = bearer.token(claims.tenant);
        let caller = caller(&index, record, &bearer, Some((token, claims)), wanted, shown.from, now);
        let caller = caller.map_err(refused)?;
        drop(index);
        if let Some(mark) = new {
            self.signatures.remember(mark, good);
        }
        Ok(caller)
    }
}

/// As what the bearer of a known key, or of a token minted from it, is let in.
fn caller(
    index: &Index,
    record: &KeyRecord,
    bearer: &Bearer,
    token: Option<(Token, &Arc<Claims>)>,
    wanted: Option<TenantId>,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let life = record.life();
    let Ok(admitted) = admit(&index.near(record), bearer, &life, wanted, now);
    let admission = admitted?;
    index.addresses(record).admit(from)?;
    let ends = [life.expires_at, life.grace_ends_at, token.map(|(_, claims)| claims.expires_at)];
    let key_scopes = index.scopes(record);
    let scopes = match token {
        None => key_scopes.clone(),
        Some((_, claims)) => key_scopes.intersect(&claims.scopes),
    };
    let holder = Holder {
        identity: bearer.owner,
        key: record.key(),
        confined_to: bearer.reach.confined_to(),
        scopes: scopes.clone(),
        token: token.map(|(token, _)| token),
        from,
    };
    Ok(Caller {
        actor: Actor::Holder(holder),
        owner: bearer.owner,
        key: record.key(),
        tenant: admission.tenant,
        role: admission.role,
        scopes,
        rate: index.rate(record),
        expires_at: ends.into_iter().flatten().min(),
        credential: match token {
            None => Credential::Key,
            Some((_, claims)) if claims.audience.renews() => Credential::Refresh(Arc::clone(claims)),
            Some((_, claims)) => Credential::Token(Arc::clone(claims)),
        },
        position: index.position(),
        at: now,
    })
}

/// Whether what was shown begins like a key of ours, and is none.
pub(crate) fn is_mistyped(shown: &str) -> bool {
    KeyString::check(shown).is_err_and(|error| tells_mistyped(&error))
}

fn tells_mistyped(error: &KeyStringError) -> bool {
    matches!(error, KeyStringError::Checksum | KeyStringError::TooShort)
}
