//! Erasure: of what ended only, once, and by whoever could have ended it.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::Command;
use keyledger_domain::event::Event;
use keyledger_domain::key::{Owner, Reach, RevocationReason};
use keyledger_domain::rejection::{Entity, Rejection};
use keyledger_domain::sealed::Subject;

use crate::scene::*;

fn erase(actor: Actor, subject: Subject) -> Deed {
    by(actor, Command::EraseSubject { subject })
}

fn erased(subject: Subject) -> Then {
    once([Event::SubjectErased { subject }])
}

#[test]
fn what_lives_or_is_only_suspended_is_not_erased() {
    let suspended = || {
        [
            by(olga(), Command::SuspendTenant { tenant: A }),
            by(olga(), Command::SuspendUser { user: MAX }),
            by(bert(), Command::SuspendServiceAccount { service_account: BEE }),
        ]
    };
    for subject in [Subject::Tenant(A), Subject::User(MAX), Subject::ServiceAccount(BEE)] {
        check([], erase(olga(), subject), rejected("NOT_REMOVED"));
        check(suspended(), erase(olga(), subject), rejected("NOT_REMOVED"));
    }
    check([], erase(olga(), Subject::User(id(NEW))), rejected("NOT_FOUND"));
    check([], erase(olga(), Subject::Tenant(id(NEW))), rejected("NOT_FOUND"));
    check([], erase(olga(), Subject::ServiceAccount(id(NEW))), rejected("NOT_FOUND"));
}

#[test]
fn a_removed_user_is_erased_once_and_by_operators() {
    let subject = Subject::User(MAX);
    let removed = || by(olga(), Command::RemoveUser { user: MAX });
    check([removed()], erase(olga(), subject), erased(subject));
    check([removed(), erase(olga(), subject)], erase(olga(), subject), nothing());
    for actor in [anna(), etl(), bert(), Actor::Console, Actor::Server] {
        check([removed()], erase(actor, subject), rejected("FORBIDDEN"));
    }
    check([removed()], erase(max(), subject), rejected("OWNER_REMOVED"));
}

#[test]
fn a_removed_service_account_is_erased_by_its_administrators_and_by_operators() {
    let subject = Subject::ServiceAccount(BOT);
    let removed = || by(anna(), Command::RemoveServiceAccount { service_account: BOT });
    check([removed()], erase(anna(), subject), erased(subject));
    check([removed()], erase(olga(), subject), erased(subject));
    check([removed()], erase(max(), subject), rejected("FORBIDDEN"));
    check([removed()], erase(bert(), subject), rejected("NOT_FOUND"));
    check([removed(), erase(olga(), subject)], erase(anna(), subject), nothing());
}

#[test]
fn nothing_is_remarked_about_a_key_of_somebody_erased_for_nobody_could_read_it() {
    let gone = || by(anna(), Command::RemoveServiceAccount { service_account: BOT });
    let note = || Some(key_name(Owner::ServiceAccount(BOT), "INC-4711").text);
    let remark = || by(anna(), Command::ChangeKeyNote { key: BOTS, note: note() });
    let end =
        |note| by(anna(), Command::RevokeKey { key: BOTS, reason: RevocationReason::Unspecified, note });
    for given in [vec![gone()], vec![gone(), erase(anna(), Subject::ServiceAccount(BOT))]] {
        let erased = given.len() > 1;
        let scene = Scene::cast().given(given);
        if erased {
            let removed = || Then::Rejection(Rejection::Removed(Entity::ServiceAccount(BOT)));
            scene.clone().check(remark(), removed());
            scene.clone().check(end(note()), removed());
            // Whoever may not see the key is told nothing of its owner.
            scene.clone().check(by(bert(), revoke(BOTS)), rejected("NOT_FOUND"));
        } else {
            scene.clone().given([remark()]);
        }
        scene.given([end(None)]);
    }
}

#[test]
fn what_rested_on_a_removed_tenant_is_erased_by_operators() {
    let removed = || by(olga(), Command::RemoveTenant { tenant: A });
    for subject in [Subject::Tenant(A), Subject::ServiceAccount(BOT)] {
        check([removed()], erase(olga(), subject), erased(subject));
        check([removed()], erase(anna(), subject), rejected("REMOVED"));
    }
    check([removed()], erase(bert(), Subject::Tenant(A)), rejected("NOT_FOUND"));
    // A user is not of one tenant.
    check([removed()], erase(olga(), Subject::User(MAX)), rejected("NOT_REMOVED"));
}

#[test]
fn a_narrowed_or_confined_operator_erases_nobody() {
    let subject = Subject::User(MAX);
    let removed = || by(olga(), Command::RemoveUser { user: MAX });
    check([removed()], erase(narrowed(olga(), "keyledger:admin"), subject), rejected("FORBIDDEN"));
    let confined = by(olga(), create_key(Owner::User(OLGA), Reach::Tenant(HOME), id(NEW)));
    let actor = shows(Owner::User(OLGA), id(NEW), Some(HOME));
    check([removed(), confined], erase(actor, subject), rejected("FORBIDDEN"));
}

#[test]
fn erasure_revives_nothing_and_frees_nothing_more() {
    let removed = || by(olga(), Command::RemoveUser { user: MAX });
    let gone = || [removed(), erase(olga(), Subject::User(MAX))];
    check(gone(), by(olga(), Command::ResumeUser { user: MAX }), rejected("REMOVED"));
    check(gone(), by(anna(), create_key(Owner::User(MAX), Reach::Tenant(A), id(NEW))), rejected("NOT_FOUND"));
    let scene = Scene::cast().given(gone());
    assert!(scene.accepts(MAXS, 0).is_err());
}
