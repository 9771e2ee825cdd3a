//! Rules about service accounts: only administrators of their tenant create, change or remove them.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewKey};
use keyledger_domain::event::Event;
use keyledger_domain::ids::{KeyId, ServiceAccountId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::rejection::{Entity, Rejection};
use keyledger_domain::role::Role;

use crate::scene::*;

const S: ServiceAccountId = id(NEW);

fn create(service_account: ServiceAccountId, name: &str) -> Command {
    let name = account_name(service_account, name);
    Command::CreateServiceAccount { service_account, tenant: A, name, role: Role::Runner, first_key: None }
}

fn created(service_account: ServiceAccountId, name: &str) -> Event {
    let name = account_name(service_account, name);
    Event::ServiceAccountCreated { service_account, tenant: A, name, role: Role::Runner }
}

fn rename(service_account: ServiceAccountId, name: &str) -> Command {
    Command::RenameServiceAccount { service_account, name: account_name(service_account, name) }
}

const SUSPEND: Command = Command::SuspendServiceAccount { service_account: BOT };
const RESUME: Command = Command::ResumeServiceAccount { service_account: BOT };
const REMOVE: Command = Command::RemoveServiceAccount { service_account: BOT };
const PROMOTE: Command = Command::ChangeServiceAccountRole { service_account: BOT, role: Role::Member };

#[test]
fn administrators_create_them() {
    check([], by(anna(), create(S, "new")), events([created(S, "new")]));
    check([], by(etl(), create(S, "new")), events([created(S, "new")]));
    check([by(anna(), create(S, "new"))], by(anna(), create(S, "new")), rejected("ID_TAKEN"));
    check([], by(anna(), create(BEE, "new")), rejected("ID_TAKEN"));
}

/// The same with a first key.
fn create_with(key: NewKey) -> Command {
    let Command::CreateServiceAccount { service_account, tenant, name, role, first_key: _ } =
        create(S, "new")
    else {
        unreachable!("it is what was made");
    };
    Command::CreateServiceAccount { service_account, tenant, name, role, first_key: Some(key) }
}

#[test]
fn one_is_made_with_its_first_key_or_not_at_all() {
    const KEY: KeyId = id(NEW + 7);
    let key = new_key(Owner::ServiceAccount(S), KEY);
    let made = key_created(Owner::ServiceAccount(S), Reach::Tenant(A), key.clone(), None);
    check([], by(anna(), create_with(key.clone())), events([created(S, "new"), made]));
    check([], by(max(), create_with(key.clone())), rejected("FORBIDDEN"));
    check([], by(bert(), create_with(key.clone())), rejected("NOT_FOUND"));
    let over = NewKey { expires_at: Some(at(0)), ..key.clone() };
    check([], by(anna(), create_with(over)), rejected("EXPIRY_IN_PAST"));
    let taken = NewKey { id: BOTS, ..key.clone() };
    check([], by(anna(), create_with(taken)), rejected("ID_TAKEN"));
    // Nobody grants what they do not have.
    let narrow = narrowed(anna(), "keyledger:admin");
    check([], by(narrow.clone(), create_with(key.clone())), rejected("SCOPES_NOT_HELD"));
    let as_narrow = NewKey { scopes: crate::scene::narrow("keyledger:admin"), ..key };
    let made = key_created(Owner::ServiceAccount(S), Reach::Tenant(A), as_narrow.clone(), None);
    check([], by(narrow, create_with(as_narrow)), events([created(S, "new"), made]));
}

#[test]
fn a_name_is_unique_among_the_living_of_a_tenant() {
    let taken = by(anna(), create(S, "taken"));
    let another = by(anna(), create(id(NEW + 1), "taken"));
    check([taken.clone()], another.clone(), rejected("NAME_TAKEN"));
    check([taken.clone()], by(anna(), rename(BOT, "taken")), rejected("NAME_TAKEN"));
    let suspended = by(anna(), Command::SuspendServiceAccount { service_account: S });
    check([taken.clone(), suspended], another.clone(), rejected("NAME_TAKEN"));
    let removed = by(anna(), Command::RemoveServiceAccount { service_account: S });
    check([taken.clone(), removed], another.clone(), events([created(id(NEW + 1), "taken")]));
    let renamed = by(anna(), rename(S, "other"));
    check([taken.clone(), renamed], another, events([created(id(NEW + 1), "taken")]));
    // Another tenant has names of its own.
    let (service_account, name) = (id(NEW + 1), account_name(id(NEW + 1), "taken"));
    let in_b = Command::CreateServiceAccount {
        service_account,
        tenant: B,
        name: name.clone(),
        role: Role::Runner,
        first_key: None,
    };
    let expected = Event::ServiceAccountCreated { service_account, tenant: B, name, role: Role::Runner };
    check([taken], by(bert(), in_b), events([expected]));
}

#[test]
fn administrators_change_them() {
    let name = account_name(BOT, "new");
    let renamed = Event::ServiceAccountRenamed { service_account: BOT, name };
    check([], by(anna(), rename(BOT, "new")), once([renamed]));
    check([], by(anna(), rename(BOT, "own")), nothing());
    let promoted = Event::ServiceAccountRoleChanged { service_account: BOT, role: Role::Member };
    check([], by(anna(), PROMOTE), once([promoted]));
    let same = Command::ChangeServiceAccountRole { service_account: BOT, role: Role::Runner };
    check([], by(anna(), same), nothing());
}

#[test]
fn administrators_suspend_and_resume_them() {
    check([], by(anna(), SUSPEND), once([Event::ServiceAccountSuspended { service_account: BOT }]));
    let resumed = once([Event::ServiceAccountResumed { service_account: BOT }]);
    check([by(anna(), SUSPEND)], by(anna(), RESUME), resumed);
    check([], by(anna(), RESUME), nothing());
}

#[test]
fn administrators_remove_them_for_good() {
    let removed = || once([Event::ServiceAccountRemoved { service_account: BOT }]);
    check([], by(anna(), REMOVE), removed());
    check([by(anna(), SUSPEND)], by(anna(), REMOVE), removed());
    for command in [rename(BOT, "new"), PROMOTE, SUSPEND, RESUME] {
        check([by(anna(), REMOVE)], by(anna(), command), rejected("REMOVED"));
    }
}

#[test]
fn nobody_else_touches_them() {
    for command in [create(S, "new"), rename(BOT, "new"), PROMOTE, SUSPEND, RESUME, REMOVE] {
        for actor in [max(), rita(), rex(), bot(), Actor::Console, Actor::Server] {
            check([], by(actor, command.clone()), rejected("FORBIDDEN"));
        }
        for actor in [bert(), otto(), bee(), olga()] {
            check([], by(actor, command.clone()), rejected("NOT_FOUND"));
        }
        check([], by(narrowed(anna(), "keyledger:read"), command.clone()), rejected("FORBIDDEN"));
        check([], by(mira(), command.clone()), rejected("KEY_REVOKED"));
        check([], by(susi(), command), rejected("OWNER_SUSPENDED"));
    }
}

#[test]
fn to_others_it_is_as_if_there_were_none() {
    let there_is_none = |service_account| Rejection::NotFound(Entity::ServiceAccount(service_account));
    check([], by(bert(), REMOVE), Then::Rejection(there_is_none(BOT)));
    let unknown = Command::RemoveServiceAccount { service_account: S };
    check([], by(bert(), unknown), Then::Rejection(there_is_none(S)));
}
