//! Whether a credential is accepted: the one place where the cascade is derived from ancestry.

use crate::actor::Token;
use crate::event::{RetirementReason, TokenTarget};
use crate::ids::{ServiceAccountId, SigningKeyId, TenantId, UserId};
use crate::key::{KeyLife, Owner, Reach};
use crate::lookup::Lookup;
use crate::rejection::Refusal;
use crate::role::Role;
use crate::row::{Membership, SigningKey, Standing};
use crate::time::{Position, Timestamp};

/// Where a key stands with everything that it rests on, in one tenant or outside of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ancestry {
    /// Its user or service account.
    pub owner: Standing,
    /// Its user's membership of the tenant; living for service accounts, and outside of any tenant.
    pub membership: Standing,
    /// The tenant; living outside of any.
    pub tenant: Standing,
}

/// Whether a key with this life and ancestry is accepted at the instant.
///
/// What is final is told before what ends by itself, and that before what can be undone.
pub fn status(life: &KeyLife, ancestry: &Ancestry, at: Timestamp) -> Result<(), Refusal> {
    let over = |end: Option<Timestamp>| end.is_some_and(|end| at >= end);
    let refusals = [
        (life.revoked.is_some(), Refusal::KeyRevoked),
        (ancestry.owner == Standing::Removed, Refusal::OwnerRemoved),
        (ancestry.tenant == Standing::Removed, Refusal::TenantRemoved),
        (ancestry.membership == Standing::Removed, Refusal::MembershipRemoved),
        (over(life.grace_ends_at), Refusal::KeyRotated),
        (over(life.expires_at), Refusal::KeyExpired),
        (life.disabled, Refusal::KeyDisabled),
        (ancestry.owner == Standing::Suspended, Refusal::OwnerSuspended),
        (ancestry.tenant == Standing::Suspended, Refusal::TenantSuspended),
    ];
    refusals.iter().find(|(applies, _)| *applies).map_or(Ok(()), |(_, refusal)| Err(*refusal))
}

/// What [`admit`] needs to know of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Whose it is.
    pub owner: Owner,
    /// Where it acts.
    pub reach: Reach,
    /// What its user left after this position, it does not regain.
    made: Position,
}

impl Bearer {
    /// A key. It acts in tenants that its user joins later, too, but not again in one that its user left.
    pub const fn key(owner: Owner, reach: Reach, created: Position) -> Self {
        Self { owner, reach, made: created }
    }

    /// A token minted from this key for a tenant: as a key that is confined to it. A token is younger than
    /// its key, so what its key does not regain, it does not.
    #[must_use]
    pub fn token(self, tenant: TenantId) -> Self {
        Self { reach: Reach::Tenant(tenant), ..self }
    }
}

/// As what a credential is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The tenant in which it acts; none for an operator without a living membership.
    pub tenant: Option<TenantId>,
    /// The owner's role there.
    pub role: Option<Role>,
}

/// The few facts about ancestors that decide. Every [`Lookup`] gives them; so does the verification
/// index, which holds nothing else.
pub trait Ancestors {
    /// Why a fact could not be read.
    type Error;
    /// Where a tenant stands.
    fn tenant_standing(&self, id: TenantId) -> Result<Option<Standing>, Self::Error>;
    /// Where a user stands, and whether it is an operator.
    fn user_standing(&self, id: UserId) -> Result<Option<(Standing, Operator)>, Self::Error>;
    /// A user's latest membership of a tenant.
    fn membership_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Self::Error>;
    /// Every membership of a user.
    fn all_memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Self::Error>;
    /// Where a service account stands and belongs, and its role.
    fn account_standing(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(Standing, TenantId, Role)>, Self::Error>;
    /// The position before which tokens of the target are refused.
    fn token_watermark(&self, target: TokenTarget) -> Result<Option<Position>, Self::Error>;
    /// A signing key.
    fn token_signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Self::Error>;
}

/// Whether a user is an operator of the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It may make and remove tenants.
    Yes,
    /// It may not.
    No,
}

/// Whether the bearer of a key with this life is accepted, in the tenant wanted or else at home.
///
/// A key that acts in any tenant of its user falls back from a home that has ended to the user's oldest living
/// membership. A home that is merely suspended comes back, so it refuses: nothing may be done elsewhere by
/// surprise. An operator's key falls back to no tenant at all: a tenant's end must not lock the operator out.
pub fn admit<A: Ancestors>(
    ancestors: &A,
    bearer: &Bearer,
    life: &KeyLife,
    wanted: Option<TenantId>,
    at: Timestamp,
) -> Result<Result<Admission, Refusal>, A::Error> {
    let confined = bearer.reach.confined_to();
    if let (Some(wanted), Some(confined)) = (wanted, confined)
        && wanted != confined
    {
        return Ok(Err(Refusal::OtherTenant));
    }
    let tenant = wanted.or(confined);
    let at_home = admit_in(ancestors, bearer, life, tenant.unwrap_or(bearer.reach.home()), at)?;
    match (at_home, tenant, bearer.owner) {
        (Err(refusal), None, Owner::User(user)) if rests_on_the_tenant(refusal) => {
            if refusal != Refusal::TenantSuspended {
                let mut memberships = ancestors.all_memberships_of(user)?;
                memberships.sort_by_key(|membership| membership.since);
                for membership in memberships {
                    if let Ok(admission) = admit_in(ancestors, bearer, life, membership.tenant, at)? {
                        return Ok(Ok(admission));
                    }
                }
            }
            let operator = matches!(ancestors.user_standing(user)?, Some((Standing::Living, Operator::Yes)));
            if !operator {
                return Ok(Err(refusal));
            }
            // What befell the tenants was told before what befell the key itself: that must still be asked.
            let admitted = admit_outside_tenants(ancestors, bearer.owner, life, at)?;
            Ok(admitted.map(|()| Admission { tenant: None, role: None }))
        }
        (admitted, _, _) => Ok(admitted),
    }
}

/// Whether the bearer is accepted in this tenant.
fn admit_in<A: Ancestors>(
    ancestors: &A,
    bearer: &Bearer,
    life: &KeyLife,
    tenant: TenantId,
    at: Timestamp,
) -> Result<Result<Admission, Refusal>, A::Error> {
    let Some(tenant_standing) = ancestors.tenant_standing(tenant)? else {
        return Ok(Err(Refusal::NotAMember));
    };
    let (ancestry, role) = match bearer.owner {
        Owner::ServiceAccount(account) => match ancestors.account_standing(account)? {
            Some((owner, its_tenant, role)) if its_tenant == tenant => {
                (Ancestry { owner, membership: Standing::Living, tenant: tenant_standing }, role)
            }
            Some(_) => return Ok(Err(Refusal::OtherTenant)),
            None => return Ok(Err(Refusal::KeyUnknown)),
        },
        Owner::User(user) => {
            let Some((owner, _)) = ancestors.user_standing(user)? else {
                return Ok(Err(Refusal::KeyUnknown));
            };
            let Some(membership) = ancestors.membership_of(tenant, user)? else {
                return Ok(Err(Refusal::NotAMember));
            };
            let standing =
                if from_before(&membership, bearer.made) { Standing::Removed } else { membership.standing };
            (Ancestry { owner, membership: standing, tenant: tenant_standing }, membership.role)
        }
    };
    Ok(status(life, &ancestry, at).map(|()| Admission { tenant: Some(tenant), role: Some(role) }))
}

/// Whether a credential made then is from before its user left the tenant and came back. It is refused there
/// for good: joining again revives nothing, nor what was made in between.
pub(crate) fn from_before(membership: &Membership, made: Position) -> bool {
    membership.left.is_some() && made < membership.since.position
}

/// Whether a key is accepted as its owner's, leaving aside in which tenant.
pub fn admit_outside_tenants<A: Ancestors>(
    ancestors: &A,
    owner: Owner,
    life: &KeyLife,
    at: Timestamp,
) -> Result<Result<(), Refusal>, A::Error> {
    let owner = match owner {
        Owner::User(user) => ancestors.user_standing(user)?.map(|(standing, _)| standing),
        Owner::ServiceAccount(account) => {
            ancestors.account_standing(account)?.map(|(standing, _, _)| standing)
        }
    };
    let Some(owner) = owner else { return Ok(Err(Refusal::KeyUnknown)) };
    Ok(status(life, &Ancestry { owner, membership: Standing::Living, tenant: Standing::Living }, at))
}

/// Whether a token, whose signature and times are good and whose key is accepted, is accepted too.
pub fn token_status<A: Ancestors>(
    ancestors: &A,
    token: &Token,
    key: crate::ids::KeyId,
    owner: Owner,
    tenant: TenantId,
) -> Result<Result<(), Refusal>, A::Error> {
    let trusted = match ancestors.token_signing_key(token.signing_key)? {
        Some(signing_key) => {
            signing_key.retired.is_none_or(|retired| retired.reason != RetirementReason::Compromised)
        }
        None => false,
    };
    if !trusted {
        return Ok(Err(Refusal::SigningKeyRefused));
    }
    let targets = [
        TokenTarget::All,
        TokenTarget::Token { token: token.id, key },
        TokenTarget::Key(key),
        TokenTarget::Owner(owner),
        TokenTarget::Tenant(tenant),
        TokenTarget::SigningKey(token.signing_key),
    ];
    for target in targets {
        if ancestors.token_watermark(target)?.is_some_and(|watermark| token.seq < watermark) {
            return Ok(Err(Refusal::TokenRevoked));
        }
    }
    Ok(Ok(()))
}

/// Whether it is the tenant that refuses, and not the key or its owner.
fn rests_on_the_tenant(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::TenantRemoved | Refusal::TenantSuspended | Refusal::MembershipRemoved | Refusal::NotAMember
    )
}

impl<L: Lookup> Ancestors for L {
    type Error = L::Error;

    fn tenant_standing(&self, id: TenantId) -> Result<Option<Standing>, Self::Error> {
        Ok(self.tenant(id)?.map(|tenant| tenant.standing))
    }

    fn user_standing(&self, id: UserId) -> Result<Option<(Standing, Operator)>, Self::Error> {
        Ok(self
            .user(id)?
            .map(|user| (user.standing, if user.operator { Operator::Yes } else { Operator::No })))
    }

    fn membership_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Self::Error> {
        self.membership(tenant, user)
    }

    fn all_memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Self::Error> {
        self.memberships_of(user)
    }

    fn account_standing(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(Standing, TenantId, Role)>, Self::Error> {
        Ok(self.service_account(id)?.map(|account| (account.standing, account.tenant, account.role)))
    }

    fn token_watermark(&self, target: TokenTarget) -> Result<Option<Position>, Self::Error> {
        self.watermark(target)
    }

    fn token_signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Self::Error> {
        self.signing_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::RevocationReason;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_000_000).expect("in range");
    const FINE: Ancestry =
        Ancestry { owner: Standing::Living, membership: Standing::Living, tenant: Standing::Living };

    #[test]
    fn a_living_key_of_living_ancestors_is_accepted_until_the_very_instant_of_its_end() {
        assert_eq!(status(&KeyLife::default(), &FINE, NOW), Ok(()));
        let ends = |at| KeyLife { expires_at: Some(at), ..KeyLife::default() };
        assert_eq!(status(&ends(NOW), &FINE, NOW), Err(Refusal::KeyExpired));
        assert_eq!(status(&ends(NOW.plus_seconds(1)), &FINE, NOW), Ok(()));
    }

    #[test]
    fn what_is_final_is_told_first() {
        let all_wrong = KeyLife {
            expires_at: Some(NOW),
            grace_ends_at: Some(NOW),
            disabled: true,
            revoked: Some(RevocationReason::KeyCompromise),
        };
        let unrevoked = KeyLife { revoked: None, ..all_wrong };
        let gone =
            Ancestry { owner: Standing::Removed, membership: Standing::Removed, tenant: Standing::Removed };
        assert_eq!(status(&all_wrong, &gone, NOW), Err(Refusal::KeyRevoked));
        assert_eq!(status(&unrevoked, &gone, NOW), Err(Refusal::OwnerRemoved));
        let gone = Ancestry { owner: Standing::Suspended, ..gone };
        assert_eq!(status(&unrevoked, &gone, NOW), Err(Refusal::TenantRemoved));
        let gone = Ancestry { tenant: Standing::Suspended, ..gone };
        assert_eq!(status(&unrevoked, &gone, NOW), Err(Refusal::MembershipRemoved));
        let held = Ancestry { membership: Standing::Living, ..gone };
        assert_eq!(status(&unrevoked, &held, NOW), Err(Refusal::KeyRotated));
        let mut life = KeyLife { grace_ends_at: None, ..unrevoked };
        assert_eq!(status(&life, &held, NOW), Err(Refusal::KeyExpired));
        life.expires_at = None;
        assert_eq!(status(&life, &held, NOW), Err(Refusal::KeyDisabled));
        life.disabled = false;
        assert_eq!(status(&life, &held, NOW), Err(Refusal::OwnerSuspended));
        assert_eq!(
            status(&life, &Ancestry { owner: Standing::Living, ..held }, NOW),
            Err(Refusal::TenantSuspended)
        );
    }
}
