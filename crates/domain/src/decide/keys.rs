//! Rules about keys: a user manages its own, administrators those of their tenant's service accounts.

use super::{Case, Decision, Stop};
use crate::actor::Actor;
use crate::command::{NewKey, Successor};
use crate::event::{Event, KeyCreated, TenantPolicy};
use crate::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use crate::key::{Owner, Reach, RevocationReason};
use crate::limits::RateLimit;
use crate::lookup::Lookup;
use crate::network::AllowedAddresses;
use crate::rejection::{Entity, Refusal, Rejection};
use crate::row::{Key, ServiceAccount, Standing};
use crate::sealed::{Sealed, SealedName};
use crate::status::from_before;
use crate::status::{Bearer, admit};
use crate::time::{Position, Timestamp};

/// The longest time for which a key is accepted beside its successor: 90 days.
pub const GRACE_SECONDS_MAX: u64 = 90 * 24 * 60 * 60;

impl<L: Lookup> Case<'_, L> {
    pub(super) fn create_key(&self, owner: Owner, reach: Reach, key: NewKey) -> Decision<L> {
        let reach = match owner {
            // Who has lost every key is let in again by the person at the machine, and the log says so.
            Owner::User(user) if *self.actor == Actor::Console => {
                self.living_user(user)?;
                self.remains_in(reach.home(), user)?;
                reach
            }
            Owner::User(user) => {
                self.manage_keys_of(owner, reach, Entity::User(user))?;
                self.living_user(user)?;
                let made = self.acts_in(reach.home())?;
                self.regains_nothing(owner, reach, made)?;
                reach
            }
            // Whatever was asked for: a service account's key acts in its tenant.
            Owner::ServiceAccount(id) => {
                let account = self.account_to_equip(id)?;
                match account.standing {
                    Standing::Living => {}
                    Standing::Suspended => {
                        return Err(Rejection::Suspended(Entity::ServiceAccount(id)).into());
                    }
                    Standing::Removed => return Err(Rejection::Removed(Entity::ServiceAccount(id)).into()),
                }
                Reach::Tenant(account.tenant)
            }
        };
        self.grant(&key.scopes, reach)?;
        let expires_at = self.key_end(&self.policies(owner, reach)?, key.expires_at, self.now)?;
        self.key_created(owner, reach, key, expires_at)
    }

    pub(super) fn rename_key(&self, id: KeyId, name: SealedName) -> Decision<L> {
        let key = self.unrevoked(id)?;
        let same = key.name.digest == name.digest;
        Ok(if same { vec![] } else { vec![Event::KeyRenamed { key: id, name }] })
    }

    pub(super) fn change_key_expiry(&self, id: KeyId, expires_at: Option<Timestamp>) -> Decision<L> {
        let key = self.unrevoked(id)?;
        self.unexpired(&key)?;
        let expires_at = self.key_end(&self.policies(key.owner, key.reach)?, expires_at, key.created.at)?;
        if key.life.expires_at == expires_at {
            return Ok(vec![]);
        }
        if key.life.expires_at.is_some_and(|end| expires_at.is_none_or(|later| later > end)) {
            self.loosen(&key)?;
        }
        Ok(vec![Event::KeyExpiryChanged { key: id, expires_at }])
    }

    pub(super) fn disable_key(&self, id: KeyId) -> Decision<L> {
        let disabled = self.unrevoked(id)?.life.disabled;
        Ok(if disabled { vec![] } else { vec![Event::KeyDisabled { key: id }] })
    }

    pub(super) fn enable_key(&self, id: KeyId) -> Decision<L> {
        let key = self.unrevoked(id)?;
        if !key.life.disabled {
            return Ok(vec![]);
        }
        self.loosen(&key)?;
        Ok(vec![Event::KeyEnabled { key: id }])
    }

    pub(super) fn revoke_key(
        &self,
        id: KeyId,
        reason: RevocationReason,
        note: Option<Sealed>,
    ) -> Decision<L> {
        let key = self.key(id)?;
        self.stop_key(&key)?;
        self.readable(key.owner, note.as_ref())?;
        let revoked = key.life.revoked.is_some();
        Ok(if revoked { vec![] } else { vec![Event::KeyRevoked { key: id, reason, note }] })
    }

    pub(super) fn rotate_key(
        &self,
        id: KeyId,
        successor: Successor,
        grace_ends_at: Timestamp,
    ) -> Decision<L> {
        let key = self.unrevoked(id)?;
        if let Some(successor) = key.successor {
            return Err(Rejection::KeyRotated { key: id, successor }.into());
        }
        self.unexpired(&key)?;
        self.unended(&key)?;
        if key.life.disabled {
            return Err(Rejection::KeyDisabled(id).into());
        }
        // Nor is it narrowed unseen: whoever uses the key must be let in with its successor, too.
        self.loosen(&key)?;
        // A successor is a new key: neither the key rotated nor the one used may be from before.
        if let (Owner::User(_), Some(tenant)) = (key.owner, key.reach.confined_to()) {
            self.acts_in(tenant)?;
        }
        self.regains_nothing(key.owner, key.reach, key.created.position.min(self.made()?))?;
        if grace_ends_at > self.now.plus_seconds(GRACE_SECONDS_MAX) {
            return Err(Rejection::GraceTooLong { seconds_max: GRACE_SECONDS_MAX }.into());
        }
        let expires_at =
            self.key_end(&self.policies(key.owner, key.reach)?, successor.expires_at, self.now)?;
        let Successor { id: successor, digest, prefix, last_four, expires_at: _ } = successor;
        let (name, note) = (key.name.clone(), key.note.clone());
        let (scopes, limits) = (key.scopes.clone(), key.limits.clone());
        let new = NewKey { id: successor, name, digest, prefix, last_four, scopes, expires_at, limits, note };
        let grace_ends_at = grace_ends_at.max(self.now);
        let mut events = self.key_created(key.owner, key.reach, new, expires_at)?;
        events.push(Event::KeyRotated { key: id, successor, grace_ends_at });
        Ok(events)
    }

    pub(super) fn change_key_addresses(&self, id: KeyId, addresses: AllowedAddresses) -> Decision<L> {
        let key = self.unrevoked(id)?;
        if key.limits.addresses == addresses {
            return Ok(vec![]);
        }
        if !addresses.within(&key.limits.addresses) {
            self.grant(&key.scopes, key.reach)?;
        }
        self.grant_addresses(&addresses)?;
        self.stays_let_in(id, &addresses)?;
        Ok(vec![Event::KeyAddressesChanged { key: id, addresses }])
    }

    pub(super) fn change_key_rate(&self, id: KeyId, rate: Option<RateLimit>) -> Decision<L> {
        let same = self.unrevoked(id)?.limits.rate == rate;
        Ok(if same { vec![] } else { vec![Event::KeyRateChanged { key: id, rate }] })
    }

    pub(super) fn change_key_note(&self, id: KeyId, note: Option<Sealed>) -> Decision<L> {
        let key = self.unrevoked(id)?;
        self.readable(key.owner, note.as_ref())?;
        let same = key.note == note;
        Ok(if same { vec![] } else { vec![Event::KeyNoteChanged { key: id, note }] })
    }

    /// A remark is sealed for the owner. Of one that was erased nothing can be read any more: it would be lost.
    fn readable(&self, owner: Owner, note: Option<&Sealed>) -> Result<(), Stop<L::Error>> {
        if note.is_none() {
            return Ok(());
        }
        let (erased, entity) = match owner {
            Owner::User(id) => (self.user(id)?.erased, Entity::User(id)),
            Owner::ServiceAccount(id) => (self.service_account(id)?.erased, Entity::ServiceAccount(id)),
        };
        if erased { Err(Rejection::Removed(entity).into()) } else { Ok(()) }
    }

    /// A key with its limits and its note, which are events of their own.
    pub(super) fn key_created(
        &self,
        owner: Owner,
        reach: Reach,
        key: NewKey,
        expires_at: Option<Timestamp>,
    ) -> Decision<L> {
        let NewKey { id, name, digest, prefix, last_four, scopes, expires_at: _, limits, note } = key;
        if self.rows.key(id).map_err(Stop::Failed)?.is_some() {
            return Err(Rejection::IdTaken(Entity::Key(id)).into());
        }
        let created =
            KeyCreated { key: id, owner, reach, name, digest, prefix, last_four, scopes, expires_at };
        let addresses = self.addresses_of_new_key(limits.addresses)?;
        let rate = limits.rate;
        let mut events = vec![Event::KeyCreated(created)];
        if addresses != AllowedAddresses::Any {
            events.push(Event::KeyAddressesChanged { key: id, addresses });
        }
        if rate.is_some() {
            events.push(Event::KeyRateChanged { key: id, rate });
        }
        if note.is_some() {
            events.push(Event::KeyNoteChanged { key: id, note });
        }
        Ok(events)
    }

    /// When a key born then ends. The first policy, its home's if that lives, says when one ends for which
    /// nothing was asked; every policy sets its bound. A tenant elsewhere can refuse a life, not shorten it unseen.
    pub(super) fn key_end(
        &self,
        policies: &[(TenantId, TenantPolicy)],
        asked: Option<Timestamp>,
        born: Timestamp,
    ) -> Result<Option<Timestamp>, Stop<L::Error>> {
        let first = policies.first().map(|(_, policy)| policy);
        let default =
            first.and_then(|policy| policy.key_life_seconds_default.or(policy.key_life_seconds_max));
        let end = asked.or(default.map(|seconds| born.plus_seconds(seconds)));
        // Of a key born long ago, the default may be over as well: it must not end by surprise.
        if end.is_some_and(|end| end <= self.now) {
            return Err(Rejection::ExpiryInPast.into());
        }
        for (tenant, policy) in policies {
            let Some(seconds_max) = policy.key_life_seconds_max else { continue };
            let bound = born.plus_seconds(seconds_max);
            if end.is_none_or(|end| end > bound) {
                return Err(Rejection::KeyLifeTooLong { tenant: *tenant, seconds_max }.into());
            }
        }
        Ok(end)
    }

    /// A user who left a tenant and came back needs a key made by somebody there: a key from before, which
    /// is refused there, must not make one that is not.
    fn regains_nothing(&self, owner: Owner, reach: Reach, made: Position) -> Result<(), Stop<L::Error>> {
        let (Owner::User(user), Reach::AnyTenant { .. }) = (owner, reach) else { return Ok(()) };
        let mut tenants = vec![];
        for membership in self.rows.memberships_of(user).map_err(Stop::Failed)? {
            // A removed tenant does not come back; one that is suspended may.
            let regained = membership.standing == Standing::Living && from_before(&membership, made);
            if regained && self.tenant(membership.tenant)?.standing != Standing::Removed {
                tenants.push(membership.tenant);
            }
        }
        if tenants.is_empty() { Ok(()) } else { Err(Rejection::JoinedAgain { tenants }.into()) }
    }

    /// A key whose home its user has left is of use to an operator only, who acts outside of tenants, too.
    fn remains_in(&self, tenant: TenantId, user: UserId) -> Result<(), Stop<L::Error>> {
        let entity = Entity::Member { tenant, user };
        let membership = self.found(self.rows.membership(tenant, user), entity)?;
        let operator = self.user(user)?.operator;
        let remains =
            membership.standing == Standing::Living && self.tenant(tenant)?.standing != Standing::Removed;
        if remains || operator { Ok(()) } else { Err(Rejection::Removed(entity).into()) }
    }

    /// The account for which a key is to be made. At the machine itself keys of another system are brought over; a tenant that
    /// is removed has no use for them.
    fn account_to_equip(&self, id: ServiceAccountId) -> Result<ServiceAccount, Stop<L::Error>> {
        if *self.actor != Actor::Console {
            return self.administered(id);
        }
        let account = self.service_account(id)?;
        match self.tenant(account.tenant)?.standing {
            Standing::Living | Standing::Suspended => Ok(account),
            Standing::Removed => Err(Rejection::Removed(Entity::Tenant(account.tenant)).into()),
        }
    }

    /// The policies of every tenant in which such a key would act, its home's first.
    fn policies(&self, owner: Owner, reach: Reach) -> Result<Vec<(TenantId, TenantPolicy)>, Stop<L::Error>> {
        match (owner, reach) {
            (_, Reach::Tenant(tenant)) | (Owner::ServiceAccount(_), Reach::AnyTenant { home: tenant }) => {
                Ok(vec![(tenant, self.tenant(tenant)?.policy)])
            }
            (Owner::User(user), Reach::AnyTenant { home }) => {
                let mut policies = vec![];
                for membership in self.rows.memberships_of(user).map_err(Stop::Failed)? {
                    let tenant = self.tenant(membership.tenant)?;
                    if membership.standing == Standing::Living && tenant.standing != Standing::Removed {
                        policies.push((tenant.id, tenant.policy));
                    }
                }
                policies.sort_by_key(|(tenant, _)| *tenant != home);
                Ok(policies)
            }
        }
    }

    fn unrevoked(&self, id: KeyId) -> Result<Key, Stop<L::Error>> {
        let key = self.key(id)?;
        self.manage_key(&key)?;
        if key.life.revoked.is_some() { Err(Rejection::KeyRevoked(id).into()) } else { Ok(key) }
    }

    /// What lets a key be accepted longer, or again, is like making it: a key that may do less, or from fewer
    /// addresses, does not do that for another.
    fn loosen(&self, key: &Key) -> Result<(), Stop<L::Error>> {
        self.grant(&key.scopes, key.reach)?;
        self.grant_addresses(&key.limits.addresses)
    }

    /// What has ended by itself stays ended: neither a new expiry nor a successor revives it.
    fn unexpired(&self, key: &Key) -> Result<(), Stop<L::Error>> {
        let over = |end: Option<Timestamp>| end.is_some_and(|end| self.now >= end);
        let ended = over(key.life.expires_at) || over(key.life.grace_ends_at);
        if ended { Err(Rejection::KeyExpired(key.id).into()) } else { Ok(()) }
    }

    /// What ended for good with what it rested on stays ended: a successor would rest on a newer membership.
    fn unended(&self, key: &Key) -> Result<(), Stop<L::Error>> {
        let Some(tenant) = key.reach.confined_to() else { return Ok(()) };
        let bearer = Bearer::key(key.owner, key.reach, key.created.position);
        let admitted = admit(self.rows, &bearer, &key.life, None, self.now).map_err(Stop::Failed)?;
        let ended = match (admitted, key.owner) {
            (Err(Refusal::TenantRemoved), _) => Entity::Tenant(tenant),
            (Err(Refusal::OwnerRemoved), Owner::User(user)) => Entity::User(user),
            (Err(Refusal::OwnerRemoved), Owner::ServiceAccount(id)) => Entity::ServiceAccount(id),
            (Err(Refusal::MembershipRemoved), Owner::User(user)) => Entity::Member { tenant, user },
            (Ok(_) | Err(_), _) => return Ok(()),
        };
        Err(Rejection::Removed(ended).into())
    }
}
