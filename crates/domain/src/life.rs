//! What befell a key through others: its owner, its memberships, its tenants, and whatever its tokens were refused together with.

use crate::event::{Event, RetirementReason, TokenTarget};
use crate::ids::{SigningKeyId, TenantId, UserId};
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::past::{Past, Versioned, just_before, versions};
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

/// What was found of a past that may be longer than anybody reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Befallen {
    /// The events, in no order, and through what each befell the key.
    pub events: Vec<(Position, Through)>,
    /// The event from which on all are there; none: they are from the key's beginning on.
    pub since: Option<Position>,
}

/// The events between a key's beginning and a position that changed how its owner, its memberships of these tenants
/// or these tenants stand, or what they permit, or that refused tokens of any of these or of everybody. Of each of these so many at
/// most are told, the latest ones. If it is told in one tenant only, what befell its owner elsewhere is left out.
pub fn befallen<P: Past>(
    past: &P,
    key: &Key,
    tenants: &[TenantId],
    told: Option<TenantId>,
    until: Position,
    most: usize,
) -> Result<Befallen, P::Error> {
    let (owner, all) = (key.owner, |_| Ok(true));
    let there = |position| told.map_or(Ok(true), |tenant| was_there(past, owner, tenant, position));
    let mut search = Search::of(past, key, until, most);
    search.owner(owner, &there)?;
    search.refusals(TokenTarget::Owner(owner), Through::Owner, &there)?;
    for tenant in tenants {
        search.membership(owner, *tenant)?;
        // What happened to a tenant before its user joined, or after they left, did not befall the key.
        let is_in = |position| acts_in(&past.rows_at(position), owner, *tenant);
        search.until = left(past, owner, *tenant, until)?.unwrap_or(until);
        search.tenant(*tenant, &is_in)?;
        search.refusals(TokenTarget::Tenant(*tenant), Through::Tenant, &is_in)?;
        search.until = until;
    }
    search.refusals(TokenTarget::All, Through::AllTokens, &all)?;
    for signing_key in past.rows_at(until).signing_keys()? {
        // It never signed for the key if it was retired before.
        let before = past.rows_at(key.created.position).signing_key(signing_key.id)?;
        if before.is_some_and(|row| row.retired.is_some()) {
            continue;
        }
        search.refusals(TokenTarget::SigningKey(signing_key.id), Through::SigningKey, &all)?;
        // Nothing that it signed is accepted any more. No retirement comes after that one.
        let compromised = signing_key.retired.filter(|of| of.reason == RetirementReason::Compromised);
        search.found.events.extend(compromised.map(|of| (of.moment.position, Through::SigningKey)));
    }
    Ok(search.done())
}

/// Where the owner of a key left a tenant, if they are in it no more.
fn left<P: Past>(
    past: &P,
    owner: Owner,
    tenant: TenantId,
    until: Position,
) -> Result<Option<Position>, P::Error> {
    let Owner::User(user) = owner else { return Ok(None) };
    let membership = past.rows_at(until).membership(tenant, user)?;
    Ok(membership.filter(|row| row.standing != Standing::Living).and_then(|row| row.left))
}

/// The events that changed whether a key is accepted in a tenant, and as what; or, of none, outside of any: from its beginning
/// until a position, so many at most of each of what it rests on, the latest ones.
pub fn turns<P: Past>(
    past: &P,
    key: &Key,
    tenant: Option<TenantId>,
    until: Position,
    most: usize,
) -> Result<Befallen, P::Error> {
    let mut search = Search::of(past, key, until, most);
    search.found.events.push((key.created.position, Through::Key));
    let all = |_| Ok(true);
    let life = |at| Ok(past.rows_at(at).key(key.id)?.map(|row| row.life));
    search.changes(Versioned::Key(key.id), Through::Key, life, &all)?;
    search.owner(key.owner, &all)?;
    if let Some(tenant) = tenant {
        search.membership(key.owner, tenant)?;
        search.tenant(tenant, &all)?;
    }
    Ok(search.done())
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

/// Whether the owner of a key acted in the tenant just before the event or after it.
pub fn was_there<P: Past>(
    past: &P,
    owner: Owner,
    tenant: TenantId,
    position: Position,
) -> Result<bool, P::Error> {
    let acted = |position| acts_in(&past.rows_at(position), owner, tenant);
    Ok(acted(just_before(position))? || acted(position)?)
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

/// Of how many versions that tell nothing one is looked for that does, for each that may be told: strangers can make many.
const LOOKED_AT: usize = 50;

/// Whether an event is told.
type Wanted<'a, P> = dyn Fn(Position) -> Result<bool, <P as Past>::Error> + 'a;

/// How far the versions of one row were looked at.
#[derive(Default)]
struct Looked {
    at: usize,
    told: usize,
    earliest: Option<Position>,
}

/// Looks for what befell a key, from the latest of it back.
struct Search<'a, P> {
    past: &'a P,
    /// The key's beginning: what was before did not befall it.
    begun: Position,
    until: Position,
    most: usize,
    found: Befallen,
}

impl<'a, P: Past> Search<'a, P> {
    fn of(past: &'a P, key: &Key, until: Position, most: usize) -> Self {
        Self { past, begun: key.created.position, until, most, found: Befallen::default() }
    }

    fn owner(&mut self, owner: Owner, wanted: &Wanted<'_, P>) -> Result<(), P::Error> {
        let past = self.past;
        match owner {
            Owner::User(user) => {
                let value = |at| Ok(past.rows_at(at).user(user)?.map(|row| (row.standing, row.operator)));
                self.changes(Versioned::User(user), Through::Owner, value, wanted)
            }
            Owner::ServiceAccount(account) => {
                let value =
                    |at| Ok(past.rows_at(at).service_account(account)?.map(|row| (row.standing, row.role)));
                self.changes(Versioned::ServiceAccount(account), Through::Owner, value, wanted)
            }
        }
    }

    fn membership(&mut self, owner: Owner, tenant: TenantId) -> Result<(), P::Error> {
        let past = self.past;
        let Owner::User(user) = owner else { return Ok(()) };
        let value = |at| past.rows_at(at).membership(tenant, user);
        self.changes(Versioned::Membership(tenant, user), Through::Membership, value, &|_| Ok(true))
    }

    fn tenant(&mut self, tenant: TenantId, wanted: &Wanted<'_, P>) -> Result<(), P::Error> {
        let past = self.past;
        let value = |at| Ok(past.rows_at(at).tenant(tenant)?.map(|row| row.standing));
        self.changes(Versioned::Tenant(tenant), Through::Tenant, value, wanted)
    }

    /// The events that refused tokens of the target from before them.
    fn refusals(
        &mut self,
        target: TokenTarget,
        through: Through,
        wanted: &Wanted<'_, P>,
    ) -> Result<(), P::Error> {
        let mut looked = Looked::default();
        for version in versions(self.past, Versioned::Watermark(target), self.until) {
            let position = version?;
            if position <= self.begun || self.is_enough(&mut looked, position) {
                break;
            }
            if wanted(position)? {
                self.found.events.push((position, through));
                looked.told += 1;
            }
        }
        Ok(())
    }

    fn changes<V: PartialEq>(
        &mut self,
        of: Versioned,
        through: Through,
        value: impl Fn(Position) -> Result<V, P::Error>,
        wanted: &Wanted<'_, P>,
    ) -> Result<(), P::Error> {
        let (mut after, mut looked) = (value(self.until)?, Looked::default());
        for version in versions(self.past, of, self.until) {
            let position = version?;
            if position <= self.begun || self.is_enough(&mut looked, position) {
                break;
            }
            let before = value(just_before(position))?;
            if before != after && wanted(position)? {
                self.found.events.push((position, through));
                looked.told += 1;
            }
            after = before;
        }
        Ok(())
    }

    /// Whether so much was told, or looked at, that this version is left out, with all before it.
    fn is_enough(&mut self, looked: &mut Looked, position: Position) -> bool {
        let enough = looked.told == self.most || looked.at == self.most.saturating_mul(LOOKED_AT);
        if enough {
            self.found.since = self.found.since.max(looked.earliest);
        }
        looked.at += 1;
        looked.earliest = Some(position);
        enough
    }

    fn done(self) -> Befallen {
        let Befallen { mut events, since } = self.found;
        events.retain(|(position, _)| Some(*position) >= since);
        Befallen { events, since }
    }
}
