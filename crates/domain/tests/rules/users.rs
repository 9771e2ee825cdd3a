//! Rules about users and operators: a user spans tenants, so only operators suspend and remove one.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewKey, NewUser};
use keyledger_domain::event::Event;
use keyledger_domain::ids::{KeyId, UserId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::rejection::Rejection;
use keyledger_domain::role::Role;

use crate::scene::*;

const U: UserId = id(NEW);
const K: KeyId = id(NEW);

fn create(user: NewUser, first_key: Option<NewKey>) -> Command {
    Command::CreateUser { user, tenant: A, role: Role::Member, first_key }
}

fn created() -> [Event; 2] {
    let NewUser { id: user, email, name } = new_user(U);
    [Event::UserCreated { user, email, name }, Event::MemberAdded { tenant: A, user, role: Role::Member }]
}

/// Max administers too, and Anna is not the last any more.
fn max_administers() -> Deed {
    by(anna(), Command::ChangeMemberRole { tenant: A, user: MAX, role: Role::Administrator })
}

#[test]
fn administrators_and_operators_bring_in_a_new_user() {
    for actor in [anna(), etl(), olga()] {
        check([], by(actor, create(new_user(U), None)), events(created()));
    }
    for actor in [max(), rita(), rex(), bot(), Actor::Console, Actor::Server] {
        check([], by(actor, create(new_user(U), None)), rejected("FORBIDDEN"));
    }
    for actor in [bert(), otto(), bee()] {
        check([], by(actor, create(new_user(U), None)), rejected("NOT_FOUND"));
    }
}

#[test]
fn the_first_key_of_a_new_user_acts_where_its_giver_does() {
    let key = new_key(Owner::User(U), K);
    let [user, member] = created();
    let first = key_created(Owner::User(U), Reach::Tenant(A), key.clone(), None);
    let expected = || events([user.clone(), member.clone(), first.clone()]);
    // An administrator gives what it administers, even by a key for any tenant.
    check([], by(anna(), create(new_user(U), Some(key.clone()))), expected());
    check([], by(etl(), create(new_user(U), Some(key.clone()))), expected());
    // An operator has any.
    let reach = Reach::AnyTenant { home: A };
    let first = key_created(Owner::User(U), reach, key.clone(), None);
    check([], by(olga(), create(new_user(U), Some(key))), events([user, member, first]));
    let taken = new_key(Owner::User(U), MAXS);
    check([], by(anna(), create(new_user(U), Some(taken))), rejected("ID_TAKEN"));
}

#[test]
fn a_narrowed_credential_gives_a_new_user_no_wider_key() {
    let administrator = || narrowed(anna(), "keyledger:admin flows:run");
    let key = |scopes| NewKey { scopes, ..new_key(Owner::User(U), K) };
    let wide = create(new_user(U), Some(new_key(Owner::User(U), K)));
    check([], by(administrator(), wide), rejected("SCOPES_NOT_HELD"));
    let narrow_key = key(narrow("flows:run"));
    let [user, member] = created();
    let first = key_created(Owner::User(U), Reach::Tenant(A), narrow_key.clone(), None);
    check([], by(administrator(), create(new_user(U), Some(narrow_key))), events([user, member, first]));
}

#[test]
fn ids_and_addresses_of_users_are_unique() {
    check([], by(anna(), create(new_user(OTTO), None)), rejected("ID_TAKEN"));
    let same_address = || NewUser { email: new_user(OTTO).email, ..new_user(U) };
    check([], by(anna(), create(same_address(), None)), rejected("EMAIL_TAKEN"));
    let suspended = by(olga(), Command::SuspendUser { user: OTTO });
    check([suspended], by(anna(), create(same_address(), None)), rejected("EMAIL_TAKEN"));
    let again = by(anna(), create(new_user(U), None));
    check([again.clone()], again, rejected("ID_TAKEN"));
}

#[test]
fn an_address_is_free_again_when_its_user_is_removed() {
    let same_address = NewUser { email: new_user(OTTO).email, ..new_user(U) };
    let [_, member] = created();
    let user = Event::UserCreated { user: U, email: same_address.email.clone(), name: None };
    let gone = by(olga(), Command::RemoveUser { user: OTTO });
    check([gone], by(anna(), create(same_address, None)), events([user, member]));
}

#[test]
fn operators_suspend_and_resume_a_user() {
    let suspend = || by(olga(), Command::SuspendUser { user: MAX });
    let resume = || by(olga(), Command::ResumeUser { user: MAX });
    check([], suspend(), once([Event::UserSuspended { user: MAX }]));
    check([suspend()], resume(), once([Event::UserResumed { user: MAX }]));
    check([], resume(), nothing());
    let removed = || by(olga(), Command::RemoveUser { user: MAX });
    check([removed()], suspend(), rejected("REMOVED"));
    check([removed()], resume(), rejected("REMOVED"));
    check([], by(olga(), Command::SuspendUser { user: U }), rejected("NOT_FOUND"));
}

#[test]
fn operators_remove_a_user_for_good() {
    check([], by(olga(), Command::RemoveUser { user: MAX }), once([Event::UserRemoved { user: MAX }]));
    check([], by(olga(), Command::RemoveUser { user: SUSI }), once([Event::UserRemoved { user: SUSI }]));
    check([], by(olga(), Command::RemoveUser { user: U }), rejected("NOT_FOUND"));
}

#[test]
fn only_operators_touch_users_and_operators() {
    let commands = [
        Command::SuspendUser { user: MAX },
        Command::ResumeUser { user: MAX },
        Command::RemoveUser { user: MAX },
        Command::GrantOperator { user: MAX },
        Command::WithdrawOperator { user: MAX },
    ];
    let confined = by(olga(), create_key(Owner::User(OLGA), Reach::Tenant(HOME), K));
    for command in commands {
        let narrow_operator = narrowed(olga(), "keyledger:admin keyledger:keys");
        for actor in [anna(), max(), etl(), bert(), narrow_operator, Actor::Console, Actor::Server] {
            check([], by(actor, command.clone()), rejected("FORBIDDEN"));
        }
        let confined_operator = shows(Owner::User(OLGA), K, Some(HOME));
        check([confined.clone()], by(confined_operator, command), rejected("FORBIDDEN"));
    }
}

#[test]
fn the_last_living_administrator_is_neither_suspended_nor_removed_and_the_refusal_names_the_tenants() {
    let last = || Then::Rejection(Rejection::LastAdministrator { tenants: vec![A] });
    check([], by(olga(), Command::SuspendUser { user: ANNA }), last());
    check([], by(olga(), Command::RemoveUser { user: ANNA }), last());
    let also_b = by(bert(), add_member(B, ANNA, Role::Administrator));
    let bert_left = by(bee(), remove_member(B, BERT));
    let both = Then::Rejection(Rejection::LastAdministrator { tenants: vec![A, B] });
    check([also_b, bert_left], by(olga(), Command::RemoveUser { user: ANNA }), both);
}

#[test]
fn a_suspended_administrator_and_a_service_account_do_not_count_as_living_administrators() {
    // Susi is suspended and ETL is no user: Anna is the last.
    let resumed = by(olga(), Command::ResumeUser { user: SUSI });
    let remove = || by(olga(), Command::RemoveUser { user: ANNA });
    check([], remove(), rejected("LAST_ADMINISTRATOR"));
    check([resumed], remove(), once([Event::UserRemoved { user: ANNA }]));
}

#[test]
fn with_another_administrator_one_can_go() {
    let suspend = by(olga(), Command::SuspendUser { user: ANNA });
    check([max_administers()], suspend.clone(), once([Event::UserSuspended { user: ANNA }]));
    let other = by(olga(), Command::RemoveUser { user: MAX });
    check([max_administers(), suspend], other, rejected("LAST_ADMINISTRATOR"));
}

#[test]
fn the_last_administrator_of_a_removed_tenant_can_go_but_not_of_a_suspended_one() {
    let remove = || by(olga(), Command::RemoveUser { user: ANNA });
    let gone = by(olga(), Command::RemoveTenant { tenant: A });
    check([gone], remove(), once([Event::UserRemoved { user: ANNA }]));
    let suspended = by(olga(), Command::SuspendTenant { tenant: A });
    check([suspended], remove(), rejected("LAST_ADMINISTRATOR"));
}

#[test]
fn operators_grant_and_withdraw() {
    let grant = || by(olga(), Command::GrantOperator { user: MAX });
    let withdraw = || by(olga(), Command::WithdrawOperator { user: MAX });
    check([], grant(), once([Event::OperatorGranted { user: MAX }]));
    check([grant()], withdraw(), once([Event::OperatorWithdrawn { user: MAX }]));
    check([], withdraw(), nothing());
    check([], by(olga(), Command::GrantOperator { user: SUSI }), rejected("SUSPENDED"));
    check([], by(olga(), Command::GrantOperator { user: U }), rejected("NOT_FOUND"));
    let removed = || by(olga(), Command::RemoveUser { user: MAX });
    check([removed()], grant(), rejected("REMOVED"));
    check([removed()], withdraw(), rejected("REMOVED"));
}

#[test]
fn an_operator_granted_operates_and_one_withdrawn_does_not() {
    let (key, actor) = unconfined(MAX, K, A);
    let operate = || by(actor.clone(), Command::SuspendUser { user: OTTO });
    let grant = || by(olga(), Command::GrantOperator { user: MAX });
    check([key.clone()], operate(), rejected("FORBIDDEN"));
    check([key.clone(), grant()], operate(), once([Event::UserSuspended { user: OTTO }]));
    let withdraw = by(olga(), Command::WithdrawOperator { user: MAX });
    check([key, grant(), withdraw], operate(), rejected("FORBIDDEN"));
}

#[test]
fn the_last_living_operator_stays() {
    let commands = || {
        [
            Command::WithdrawOperator { user: OLGA },
            Command::SuspendUser { user: OLGA },
            Command::RemoveUser { user: OLGA },
        ]
    };
    let grant = || by(olga(), Command::GrantOperator { user: MAX });
    let suspended = || by(olga(), Command::SuspendUser { user: MAX });
    for command in commands() {
        check([], by(olga(), command.clone()), rejected("LAST_OPERATOR"));
        check([grant(), suspended()], by(olga(), command), rejected("LAST_OPERATOR"));
    }
    let withdraw = Command::WithdrawOperator { user: OLGA };
    check([grant()], by(olga(), withdraw), events([Event::OperatorWithdrawn { user: OLGA }]));
}
