//! The cascade: each removal is one event, refuses all that rested on it, and nothing comes back.

use keyledger_domain::command::{Command, FirstAdministrator, NewTenant, NewUser};
use keyledger_domain::event::Event;
use keyledger_domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::rejection::Refusal;
use keyledger_domain::role::Role;

use crate::scene::*;

const K: KeyId = id(NEW);
const K2: KeyId = id(NEW + 1);
const S: ServiceAccountId = id(NEW);
const T: TenantId = id(NEW);
const U: UserId = id(NEW);

fn removed(tenant: TenantId, user: UserId) -> Event {
    Event::MemberRemoved { tenant, user }
}

/// One deed is one event; then these keys are refused for this reason, and those are accepted as before.
#[track_caller]
fn check_ends(given: Vec<Deed>, deed: Deed, refused: (&[KeyId], Refusal), untouched: &[KeyId]) -> Scene {
    let before = Scene::cast().given(given);
    for key in refused.0.iter().chain(untouched) {
        assert_eq!(before.accepts(*key, 0), Ok(()), "{key} before");
    }
    let after = before.clone().given([deed]);
    assert_eq!(after.log.len(), before.log.len() + 1, "one event");
    for key in refused.0 {
        assert_eq!(after.accepts(*key, 0), Err(refused.1), "{key} after");
    }
    for key in untouched {
        assert_eq!(after.accepts(*key, 0), Ok(()), "{key} after");
    }
    after
}

#[test]
fn removing_a_tenant_refuses_every_key_in_it() {
    let remove = by(olga(), Command::RemoveTenant { tenant: A });
    let keys = [ANNAS, MAXS, RITAS, REXS, ETLS, BOTS];
    check_ends(vec![], remove, (&keys, Refusal::TenantRemoved), &[OLGAS, BERTS, OTTOS, BEES]);
}

#[test]
fn removing_a_user_refuses_its_keys_in_every_tenant() {
    let (any, _) = unconfined(OTTO, K, B);
    let given = vec![by(anna(), add_member(A, OTTO, Role::Member)), any];
    let remove = by(olga(), Command::RemoveUser { user: OTTO });
    let after = check_ends(given, remove, (&[OTTOS, K], Refusal::OwnerRemoved), &[MAXS, BERTS, BEES]);
    for tenant in [A, B] {
        assert_eq!(after.admit(K, Some(tenant), 0), Err(Refusal::OwnerRemoved));
    }
}

#[test]
fn removing_a_member_refuses_its_keys_there_and_only_there() {
    let (any, _) = unconfined(OTTO, K, B);
    let confined = Owner::User(OTTO);
    let confined = fact(key_created(confined, Reach::Tenant(A), new_key(confined, K2), None));
    let given = vec![by(anna(), add_member(A, OTTO, Role::Member)), any, confined];
    let remove = by(anna(), remove_member(A, OTTO));
    let refused = (&[K2][..], Refusal::MembershipRemoved);
    let after = check_ends(given, remove, refused, &[K, OTTOS, MAXS, BOTS]);
    assert_eq!(after.admit(K, Some(A), 0), Err(Refusal::MembershipRemoved));
    assert!(after.admit(K, Some(B), 0).is_ok());
}

#[test]
fn removing_a_service_account_refuses_its_keys() {
    let remove = by(anna(), Command::RemoveServiceAccount { service_account: BOT });
    check_ends(vec![], remove, (&[BOTS], Refusal::OwnerRemoved), &[ETLS, MAXS, BEES]);
}

#[test]
fn a_service_account_of_the_same_name_revives_no_keys() {
    let name = account_name(BOT, "own");
    let create = Command::CreateServiceAccount {
        service_account: S,
        tenant: A,
        name,
        role: Role::Runner,
        first_key: None,
    };
    let scene = Scene::cast().given([
        by(anna(), Command::RemoveServiceAccount { service_account: BOT }),
        by(anna(), create),
        by(anna(), create_key(Owner::ServiceAccount(S), Reach::Tenant(A), K)),
    ]);
    assert_eq!(scene.accepts(BOTS, 0), Err(Refusal::OwnerRemoved));
    assert_eq!(scene.accepts(K, 0), Ok(()));
}

#[test]
fn a_tenant_of_the_same_slug_revives_no_keys() {
    let tenant = NewTenant { slug: new_tenant(A).slug, ..new_tenant(T) };
    let create = Command::CreateTenant { tenant, administrator: FirstAdministrator::Known(MAX) };
    let remove = by(olga(), Command::RemoveTenant { tenant: A });
    let scene = Scene::cast().given([remove, by(olga(), create)]);
    for key in [ANNAS, MAXS, BOTS] {
        assert_eq!(scene.accepts(key, 0), Err(Refusal::TenantRemoved));
    }
    assert_eq!(scene.admit(MAXS, Some(T), 0), Err(Refusal::OtherTenant));
}

#[test]
fn a_user_of_the_same_address_revives_no_keys() {
    let user = NewUser { email: new_user(MAX).email, ..new_user(U) };
    let create = Command::CreateUser { user, tenant: A, role: Role::Member, first_key: None };
    let scene = Scene::cast().given([by(olga(), Command::RemoveUser { user: MAX }), by(anna(), create)]);
    assert_eq!(scene.accepts(MAXS, 0), Err(Refusal::OwnerRemoved));
}

#[test]
fn joining_again_revives_no_key_confined_to_the_tenant() {
    let (left, rejoined) =
        (by(anna(), remove_member(A, MAX)), by(anna(), add_member(A, MAX, Role::Administrator)));
    let scene = Scene::cast().given([left, rejoined]);
    assert_eq!(scene.accepts(MAXS, 0), Err(Refusal::MembershipRemoved));
    scene.check(by(max(), remove_member(A, RITA)), rejected("MEMBERSHIP_REMOVED"));
}

#[test]
fn joining_again_revives_a_key_for_any_tenant_nowhere_but_where_its_user_stayed() {
    let (any, _) = unconfined(OTTO, K, B);
    let (joined, left) = (by(anna(), add_member(A, OTTO, Role::Member)), by(anna(), remove_member(A, OTTO)));
    let role = |scene: &Scene, tenant| scene.admit(K, Some(tenant), 0).map(|admission| admission.role);
    let gone = || Err(Refusal::MembershipRemoved);
    let scene = Scene::cast().given([any, joined.clone()]);
    assert_eq!(role(&scene, A), Ok(Some(Role::Member)), "a tenant joined for the first time");
    let scene = scene.given([left.clone()]);
    let position = scene.head();
    assert_eq!(scene.model.memberships[&(OTTO, A)].left, Some(position));
    assert_eq!(role(&scene, A), gone());
    let scene = scene.given([joined]);
    assert_eq!(
        scene.model.memberships[&(OTTO, A)].left,
        Some(position),
        "where it left, not where it joined"
    );
    assert_eq!(role(&scene, A), gone());
    assert_eq!(role(&scene, B), Ok(Some(Role::Member)), "it never left B");
    // Neither a new role nor a suspension of anything makes it forget.
    let scene = scene.given([
        by(anna(), Command::ChangeMemberRole { tenant: A, user: OTTO, role: Role::Administrator }),
        by(olga(), Command::SuspendUser { user: OTTO }),
        by(olga(), Command::ResumeUser { user: OTTO }),
        by(olga(), Command::SuspendTenant { tenant: A }),
        by(olga(), Command::ResumeTenant { tenant: A }),
        by(olga(), add_member(HOME, OTTO, Role::Runner)),
    ]);
    assert_eq!(role(&scene, A), gone());
    assert_eq!(role(&scene, HOME), Ok(Some(Role::Runner)), "joined later, for the first time");
    // A key from afterwards is accepted, until Otto leaves once more.
    let (later, _) = unconfined(OTTO, K2, B);
    let scene = scene.given([later]);
    assert!(scene.admit(K2, Some(A), 0).is_ok());
    let again = by(anna(), add_member(A, OTTO, Role::Member));
    let scene = scene.given([left, again]);
    assert_eq!(scene.admit(K2, Some(A), 0), Err(Refusal::MembershipRemoved));
    assert!(scene.model.memberships[&(OTTO, A)].left.is_some_and(|left| left > position));
}

#[test]
fn a_key_made_while_its_user_was_away_does_not_wait_for_the_return() {
    let (left, joined) = (by(anna(), remove_member(A, MAX)), by(anna(), add_member(A, MAX, Role::Member)));
    let joined_b = by(bert(), add_member(B, MAX, Role::Member));
    let (meanwhile, _) = unconfined(MAX, K, B);
    let scene = Scene::cast().given([joined_b, left, meanwhile, joined]);
    assert_eq!(scene.admit(K, Some(A), 0), Err(Refusal::MembershipRemoved));
    assert!(scene.admit(K, Some(B), 0).is_ok());
    let (afterwards, _) = unconfined(MAX, id(NEW + 1), A);
    assert!(scene.given([afterwards]).admit(id(NEW + 1), Some(A), 0).is_ok());
}

#[test]
fn a_key_for_any_tenant_falls_back_to_no_tenant_that_its_user_left_and_joined_again() {
    let (any, actor) = unconfined(MAX, K, A);
    let back = [by(anna(), remove_member(A, MAX)), by(anna(), add_member(A, MAX, Role::Administrator))];
    let scene = Scene::cast().given([any]).given(back);
    assert_eq!(scene.accepts(K, 0), Err(Refusal::MembershipRemoved));
    scene.clone().check(by(actor.clone(), remove_member(A, RITA)), rejected("NOT_FOUND"));
    let scene = scene.given([by(bert(), add_member(B, MAX, Role::Member))]);
    assert_eq!(scene.admit(K, None, 0).map(|admission| admission.tenant), Ok(Some(B)));
    scene.check(by(actor, remove_member(A, RITA)), rejected("NOT_FOUND"));
}

#[test]
fn joining_again_with_a_first_key_begins_anew() {
    let first_key = Some(new_key(Owner::User(MAX), K));
    let rejoin = Command::AddMember { tenant: A, user: MAX, role: Role::Member, first_key };
    let scene = Scene::cast().given([by(anna(), remove_member(A, MAX)), by(anna(), rejoin)]);
    assert_eq!(scene.accepts(MAXS, 0), Err(Refusal::MembershipRemoved));
    assert_eq!(scene.accepts(K, 0), Ok(()));
}

#[test]
fn a_key_for_any_tenant_falls_back_to_the_oldest_living_membership() {
    // Home is B; Otto joins A, then HOME: their ids are in the opposite order.
    let (any, _) = unconfined(OTTO, K, B);
    let scene = Scene::cast().given([
        any,
        by(anna(), add_member(A, OTTO, Role::Runner)),
        by(olga(), add_member(HOME, OTTO, Role::ReadOnly)),
    ]);
    let acts_in = |scene: &Scene| scene.admit(K, None, 0).map(|admission| admission.tenant);
    assert_eq!(acts_in(&scene), Ok(Some(B)));
    let ended = [by(bert(), remove_member(B, OTTO)), by(olga(), Command::RemoveTenant { tenant: B })];
    let refusals = [Refusal::MembershipRemoved, Refusal::TenantRemoved];
    for (end, refusal) in ended.into_iter().zip(refusals) {
        let scene = scene.clone().given([end]);
        assert_eq!(acts_in(&scene), Ok(Some(A)));
        assert_eq!(scene.admit(K, Some(B), 0), Err(refusal), "B was asked for");
        // Past one that is suspended, to the next.
        let suspended = scene.clone().given([by(olga(), Command::SuspendTenant { tenant: A })]);
        assert_eq!(acts_in(&suspended), Ok(Some(HOME)));
        let scene = scene.given([by(anna(), remove_member(A, OTTO))]);
        assert_eq!(acts_in(&scene), Ok(Some(HOME)));
        // A is not its own again when Otto comes back, even when nothing else is left.
        let scene = scene.given([by(anna(), add_member(A, OTTO, Role::Runner))]);
        assert_eq!(acts_in(&scene), Ok(Some(HOME)));
        let nowhere = scene.given([by(olga(), Command::RemoveTenant { tenant: HOME })]);
        assert_eq!(acts_in(&nowhere), Err(refusal));
    }
}

#[test]
fn a_key_for_any_tenant_falls_back_from_a_home_of_which_its_user_never_was_a_member() {
    let (any, _) = unconfined(OTTO, K, A);
    let scene = Scene::cast().given([any]);
    assert_eq!(scene.admit(K, None, 0).map(|admission| admission.tenant), Ok(Some(B)));
}

#[test]
fn a_key_for_any_tenant_whose_home_is_suspended_acts_nowhere_else_by_itself() {
    let (any, actor) = unconfined(OTTO, K, B);
    let joined = by(anna(), add_member(A, OTTO, Role::Administrator));
    let scene = Scene::cast().given([any, joined, by(olga(), Command::SuspendTenant { tenant: B })]);
    assert_eq!(scene.accepts(K, 0), Err(Refusal::TenantSuspended));
    assert_eq!(scene.admit(K, Some(B), 0), Err(Refusal::TenantSuspended));
    // Only where it is asked to.
    assert_eq!(scene.admit(K, Some(A), 0).map(|admission| admission.tenant), Ok(Some(A)));
    scene.clone().check(by(actor, remove_member(A, RITA)), events([removed(A, RITA)]));
    let resumed = scene.clone().given([by(olga(), Command::ResumeTenant { tenant: B })]);
    assert_eq!(resumed.admit(K, None, 0).map(|admission| admission.tenant), Ok(Some(B)));
    // A home that is suspended and was left, or then removed, does not come back.
    let left = scene.clone().given([fact(removed(B, OTTO))]);
    assert_eq!(left.admit(K, None, 0).map(|admission| admission.tenant), Ok(Some(A)));
    let gone = scene.given([by(olga(), Command::RemoveTenant { tenant: B })]);
    assert_eq!(gone.admit(K, None, 0).map(|admission| admission.tenant), Ok(Some(A)));
}

#[test]
fn an_operator_whose_home_is_suspended_gets_in_outside_of_any_tenant() {
    let joined = by(anna(), add_member(A, OLGA, Role::Administrator));
    let suspend = || by(olga(), Command::SuspendTenant { tenant: HOME });
    let scene = Scene::cast().given([joined, suspend()]);
    let outside = scene.admit(OLGAS, None, 0).map(|admission| (admission.tenant, admission.role));
    assert_eq!(outside, Ok((None, None)));
    assert_eq!(scene.admit(OLGAS, Some(HOME), 0), Err(Refusal::TenantSuspended));
    assert_eq!(scene.admit(OLGAS, Some(A), 0).map(|admission| admission.tenant), Ok(Some(A)));
    // So it can undo what it did.
    let scene = scene.given([by(olga(), Command::ResumeTenant { tenant: HOME })]);
    assert_eq!(scene.admit(OLGAS, None, 0).map(|admission| admission.tenant), Ok(Some(HOME)));
    // One whose grant was withdrawn does not; nor does a key confined to that tenant.
    let granted = [by(olga(), Command::GrantOperator { user: MAX }), suspend()];
    let confined = by(olga(), create_key(Owner::User(OLGA), Reach::Tenant(HOME), K));
    let (keys, operator) = unconfined(MAX, K2, A);
    let scene = Scene::cast().given([confined, keys]).given(granted);
    assert_eq!(scene.accepts(K, 0), Err(Refusal::TenantSuspended));
    let scene = scene.given([by(operator, Command::WithdrawOperator { user: OLGA })]);
    assert_eq!(scene.accepts(OLGAS, 0), Err(Refusal::TenantSuspended));
}

#[test]
fn a_user_without_any_living_membership_is_refused_for_what_befell_its_home() {
    let (any, _) = unconfined(OTTO, K, B);
    let scene = Scene::cast().given([any]);
    let left = scene.clone().given([by(bert(), remove_member(B, OTTO))]);
    assert_eq!(left.accepts(K, 0), Err(Refusal::MembershipRemoved));
    let gone = scene.given([by(olga(), Command::RemoveTenant { tenant: B })]);
    assert_eq!(gone.accepts(K, 0), Err(Refusal::TenantRemoved));
}

#[test]
fn an_operator_who_is_suspended_is_refused_for_what_befell_the_home_which_is_final() {
    let another = by(olga(), Command::GrantOperator { user: ANNA });
    let scene = Scene::cast().given([another, by(olga(), Command::RemoveTenant { tenant: HOME })]);
    let scene = scene.given([by(anna(), Command::SuspendUser { user: OLGA })]);
    assert_eq!(scene.accepts(OLGAS, 0), Err(Refusal::TenantRemoved));
    let scene = scene.given([by(anna(), Command::ResumeUser { user: OLGA })]);
    assert_eq!(scene.accepts(OLGAS, 0), Ok(()));
}

#[test]
fn an_operator_whose_only_tenant_was_removed_still_gets_in() {
    let scene = Scene::cast().given([by(olga(), Command::RemoveTenant { tenant: HOME })]);
    let admission = scene.admit(OLGAS, None, 0).expect("an operator is admitted outside of any tenant");
    assert_eq!((admission.tenant, admission.role), (None, None));
    assert_eq!(scene.admit(OLGAS, Some(HOME), 0), Err(Refusal::TenantRemoved));
    assert_eq!(scene.admit(OLGAS, Some(A), 0), Err(Refusal::NotAMember));
    let create =
        Command::CreateTenant { tenant: new_tenant(T), administrator: FirstAdministrator::Known(OLGA) };
    let scene = scene.given([by(olga(), create)]);
    assert_eq!(scene.admit(OLGAS, None, 0).map(|admission| admission.tenant), Ok(Some(T)));
}

#[test]
fn an_operator_outside_of_any_tenant_gets_in_only_with_a_key_that_lives() {
    let ends = [
        (Command::ChangeKeyExpiry { key: OLGAS, expires_at: Some(at(60)) }, Refusal::KeyExpired),
        (
            Command::RotateKey { key: OLGAS, successor: successor(K), grace_ends_at: at(60) },
            Refusal::KeyRotated,
        ),
        (Command::DisableKey { key: OLGAS }, Refusal::KeyDisabled),
        (revoke(OLGAS), Refusal::KeyRevoked),
    ];
    for (end, refusal) in ends {
        let gone = by(olga(), Command::RemoveTenant { tenant: HOME });
        let scene = Scene::cast().given([gone, by(olga(), end)]);
        assert_eq!(scene.admit(OLGAS, None, 60), Err(refusal));
    }
}

#[test]
fn a_tenants_suspension_is_undone_but_not_what_was_revoked_in_between() {
    let owner = Owner::User(MAX);
    let (any, actor) = unconfined(MAX, K2, A);
    let given = vec![any, by(max(), create_key(owner, Reach::Tenant(A), K))];
    let suspend = by(olga(), Command::SuspendTenant { tenant: A });
    let refused = (&[MAXS, K, BOTS][..], Refusal::TenantSuspended);
    let scene = check_ends(given, suspend, refused, &[OTTOS]);
    let scene = scene.given([
        by(actor, revoke(K)),
        by(olga(), revoke(BOTS)),
        by(olga(), Command::ResumeTenant { tenant: A }),
    ]);
    assert_eq!(scene.accepts(MAXS, 0), Ok(()));
    assert_eq!(scene.accepts(K, 0), Err(Refusal::KeyRevoked));
    assert_eq!(scene.accepts(BOTS, 0), Err(Refusal::KeyRevoked));
}

#[test]
fn a_users_suspension_is_undone_but_not_what_was_revoked_in_between() {
    let given = vec![by(max(), create_key(Owner::User(MAX), Reach::Tenant(A), K))];
    let suspend = by(olga(), Command::SuspendUser { user: MAX });
    let scene = check_ends(given, suspend, (&[MAXS, K], Refusal::OwnerSuspended), &[ANNAS]);
    let scene = scene.given([by(olga(), revoke(K)), by(olga(), Command::ResumeUser { user: MAX })]);
    assert_eq!((scene.accepts(MAXS, 0), scene.accepts(K, 0)), (Ok(()), Err(Refusal::KeyRevoked)));
}

#[test]
fn a_service_accounts_suspension_is_undone_but_not_what_was_revoked_in_between() {
    let (service_account, owner) = (BOT, Owner::ServiceAccount(BOT));
    let given = vec![by(anna(), create_key(owner, Reach::Tenant(A), K))];
    let suspend = by(anna(), Command::SuspendServiceAccount { service_account });
    let scene = check_ends(given, suspend, (&[BOTS, K], Refusal::OwnerSuspended), &[ETLS]);
    let resume = by(anna(), Command::ResumeServiceAccount { service_account });
    let scene = scene.given([by(anna(), revoke(K)), resume]);
    assert_eq!((scene.accepts(BOTS, 0), scene.accepts(K, 0)), (Ok(()), Err(Refusal::KeyRevoked)));
}

#[test]
fn a_suspension_does_not_undo_a_key_disabled_by_hand() {
    let scene = Scene::cast().given([
        by(max(), Command::DisableKey { key: MAXS }),
        by(olga(), Command::SuspendUser { user: MAX }),
        by(olga(), Command::ResumeUser { user: MAX }),
    ]);
    assert_eq!(scene.accepts(MAXS, 0), Err(Refusal::KeyDisabled));
}

#[test]
fn an_event_about_what_is_not_there_changes_nothing() {
    let strays = [
        Event::TenantSuspended { tenant: T },
        Event::TenantRemoved { tenant: T },
        Event::UserRemoved { user: U },
        Event::OperatorGranted { user: U },
        Event::MemberRemoved { tenant: T, user: U },
        Event::MemberRoleChanged { tenant: T, user: U, role: Role::Administrator },
        Event::ServiceAccountRemoved { service_account: S },
        Event::KeyEnabled { key: K },
        Event::KeyRotated { key: K, successor: K2, grace_ends_at: at(0) },
    ];
    for stray in strays {
        let before = Scene::cast();
        assert_eq!(before.clone().given([fact(stray)]).model, before.model);
    }
}
