//! What a command leads to: events, or a rejection. Never mutates; asks for permission and rules on the same state.

mod deployment;
mod erasure;
mod keys;
mod members;
mod rights;
mod service_accounts;
mod signing_keys;
mod tenants;
mod tokens;
mod users;

use crate::actor::Actor;
use crate::command::Command;
use crate::event::Event;
use crate::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use crate::lookup::Lookup;
use crate::rejection::{Entity, Rejection};
use crate::role::{Permission, Role};
use crate::row::{Key, ServiceAccount, Tenant, User};
use crate::time::Timestamp;

/// The events of a command by an actor at an instant; none if things are already as it wants them.
///
/// When one command makes several events, those after the first follow from the first.
/// The outer error is the lookup's; a rejection is an answer.
pub fn decide<L: Lookup>(
    lookup: &L,
    actor: &Actor,
    command: Command,
    now: Timestamp,
) -> Result<Result<Vec<Event>, Rejection>, L::Error> {
    let case = Case { rows: lookup, actor, now };
    answer(case.authenticated().and_then(|()| case.decide(command)))
}

/// The actor's role in a tenant, if it has the permission there: what queries ask before they answer.
pub fn role_of<L: Lookup>(
    lookup: &L,
    actor: &Actor,
    tenant: TenantId,
    needs: Permission,
    now: Timestamp,
) -> Result<Result<Role, Rejection>, L::Error> {
    let case = Case { rows: lookup, actor, now };
    answer(case.authenticated().and_then(|()| case.permitted_role(tenant, needs)))
}

/// Whether the actor's credential is still accepted: what is asked before an earlier answer is repeated.
pub fn authenticated<L: Lookup>(
    lookup: &L,
    actor: &Actor,
    now: Timestamp,
) -> Result<Result<(), Rejection>, L::Error> {
    answer(Case { rows: lookup, actor, now }.authenticated())
}

/// Whether the actor operates the deployment: what queries across tenants ask before they answer.
pub fn operates<L: Lookup>(
    lookup: &L,
    actor: &Actor,
    now: Timestamp,
) -> Result<Result<(), Rejection>, L::Error> {
    let case = Case { rows: lookup, actor, now };
    answer(case.authenticated().and_then(|()| case.operate()))
}

/// Whether the actor may see how the deployment is: an operator, by a credential that need not do more.
pub fn observes<L: Lookup>(
    lookup: &L,
    actor: &Actor,
    now: Timestamp,
) -> Result<Result<(), Rejection>, L::Error> {
    let case = Case { rows: lookup, actor, now };
    answer(case.authenticated().and_then(|()| case.observe()))
}

/// Whether the actor may see all of the deployment: an operator, by a credential that need not change anything.
pub fn audits<L: Lookup>(
    lookup: &L,
    actor: &Actor,
    now: Timestamp,
) -> Result<Result<(), Rejection>, L::Error> {
    let case = Case { rows: lookup, actor, now };
    answer(case.authenticated().and_then(|()| case.audit()))
}

fn answer<T, E>(result: Result<T, Stop<E>>) -> Result<Result<T, Rejection>, E> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Rejected(rejection)) => Ok(Err(rejection)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// What a decision rests on: the state, who asks, and when.
struct Case<'a, L> {
    rows: &'a L,
    actor: &'a Actor,
    now: Timestamp,
}

/// Why a decision ends early.
enum Stop<E> {
    /// With an answer.
    Rejected(Rejection),
    /// Because a row could not be read.
    Failed(E),
}

impl<E> From<Rejection> for Stop<E> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

type Decision<L> = Result<Vec<Event>, Stop<<L as Lookup>::Error>>;

impl<L: Lookup> Case<'_, L> {
    fn decide(&self, command: Command) -> Decision<L> {
        match command {
            Command::Bootstrap(bootstrap) => self.bootstrap(*bootstrap),
            Command::AcceptRollback { guard_position, guard_hash, signing_key } => {
                self.accept_rollback(guard_position, guard_hash, signing_key)
            }

            Command::CreateTenant { tenant, administrator } => self.create_tenant(tenant, administrator),
            Command::RenameTenant { tenant, name } => self.rename_tenant(tenant, name),
            Command::ChangeTenantPolicy { tenant, policy } => self.change_tenant_policy(tenant, policy),
            Command::SuspendTenant { tenant } => self.suspend_tenant(tenant),
            Command::ResumeTenant { tenant } => self.resume_tenant(tenant),
            Command::RemoveTenant { tenant } => self.remove_tenant(tenant),

            Command::CreateUser { user, tenant, role, first_key } => {
                self.create_user(user, tenant, role, first_key)
            }
            Command::SuspendUser { user } => self.suspend_user(user),
            Command::ResumeUser { user } => self.resume_user(user),
            Command::RemoveUser { user } => self.remove_user(user),
            Command::GrantOperator { user } => self.grant_operator(user),
            Command::WithdrawOperator { user } => self.withdraw_operator(user),

            Command::AddMember { tenant, user, role, first_key } => {
                self.add_member(tenant, user, role, first_key)
            }
            Command::ChangeMemberRole { tenant, user, role } => self.change_member_role(tenant, user, role),
            Command::RemoveMember { tenant, user } => self.remove_member(tenant, user),

            Command::CreateServiceAccount { service_account, tenant, name, role, first_key } => {
                self.create_service_account(service_account, tenant, name, role, first_key)
            }
            Command::RenameServiceAccount { service_account, name } => {
                self.rename_service_account(service_account, name)
            }
            Command::ChangeServiceAccountRole { service_account, role } => {
                self.change_service_account_role(service_account, role)
            }
            Command::SuspendServiceAccount { service_account } => {
                self.suspend_service_account(service_account)
            }
            Command::ResumeServiceAccount { service_account } => self.resume_service_account(service_account),
            Command::RemoveServiceAccount { service_account } => self.remove_service_account(service_account),

            Command::CreateKey { owner, reach, key } => self.create_key(owner, reach, key),
            Command::RenameKey { key, name } => self.rename_key(key, name),
            Command::ChangeKeyExpiry { key, expires_at } => self.change_key_expiry(key, expires_at),
            Command::DisableKey { key } => self.disable_key(key),
            Command::EnableKey { key } => self.enable_key(key),
            Command::RevokeKey { key, reason, note } => self.revoke_key(key, reason, note),
            Command::RotateKey { key, successor, grace_ends_at } => {
                self.rotate_key(key, successor, grace_ends_at)
            }
            Command::ChangeKeyAddresses { key, addresses } => self.change_key_addresses(key, addresses),
            Command::ChangeKeyRate { key, rate } => self.change_key_rate(key, rate),
            Command::ChangeKeyNote { key, note } => self.change_key_note(key, note),

            Command::AddSigningKey { signing_key } => self.add_signing_key(signing_key),
            Command::RetireSigningKey { signing_key, reason, replacement } => {
                self.retire_signing_key(signing_key, reason, replacement)
            }
            Command::RevokeTokens { target } => self.revoke_tokens(target),
            Command::ChangeTokenLife { life } => self.change_token_life(life),
            Command::EraseSubject { subject } => self.erase_subject(subject),
        }
    }

    /// A row, or the answer that there is none.
    fn found<R>(&self, row: Result<Option<R>, L::Error>, entity: Entity) -> Result<R, Stop<L::Error>> {
        Ok(row.map_err(Stop::Failed)?.ok_or(Rejection::NotFound(entity))?)
    }

    fn tenant(&self, id: TenantId) -> Result<Tenant, Stop<L::Error>> {
        self.found(self.rows.tenant(id), Entity::Tenant(id))
    }

    fn user(&self, id: UserId) -> Result<User, Stop<L::Error>> {
        self.found(self.rows.user(id), Entity::User(id))
    }

    fn service_account(&self, id: ServiceAccountId) -> Result<ServiceAccount, Stop<L::Error>> {
        self.found(self.rows.service_account(id), Entity::ServiceAccount(id))
    }

    fn key(&self, id: KeyId) -> Result<Key, Stop<L::Error>> {
        self.found(self.rows.key(id), Entity::Key(id))
    }
}
