//! Decisions are idempotent: what is already so yields no event, and is no error.

use std::convert::Infallible;

use keyledger_domain::actor::Actor;
use keyledger_domain::command::Command;
use keyledger_domain::decide;
use keyledger_domain::event::{RetirementReason, TokenTarget};
use keyledger_domain::key::Owner;
use keyledger_domain::rejection::{Refusal, Rejection};
use keyledger_domain::role::Role;

use crate::scene::*;

/// Every command that can be repeated: the deed after which it is already so, and who wishes it.
fn repeatable() -> Vec<(Actor, Command)> {
    let signing_key = new_signing_key(id(NEW), at(0));
    let compromised = RetirementReason::Compromised;
    vec![
        (anna(), Command::RenameTenant { tenant: A, name: tenant_name(A, "new") }),
        (anna(), Command::ChangeTenantPolicy { tenant: A, policy: policy(Some(9), Some(8)) }),
        (olga(), Command::SuspendTenant { tenant: A }),
        (olga(), Command::RemoveTenant { tenant: A }),
        (olga(), Command::SuspendUser { user: MAX }),
        (olga(), Command::ResumeUser { user: SUSI }),
        (olga(), Command::RemoveUser { user: MAX }),
        (olga(), Command::GrantOperator { user: MAX }),
        (anna(), add_member(A, OTTO, Role::Member)),
        (anna(), Command::ChangeMemberRole { tenant: A, user: MAX, role: Role::Runner }),
        (anna(), remove_member(A, MAX)),
        (anna(), Command::RenameServiceAccount { service_account: BOT, name: account_name(BOT, "new") }),
        (anna(), Command::ChangeServiceAccountRole { service_account: BOT, role: Role::Member }),
        (anna(), Command::SuspendServiceAccount { service_account: BOT }),
        (anna(), Command::RemoveServiceAccount { service_account: BOT }),
        (anna(), Command::RenameKey { key: BOTS, name: account_name(BOT, "new") }),
        (anna(), Command::ChangeKeyExpiry { key: BOTS, expires_at: Some(at(60)) }),
        (anna(), Command::DisableKey { key: BOTS }),
        (anna(), revoke(BOTS)),
        (
            olga(),
            Command::RetireSigningKey {
                signing_key: SIGNING,
                reason: compromised,
                replacement: Some(signing_key),
            },
        ),
    ]
}

#[test]
fn a_command_repeated_by_the_same_actor_yields_no_event() {
    for (actor, command) in repeatable() {
        let deed = by(actor, command);
        check([deed.clone()], deed, nothing());
    }
}

#[test]
fn a_command_repeated_by_another_who_may_yields_no_event() {
    for (actor, command) in repeatable() {
        if actor == anna() {
            check([by(anna(), command.clone())], by(etl(), command), nothing());
        }
    }
}

#[test]
fn a_command_repeated_by_somebody_who_may_not_is_still_rejected() {
    for (actor, command) in repeatable() {
        let scene = Scene::cast().given([by(actor, command.clone())]);
        for stranger in [bert(), otto(), bee()] {
            let outcome = scene.decide(&stranger, command.clone(), at(0));
            assert!(outcome.is_err(), "{command:?} by {stranger:?}: {outcome:?}");
        }
    }
}

#[test]
fn the_same_question_to_the_same_state_has_the_same_answer() {
    let scene = Scene::cast();
    for (actor, command) in repeatable() {
        let ask = || scene.decide(&actor, command.clone(), at(0));
        assert_eq!(ask(), ask());
    }
}

#[test]
fn an_earlier_answer_is_for_a_credential_that_is_still_accepted() {
    let ask = |scene: &Scene, actor: &Actor, seconds| {
        let Ok(answer): Result<_, Infallible> = decide::authenticated(&scene.model, actor, at(seconds));
        answer
    };
    let refused = |refusal| Err(Rejection::NotAuthenticated(refusal));
    let scene = Scene::cast();
    let token = scene.mint(id(1), MAXS, A).shown_by(Owner::User(MAX));
    let living = [Actor::Console, Actor::Server, olga(), anna(), narrowed(max(), ""), bot(), token.clone()];
    for actor in living {
        assert_eq!(ask(&scene, &actor, 0), Ok(()), "{actor:?}");
    }
    assert_eq!(ask(&scene, &mira(), 0), refused(Refusal::KeyRevoked));
    assert_eq!(ask(&scene, &susi(), 0), refused(Refusal::OwnerSuspended));
    assert_eq!(ask(&scene, &shows(Owner::User(MAX), ANNAS, None), 0), refused(Refusal::KeyUnknown));
    let target = TokenTarget::Key(MAXS);
    let revoked = scene.clone().given([by(max(), Command::RevokeTokens { target })]);
    assert_eq!(ask(&revoked, &token, 0), refused(Refusal::TokenRevoked));
    assert_eq!(ask(&revoked, &max(), 0), Ok(()));
    let left = scene.clone().given([by(max(), remove_member(A, MAX))]);
    assert_eq!(ask(&left, &max(), 0), refused(Refusal::MembershipRemoved));
    let ends = Command::ChangeKeyExpiry { key: MAXS, expires_at: Some(at(60)) };
    let ends = scene.given([by(max(), ends)]);
    assert_eq!((ask(&ends, &max(), 59), ask(&ends, &max(), 60)), (Ok(()), refused(Refusal::KeyExpired)));
}
