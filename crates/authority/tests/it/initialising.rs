//! The first day of a data folder: made once, whole or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use domain::event::Event;
use domain::role::Role;
use keyledger_authority::{Authority, Clock, OpenError, Shown};
use store::StoreError;
use store::guard::Guard;

use crate::scene::{Scene, at, log, opened, options, tenant_input, user_input};

#[test]
fn a_new_folder_has_a_tenant_its_administrator_a_key_and_a_signing_key() {
    let scene = Scene::new();
    let names: Vec<_> = scene.log().iter().map(|recorded| recorded.event.name()).collect();
    let expected =
        ["TenantCreated", "UserCreated", "OperatorGranted", "MemberAdded", "KeyCreated", "SigningKeyAdded"];
    assert_eq!(names, expected);
    let caller = scene.authority.authenticate(Shown::from_nowhere(&scene.root), None).unwrap();
    assert_eq!((caller.tenant, caller.role), (Some(scene.tenant), Some(Role::Administrator)));
    assert_eq!((caller.key, caller.expires_at), (scene.key, None));
    assert_eq!(scene.subjects().lines().count(), 2);
    let made: Vec<_> =
        scene.log().into_iter().filter(|it| matches!(it.event, Event::KeyCreated(_))).collect();
    assert_eq!(made.len(), 1);
    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let folder = &scene.options.folder;
    assert_eq!(
        (mode(folder.secrets()), mode(folder.pepper()), mode(folder.subjects())),
        (0o700, 0o600, 0o600)
    );
}

#[test]
fn a_folder_is_made_once() {
    let scene = Scene::new();
    let before = (scene.log(), scene.subjects(), fs::read(scene.options.folder.guard()).unwrap());
    let again = || Authority::initialise(scene.options.clone(), &tenant_input("other"), &user_input("eve"));
    let refused = |outcome: Result<_, OpenError>| {
        let Err(error) = outcome else { panic!("made twice") };
        assert!(matches!(error, OpenError::Store(StoreError::LedgerExists(_))), "{error}");
    };
    refused(again().map(drop));
    assert_eq!(before.0, scene.log());
    let Scene { authority, options, folder: _folder, root, .. } = scene;
    drop(authority);
    let again = Authority::initialise(options.clone(), &tenant_input("acme"), &user_input("ada"));
    refused(again.map(drop));
    let authority = opened(&options).unwrap();
    assert_eq!(log(&authority.snapshot().unwrap()), before.0);
    assert!(authority.authenticate(Shown::from_nowhere(&root), None).is_ok());
    assert_eq!(fs::read_to_string(options.folder.subjects()).unwrap(), before.1);
}

#[test]
fn an_attempt_that_was_interrupted_at_any_place_can_be_repeated() {
    // What a finished attempt leaves, less its last steps.
    let whole = Scene::new();
    let Scene { authority, options: of_whole, folder: source, .. } = whole;
    drop(authority);
    for leaves in [
        "nothing but folders",
        "secrets",
        "half a ledger",
        "a whole unfinished ledger",
        "a whole unfinished ledger, its guard elsewhere",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let mut options = options(&root, &Clock::manual(at(0)));
        let guard_elsewhere = leaves.ends_with("its guard elsewhere");
        let elsewhere = guard_elsewhere.then(|| folder.path().join("its.guard"));
        options.folder = options.folder.with_guard(elsewhere);
        fs::create_dir_all(options.folder.secrets().join("signing")).unwrap();
        if leaves != "nothing but folders" {
            let secrets =
                |folder: &store::DataFolder| [folder.pepper(), folder.master_key(), folder.subjects()];
            for (from, to) in secrets(&of_whole.folder).iter().zip(secrets(&options.folder)) {
                fs::copy(from, to).unwrap();
            }
            // A last line cut short.
            let mut subjects = fs::read_to_string(options.folder.subjects()).unwrap();
            subjects.truncate(subjects.len() - 10);
            fs::write(options.folder.subjects(), subjects).unwrap();
        }
        let unfinished = options.folder.unfinished_ledger();
        match leaves {
            "half a ledger" => fs::write(&unfinished, [0; 4096]).unwrap(),
            "a whole unfinished ledger" | "a whole unfinished ledger, its guard elsewhere" => {
                fs::copy(of_whole.folder.ledger(), &unfinished).unwrap();
                fs::copy(of_whole.folder.guard(), options.folder.guard()).unwrap();
            }
            _ => {}
        }
        let Err(error) = opened(&options) else { panic!("{leaves}: opened") };
        assert!(matches!(error, OpenError::Store(StoreError::NoLedger(_))), "{leaves}: {error}");
        let begin = || Authority::initialise(options.clone(), &tenant_input("acme"), &user_input("ada"));
        if leaves != "nothing but folders" {
            // Another attempt that breaks off, early, is in nobody's way either.
            let master_key = fs::read(options.folder.master_key()).unwrap();
            fs::write(options.folder.master_key(), "no key").unwrap();
            assert!(begin().is_err(), "{leaves}");
            fs::write(options.folder.master_key(), master_key).unwrap();
        }
        let made = begin().unwrap_or_else(|error| panic!("{leaves}: {error}"));
        assert!(!unfinished.exists(), "{leaves}");
        let authority = opened(&options).unwrap_or_else(|error| panic!("{leaves}: {error}"));
        assert_eq!(
            authority.authenticate(Shown::from_nowhere(made.key_string.expose()), None).unwrap().key,
            made.key
        );
        assert_eq!(log(&authority.snapshot().unwrap()).len(), 6, "{leaves}");
    }
    drop(source);
}

/// A restore that broke off leaves the unfinished ledger of a backup, which is older than the guard.
#[test]
fn the_guard_of_a_ledger_that_was_being_restored_is_not_taken() {
    let Scene { authority, options, folder: _folder, .. } = Scene::new();
    drop(authority);
    fs::rename(options.folder.ledger(), options.folder.unfinished_ledger()).unwrap();
    let path = options.folder.guard();
    let guard = Guard::read(&path).unwrap();
    let later = Guard { position: guard.position.next(), ..guard };
    later.write(&path).unwrap();
    let refused =
        Authority::initialise(options.clone(), &tenant_input("acme"), &user_input("ada")).err().unwrap();
    assert!(matches!(refused, OpenError::Store(StoreError::GuardExists(_))), "{refused}");
    assert_eq!(Guard::read(&path).unwrap(), later);
    assert!(options.folder.unfinished_ledger().exists());
}

#[test]
fn of_several_who_begin_at_once_at_most_one_is_told_a_key_and_that_key_is_good() {
    for _ in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder.path().join("data"), &Clock::manual(at(0)));
        let outcomes: Vec<_> = std::thread::scope(|threads| {
            let begin = || {
                let options = options.clone();
                threads
                    .spawn(move || Authority::initialise(options, &tenant_input("acme"), &user_input("ada")))
            };
            let running: Vec<_> = (0..4).map(|_| begin()).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let made: Vec<_> = outcomes.into_iter().flatten().collect();
        assert!(made.len() <= 1, "{} were told a key", made.len());
        let Some(made) = made.first() else { continue };
        let authority = opened(&options).unwrap();
        assert!(authority.authenticate(Shown::from_nowhere(made.key_string.expose()), None).is_ok());
    }
}
