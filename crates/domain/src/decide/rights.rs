//! Permission: what the actor may do, looked up in the state that the decision rests on.
//!
//! What somebody may not see, they are told does not exist; what they may see but not do is forbidden.

use super::{Case, Stop};
use crate::actor::{Actor, Holder};
use crate::ids::{KeyId, TenantId, TokenId, UserId};
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::network::AllowedAddresses;
use crate::rejection::{Entity, Refusal, Rejection};
use crate::role::{Permission, Role, Scopes};
use crate::row::{Key, Standing};
use crate::status::{Bearer, admit, admit_outside_tenants, token_status};
use crate::time::Position;

type Answer<T, L> = Result<T, Stop<<L as Lookup>::Error>>;

impl<L: Lookup> Case<'_, L> {
    /// A holder's credential is still accepted, now, whatever was true when it was shown.
    pub(super) fn authenticated(&self) -> Answer<(), L> {
        match self.actor {
            Actor::Console | Actor::Server => Ok(()),
            Actor::Holder(holder) => self.alive(holder),
        }
    }

    /// Only the person at the machine.
    pub(super) fn console(&self) -> Answer<(), L> {
        match self.actor {
            Actor::Console => Ok(()),
            Actor::Server | Actor::Holder(_) => Err(Rejection::ConsoleOnly.into()),
        }
    }

    /// Only the server, of itself.
    pub(super) fn server(&self) -> Answer<(), L> {
        match self.actor {
            Actor::Server => Ok(()),
            Actor::Console | Actor::Holder(_) => Err(Rejection::ServerOnly.into()),
        }
    }

    /// An administrator of the tenant.
    pub(super) fn administer(&self, tenant: TenantId) -> Answer<(), L> {
        self.permitted_role(tenant, Permission::Administer).map(drop)
    }

    /// The holder's role in the tenant, which must include the permission.
    pub(super) fn permitted_role(&self, tenant: TenantId, needs: Permission) -> Answer<Role, L> {
        let holder = self.holder(needs)?;
        let role = self.role_in(holder, tenant)?;
        self.must(holder, role, needs).map(|()| role)
    }

    /// An operator of the deployment.
    pub(super) fn operate(&self) -> Answer<(), L> {
        let holder = self.holder(Permission::Operate)?;
        if self.operates(holder)? { Ok(()) } else { Err(forbidden(Permission::Operate)) }
    }

    /// An operator of the deployment, who looks only.
    pub(super) fn observe(&self) -> Answer<(), L> {
        let holder = self.holder(Permission::Observe)?;
        if self.operates_with(holder, Permission::Observe)? {
            Ok(())
        } else {
            Err(forbidden(Permission::Observe))
        }
    }

    /// An operator of the deployment, or one who only sees all of it.
    pub(super) fn audit(&self) -> Answer<(), L> {
        let holder = self.holder(Permission::Audit)?;
        let audits = self.operates(holder)? || self.operates_with(holder, Permission::Audit)?;
        if audits { Ok(()) } else { Err(forbidden(Permission::Operate)) }
    }

    /// An operator of the deployment, or the server on its schedule.
    pub(super) fn operate_or_server(&self) -> Answer<(), L> {
        match self.actor {
            Actor::Server => Ok(()),
            Actor::Console | Actor::Holder(_) => self.operate(),
        }
    }

    /// An operator, about a tenant that need not be the operator's own.
    pub(super) fn operate_on(&self, tenant: TenantId) -> Answer<(), L> {
        let holder = self.holder(Permission::Operate)?;
        if self.operates(holder)? {
            return Ok(());
        }
        // Whoever audits the deployment sees that there is such a tenant.
        if !self.operates_with(holder, Permission::Audit)? {
            self.role_in(holder, tenant)?;
        }
        Err(forbidden(Permission::Operate))
    }

    /// An administrator of the tenant, or an operator: whoever may bring people in.
    pub(super) fn bring_into(&self, tenant: TenantId) -> Answer<(), L> {
        let holder = self.holder(Permission::Administer)?;
        if !self.operates(holder)? {
            return self.administer(tenant);
        }
        match self.tenant(tenant)?.standing {
            Standing::Living | Standing::Suspended => Ok(()),
            Standing::Removed => Err(Rejection::Removed(Entity::Tenant(tenant)).into()),
        }
    }

    /// The owner of the key, if a user; an administrator of its tenant, if a service account's.
    pub(super) fn manage_key(&self, key: &Key) -> Answer<(), L> {
        self.manage_keys_of(key.owner, key.reach, Entity::Key(key.id))
    }

    /// Whoever manages the key; its holder; and an operator, who can stop any key in an emergency.
    pub(super) fn stop_key(&self, key: &Key) -> Answer<(), L> {
        let holder = self.holder(Permission::OwnKeys)?;
        // Whoever holds a key may end it; a token minted from it may not.
        let held = holder.key == key.id && holder.token.is_none();
        if held || self.operates(holder)? { Ok(()) } else { self.manage_key(key) }
    }

    /// A role in the tenant, whatever it permits; tells when the key used was made.
    pub(super) fn acts_in(&self, tenant: TenantId) -> Answer<Position, L> {
        let holder = self.holder(Permission::OwnKeys)?;
        self.role_in(holder, tenant)?;
        self.made()
    }

    /// When the key used was made.
    pub(super) fn made(&self) -> Answer<Position, L> {
        let holder = self.holder(Permission::OwnKeys)?;
        Ok(self.key_used(holder)?.created.position)
    }

    /// Whether the actor is this user, with a credential that reaches the tenant and is not narrowed too far. It need not act there:
    /// whoever was put into a tenant after the key was made, or into one that is suspended, may leave it all the same.
    pub(super) fn is_oneself(&self, user: UserId, tenant: TenantId) -> Answer<bool, L> {
        match self.actor {
            Actor::Holder(holder) if holder.identity == Owner::User(user) => {
                if holder.confined_to.is_some() || !self.may_leave(user, tenant)? {
                    self.role_in(holder, tenant)?;
                }
                Ok(holder.scopes.include(Permission::OwnKeys.scope()))
            }
            Actor::Holder(_) | Actor::Console | Actor::Server => Ok(false),
        }
    }

    fn may_leave(&self, user: UserId, tenant: TenantId) -> Answer<bool, L> {
        let membership = self.rows.membership(tenant, user).map_err(Stop::Failed)?;
        let belongs = membership.is_some_and(|membership| membership.standing != Standing::Removed);
        Ok(belongs && self.tenant(tenant)?.standing != Standing::Removed)
    }

    /// Whether this very token was shown, and was minted from this key: else the event would be told as another key's.
    pub(super) fn shows(&self, token: TokenId, key: KeyId) -> bool {
        match self.actor {
            Actor::Holder(holder) => holder.key == key && holder.token.is_some_and(|shown| shown.id == token),
            Actor::Console | Actor::Server => false,
        }
    }

    /// Whether the actor operates the deployment.
    pub(super) fn is_operating(&self) -> Answer<bool, L> {
        match self.actor {
            Actor::Console | Actor::Server => Ok(false),
            Actor::Holder(holder) => self.operates(holder),
        }
    }

    /// Whoever may make and change keys of this owner and reach.
    pub(super) fn manage_keys_of(&self, owner: Owner, reach: Reach, entity: Entity) -> Answer<(), L> {
        let holder = self.holder(Permission::OwnKeys)?;
        match owner {
            Owner::User(_) if owner == holder.identity => {
                let reaches = holder.confined_to.is_none() || holder.confined_to == reach.confined_to();
                if !reaches {
                    // Of oneself one knows; a key elsewhere is out of sight.
                    let of_oneself = matches!(entity, Entity::User(_));
                    let rejection =
                        if of_oneself { Rejection::ReachNotHeld } else { Rejection::NotFound(entity) };
                    return Err(rejection.into());
                }
                if holder.scopes.include(Permission::OwnKeys.scope()) {
                    Ok(())
                } else {
                    Err(forbidden(Permission::OwnKeys))
                }
            }
            Owner::User(_) => Err(Rejection::NotFound(entity).into()),
            Owner::ServiceAccount(_) => {
                let role = match self.role_in(holder, reach.home()) {
                    Err(Stop::Rejected(Rejection::NotFound(_))) => {
                        return Err(Rejection::NotFound(entity).into());
                    }
                    role => role?,
                };
                self.must(holder, role, Permission::Administer)
            }
        }
    }

    /// Nobody grants what they do not have.
    pub(super) fn grant(&self, scopes: &Scopes, reach: Reach) -> Answer<(), L> {
        let holder = match self.actor {
            Actor::Console | Actor::Server => return Ok(()),
            Actor::Holder(holder) => holder,
        };
        if !scopes.within(&holder.scopes) {
            return Err(Rejection::ScopesNotHeld.into());
        }
        match holder.confined_to {
            Some(tenant) if reach != Reach::Tenant(tenant) => Err(Rejection::ReachNotHeld.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// A key that is accepted from few addresses lets no other be accepted from more.
    pub(super) fn grant_addresses(&self, addresses: &AllowedAddresses) -> Answer<(), L> {
        let within = addresses.within(&self.addresses_held()?);
        if within { Ok(()) } else { Err(Rejection::AddressesNotHeld.into()) }
    }

    /// From where a new key is accepted: as asked for, or else from wherever the key used is.
    pub(super) fn addresses_of_new_key(&self, asked: AllowedAddresses) -> Answer<AllowedAddresses, L> {
        match asked {
            AllowedAddresses::Any => self.addresses_held(),
            AllowedAddresses::Only(_) => self.grant_addresses(&asked).map(|()| asked),
        }
    }

    fn addresses_held(&self) -> Answer<AllowedAddresses, L> {
        match self.actor {
            Actor::Console | Actor::Server => Ok(AllowedAddresses::Any),
            Actor::Holder(holder) => Ok(self.key_used(holder)?.limits.addresses),
        }
    }

    /// Whoever asks must still be let in from where they are.
    pub(super) fn stays_let_in(&self, key: KeyId, addresses: &AllowedAddresses) -> Answer<(), L> {
        match self.actor {
            Actor::Holder(holder) if holder.key == key && addresses.admit(holder.from).is_err() => {
                Err(Rejection::WouldLockOut.into())
            }
            Actor::Holder(_) | Actor::Console | Actor::Server => Ok(()),
        }
    }

    fn holder(&self, needs: Permission) -> Answer<&Holder, L> {
        match self.actor {
            Actor::Holder(holder) => Ok(holder),
            Actor::Console | Actor::Server => Err(forbidden(needs)),
        }
    }

    fn alive(&self, holder: &Holder) -> Answer<(), L> {
        let refused = |refusal| Stop::Rejected(Rejection::NotAuthenticated(refusal));
        let key = self.key_used(holder)?;
        if let Some(token) = &holder.token {
            // A token is for one tenant; one that is not is none of ours.
            let tenant = holder.confined_to.ok_or(refused(Refusal::SigningKeyRefused))?;
            token_status(self.rows, token, key.id, key.owner, tenant)
                .map_err(Stop::Failed)?
                .map_err(refused)?;
        }
        match holder.confined_to {
            Some(_) => {
                admit(self.rows, &bearer(holder, &key), &key.life, None, self.now)
                    .map_err(Stop::Failed)?
                    .map_err(refused)?;
            }
            None => {
                admit_outside_tenants(self.rows, key.owner, &key.life, self.now)
                    .map_err(Stop::Failed)?
                    .map_err(refused)?;
            }
        }
        key.limits.addresses.admit(holder.from).map_err(refused)
    }

    fn key_used(&self, holder: &Holder) -> Answer<Key, L> {
        let unknown = Rejection::NotAuthenticated(Refusal::KeyUnknown);
        let key = self.rows.key(holder.key).map_err(Stop::Failed)?;
        Ok(key.filter(|key| key.owner == holder.identity).ok_or(unknown)?)
    }

    /// The holder's role in the tenant, or the answer that there is no such tenant for them.
    fn role_in(&self, holder: &Holder, tenant: TenantId) -> Answer<Role, L> {
        let key = self.key_used(holder)?;
        let unseen = Rejection::NotFound(Entity::Tenant(tenant));
        let admitted = admit(self.rows, &bearer(holder, &key), &key.life, Some(tenant), self.now);
        match admitted.map_err(Stop::Failed)? {
            Ok(admission) => Ok(admission.role.ok_or(unseen)?),
            Err(Refusal::TenantSuspended) => Err(Rejection::Suspended(Entity::Tenant(tenant)).into()),
            Err(Refusal::TenantRemoved) => Err(Rejection::Removed(Entity::Tenant(tenant)).into()),
            Err(_) => Err(unseen.into()),
        }
    }

    fn must(&self, holder: &Holder, role: Role, needs: Permission) -> Answer<(), L> {
        if role.permits(needs) && holder.scopes.permit(needs) { Ok(()) } else { Err(forbidden(needs)) }
    }

    /// Whether the holder is an operator, with a credential that is not confined to a tenant.
    fn operates(&self, holder: &Holder) -> Answer<bool, L> {
        self.operates_with(holder, Permission::Operate)
    }

    /// The same, with a credential that includes this permission of operators.
    fn operates_with(&self, holder: &Holder, needs: Permission) -> Answer<bool, L> {
        let Owner::User(user) = holder.identity else { return Ok(false) };
        if holder.confined_to.is_some() || !holder.scopes.include(needs.scope()) {
            return Ok(false);
        }
        Ok(self.rows.user(user).map_err(Stop::Failed)?.is_some_and(|user| user.operator))
    }
}

fn bearer(holder: &Holder, key: &Key) -> Bearer {
    let bearer = Bearer::key(key.owner, key.reach, key.created.position);
    match (&holder.token, holder.confined_to) {
        (Some(_), Some(tenant)) => bearer.token(tenant),
        (Some(_) | None, _) => bearer,
    }
}

fn forbidden<E>(needs: Permission) -> Stop<E> {
    Rejection::Forbidden { needs }.into()
}
