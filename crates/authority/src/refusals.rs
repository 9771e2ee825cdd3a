//! Refused commands: kept for the administrators of the tenant in which they were asked for. They are not events.

use domain::Command;
use domain::actor::{Actor, ActorId, Holder, Way};
use domain::decide::{audits, role_of};
use domain::ids::{KeyId, RequestId, TenantId};
use domain::key::Owner;
use domain::rejection::{Entity, RejectionClass};
use domain::role::Permission;
use domain::row::Standing;
use domain::status::{Ancestors, Operator};
pub use store::usage::RefusedCommand;

use crate::as_of::{Answer, AsOf};
use crate::authenticate::Caller;
use crate::authority::{Authority, Request};
use crate::failure::Failure;
use crate::index::Index;
use crate::usage::{Counters, Rehearsal};
use crate::writer::Shared;

/// A page of the refusals that are kept, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalPage {
    /// Each with its number: its place among all refusals of the tenant, by which the next page is asked for.
    pub refusals: Vec<(u64, RefusedCommand)>,
    /// Whether older ones are kept.
    pub more: bool,
    /// How many are kept no more.
    pub dropped: u64,
}

/// Which refusals are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalsWanted {
    /// Of which tenant; none: those of no tenant.
    pub of: Option<TenantId>,
    /// Only of what was asked with this key or a token minted from it, or about it.
    pub key: Option<KeyId>,
}

impl RefusalsWanted {
    fn includes(&self, refusal: &RefusedCommand) -> bool {
        let Some(wanted) = self.key else { return true };
        let with = match refusal.actor {
            ActorId::Holder { key, .. } => key == wanted,
            ActorId::Console | ActorId::Server => false,
        };
        with || refusal.about == Some(Entity::Key(wanted))
    }
}

impl Authority {
    /// The refused commands of a tenant, for its administrators; those of no tenant, for operators. As of a moment:
    /// those until then that are kept now.
    pub fn refusals(
        &self,
        caller: &Caller,
        wanted: RefusalsWanted,
        before: Option<u64>,
        first: usize,
        as_of: AsOf,
    ) -> Result<Answer<RefusalPage>, Failure> {
        let view = self.view(as_of)?;
        let (rows, now) = (view.now(), self.now());
        match wanted.of {
            Some(tenant) => {
                role_of(&rows, &caller.actor, tenant, Permission::Audit, now)??;
            }
            None => audits(&rows, &caller.actor, now)??,
        }
        let kept = self.recorder.counters.kept(wanted.of);
        let dropped = kept.seen.saturating_sub(kept.recent.len() as u64);
        let until = (as_of != AsOf::Now).then_some(view.basis.instant);
        let within = |(number, refusal): &(u64, RefusedCommand)| {
            before.is_none_or(|before| *number < before)
                && until.is_none_or(|until| refusal.at <= until)
                && wanted.includes(refusal)
        };
        let mut older = kept.recent.into_iter().rev().filter(within);
        let refusals: Vec<_> = older.by_ref().take(first).collect();
        Ok(view.answer(RefusalPage { refusals, more: older.next().is_some(), dropped }))
    }
}

/// A command on its way: what there would be to tell if it were refused.
pub(crate) struct Asked {
    holder: Option<Holder>,
    actor: ActorId,
    command: &'static str,
    about: Option<Entity>,
    way: Way,
    request: RequestId,
}

impl Asked {
    pub(crate) fn of(actor: &Actor, request: &Request, command: &Command) -> Self {
        let holder = match actor {
            Actor::Holder(holder) => Some(holder.clone()),
            Actor::Console | Actor::Server => None,
        };
        let (actor, about) = (actor.id(), command.subject());
        Self { holder, actor, command: command.name(), about, way: request.way, request: request.id }
    }

    /// The same for a dry run, which a page asks for whenever it is loaded: the same refusal is kept once in a while.
    pub(crate) fn rehearsed<T>(self, outcome: &Result<T, Failure>, shared: &Shared, counters: &Counters) {
        let Some(failure) = refusal_of(outcome) else { return };
        let Self { actor, command, about, .. } = self;
        let rehearsal = Rehearsal { actor, command, about, code: failure.code() };
        if counters.is_news(rehearsal, shared.clock.now()) {
            self.answered(outcome, shared, counters);
        }
    }

    /// Keeps the refusal, if it is one. Failures of the machine are none, nor is a credential that ended meanwhile.
    pub(crate) fn answered<T>(self, outcome: &Result<T, Failure>, shared: &Shared, counters: &Counters) {
        let Some(failure) = refusal_of(outcome) else { return };
        let tenant = {
            let index = shared.index.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.holder.as_ref().and_then(|holder| tenant_of(&index, holder, self.about))
        };
        let refusal = RefusedCommand {
            at: shared.clock.now(),
            code: failure.code().to_owned(),
            command: self.command.to_owned(),
            actor: self.actor,
            way: self.way,
            request: self.request,
            about: self.about,
        };
        counters.refused(tenant, refusal);
    }
}

/// What there is to tell of an outcome, if it is a refusal.
fn refusal_of<T>(outcome: &Result<T, Failure>) -> Option<&Failure> {
    let failure = outcome.as_ref().err()?;
    let refused = match failure.class() {
        None | Some(RejectionClass::NotAuthenticated) => false,
        Some(
            RejectionClass::Forbidden
            | RejectionClass::NotFound
            | RejectionClass::Conflict
            | RejectionClass::Invalid,
        ) => true,
    };
    refused.then_some(failure)
}

/// Whose administrators may read of a refusal: those of the tenant that the command was about, if whoever asked
/// belongs to it; else those of the asker's own. Strangers must not be able to write into a tenant's list.
fn tenant_of(index: &Index, holder: &Holder, about: Option<Entity>) -> Option<TenantId> {
    if holder.confined_to.is_some() {
        return holder.confined_to;
    }
    let belongs = |tenant: &TenantId| belongs(index, holder.identity, *tenant);
    let meant = about.and_then(|entity| tenant_with(index, entity)).filter(belongs);
    // What an operator does elsewhere is no business of the operator's own tenant.
    if meant.is_some() || is_operator(index, holder.identity) {
        return meant;
    }
    index.by_id(holder.key).map(|key| index.reach(key).home()).filter(belongs)
}

fn is_operator(index: &Index, identity: Owner) -> bool {
    match identity {
        Owner::User(user) => {
            let Ok(user) = index.user_standing(user);
            user.is_some_and(|(_, operator)| operator == Operator::Yes)
        }
        Owner::ServiceAccount(_) => false,
    }
}

fn tenant_with(index: &Index, entity: Entity) -> Option<TenantId> {
    match entity {
        Entity::Tenant(tenant) | Entity::Member { tenant, .. } => Some(tenant),
        Entity::ServiceAccount(account) => {
            let Ok(found) = index.account_standing(account);
            found.map(|(_, tenant, _)| tenant)
        }
        Entity::Key(key) => index.by_id(key).map(|key| index.reach(key).home()),
        Entity::User(_) | Entity::SigningKey(_) => None,
    }
}

fn belongs(index: &Index, identity: Owner, tenant: TenantId) -> bool {
    match identity {
        Owner::User(user) => {
            let Ok(membership) = index.membership_of(tenant, user);
            membership.is_some_and(|row| row.standing == Standing::Living)
        }
        Owner::ServiceAccount(account) => {
            let Ok(found) = index.account_standing(account);
            found.is_some_and(|(_, its_tenant, _)| its_tenant == tenant)
        }
    }
}
