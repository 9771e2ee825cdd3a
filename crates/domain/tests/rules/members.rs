//! Rules about who belongs to a tenant, and as what.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewKey};
use keyledger_domain::event::Event;
use keyledger_domain::ids::{KeyId, TenantId, UserId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::rejection::{Entity, Refusal, Rejection};
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
    let already = Rejection::AlreadyMember { tenant: A, user: MAX, first_key: false };
    check([], by(anna(), add_member(A, MAX, Role::Runner)), Then::Rejection(already));
    let first_key = Some(new_key(Owner::User(MAX), K));
    let with_key = Command::AddMember { tenant: A, user: MAX, role: Role::Member, first_key };
    let already = Rejection::AlreadyMember { tenant: A, user: MAX, first_key: true };
    assert!(already.to_string().contains("removed and added again"), "{already}");
    check([], by(anna(), with_key), Then::Rejection(already));
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
fn the_first_key_of_a_known_user_acts_only_in_its_new_tenant_whoever_gives_it() {
    let with = |scopes| {
        let first_key = NewKey { scopes, ..new_key(Owner::User(OTTO), K) };
        Command::AddMember { tenant: A, user: OTTO, role: Role::Member, first_key: Some(first_key) }
    };
    let all = new_key(Owner::User(OTTO), K);
    let created = key_created(Owner::User(OTTO), Reach::Tenant(A), all.clone(), None);
    // Not even an operator's acts in his name where he was before.
    for actor in [anna(), etl(), olga()] {
        let expected = events([added(OTTO, Role::Member), created.clone()]);
        check([], by(actor.clone(), with(all.scopes.clone())), expected);
        let scene = Scene::cast().given([by(actor, with(all.scopes.clone()))]);
        assert_eq!(scene.admit(K, None, 0).map(|admission| admission.tenant), Ok(Some(A)));
        assert_eq!(scene.admit(K, Some(B), 0), Err(Refusal::OtherTenant));
        // Nor does it make a wider one.
        let (holder, owner) = (shows(Owner::User(OTTO), K, Some(A)), Owner::User(OTTO));
        for home in [A, B] {
            let wider = create_key(owner, Reach::AnyTenant { home }, id(NEW + 1));
            scene.clone().check(by(holder.clone(), wider), rejected("REACH_NOT_HELD"));
        }
    }
    for actor in [narrowed(anna(), "keyledger:admin"), narrowed(olga(), "keyledger:operate")] {
        check([], by(actor, with(all.scopes.clone())), rejected("SCOPES_NOT_HELD"));
    }
}

#[test]
fn the_first_key_of_somebody_who_comes_back_acts_only_there_too() {
    let left = by(anna(), remove_member(A, MAX));
    let first_key = new_key(Owner::User(MAX), K);
    let created = key_created(Owner::User(MAX), Reach::Tenant(A), first_key.clone(), None);
    let back = Command::AddMember { tenant: A, user: MAX, role: Role::Member, first_key: Some(first_key) };
    check([left], by(olga(), back), events([added(MAX, Role::Member), created]));
}

#[test]
fn the_policy_of_the_tenant_joined_binds_the_first_key() {
    let join = |expires_at| {
        let first_key = NewKey { expires_at, ..new_key(Owner::User(OTTO), K) };
        by(
            olga(),
            Command::AddMember { tenant: A, user: OTTO, role: Role::Member, first_key: Some(first_key) },
        )
    };
    let strict =
        |default| by(anna(), Command::ChangeTenantPolicy { tenant: A, policy: policy(Some(100), default) });
    let ends = |end| {
        let key = new_key(Owner::User(OTTO), K);
        let created = key_created(Owner::User(OTTO), Reach::Tenant(A), key, Some(at(end)));
        events([added(OTTO, Role::Member), created])
    };
    check([strict(None)], join(None), ends(100));
    check([strict(Some(60))], join(None), ends(60));
    check([strict(None)], join(Some(at(101))), rejected("KEY_LIFE_TOO_LONG"));
    // Not that of a tenant where it does not act.
    let elsewhere = policy(Some(10), Some(5));
    let elsewhere = by(bert(), Command::ChangeTenantPolicy { tenant: B, policy: elsewhere });
    check([elsewhere, strict(None)], join(Some(at(100))), ends(100));
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
    for actor in [max(), rex(), bot(), Actor::Console, Actor::Server] {
        check([], by(actor, remove_member(A, RITA)), rejected("FORBIDDEN"));
    }
    for actor in [bert(), otto(), bee(), olga()] {
        check([], by(actor, remove_member(A, MAX)), rejected("NOT_FOUND"));
    }
}

#[test]
fn a_member_of_any_role_leaves_and_takes_nobody_along() {
    for (actor, user, key) in [(max(), MAX, MAXS), (rita(), RITA, RITAS), (rex(), REX, REXS)] {
        let leave = by(actor.clone(), remove_member(A, user));
        check([], leave.clone(), events([removed(user)]));
        let scene = Scene::cast().given([leave]);
        assert_eq!(scene.accepts(key, 0), Err(Refusal::MembershipRemoved));
        for other in [MAX, RITA, REX, SUSI].into_iter().filter(|other| *other != user) {
            check([], by(actor.clone(), remove_member(A, other)), rejected("FORBIDDEN"));
        }
    }
    // With a token as well; and an administrator who is not the last.
    let token = Scene::cast().mint(id(1), MAXS, A).shown_by(Owner::User(MAX));
    check([], by(token, remove_member(A, MAX)), events([removed(MAX)]));
    let promote = by(anna(), change(MAX, Role::Administrator));
    check([promote], by(anna(), remove_member(A, ANNA)), events([removed(ANNA)]));
}

#[test]
fn a_member_leaves_with_a_credential_that_manages_its_own_keys() {
    check([], by(narrowed(max(), "keyledger:keys"), remove_member(A, MAX)), events([removed(MAX)]));
    for scopes in ["keyledger:read", "keyledger:admin keyledger:operate keyledger:verify", "flows:run", ""] {
        check([], by(narrowed(max(), scopes), remove_member(A, MAX)), rejected("FORBIDDEN"));
    }
    // An administrator removes members, itself too.
    let promote = || by(max(), change(RITA, Role::Administrator));
    let both = || [by(anna(), change(MAX, Role::Administrator)), promote()];
    check(both(), by(narrowed(max(), "keyledger:admin"), remove_member(A, MAX)), events([removed(MAX)]));
    check(both(), by(narrowed(max(), "keyledger:read"), remove_member(A, MAX)), rejected("FORBIDDEN"));
}

#[test]
fn a_member_leaves_a_tenant_with_any_credential_that_reaches_it() {
    let joined = || by(anna(), add_member(A, OTTO, Role::Member));
    let leave = |actor| by(actor, remove_member(A, OTTO));
    let (any, anywhere) = unconfined(OTTO, K, B);
    check([joined(), any.clone()], leave(anywhere.clone()), events([removed(OTTO)]));
    check([joined()], leave(otto()), rejected("NOT_FOUND"));
    let token = Scene::cast().mint(id(1), OTTOS, B).shown_by(Owner::User(OTTO));
    check([joined()], leave(token), rejected("NOT_FOUND"));
    check([any.clone()], leave(anywhere.clone()), rejected("NOT_FOUND"));
    // Also with one that is refused there: somebody else may have put him there again, or the tenant may be suspended.
    let (left, back) = (by(anna(), remove_member(A, OTTO)), joined());
    check([joined(), any.clone(), left, back], leave(anywhere.clone()), events([removed(OTTO)]));
    let suspended = by(olga(), Command::SuspendTenant { tenant: A });
    check([joined(), any.clone(), suspended], leave(anywhere.clone()), events([removed(OTTO)]));
    let gone = by(olga(), Command::RemoveTenant { tenant: A });
    check([joined(), any, gone], leave(anywhere), rejected("REMOVED"));
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
