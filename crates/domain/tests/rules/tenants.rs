//! Rules about tenants: operators make, suspend and remove them; their administrators do the rest.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, FirstAdministrator, NewKey, NewTenant};
use keyledger_domain::event::Event;
use keyledger_domain::ids::{KeyId, TenantId, UserId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::rejection::{Entity, Rejection};
use keyledger_domain::role::Role;

use crate::scene::*;

const T: TenantId = id(NEW);
const U: UserId = id(NEW);
const K: KeyId = id(NEW);

fn with_known(tenant: NewTenant, user: UserId) -> Command {
    Command::CreateTenant { tenant, administrator: FirstAdministrator::Known(user) }
}

fn with_new(tenant: NewTenant, key: NewKey) -> Command {
    let administrator = FirstAdministrator::New(Box::new((new_user(U), key)));
    Command::CreateTenant { tenant, administrator }
}

fn tenant_created(NewTenant { id, slug, name, policy }: NewTenant) -> Event {
    Event::TenantCreated { tenant: id, slug, name, policy }
}

#[test]
fn an_operator_makes_a_tenant_with_a_new_administrator_whose_key_acts_in_any() {
    let key = new_key(Owner::User(U), K);
    let expected = events([
        tenant_created(new_tenant(T)),
        Event::UserCreated { user: U, email: new_user(U).email, name: None },
        Event::MemberAdded { tenant: T, user: U, role: Role::Administrator },
        key_created(Owner::User(U), Reach::AnyTenant { home: T }, key.clone(), None),
    ]);
    check([], by(olga(), with_new(new_tenant(T), key)), expected);
}

#[test]
fn an_operator_makes_a_tenant_for_a_known_user() {
    let expected = events([
        tenant_created(new_tenant(T)),
        Event::MemberAdded { tenant: T, user: MAX, role: Role::Administrator },
    ]);
    check([], by(olga(), with_known(new_tenant(T), MAX)), expected);
}

#[test]
fn the_policy_of_the_new_tenant_binds_its_first_key() {
    let tenant = NewTenant { policy: policy(Some(100), Some(10)), ..new_tenant(T) };
    let key = |expires_at| NewKey { expires_at, ..new_key(Owner::User(U), K) };
    let last = key_created(Owner::User(U), Reach::AnyTenant { home: T }, key(None), Some(at(10)));
    let made = Scene::cast().given([by(olga(), with_new(tenant.clone(), key(None)))]);
    assert_eq!(made.log.last().map(|recorded| &recorded.event), Some(&last));
    check([], by(olga(), with_new(tenant.clone(), key(Some(at(101))))), rejected("KEY_LIFE_TOO_LONG"));
    check([], by(olga(), with_new(tenant, key(Some(at(0))))), rejected("EXPIRY_IN_PAST"));
}

#[test]
fn nobody_else_makes_tenants() {
    let create = || with_known(new_tenant(T), MAX);
    for actor in
        [anna(), max(), etl(), bert(), Actor::Console, Actor::Server, narrowed(olga(), "keyledger:admin")]
    {
        check([], by(actor, create()), rejected("FORBIDDEN"));
    }
}

#[test]
fn an_operator_with_a_narrowed_key_gives_a_first_administrator_no_wider_one() {
    let operator = || narrowed(olga(), "keyledger:operate");
    let key = |scopes| NewKey { scopes, ..new_key(Owner::User(U), K) };
    check(
        [],
        by(operator(), with_new(new_tenant(T), new_key(Owner::User(U), K))),
        rejected("SCOPES_NOT_HELD"),
    );
    let wider = key(narrow("keyledger:admin keyledger:operate"));
    check([], by(operator(), with_new(new_tenant(T), wider)), rejected("SCOPES_NOT_HELD"));
    let same = by(operator(), with_new(new_tenant(T), key(narrow("keyledger:operate"))));
    assert_eq!(Scene::cast().given([same]).model.keys[&K].scopes, narrow("keyledger:operate"));
}

#[test]
fn a_tenant_begins_only_with_what_is_free_and_living() {
    let create = |tenant, user| by(olga(), with_known(tenant, user));
    check([], create(NewTenant { id: A, ..new_tenant(T) }, MAX), rejected("ID_TAKEN"));
    check([], create(NewTenant { slug: new_tenant(A).slug, ..new_tenant(T) }, MAX), rejected("SLUG_TAKEN"));
    check([], create(new_tenant(T), U), rejected("NOT_FOUND"));
    check([], create(new_tenant(T), SUSI), rejected("SUSPENDED"));
    let gone = by(olga(), Command::RemoveUser { user: MAX });
    check([gone], create(new_tenant(T), MAX), rejected("REMOVED"));
    let key = |id| new_key(Owner::User(U), id);
    check([], by(olga(), with_new(new_tenant(T), key(ANNAS))), rejected("ID_TAKEN"));
    let mut taken = new_user(U);
    taken.email = new_user(MAX).email;
    let administrator = FirstAdministrator::New(Box::new((taken, key(K))));
    let command = Command::CreateTenant { tenant: new_tenant(T), administrator };
    check([], by(olga(), command), rejected("EMAIL_TAKEN"));
    check([create(new_tenant(T), MAX)], create(new_tenant(T), MAX), rejected("ID_TAKEN"));
}

#[test]
fn a_slug_is_free_again_when_its_tenant_is_removed_but_not_when_suspended() {
    let same_slug = || NewTenant { slug: new_tenant(A).slug, ..new_tenant(T) };
    let create = || by(olga(), with_known(same_slug(), MAX));
    let expected = events([
        tenant_created(same_slug()),
        Event::MemberAdded { tenant: T, user: MAX, role: Role::Administrator },
    ]);
    check([by(olga(), Command::RemoveTenant { tenant: A })], create(), expected);
    check([by(olga(), Command::SuspendTenant { tenant: A })], create(), rejected("SLUG_TAKEN"));
}

#[test]
fn administrators_rename_their_tenant() {
    let rename = |text| Command::RenameTenant { tenant: A, name: tenant_name(A, text) };
    let renamed = || once([Event::TenantRenamed { tenant: A, name: tenant_name(A, "new") }]);
    check([], by(anna(), rename("new")), renamed());
    check([], by(etl(), rename("new")), renamed());
    check([], by(anna(), rename("first name")), nothing());
    for actor in [max(), rita(), rex(), bot(), Actor::Console, Actor::Server] {
        check([], by(actor, rename("new")), rejected("FORBIDDEN"));
    }
    let not_found = Then::Rejection(Rejection::NotFound(Entity::Tenant(A)));
    check([], by(bert(), rename("new")), not_found);
    check([], by(olga(), rename("new")), rejected("NOT_FOUND"));
}

#[test]
fn administrators_change_the_policy_of_their_tenant() {
    let change = |policy| Command::ChangeTenantPolicy { tenant: A, policy };
    let strict = policy(Some(100), Some(100));
    check([], by(anna(), change(strict)), once([Event::TenantPolicyChanged { tenant: A, policy: strict }]));
    check([], by(anna(), change(policy(None, None))), nothing());
    check([], by(max(), change(strict)), rejected("FORBIDDEN"));
    check([], by(bert(), change(strict)), rejected("NOT_FOUND"));
    for contradiction in [policy(Some(100), Some(101)), policy(Some(0), None), policy(None, Some(0))] {
        check([], by(anna(), change(contradiction)), rejected("POLICY_CONTRADICTS"));
        let tenant = NewTenant { policy: contradiction, ..new_tenant(T) };
        check([], by(olga(), with_known(tenant, MAX)), rejected("POLICY_CONTRADICTS"));
    }
}

#[test]
fn operators_suspend_and_resume_any_tenant() {
    let suspend = || by(olga(), Command::SuspendTenant { tenant: A });
    let resume = || by(olga(), Command::ResumeTenant { tenant: A });
    check([], suspend(), once([Event::TenantSuspended { tenant: A }]));
    check([suspend()], resume(), once([Event::TenantResumed { tenant: A }]));
    check([], resume(), nothing());
    let removed = || by(olga(), Command::RemoveTenant { tenant: A });
    check([removed()], suspend(), rejected("REMOVED"));
    check([removed()], resume(), rejected("REMOVED"));
    check([], by(olga(), Command::SuspendTenant { tenant: T }), rejected("NOT_FOUND"));
}

#[test]
fn operators_remove_any_tenant_for_good() {
    let remove = || by(olga(), Command::RemoveTenant { tenant: A });
    check([], remove(), once([Event::TenantRemoved { tenant: A }]));
    let suspended = by(olga(), Command::SuspendTenant { tenant: A });
    check([suspended], remove(), once([Event::TenantRemoved { tenant: A }]));
    check([], by(olga(), Command::RemoveTenant { tenant: T }), rejected("NOT_FOUND"));
}

#[test]
fn only_operators_suspend_resume_and_remove_tenants() {
    let commands = [
        Command::SuspendTenant { tenant: A },
        Command::ResumeTenant { tenant: A },
        Command::RemoveTenant { tenant: A },
    ];
    let confined = by(olga(), create_key(Owner::User(OLGA), Reach::Tenant(HOME), K));
    let confined_operator = shows(Owner::User(OLGA), K, Some(HOME));
    for command in commands {
        for actor in [anna(), max(), etl(), Actor::Console, Actor::Server] {
            check([], by(actor, command.clone()), rejected("FORBIDDEN"));
        }
        for actor in [bert(), otto(), bee()] {
            check([], by(actor, command.clone()), rejected("NOT_FOUND"));
        }
        check([confined.clone()], by(confined_operator.clone(), command), rejected("NOT_FOUND"));
    }
}

#[test]
fn nothing_of_a_suspended_or_removed_tenant_is_changed() {
    let rename = || by(anna(), Command::RenameTenant { tenant: A, name: tenant_name(A, "new") });
    let suspended = by(olga(), Command::SuspendTenant { tenant: A });
    let removed = by(olga(), Command::RemoveTenant { tenant: A });
    check([suspended.clone()], rename(), rejected("SUSPENDED"));
    check([removed.clone()], rename(), rejected("REMOVED"));
    let confined = || by(etl(), Command::RenameTenant { tenant: A, name: tenant_name(A, "new") });
    check([suspended], confined(), rejected("TENANT_SUSPENDED"));
    check([removed], confined(), rejected("TENANT_REMOVED"));
}
