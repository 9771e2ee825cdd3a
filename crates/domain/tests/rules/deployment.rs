//! The beginning of a ledger, and going on after a restored backup: only at the machine itself.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewSigningKey, NewUser};
use keyledger_domain::event::{Event, RetirementReason};
use keyledger_domain::ids::SigningKeyId;
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::role::Role;
use keyledger_domain::time::Position;

use crate::scene::*;

const NEXT: SigningKeyId = id(NEW);

fn added(id: SigningKeyId) -> Event {
    let NewSigningKey { id, public_key, active_from } = new_signing_key(id, at(0));
    Event::SigningKeyAdded { signing_key: id, public_key, active_from }
}

fn accept_rollback() -> Command {
    let signing_key = new_signing_key(NEXT, at(0));
    Command::AcceptRollback { guard_position: Position::new(99), guard_hash: [7; 32], signing_key }
}

#[test]
fn a_ledger_begins_with_a_tenant_an_administrator_who_operates_a_key_and_a_signing_key() {
    let begin = by(Actor::Console, bootstrap(HOME, OLGA, OLGAS, SIGNING));
    let tenant = new_tenant(HOME);
    let NewUser { id: user, email, name } = new_user(OLGA);
    let expected = events([
        Event::TenantCreated { tenant: HOME, slug: tenant.slug, name: tenant.name, policy: tenant.policy },
        Event::UserCreated { user, email, name },
        Event::OperatorGranted { user: OLGA },
        Event::MemberAdded { tenant: HOME, user: OLGA, role: Role::Administrator },
        key_created(
            Owner::User(OLGA),
            Reach::AnyTenant { home: HOME },
            new_key(Owner::User(OLGA), OLGAS),
            None,
        ),
        added(SIGNING),
    ]);
    Scene::default().check(begin, expected);
}

#[test]
fn a_ledger_begins_once() {
    let again = by(Actor::Console, bootstrap(id(NEW), id(NEW), id(NEW), NEXT));
    check([], again, rejected("ALREADY_INITIALISED"));
}

#[test]
fn the_policy_of_the_first_tenant_binds_the_first_key() {
    let begin = |policy, expires_at| {
        let Command::Bootstrap(mut begin) = bootstrap(HOME, OLGA, OLGAS, SIGNING) else { panic!("not that") };
        begin.tenant.policy = policy;
        begin.key.expires_at = expires_at;
        by(Actor::Console, Command::Bootstrap(begin))
    };
    let too_long = begin(policy(Some(100), None), Some(at(101)));
    Scene::default().check(too_long, rejected("KEY_LIFE_TOO_LONG"));
    for (policy, end) in [(policy(Some(100), None), 100), (policy(Some(100), Some(60)), 60)] {
        let scene = Scene::default().given([begin(policy, None)]);
        assert_eq!(scene.model.keys[&OLGAS].life.expires_at, Some(at(end)));
    }
}

#[test]
fn an_accepted_rollback_replaces_every_signing_key() {
    let later =
        || by(Actor::Server, Command::AddSigningKey { signing_key: new_signing_key(id(0x61), at(0)) });
    let reason = RetirementReason::Compromised;
    let expected = events([
        Event::RollbackAccepted { guard_position: Position::new(99), guard_hash: [7; 32] },
        Event::SigningKeyRetired { signing_key: SIGNING, reason },
        Event::SigningKeyRetired { signing_key: id(0x61), reason },
        added(NEXT),
    ]);
    check([later()], by(Actor::Console, accept_rollback()), expected);
    // One that was merely superseded is distrusted now; one known as compromised need not be told again.
    let retire =
        |reason| by(olga(), Command::RetireSigningKey { signing_key: SIGNING, reason, replacement: None });
    let retired = |signing_key| Event::SigningKeyRetired { signing_key, reason };
    let accepted = Event::RollbackAccepted { guard_position: Position::new(99), guard_hash: [7; 32] };
    let superseded = [later(), retire(RetirementReason::Superseded)];
    let expected = events([accepted.clone(), retired(SIGNING), retired(id(0x61)), added(NEXT)]);
    check(superseded, by(Actor::Console, accept_rollback()), expected);
    let compromised = [later(), retire(RetirementReason::Compromised)];
    let expected = events([accepted, retired(id(0x61)), added(NEXT)]);
    check(compromised, by(Actor::Console, accept_rollback()), expected);
    check(
        [by(Actor::Console, accept_rollback())],
        by(Actor::Console, accept_rollback()),
        rejected("ID_TAKEN"),
    );
}

#[test]
fn only_the_console_begins_a_ledger_or_accepts_a_rollback() {
    for actor in [Actor::Server, olga(), anna(), etl(), bert()] {
        check([], by(actor.clone(), accept_rollback()), rejected("CONSOLE_ONLY"));
        check([], by(actor, bootstrap(id(NEW), id(NEW), id(NEW), NEXT)), rejected("CONSOLE_ONLY"));
    }
    Scene::default()
        .check(by(Actor::Server, bootstrap(HOME, OLGA, OLGAS, SIGNING)), rejected("CONSOLE_ONLY"));
}
