//! Trying again does not do it twice: the same key and input give the same events, another input a conflict.

use std::sync::mpsc;

use domain::actor::{Actor, Holder};
use domain::event::Event;
use domain::ids::KeyId;
use domain::key::{Owner, Reach};
use domain::names::Name;
use domain::role::Role;
use domain::{Command, Refusal, Rejection};
use keyledger_authority::{Done, Failure, Shown, When};

use keyledger_authority::compose::Composed;

use crate::scene::{Scene, key_input};

fn key_named(scene: &Scene, name: &str) -> Composed {
    let reach = Reach::AnyTenant { home: scene.tenant };
    scene.authority.create_key(Owner::User(scene.user), reach, &key_input(name)).unwrap()
}

fn attempt(scene: &Scene, key: &str, composed: Composed) -> Result<Done, Failure> {
    scene.authority.execute(&scene.actor(), &scene.attempt(key), composed)
}

#[test]
fn the_same_again_gives_the_same_events_and_no_second_one_and_its_fresh_secret_opens_nothing() {
    let scene = Scene::new();
    let (first, second) = (key_named(&scene, "ci"), key_named(&scene, "ci"));
    let shown = |composed: &Composed| composed.key.as_ref().unwrap().expose().to_owned();
    let (first_secret, second_secret) = (shown(&first), shown(&second));
    assert_ne!(first_secret, second_secret);
    let done = attempt(&scene, "a-1", first).unwrap();
    assert_eq!(done.when, When::Now);
    let again = attempt(&scene, "a-1", second).unwrap();
    assert_eq!(again.when, When::Before);
    assert_eq!(again.recorded, done.recorded);
    assert_eq!(scene.authority.position(), done.position);
    assert_eq!(scene.refused(&first_secret), None);
    assert_eq!(scene.refused(&second_secret), Some(Refusal::KeyUnknown));

    let scene = scene.reopened();
    let later = attempt(&scene, "a-1", key_named(&scene, "ci")).unwrap();
    assert_eq!((later.when, later.recorded), (When::Before, done.recorded), "kept for good");
}

#[test]
fn the_same_key_for_another_wish_is_a_conflict_and_changes_nothing() {
    let scene = Scene::new();
    let (key, _) = scene.own_key(&key_input("old"));
    let done = attempt(&scene, "a-1", key_named(&scene, "ci")).unwrap();
    let others: [Composed; 3] = [
        key_named(&scene, "cd"),
        Composed::plain(Command::DisableKey { key }),
        scene.authority.create_service_account(scene.tenant, &Name::parse("ci").unwrap(), Role::Runner),
    ];
    for other in others {
        assert_eq!(attempt(&scene, "a-1", other), Err(Failure::IdempotencyConflict));
    }
    assert_eq!(scene.authority.position(), done.position);
    // Another key, and it is done.
    assert_eq!(attempt(&scene, "a-2", key_named(&scene, "cd")).unwrap().when, When::Now);
}

/// Whoever asks was let in before the writer came to it: what was true then need not be true any more.
#[test]
fn nothing_is_told_again_to_a_credential_that_has_ended_since() {
    let scene = Scene::new();
    let (key, _) = scene.own_key(&key_input("laptop"));
    let actor = shown_by(&scene, key);
    let make = || key_named(&scene, "ci");
    let done = scene.authority.execute(&actor, &scene.attempt("a-1"), make()).unwrap();
    assert_eq!(done.when, When::Now);
    scene.must(Command::DisableKey { key });
    let refused = scene.authority.execute(&actor, &scene.attempt("a-1"), make());
    let why = Rejection::NotAuthenticated(Refusal::KeyDisabled);
    assert_eq!(refused, Err(Failure::Rejected(why)));
    // A credential of the same owner that lives is told.
    let again = attempt(&scene, "a-1", make()).unwrap();
    assert_eq!((again.when, again.recorded), (When::Before, done.recorded));
}

fn shown_by(scene: &Scene, key: KeyId) -> Actor {
    let Actor::Holder(root) = scene.actor() else { panic!("whoever shows a key holds it") };
    Actor::Holder(Holder { key, ..root })
}

#[test]
fn what_was_refused_or_changed_nothing_does_not_use_the_key_up() {
    let scene = Scene::new();
    let (key, _) = scene.own_key(&key_input("some"));
    let gone = domain::ids::KeyId::from_bytes([7; 16]);
    let refused = attempt(&scene, "a-1", Composed::plain(Command::DisableKey { key: gone }));
    assert!(matches!(refused, Err(Failure::Rejected(_))), "{refused:?}");
    let idle = attempt(&scene, "a-1", Composed::plain(Command::EnableKey { key })).unwrap();
    assert_eq!((idle.when, idle.recorded), (When::Now, vec![]));
    let done = attempt(&scene, "a-1", Composed::plain(Command::DisableKey { key })).unwrap();
    assert_eq!((done.when, done.recorded.len()), (When::Now, 1));
    let conflict = attempt(&scene, "a-1", Composed::plain(Command::EnableKey { key }));
    assert_eq!(conflict, Err(Failure::IdempotencyConflict));
}

#[test]
fn actors_do_not_share_keys_but_the_credentials_of_one_owner_do() {
    let scene = Scene::new();
    let (_, other) = scene.own_key(&key_input("other"));
    let token = scene.exchange(&scene.root, None).token;
    let (_, member) = scene.member(scene.tenant, "bob", Role::Administrator);
    let named = |name: &str| {
        let name = Name::parse(name).unwrap();
        scene.authority.create_service_account(scene.tenant, &name, Role::Runner)
    };
    let by = |shown: &str, composed| {
        let actor = scene.authority.authenticate(Shown::from_nowhere(shown), None).unwrap().actor;
        scene.authority.execute(&actor, &scene.attempt("same"), composed)
    };
    let done = by(&scene.root, named("one")).unwrap();
    for shown in [&other, &token] {
        let again = by(shown, named("one")).unwrap();
        assert_eq!((again.when, &again.recorded), (When::Before, &done.recorded));
        assert_eq!(by(shown, named("two")), Err(Failure::IdempotencyConflict));
    }
    let of_another = by(&member.unwrap(), named("two")).unwrap();
    assert_eq!((of_another.when, of_another.recorded.len()), (When::Now, 1));
}

#[test]
fn of_many_at_once_one_does_it_and_all_are_told_the_same() {
    let scene = Scene::new();
    let (reply, answers) = mpsc::channel();
    let actor = scene.actor();
    for _ in 0..24 {
        let (composed, reply) = (key_named(&scene, "ci"), reply.clone());
        scene.authority.submit(&actor, &scene.attempt("a-1"), composed, move |outcome| {
            reply.send(outcome.unwrap()).unwrap();
        });
    }
    drop(reply);
    let answers: Vec<Done> = answers.iter().collect();
    assert_eq!(answers.len(), 24);
    assert_eq!(answers.iter().filter(|done| done.when == When::Now).count(), 1);
    assert!(answers.iter().all(|done| done.recorded == answers[0].recorded));
    let made = scene.log().into_iter().filter(|it| matches!(it.event, Event::KeyCreated(_))).count();
    assert_eq!(made, 2, "the first user's and this one");
}

#[test]
fn making_somebody_known_twice_is_still_the_same_wish() {
    // The second time the user is known, so another command is composed; what was asked is the same.
    let scene = Scene::new();
    let ask = || {
        let tenant = crate::scene::tenant_input("globex");
        scene.authority.create_tenant(&tenant, &crate::scene::user_input("bob")).unwrap()
    };
    let done = attempt(&scene, "a-1", ask()).unwrap();
    let again = attempt(&scene, "a-1", ask()).unwrap();
    assert_eq!((again.when, again.recorded), (When::Before, done.recorded));
}
