//! The disk fails under a running authority: changes pause, verification does not, and nothing acknowledged is lost.

use std::fs;
use std::time::{Duration, Instant};

use domain::key::RevocationReason;
use domain::{Command, Refusal};
use keyledger_authority::{Authority, Failure, Health, OpenError, Options, Shown, Trouble, When};
use store::StoreError;

use crate::disk::{Disk, Fault, Unsynced};
use crate::scene::{Scene, key_input, log};

/// A scene whose ledger is on a disk that fails as told.
fn on_a_disk() -> (Scene, Disk) {
    let Scene { authority, clock, tenant, user, key, root, options, folder } = Scene::new();
    drop(authority);
    let disk = Disk::holding(fs::read(options.folder.ledger()).unwrap());
    let options = Options { storage: disk.storage(), ..options };
    let authority = Authority::open(options.clone()).unwrap();
    (Scene { authority, clock, tenant, user, key, root, options, folder }, disk)
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(15), "it did not come about: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ready(scene: &Scene) -> bool {
    scene.authority.health() == Health::Ready
}

/// Once for every sync of a commit, whatever the disk does with what it did not sync.
#[test]
fn a_sync_that_fails_once_pauses_changes_and_asking_again_does_the_thing_exactly_once() {
    let (mut failed, mut lasted) = (0, 0);
    for unsynced in [Unsynced::Dropped, Unsynced::Kept] {
        for syncs in 0..4 {
            let told = format!("{unsynced:?} after {syncs}");
            let (scene, disk) = on_a_disk();
            let (_, living) = scene.own_key(&key_input("living"));
            let (dead_key, dead) = scene.own_key(&key_input("dead"));
            let (to_end, ending) = scene.own_key(&key_input("ending"));
            let revoke = |key| scene.authority.revoke_key(key, RevocationReason::Superseded, None).unwrap();
            scene.as_root(revoke(dead_key)).unwrap();
            let token = scene.exchange(&living, None).token;
            let acknowledged = scene.log();
            let held = scene.authority.snapshot().unwrap();
            let verified = || {
                assert_eq!(scene.refused(&living), None, "{told}");
                assert_eq!(scene.refused(&token), None, "{told}");
                assert_eq!(scene.refused(&dead), Some(Refusal::KeyRevoked), "{told}");
            };

            disk.fail(Fault::OneSync(syncs, unsynced));
            let ask = || scene.authority.execute(&scene.actor(), &scene.attempt("once"), revoke(to_end));
            let first = ask();
            verified();
            until("ready again", || {
                verified();
                ready(&scene)
            });
            match &first {
                // A commit has fewer syncs.
                Ok(_) => assert_eq!(disk.opened(), 1, "{told}"),
                Err(failure) => {
                    assert_eq!(failure, &Failure::UnknownOutcome, "{told}");
                    assert_eq!(disk.opened(), 2, "{told}: opened again, once");
                    failed += 1;
                }
            }
            disk.fail(Fault::Never);
            // Before anybody asks again, verification agrees with the log.
            let lasts = scene.log().len() > acknowledged.len();
            assert_eq!(scene.refused(&ending), lasts.then_some(Refusal::KeyRevoked), "{told}");
            assert_eq!(scene.authority.position(), scene.authority.snapshot().unwrap().head().position);
            let again = ask().unwrap_or_else(|failure| panic!("{told}: {failure}"));
            assert_eq!(again.when, if lasts { When::Before } else { When::Now }, "{told}");
            lasted += usize::from(first.is_err() && lasts);
            assert_eq!(scene.refused(&ending), Some(Refusal::KeyRevoked), "{told}");
            verified();

            let log_now = scene.log();
            assert!(log_now.starts_with(&acknowledged), "{told}");
            assert_eq!(log_now.len(), acknowledged.len() + 1, "{told}: it happened once");
            // What was read before the failure is not made up after it.
            let head = held.head().position;
            match held.event(head) {
                Ok(event) => assert_eq!(event.as_ref(), acknowledged.last(), "{told}"),
                Err(error) => assert!(matches!(error, StoreError::Closed), "{told}: {error}"),
            }
            drop(held);
            let scene = scene.reopened();
            assert_eq!(scene.log(), log_now, "{told}");
            assert_eq!(scene.refused(&ending), Some(Refusal::KeyRevoked), "{told}");
        }
    }
    assert!(failed >= 4 && lasted >= 1, "{failed} failed, and {lasted} of them lasted");
}

#[test]
fn while_there_is_no_room_changes_are_refused_and_everything_else_goes_on() {
    let (scene, disk) = on_a_disk();
    let (dead_key, dead) = scene.own_key(&key_input("dead"));
    let (_, living) = scene.own_key(&key_input("living"));
    scene.must(Command::RevokeKey { key: dead_key, reason: RevocationReason::Superseded, note: None });
    let before = scene.log();
    disk.fail(Fault::NoRoom);
    let disable = || {
        let command = keyledger_authority::compose::Composed::plain(Command::DisableKey { key: dead_key });
        scene.authority.execute(&scene.actor(), &scene.request(), command)
    };
    let ask = || {
        let composed = scene.authority.revoke_key(scene.key, RevocationReason::Superseded, None).unwrap();
        scene.authority.execute(&scene.actor(), &scene.attempt("once"), composed)
    };
    let first = ask().unwrap_err();
    assert!(matches!(first, Failure::UnknownOutcome | Failure::Recovering), "{first:?}");
    until("it knows that there is no room", || {
        assert_eq!(disable().unwrap_err(), Failure::Recovering);
        scene.authority.health() == Health::Recovering(Trouble::NoRoom)
    });
    let since = Instant::now();
    let mut read = 0;
    while since.elapsed() < Duration::from_millis(1_500) {
        assert_eq!(scene.refused(&living), None);
        assert_eq!(scene.refused(&dead), Some(Refusal::KeyRevoked));
        scene.exchange(&living, None);
        assert_eq!(disable().unwrap_err(), Failure::Recovering);
        if let Ok(snapshot) = scene.authority.snapshot() {
            read += 1;
            assert_eq!(snapshot.head().position, scene.authority.position());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // It is asked again and again, but in no hurry.
    assert!((3..10).contains(&disk.opened()), "opened {} times", disk.opened());
    assert!(scene.authority.stopped().is_none());
    assert!(read > 30, "the ledger could be read {read} times");

    disk.fail(Fault::Never);
    until("ready again", || ready(&scene));
    assert_eq!(scene.log(), before, "nothing was lost, and nothing done");
    ask().unwrap();
    assert_eq!(scene.log().len(), before.len() + 1);
}

#[test]
fn an_authority_that_waits_for_room_ends_when_it_is_told_to() {
    let (scene, disk) = on_a_disk();
    let before = scene.log();
    disk.fail(Fault::NoRoomAtAll);
    scene.plain(Command::DisableKey { key: scene.key }).unwrap_err();
    until("it waits", || scene.authority.health() == Health::Recovering(Trouble::NoRoom));
    let Scene { authority, options, folder: _folder, .. } = scene;
    let since = Instant::now();
    drop(authority);
    assert!(since.elapsed() < Duration::from_secs(2), "it ended after {:?}", since.elapsed());
    disk.fail(Fault::Never);
    let authority = Authority::open(options).unwrap();
    assert_eq!(log(&authority.snapshot().unwrap()), before);
}

#[test]
fn a_disk_that_stays_dead_stops_the_writer_with_the_reason_and_whoever_waits_is_told() {
    let (scene, disk) = on_a_disk();
    let (_, living) = scene.own_key(&key_input("living"));
    let before = scene.log();
    disk.fail(Fault::EverySync);
    let (reply, replies) = std::sync::mpsc::channel();
    for n in 0..40 {
        let input = key_input(&format!("key {n}"));
        let reach = domain::key::Reach::AnyTenant { home: scene.tenant };
        let owner = domain::key::Owner::User(scene.user);
        let composed = scene.authority.create_key(owner, reach, &input).unwrap();
        let reply = reply.clone();
        scene.authority.submit(&scene.actor(), &scene.request(), composed, move |outcome| {
            reply.send(outcome).unwrap();
        });
    }
    drop(reply);
    let answers: Vec<_> = replies.iter().map(Result::unwrap_err).collect();
    assert_eq!(answers.len(), 40, "everybody is told");
    assert!(answers.contains(&Failure::UnknownOutcome), "{answers:?}");
    until("it has stopped", || scene.authority.stopped().is_some());
    let why = scene.authority.stopped().unwrap();
    assert!(why.contains("told to fail"), "{why}");
    assert_eq!(disk.opened(), 2, "opened again, once");
    assert_eq!(scene.plain(Command::DisableKey { key: scene.key }), Err(Failure::Stopped));
    assert_eq!(scene.refused(&living), None);

    disk.fail(Fault::Never);
    let scene = scene.reopened();
    assert!(scene.log().starts_with(&before));
    assert_eq!(scene.refused(&living), None);
}

/// A disk that lied in syncs before, and comes back as it was then.
#[test]
fn a_disk_that_lost_what_was_acknowledged_is_not_gone_on_with_now_or_after_a_restart() {
    let (scene, disk) = on_a_disk();
    let (key, string) = scene.own_key(&key_input("revoked, and then lost"));
    let older = disk.bytes();
    scene.must(Command::RevokeKey { key, reason: RevocationReason::KeyCompromise, note: None });
    let acknowledged = scene.authority.position();
    disk.fail(Fault::NoRoomAtAll);
    scene.plain(Command::DisableKey { key: scene.key }).unwrap_err();
    until("it waits", || scene.authority.health() == Health::Recovering(Trouble::NoRoom));
    disk.put_back(&older);
    disk.fail(Fault::Never);
    until("it has stopped", || scene.authority.stopped().is_some());
    let why = scene.authority.stopped().unwrap();
    assert!(why.contains("the disk lost it") && why.contains(&format!("position {acknowledged}")), "{why}");
    assert_eq!(scene.refused(&string), Some(Refusal::KeyRevoked), "what it acknowledged, it stands for");
    assert!(scene.authority.snapshot().is_err(), "the older ledger is shown to nobody");

    let Scene { authority, options, folder: _folder, .. } = scene;
    drop(authority);
    // At once, not a second later: the guard must know of everything that was acknowledged.
    let Err(OpenError::Store(error)) = Authority::open(options) else { panic!("a revoked key lives again") };
    assert!(matches!(error, StoreError::RolledBack { .. }), "{error}");
}

#[test]
fn a_handle_that_failed_under_a_reader_is_replaced_before_anybody_writes() {
    let (scene, _) = on_a_disk();
    let Scene { authority, clock, tenant, user, key, root, mut options, folder } = scene;
    drop(authority);
    let disk = Disk::holding(fs::read(options.folder.ledger()).unwrap());
    // Every read goes to the disk.
    options.ledger.cache_bytes = 0;
    options.storage = disk.storage();
    let authority = Authority::open(options.clone()).unwrap();
    let scene = Scene { authority, clock, tenant, user, key, root, options, folder };
    disk.fail(Fault::OneRead);
    let read = scene.authority.snapshot().map(drop);
    assert!(matches!(read, Err(Failure::Unreadable)), "{read:?}");
    until("opened again", || disk.opened() == 2 && ready(&scene));
    scene.authority.snapshot().unwrap();
    scene.authority.authenticate(Shown::from_nowhere(&scene.root), None).unwrap();
    scene.own_key(&key_input("goes on"));
}
