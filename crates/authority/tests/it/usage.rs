//! Use of keys: what is counted is told, by whatever thread, and lasts over a stop; what is wrong with its file stops nothing.

use std::fs;

use domain::ids::{AgentId, KeyId};
use domain::role::Role;
use keyledger_authority::named::KeyNamed;
use keyledger_authority::queries::Which;
use keyledger_authority::usage::{CallerKind, UseWay};
use keyledger_authority::{AsOf, Shown};

use store::usage::Tally;

use crate::scene::{Scene, at, key_input};

impl Scene {
    fn use_it(&self, shown: &str, by: CallerKind, way: UseWay) {
        let caller = self.authority.authenticate(Shown::from_nowhere(shown), None).unwrap();
        self.authority.used(&caller, Some(by), way);
    }

    fn usage(&self, key: KeyId) -> Option<Tally> {
        let caller = self.authority.authenticate(Shown::from_nowhere(&self.root), None).unwrap();
        let keys = self.authority.keys(&caller, Which::All, AsOf::Now).unwrap().value;
        keys.into_iter().find(|view| view.id == key).unwrap().usage.map(|usage| usage.tally)
    }
}

#[test]
fn a_use_is_told_at_once_with_its_instants_its_way_and_its_callers() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    assert_eq!(scene.usage(key), None);
    scene.clock.set(at(1_000));
    scene.use_it(&string, CallerKind::Curl, UseWay::Rest);
    scene.clock.set(at(5_000));
    scene.use_it(&string, CallerKind::Go, UseWay::GraphQl);
    let usage = scene.usage(key).unwrap();
    assert_eq!((usage.first, usage.last, usage.count), (at(1_000), at(5_000), 2));
    assert_eq!(usage.last_way, UseWay::GraphQl);
    assert_eq!(usage.callers.kinds().collect::<Vec<_>>(), [CallerKind::Curl, CallerKind::Go]);
    assert_eq!(scene.usage(scene.key), None, "the other key was only authenticated, which counts nothing");
}

/// The agents of a key may belong to another tenant in which it acts, and are called as that tenant calls them.
#[test]
fn the_agents_of_a_key_for_any_tenant_are_told_to_its_owner_and_not_to_its_home() {
    let scene = Scene::new();
    let (_, bobs) = scene.member(scene.tenant, "bob", Role::Member);
    let (_, _, administrator) = scene.account("etl", Role::Administrator);
    let bob = scene.caller(&bobs.unwrap());
    scene.authority.used(&bob, Some(CallerKind::Curl), UseWay::GraphQl);
    scene.authority.agent_polled(&bob, AgentId::from_bytes([7; 16]));
    let agents = |caller| {
        let key =
            scene.authority.key_named(caller, &KeyNamed::Id(bob.key), AsOf::Now).unwrap().value.unwrap();
        key.usage.unwrap().agents.len()
    };
    assert_eq!((agents(&bob), agents(&scene.caller(&administrator))), (1, 0));
}

#[test]
fn what_many_threads_count_is_told_to_the_last_and_lasts_over_a_stop() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    let caller = scene.authority.authenticate(Shown::from_nowhere(&string), None).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    scene.authority.used(&caller, Some(CallerKind::Python), UseWay::Rest);
                }
            });
        }
        // Asked while it is counted, it never goes back.
        let mut before = 0;
        for _ in 0..20 {
            let now = scene.usage(key).map_or(0, |usage| usage.count);
            assert!(before <= now && now <= 8_000, "{before} then {now}");
            before = now;
        }
    });
    assert_eq!(scene.usage(key).unwrap().count, 8_000);
    let position = scene.authority.position();
    let scene = scene.reopened();
    assert_eq!(scene.usage(key).unwrap().count, 8_000, "a stop writes what is left");
    assert_eq!(scene.authority.position(), position, "and none of it is an event");
    scene.use_it(&string, CallerKind::Python, UseWay::Rest);
    assert_eq!(scene.usage(key).unwrap().count, 8_001, "what is on disk and what is new are one");
}

#[test]
fn a_damaged_file_is_moved_aside_and_counted_anew() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    scene.use_it(&string, CallerKind::Curl, UseWay::Rest);
    let path = scene.options.folder.usage();
    let Scene { authority, clock, tenant, user, key: first, root, options, folder } = scene;
    drop(authority);
    fs::write(&path, "no database").unwrap();
    let authority = keyledger_authority::Authority::open(options.clone()).unwrap();
    let scene = Scene { authority, clock, tenant, user, key: first, root, options, folder };
    assert_eq!(scene.usage(key), None);
    scene.use_it(&string, CallerKind::Curl, UseWay::Rest);
    let scene = scene.reopened();
    assert_eq!(scene.usage(key).unwrap().count, 1);
    assert_eq!(fs::read_to_string(path.with_extension("redb.unusable")).unwrap(), "no database");
}

#[test]
fn without_a_place_for_the_file_everything_goes_on_in_memory() {
    let scene = Scene::new();
    let path = scene.options.folder.usage();
    let Scene { authority, clock, tenant, user, key: first, root, options, folder } = scene;
    drop(authority);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let authority = keyledger_authority::Authority::open(options.clone()).unwrap();
    let scene = Scene { authority, clock, tenant, user, key: first, root, options, folder };
    let (key, string) = scene.own_key(&key_input("laptop"));
    scene.use_it(&string, CallerKind::Curl, UseWay::Rest);
    assert_eq!(scene.usage(key).unwrap().count, 1);
    // And when there is a place again, it is used.
    fs::remove_dir(&path).unwrap();
    let scene = scene.reopened();
    assert_eq!(scene.usage(key).unwrap().count, 1);
}
