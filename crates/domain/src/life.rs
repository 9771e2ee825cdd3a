//! What befell a key through others: its owner, its memberships, its tenants, and whatever its tokens were refused together with.

use crate::event::{Event, RetirementReason, TokenTarget};
use crate::ids::{SigningKeyId, TenantId, UserId};
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::past::{Past, Versioned, versions};
use crate::row::{Key, Standing};
use crate::time::Position;

/// Through what something befell a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Through {
    /// The key itself.
    Key,
    /// Its user or service account.
    Owner,
    /// Its user's membership of a tenant.
    Membership,
    /// A tenant in which it acts.
    Tenant,
    /// A signing key, of which the tokens were refused.
    SigningKey,
    /// All tokens, which were refused.
    AllTokens,
}

impl Through {
    /// The word for it on every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Owner => "owner",
            Self::Membership => "membership",
            Self::Tenant => "tenant",
            Self::SigningKey => "signing_key",
            Self::AllTokens => "all_tokens",
        }
    }
}

/// The tenants in which a key acts or acted: its only one, or its home and those of its user.
pub fn tenants_of<L: Lookup>(rows: &L, key: &Key) -> Result<Vec<TenantId>, L::Error> {
    let mut tenants = vec![key.reach.home()];
    if let (None, Owner::User(user)) = (key.reach.confined_to(), key.owner) {
        tenants.extend(rows.memberships_of(user)?.into_iter().map(|row| row.tenant));
        tenants.sort_unstable();
        tenants.dedup();
    }
    Ok(tenants)
}

/// The events between a key's beginning and a position that changed how its owner, its memberships of these tenants
/// or these tenants stand, or what they permit, or that refused tokens of any of these or of everybody; in no order.
pub fn befallen<P: Past>(
    past: &P,
    key: &Key,
    tenants: &[TenantId],
    until: Position,
) -> Result<Vec<(Position, Through)>, P::Error> {
    let since = key.created.position;
    let mut found = vec![];
    match key.owner {
        Owner::User(user) => {
            found.extend(changes(past, Versioned::User(user), Through::Owner, since, until, |at| {
                Ok(past.rows_at(at).user(user)?.map(|row| (row.standing, row.operator)))
            })?);
            for tenant in tenants {
                let of = Versioned::Membership(*tenant, user);
                found.extend(changes(past, of, Through::Membership, since, until, |at| {
                    past.rows_at(at).membership(*tenant, user)
                })?);
            }
        }
        Owner::ServiceAccount(account) => {
            let of = Versioned::ServiceAccount(account);
            found.extend(changes(past, of, Through::Owner, since, until, |at| {
                Ok(past.rows_at(at).service_account(account)?.map(|row| (row.standing, row.role)))
            })?);
        }
    }
    for tenant in tenants {
        let changes = changes(past, Versioned::Tenant(*tenant), Through::Tenant, since, until, |at| {
            Ok(past.rows_at(at).tenant(*tenant)?.map(|row| row.standing))
        })?;
        let refused = refusals(past, TokenTarget::Tenant(*tenant), Through::Tenant, since, until)?;
        for (position, through) in changes.into_iter().chain(refused) {
            // What happened to a tenant before its user joined, or after they left, did not befall the key.
            if acts_in(&past.rows_at(position), key.owner, *tenant)? {
                found.push((position, through));
            }
        }
    }
    found.extend(refusals(past, TokenTarget::Owner(key.owner), Through::Owner, since, until)?);
    found.extend(refusals(past, TokenTarget::All, Through::AllTokens, since, until)?);
    for signing_key in past.rows_at(until).signing_keys()? {
        // It never signed for the key if it was retired before.
        let before = past.rows_at(since).signing_key(signing_key.id)?;
        if before.is_some_and(|row| row.retired.is_some()) {
            continue;
        }
        let target = TokenTarget::SigningKey(signing_key.id);
        found.extend(refusals(past, target, Through::SigningKey, since, until)?);
        // Nothing that it signed is accepted any more. No retirement comes after that one.
        let compromised = signing_key.retired.filter(|of| of.reason == RetirementReason::Compromised);
        found.extend(compromised.map(|of| (of.moment.position, Through::SigningKey)));
    }
    Ok(found)
}

/// Whether the owner of a key that reaches the tenant acts there.
pub fn acts_in<L: Lookup>(rows: &L, owner: Owner, tenant: TenantId) -> Result<bool, L::Error> {
    match owner {
        Owner::ServiceAccount(_) => Ok(true),
        Owner::User(user) => {
            let membership = rows.membership(tenant, user)?;
            Ok(membership.is_some_and(|row| row.standing == Standing::Living))
        }
    }
}

/// What an event befell, and through that each key that rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Befell {
    /// A user or service account.
    Owner(Owner),
    /// A user's membership of a tenant.
    Membership(TenantId, UserId),
    /// A tenant, and of its members' keys those of members then ([`acts_in`]).
    Tenant(TenantId),
    /// A signing key, of which the tokens were refused: not those of keys that were made when it was retired already.
    SigningKey(SigningKeyId),
    /// All tokens, which were refused.
    AllTokens,
}

impl Befell {
    /// What an event befell, for whoever reads the log event by event: [`befallen`] finds the same ones by their rows.
    pub fn by(event: &Event) -> Option<Self> {
        match event {
            Event::TenantSuspended { tenant }
            | Event::TenantResumed { tenant }
            | Event::TenantRemoved { tenant } => Some(Self::Tenant(*tenant)),
            Event::UserSuspended { user }
            | Event::UserResumed { user }
            | Event::UserRemoved { user }
            | Event::OperatorGranted { user }
            | Event::OperatorWithdrawn { user } => Some(Self::Owner(Owner::User(*user))),
            Event::MemberAdded { tenant, user, .. }
            | Event::MemberRoleChanged { tenant, user, .. }
            | Event::MemberRemoved { tenant, user } => Some(Self::Membership(*tenant, *user)),
            Event::ServiceAccountRoleChanged { service_account, .. }
            | Event::ServiceAccountSuspended { service_account }
            | Event::ServiceAccountResumed { service_account }
            | Event::ServiceAccountRemoved { service_account } => {
                Some(Self::Owner(Owner::ServiceAccount(*service_account)))
            }
            Event::SigningKeyRetired { signing_key, reason } => match reason {
                RetirementReason::Compromised => Some(Self::SigningKey(*signing_key)),
                RetirementReason::Superseded => None,
            },
            Event::TokensRevoked { target } => match target {
                TokenTarget::Owner(owner) => Some(Self::Owner(*owner)),
                TokenTarget::Tenant(tenant) => Some(Self::Tenant(*tenant)),
                TokenTarget::SigningKey(signing_key) => Some(Self::SigningKey(*signing_key)),
                TokenTarget::All => Some(Self::AllTokens),
                // These are about the key itself.
                TokenTarget::Token { .. } | TokenTarget::Key(_) => None,
            },
            Event::RollbackAccepted { .. } => Some(Self::AllTokens),
            Event::TenantCreated { .. }
            | Event::TenantRenamed { .. }
            | Event::TenantPolicyChanged { .. }
            | Event::UserCreated { .. }
            | Event::ServiceAccountCreated { .. }
            | Event::ServiceAccountRenamed { .. }
            | Event::KeyCreated(_)
            | Event::KeyRenamed { .. }
            | Event::KeyExpiryChanged { .. }
            | Event::KeyDisabled { .. }
            | Event::KeyEnabled { .. }
            | Event::KeyRevoked { .. }
            | Event::KeyRotated { .. }
            | Event::KeyAddressesChanged { .. }
            | Event::KeyRateChanged { .. }
            | Event::KeyNoteChanged { .. }
            | Event::SigningKeyAdded { .. }
            | Event::TokenLifeChanged { .. }
            | Event::SubjectErased { .. } => None,
        }
    }

    /// Whether a key of this owner and reach may rest on it: as far as that can be told without any rows.
    pub fn may_bear_on(self, owner: Owner, reach: Reach) -> bool {
        let reaches = |tenant| reach.confined_to().is_none_or(|only| only == tenant);
        match self {
            Self::Owner(of) => of == owner,
            Self::Membership(tenant, user) => owner == Owner::User(user) && reaches(tenant),
            Self::Tenant(tenant) => reaches(tenant),
            Self::SigningKey(_) | Self::AllTokens => true,
        }
    }
}

/// The events that refused tokens of the target from before them.
fn refusals<P: Past>(
    past: &P,
    target: TokenTarget,
    through: Through,
    since: Position,
    until: Position,
) -> Result<Vec<(Position, Through)>, P::Error> {
    versions(past, Versioned::Watermark(target), until)
        .take_while(|position| !position.as_ref().is_ok_and(|position| *position <= since))
        .map(|position| Ok((position?, through)))
        .collect()
}

fn changes<P: Past, V: PartialEq>(
    past: &P,
    of: Versioned,
    through: Through,
    since: Position,
    until: Position,
    value: impl Fn(Position) -> Result<V, P::Error>,
) -> Result<Vec<(Position, Through)>, P::Error> {
    let mut found = vec![];
    let mut after = value(until)?;
    for version in versions(past, of, until) {
        let position = version?;
        if position <= since {
            break;
        }
        let before = value(Position::new(position.number() - 1))?;
        if before != after {
            found.push((position, through));
        }
        after = before;
    }
    Ok(found)
}
