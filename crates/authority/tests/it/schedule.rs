//! The schedule of signing keys on a running authority: published ahead, switched, retired; each once.

use credentials::jws::Unverified;
use credentials::signing_key::Kid;
use domain::actor::{ActorId, Way};
use domain::event::{Event, RetirementReason};
use domain::ids::SigningKeyId;
use keyledger_authority::Shown;
use keyledger_authority::SigningKeyPolicy;

use crate::scene::{Scene, at};

const HOUR: i64 = 3_600_000;

/// A new key every ten hours, published an hour before.
fn policy() -> SigningKeyPolicy {
    SigningKeyPolicy::new(36_000, 3600).unwrap()
}

/// Lets the schedule do what is due, and says how many events that made.
fn tick(scene: &Scene, ms: i64) -> usize {
    scene.clock.set(at(ms));
    let before = scene.log().len();
    scene.authority.keep_signing_keys(&policy()).unwrap();
    scene.log().len() - before
}

fn kid(scene: &Scene, id: SigningKeyId) -> String {
    Kid::of(&scene.model().signing_keys[&id].public_key).to_string()
}

fn signed_by(token: &str) -> String {
    Unverified::parse(token).unwrap().kid().to_string()
}

fn accepted(scene: &Scene, token: &str) -> bool {
    scene.authority.authenticate(Shown::from_nowhere(token), None).is_ok()
}

#[test]
fn a_key_is_known_before_its_first_token_and_lives_until_its_last() {
    let scene = Scene::new();
    let first = kid(&scene, scene.signing_keys()[0]);
    assert_eq!(tick(&scene, 0), 0);
    assert_eq!(tick(&scene, 9 * HOUR - 1), 0);
    assert_eq!(tick(&scene, 9 * HOUR), 1, "the next one is published");
    let second = kid(&scene, scene.signing_keys()[1]);
    assert!(scene.authority.jwks().contains(&second), "an hour before its first token");
    assert_eq!(signed_by(&scene.exchange(&scene.root, None).token), first);

    assert_eq!(tick(&scene, 10 * HOUR - 1), 0);
    let last_of_first = scene.exchange(&scene.root, None).token;
    assert_eq!(signed_by(&last_of_first), first);
    assert_eq!(tick(&scene, 10 * HOUR), 0);
    assert_eq!(signed_by(&scene.exchange(&scene.root, None).token), second, "no event is needed to switch");
    for ms in [0, 60_000, 598_999] {
        assert_eq!(tick(&scene, 10 * HOUR + ms), 0);
        assert!(accepted(&scene, &last_of_first), "{ms} after the switch");
        assert!(scene.authority.jwks().contains(&first), "{ms} after the switch");
    }
    assert_eq!(tick(&scene, 10 * HOUR + 900_000), 0);
    assert_eq!(tick(&scene, 10 * HOUR + 901_000), 1, "the first one is retired");
    assert_eq!(
        scene.model().signing_keys[&scene.signing_keys()[0]].retired.unwrap().reason,
        RetirementReason::Superseded
    );
    assert!(accepted(&scene, &scene.exchange(&scene.root, None).token));
    assert_eq!(tick(&scene, 10 * HOUR + 901_000), 0);
}

#[test]
fn its_events_say_that_the_server_did_it_on_schedule() {
    let scene = Scene::new();
    assert_eq!(tick(&scene, 9 * HOUR), 1);
    assert_eq!(tick(&scene, 11 * HOUR), 1);
    let log = scene.log();
    let [published, retired] = &log[log.len() - 2..] else { panic!("two events") };
    assert!(
        matches!(published.event, Event::SigningKeyAdded { active_from, .. } if active_from == at(10 * HOUR))
    );
    assert!(matches!(retired.event, Event::SigningKeyRetired { .. }));
    for recorded in [published, retired] {
        assert_eq!((&recorded.metadata.actor, recorded.metadata.way), (&ActorId::Server, Way::Schedule));
    }
}

#[test]
fn a_server_that_was_off_and_one_that_restarts_do_each_thing_once() {
    let mut scene = Scene::new();
    // Off for a month: late, and still an hour ahead.
    assert_eq!(tick(&scene, 720 * HOUR), 1);
    for minutes in [0, 1, 59] {
        scene = scene.reopened();
        assert_eq!(tick(&scene, 720 * HOUR + minutes * 60_000), 0, "{minutes} minutes later");
        assert_eq!(signed_by(&scene.exchange(&scene.root, None).token), kid(&scene, scene.signing_keys()[0]));
    }
    scene = scene.reopened();
    assert_eq!(tick(&scene, 721 * HOUR), 0);
    assert_eq!(signed_by(&scene.exchange(&scene.root, None).token), kid(&scene, scene.signing_keys()[1]));
    assert_eq!(tick(&scene, 722 * HOUR), 1);
    scene = scene.reopened();
    assert_eq!(tick(&scene, 722 * HOUR), 0);
}

#[test]
fn a_clock_that_jumps_leaves_nobody_without_tokens_and_writes_nothing_twice() {
    let scene = Scene::new();
    assert_eq!(tick(&scene, 100_000 * HOUR), 1, "far ahead");
    for ms in [0, HOUR, 12 * HOUR] {
        assert_eq!(tick(&scene, ms), 0, "back again");
        let token = scene.exchange(&scene.root, None).token;
        assert!(accepted(&scene, &token) && scene.authority.jwks().contains(&signed_by(&token)));
    }
    // Ahead until the first key was retired, and back before the second one signs.
    assert_eq!(tick(&scene, 100_001 * HOUR), 0);
    assert_eq!(tick(&scene, 100_002 * HOUR), 1);
    assert_eq!(tick(&scene, HOUR), 0);
    let token = scene.exchange(&scene.root, None).token;
    assert_eq!(signed_by(&token), kid(&scene, scene.signing_keys()[1]));
    assert!(accepted(&scene, &token) && scene.authority.jwks().contains(&signed_by(&token)));
}

#[test]
fn a_rotation_by_hand_puts_the_next_one_off() {
    let scene = Scene::new();
    scene.clock.set(at(5 * HOUR));
    scene.as_root(scene.authority.rotate_signing_key(None)).unwrap();
    assert_eq!(tick(&scene, 5 * HOUR), 0);
    assert_eq!(tick(&scene, 6 * HOUR), 1, "what it superseded is retired");
    assert_eq!(tick(&scene, 14 * HOUR - 1), 0);
    assert_eq!(tick(&scene, 14 * HOUR), 1);
}

#[test]
fn a_lost_private_half_is_replaced_at_once() {
    let scene = Scene::new();
    let lost = scene.signing_keys()[0];
    std::fs::remove_file(scene.options.folder.signing_key(lost)).unwrap();
    let scene = scene.reopened();
    assert_eq!(tick(&scene, HOUR), 1);
    let token = scene.exchange(&scene.root, None).token;
    assert_eq!(signed_by(&token), kid(&scene, scene.signing_keys()[1]));
    assert!(accepted(&scene, &token));
    assert_eq!(tick(&scene, HOUR), 0);
    assert_eq!(tick(&scene, 2 * HOUR), 1, "the lost one is retired");
}
