//! Rules about who belongs to a tenant, and as what.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewKey};
use keyledger_domain::event::Event;
use keyledger_domain::ids::{KeyId, TenantId, UserId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::rejection::{Entity, Rejection};
use keyledger_domain::role::Role;

use crate::scene::*;

const K: KeyId = id(NEW);
const NOBODY: UserId = id(NEW);

fn change(user: UserId, role: Role) -> Command {
    Command::ChangeMemberRole { tenant: A, user, role }
}

fn changed(user: UserId, role: Role) -> Event {
    Event::MemberRoleChanged { tenant: A, user, role }
}

fn added(user: UserId, role: Role) -> Event {
    Event::MemberAdded { tenant: A, user, role }
}

fn removed(user: UserId) -> Event {
    Event::MemberRemoved { tenant: A, user }
}

#[test]
fn administrators_and_operators_add_a_known_user() {
    for actor in [anna(), etl(), olga()] {
        let expected = once([added(OTTO, Role::Runner)]);
        check([], by(actor, add_member(A, OTTO, Role::Runner)), expected);
    }
    for actor in [max(), rita(), rex(), bot(), Actor::Console, Actor::Server] {
        check([], by(actor, add_member(A, OTTO, Role::Runner)), rejected("FORBIDDEN"));
    }
    for actor in [bert(), otto(), bee()] {
        check([], by(actor, add_member(A, OTTO, Role::Runner)), rejected("NOT_FOUND"));
    }
}

#[test]
fn a_user_is_a_member_of_several_tenants_with_a_role_in_each() {
    let scene = Scene::cast().given([by(anna(), add_member(A, OTTO, Role::ReadOnly))]);
    let role = |tenant: TenantId| scene.model.memberships[&(OTTO, tenant)].role;
    assert_eq!((role(A), role(B)), (Role::ReadOnly, Role::Member));
}

#[test]
fn a_member_is_not_added_again() {
    check([], by(anna(), add_member(A, MAX, Role::Member)), nothing());
    let already = Rejection::AlreadyMember { tenant: A, user: MAX };
    check([], by(anna(), add_member(A, MAX, Role::Runner)), Then::Rejection(already));
    let first_key = Some(new_key(Owner::User(MAX), K));
    let with_key = Command::AddMember { tenant: A, user: MAX, role: Role::Member, first_key };
    check([], by(anna(), with_key), rejected("ALREADY_MEMBER"));
}

#[test]
fn only_living_users_are_added_and_only_to_tenants_that_are() {
    check([], by(anna(), add_member(A, NOBODY, Role::Member)), rejected("NOT_FOUND"));
    let suspended = by(olga(), Command::SuspendUser { user: OTTO });
    check([suspended], by(anna(), add_member(A, OTTO, Role::Member)), rejected("SUSPENDED"));
    let gone = by(olga(), Command::RemoveUser { user: OTTO });
    check([gone], by(anna(), add_member(A, OTTO, Role::Member)), rejected("REMOVED"));
    check([], by(olga(), add_member(id(NEW), OTTO, Role::Member)), rejected("NOT_FOUND"));
    let gone = by(olga(), Command::RemoveTenant { tenant: A });
    check([gone], by(olga(), add_member(A, OTTO, Role::Member)), rejected("REMOVED"));
    let suspended = by(olga(), Command::SuspendTenant { tenant: A });
    let expected = events([added(OTTO, Role::Member)]);
    check([suspended], by(olga(), add_member(A, OTTO, Role::Member)), expected);
}

#[test]
fn the_first_key_of_a_new_member_is_no_wider_than_the_giver() {
    let with = |scopes| {
        let first_key = NewKey { scopes, ..new_key(Owner::User(OTTO), K) };
        Command::AddMember { tenant: A, user: OTTO, role: Role::Member, first_key: Some(first_key) }
    };
    let all = new_key(Owner::User(OTTO), K);
    let expected = |reach| {
        let created = key_created(Owner::User(OTTO), reach, all.clone(), None);
        events([added(OTTO, Role::Member), created])
    };
    for actor in [anna(), etl()] {
        check([], by(actor, with(all.scopes.clone())), expected(Reach::Tenant(A)));
    }
    // An operator could bring him in anywhere, and so may let him act anywhere.
    check([], by(olga(), with(all.scopes.clone())), expected(Reach::AnyTenant { home: A }));
    check([], by(narrowed(anna(), "keyledger:admin"), with(all.scopes)), rejected("SCOPES_NOT_HELD"));
}

#[test]
fn administrators_change_roles() {
    check([], by(anna(), change(MAX, Role::Runner)), once([changed(MAX, Role::Runner)]));
    check([], by(etl(), change(MAX, Role::Administrator)), once([changed(MAX, Role::Administrator)]));
    check([], by(anna(), change(MAX, Role::Member)), nothing());
    let not_found = || Rejection::NotFound(Entity::Member { tenant: A, user: OTTO });
    check([], by(anna(), change(OTTO, Role::Runner)), Then::Rejection(not_found()));
    let left = by(anna(), remove_member(A, MAX));
    check([left], by(anna(), change(MAX, Role::Runner)), rejected("NOT_FOUND"));
    for actor in [max(), rita(), rex(), bot(), Actor::Console, Actor::Server] {
        check([], by(actor, change(RITA, Role::Member)), rejected("FORBIDDEN"));
    }
    for actor in [bert(), otto(), bee(), olga()] {
        check([], by(actor, change(RITA, Role::Member)), rejected("NOT_FOUND"));
    }
}

#[test]
fn nobody_promotes_themselves() {
    for (actor, user) in [(max(), MAX), (rita(), RITA), (rex(), REX)] {
        check([], by(actor, change(user, Role::Administrator)), rejected("FORBIDDEN"));
    }
}

#[test]
fn administrators_remove_members() {
    check([], by(anna(), remove_member(A, MAX)), once([removed(MAX)]));
    check([], by(etl(), remove_member(A, SUSI)), once([removed(SUSI)]));
    check([], by(anna(), remove_member(A, OTTO)), rejected("NOT_FOUND"));
    check([], by(max(), remove_member(A, RITA)), rejected("FORBIDDEN"));
    check([], by(max(), remove_member(A, MAX)), rejected("FORBIDDEN"));
    for actor in [bert(), otto(), bee(), olga()] {
        check([], by(actor, remove_member(A, MAX)), rejected("NOT_FOUND"));
    }
}

#[test]
fn the_last_living_administrator_is_neither_demoted_nor_removed() {
    let last = || Then::Rejection(Rejection::LastAdministrator { tenants: vec![A] });
    for role in [Role::Member, Role::Runner, Role::ReadOnly] {
        check([], by(anna(), change(ANNA, role)), last());
    }
    check([], by(anna(), change(ANNA, Role::Administrator)), nothing());
    check([], by(anna(), remove_member(A, ANNA)), last());
    check([], by(etl(), remove_member(A, ANNA)), last());
    // A suspended administrator is not what the tenant rests on.
    check([], by(anna(), change(SUSI, Role::Member)), once([changed(SUSI, Role::Member)]));
}

#[test]
fn with_another_administrator_one_can_be_demoted_and_then_the_other_is_the_last() {
    let promote = || by(anna(), change(MAX, Role::Administrator));
    check([promote()], by(max(), change(ANNA, Role::Member)), once([changed(ANNA, Role::Member)]));
    check([promote()], by(max(), remove_member(A, ANNA)), once([removed(ANNA)]));
    let demoted = by(max(), change(ANNA, Role::Member));
    check([promote(), demoted], by(max(), remove_member(A, MAX)), rejected("LAST_ADMINISTRATOR"));
}

#[test]
fn a_demoted_administrator_administers_no_more() {
    let promote = by(anna(), change(MAX, Role::Administrator));
    let demote = by(max(), change(ANNA, Role::Member));
    check([promote, demote], by(anna(), remove_member(A, RITA)), rejected("FORBIDDEN"));
}
