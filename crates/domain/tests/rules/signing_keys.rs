//! Rules about the keys that sign tokens: operators and the server's schedule change them.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewSigningKey};
use keyledger_domain::event::{Event, RetirementReason};
use keyledger_domain::ids::SigningKeyId;

use crate::scene::*;

const NEXT: SigningKeyId = id(NEW);

fn add(active_from: u64) -> Command {
    Command::AddSigningKey { signing_key: new_signing_key(NEXT, at(active_from)) }
}

fn added(active_from: u64) -> Event {
    let NewSigningKey { id, public_key, active_from } = new_signing_key(NEXT, at(active_from));
    Event::SigningKeyAdded { signing_key: id, public_key, active_from }
}

fn retire(reason: RetirementReason, replacement: Option<NewSigningKey>) -> Command {
    Command::RetireSigningKey { signing_key: SIGNING, reason, replacement }
}

const fn retired(reason: RetirementReason) -> Event {
    Event::SigningKeyRetired { signing_key: SIGNING, reason }
}

use RetirementReason::{Compromised, Superseded};

#[test]
fn operators_and_the_server_add_them() {
    for actor in [olga(), Actor::Server] {
        check([], by(actor.clone(), add(60)), events([added(60)]));
        check([by(actor.clone(), add(60))], by(actor, add(60)), rejected("ID_TAKEN"));
    }
}

#[test]
fn operators_and_the_server_retire_one_once_another_signs() {
    for actor in [olga(), Actor::Server] {
        let retire = || by(actor.clone(), retire(Superseded, None));
        check([], retire(), rejected("LAST_SIGNING_KEY"));
        let another = || by(Actor::Server, add(60));
        check([another()], retire().at(59), rejected("LAST_SIGNING_KEY"));
        check([another()], retire().at(60), once([retired(Superseded)]));
    }
}

#[test]
fn the_last_one_is_retired_with_its_replacement() {
    let replace = || by(olga(), retire(Compromised, Some(new_signing_key(NEXT, at(0)))));
    check([], replace(), once([added(0), retired(Compromised)]));
    let taken = by(olga(), retire(Compromised, Some(new_signing_key(SIGNING, at(0)))));
    check([], taken, rejected("ID_TAKEN"));
    let unknown = Command::RetireSigningKey { signing_key: NEXT, reason: Superseded, replacement: None };
    check([], by(olga(), unknown), rejected("NOT_FOUND"));
}

#[test]
fn the_last_one_is_not_retired_for_a_replacement_that_signs_only_later() {
    for reason in [Superseded, Compromised] {
        let replace = || by(olga(), retire(reason, Some(new_signing_key(NEXT, at(60)))));
        check([], replace().at(59), rejected("LAST_SIGNING_KEY"));
        check([], replace().at(60), once([added(60), retired(reason)]));
        let another = |active_from| {
            let signing_key = new_signing_key(id(NEW + 1), at(active_from));
            by(Actor::Server, Command::AddSigningKey { signing_key })
        };
        check([another(59)], replace().at(59), once([added(60), retired(reason)]));
        check([another(60)], replace().at(59), rejected("LAST_SIGNING_KEY"));
    }
}

#[test]
fn a_retired_one_can_still_turn_out_compromised_but_not_the_reverse() {
    let another = || by(Actor::Server, add(0));
    let retired_as = |reason| by(olga(), retire(reason, None));
    check([another(), retired_as(Superseded)], retired_as(Compromised), once([retired(Compromised)]));
    check([another(), retired_as(Compromised)], retired_as(Superseded), nothing());
}

#[test]
fn nobody_else_touches_them() {
    let confined = by(olga(), create_key(olga_owns(), keyledger_domain::key::Reach::Tenant(HOME), id(NEW)));
    for command in [add(0), retire(Superseded, Some(new_signing_key(NEXT, at(0))))] {
        for actor in [anna(), max(), etl(), bert(), Actor::Console, narrowed(olga(), "keyledger:admin")] {
            check([], by(actor, command.clone()), rejected("FORBIDDEN"));
        }
        let confined_operator = shows(olga_owns(), id(NEW), Some(HOME));
        check([confined.clone()], by(confined_operator, command), rejected("FORBIDDEN"));
    }
}

const fn olga_owns() -> keyledger_domain::key::Owner {
    keyledger_domain::key::Owner::User(OLGA)
}
