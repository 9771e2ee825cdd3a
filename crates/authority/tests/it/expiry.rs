//! Expiry is no event: it comes at its very instant, without anything being written.

use domain::event::TenantPolicy;
use domain::{Command, Refusal};

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
