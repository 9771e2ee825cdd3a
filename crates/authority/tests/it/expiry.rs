//! Expiry is no event: it comes at its very instant, without anything being written.

use domain::event::TenantPolicy;
use domain::key::RevocationReason;
use domain::{Command, Refusal, Rejection};
use keyledger_authority::compose::{Composed, KeyInput};
use keyledger_authority::life::{Step, What};
use keyledger_authority::named::KeyNamed;
use keyledger_authority::{AsOf, Failure, Shown};

use crate::scene::{Scene, at, key_input};

#[test]
fn a_key_is_refused_from_the_very_millisecond_of_its_end() {
    let scene = Scene::new();
    let mut input = key_input("short");
    input.expires_at = Some(at(90_000));
    let (_, string) = scene.own_key(&input);
    let written = scene.authority.position();
    for (ms, refused) in [
        (89_999, None),
        (90_000, Some(Refusal::KeyExpired)),
        (90_001, Some(Refusal::KeyExpired)),
        (9_000_000, Some(Refusal::KeyExpired)),
    ] {
        scene.clock.set(at(ms));
        assert_eq!(scene.refused(&string), refused, "at {ms}");
    }
    assert_eq!(scene.authority.position(), written);
    let scene = scene.reopened();
    assert_eq!(scene.refused(&string), Some(Refusal::KeyExpired));
}

/// At one instant the clock comes first: what ends by itself then has ended before anything else that happens then.
#[test]
fn a_life_tells_the_end_at_its_very_instant_and_before_the_events_of_it() {
    let scene = Scene::new();
    let (key, _) = scene.own_key(&KeyInput { expires_at: Some(at(50_000)), ..key_input("short") });
    let root = scene.caller(&scene.root);
    let told = |as_of| -> Vec<(&'static str, Option<Refusal>)> {
        let life = scene.authority.key_history(&root, &KeyNamed::Id(key), as_of).unwrap().value;
        let said = |step: &Step| match &step.what {
            What::Event(_, event) => event.recorded.event.name(),
            What::Expired => "expired",
            What::GraceOver | What::FirstUsed | What::LastUsed => "otherwise",
        };
        life.steps.iter().map(|step| (said(step), step.status.err())).collect()
    };
    let (made, expired) = (("KeyCreated", None), ("expired", Some(Refusal::KeyExpired)));
    scene.clock.set(at(50_000));
    assert_eq!(told(AsOf::Instant(at(49_999))), [made]);
    assert_eq!(told(AsOf::Now), [made, expired]);
    let reason = RevocationReason::Unspecified;
    scene.must(Command::RevokeKey { key, reason, note: None });
    scene.clock.set(at(60_000));
    let order: Vec<_> = told(AsOf::Now).into_iter().map(|(what, _)| what).collect();
    assert_eq!(order, ["KeyCreated", "expired", "KeyRevoked"]);
}

#[test]
fn the_grace_of_a_rotated_key_ends_at_its_very_instant() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("old"));
    let mut composed = scene.authority.rotate_key(key, None, at(60_000)).unwrap();
    let successor = composed.key.take().unwrap().expose().to_owned();
    scene.as_root(composed).unwrap();
    for (ms, refused) in [(59_999, None), (60_000, Some(Refusal::KeyRotated))] {
        scene.clock.set(at(ms));
        assert_eq!(scene.refused(&string), refused, "at {ms}");
        assert_eq!(scene.refused(&successor), None, "at {ms}");
    }
}

#[test]
fn a_key_without_an_end_gets_the_tenants() {
    let scene = Scene::new();
    let policy = TenantPolicy { key_life_seconds_max: Some(100), key_life_seconds_default: Some(30) };
    scene.must(Command::ChangeTenantPolicy { tenant: scene.tenant, policy });
    let (_, string) = scene.own_key(&key_input("as the policy says"));
    scene.clock.set(at(29_999));
    assert_eq!(scene.refused(&string), None);
    scene.clock.set(at(30_000));
    assert_eq!(scene.refused(&string), Some(Refusal::KeyExpired));
    // A key from before the policy goes on.
    assert_eq!(scene.refused(&scene.root), None);
}

#[test]
fn a_later_end_is_heeded_at_once() {
    let scene = Scene::new();
    let mut input = key_input("short");
    input.expires_at = Some(at(10_000));
    let (key, string) = scene.own_key(&input);
    scene.clock.set(at(9_999));
    scene.must(Command::ChangeKeyExpiry { key, expires_at: Some(at(20_000)) });
    scene.clock.set(at(19_999));
    assert_eq!(scene.refused(&string), None);
    scene.clock.set(at(20_000));
    assert_eq!(scene.refused(&string), Some(Refusal::KeyExpired));
}

#[test]
fn a_clock_that_goes_back_leaves_the_logs_instants_in_order_and_the_writer_at_work() {
    let scene = Scene::new();
    scene.clock.set(at(50_000));
    scene.own_key(&key_input("one"));
    scene.clock.set(at(1_000));
    let (_, string) = scene.own_key(&key_input("two"));
    assert_eq!(scene.refused(&string), None);
    let log = scene.log();
    assert!(log.windows(2).all(|pair| pair[0].recorded_at <= pair[1].recorded_at));
    assert_eq!(log.last().unwrap().recorded_at, at(50_000));
}

/// What a command rests on must not be younger than what is recorded of it: else the log would say that an expired key made it.
#[test]
fn on_a_clock_that_went_back_it_is_decided_at_the_instant_that_is_recorded() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&KeyInput { expires_at: Some(at(50_000)), ..key_input("short") });
    scene.clock.set(at(50_000));
    scene.own_key(&key_input("one"));
    scene.clock.set(at(49_000));
    let actor = scene.authority.authenticate(Shown::from_nowhere(&string), None).unwrap().actor;
    let disable = Composed::plain(Command::DisableKey { key });
    let refused = scene.authority.execute(&actor, &scene.request(), disable);
    let why = Rejection::NotAuthenticated(Refusal::KeyExpired);
    assert_eq!(refused, Err(Failure::Rejected(why)));
}
