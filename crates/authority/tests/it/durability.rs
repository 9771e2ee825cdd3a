//! What lasts: the log, the guard behind it, and the secrets of accepted commands and of no others.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::event::Event;
use domain::key::{Owner, Reach};
use domain::names::Name;
use domain::role::Role;
use domain::sealed::Subject;
use domain::time::Position;
use domain::{Command, Refusal};
use keyledger_authority::compose::FirstKey;
use keyledger_authority::queries::Which;
use keyledger_authority::{
    AsOf, Authority, Failure, Health, OpenError, Options, Rollback, Shown, SigningKeyPolicy,
};
use store::StoreError;
use store::chain::ChainHash;
use store::guard::Guard;

use crate::scene::{Scene, at, key_input, opened, tenant_input, user_input};

fn guard(path: &Path) -> Guard {
    Guard::read(path).unwrap()
}

fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_authority_that_is_dropped_and_opened_again_has_lost_nothing() {
    let scene = Scene::new();
    let (_, key, string) = scene.account("etl", Role::Member);
    let token = scene.exchange(&string, None).token;
    scene.member(scene.tenant, "bob", Role::Member);
    let told = |scene: &Scene| {
        let caller = scene.authority.authenticate(Shown::from_nowhere(&scene.root), None).unwrap();
        let (keys, members) = (
            scene.authority.keys(&caller, Which::All, AsOf::Now).unwrap().value,
            scene.authority.members(&caller, scene.tenant, AsOf::Now).unwrap().value,
        );
        let names = (
            keys.into_iter().map(|key| key.name).collect::<Vec<_>>(),
            members.into_iter().map(|member| member.user.email).collect::<Vec<_>>(),
        );
        (scene.log(), scene.authority.jwks(), names, scene.authority.position())
    };
    let before = told(&scene);
    assert!(before.2.1.contains(&"bob@example.com".to_owned()));
    let scene = scene.reopened();
    assert_eq!(told(&scene), before);
    assert_eq!(scene.authority.authenticate(Shown::from_nowhere(&token), None).unwrap().key, key);
}

#[test]
fn what_was_queued_when_it_is_dropped_is_still_done_and_answered() {
    let scene = Scene::new();
    let (actor, request) = (scene.actor(), scene.request());
    let (reply, replies) = std::sync::mpsc::channel();
    for n in 0..60 {
        let name = Name::parse(&format!("account {n}")).unwrap();
        let composed = scene.authority.create_service_account(scene.tenant, &name, Role::Runner);
        let reply = reply.clone();
        scene.authority.submit(&actor, &request, composed, move |outcome| reply.send(outcome).unwrap());
    }
    drop(reply);
    let scene = scene.reopened();
    let answers: Vec<_> = replies.iter().collect();
    assert!(answers.len() == 60 && answers.iter().all(Result::is_ok));
    let log = scene.log();
    for done in answers.into_iter().flatten() {
        assert!(done.recorded.iter().all(|recorded| log.contains(recorded)));
    }
}

#[test]
fn a_second_authority_on_the_folder_is_refused() {
    let scene = Scene::new();
    let Err(error) = opened(&scene.options) else { panic!("two writers") };
    assert!(matches!(error, OpenError::Store(StoreError::InUse)), "{error}");
    // And the first did not notice.
    scene.own_key(&key_input("one more"));
    scene.reopened();
}

#[test]
fn the_guard_follows_within_about_a_second_and_is_exact_when_the_authority_ends() {
    let scene = Scene::new();
    let path = scene.options.folder.guard();
    let head = |scene: &Scene| scene.authority.snapshot().unwrap().head().position;
    for n in 0..2 {
        scene.own_key(&key_input(&format!("key {n}")));
        within(Duration::from_secs(5), "the guard follows", || {
            let written = guard(&path).position;
            assert!(written <= head(&scene), "it never leads");
            written == head(&scene)
        });
    }
    let (key, _) = scene.own_key(&key_input("the last"));
    scene.must(Command::DisableKey { key });
    let last = head(&scene);
    let options = scene.options.clone();
    let Scene { authority, folder: _folder, .. } = scene;
    drop(authority);
    assert_eq!(guard(&path).position, last, "at the end it is exact");
    opened(&options).unwrap();
}

#[test]
fn while_much_is_written_the_guard_does_not_stay_behind() {
    let scene = Scene::new();
    let path = scene.options.folder.guard();
    let (key, _) = scene.own_key(&key_input("busy"));
    // Commands follow one upon the other without a pause in which it could be written.
    for _ in 0..2 {
        let before = guard(&path).position;
        let begin = Instant::now();
        loop {
            scene.must(Command::DisableKey { key });
            scene.must(Command::EnableKey { key });
            let written = guard(&path).position;
            assert!(written <= scene.authority.position(), "it never leads");
            if written > before {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "it stays behind at {before}");
        }
    }
}

#[test]
fn a_guard_left_behind_by_a_crash_catches_up_without_another_command() {
    let scene = Scene::new();
    let path = scene.options.folder.guard();
    let stale = fs::read(&path).unwrap();
    scene.own_key(&key_input("one"));
    let options = scene.options.clone();
    let Scene { authority, folder: _folder, .. } = scene;
    let head = authority.position();
    drop(authority);
    fs::write(&path, stale).unwrap();
    let authority = opened(&options).unwrap();
    within(Duration::from_secs(5), "the guard catches up", || guard(&path).position == head);
    drop(authority);
}

#[test]
fn a_guard_that_could_not_be_written_is_written_when_it_can_be_again() {
    let scene = Scene::new();
    let Scene { authority, folder, options, root, clock, .. } = scene;
    drop(authority);
    let (mounted, away) = (folder.path().join("stick"), folder.path().join("away"));
    fs::create_dir(&mounted).unwrap();
    fs::rename(options.folder.guard(), mounted.join("guard")).unwrap();
    let elsewhere = options.folder.clone().with_guard(Some(mounted.join("guard")));
    let options = Options { folder: elsewhere, ..options };
    let authority = opened(&options).unwrap();
    let actor = authority.authenticate(Shown::from_nowhere(&root), None).unwrap().actor;
    fs::rename(&mounted, &away).unwrap();
    let request = keyledger_authority::Request {
        way: domain::actor::Way::Cli,
        id: authority.request_id(),
        idempotency_key: None,
    };
    let composed = authority.add_signing_key(clock.now());
    // The guard is no part of the reply.
    authority.execute(&actor, &request, composed).unwrap();
    std::thread::sleep(Duration::from_millis(1_300));
    fs::rename(&away, &mounted).unwrap();
    let head = authority.position();
    within(Duration::from_secs(8), "the guard catches up", || guard(&mounted.join("guard")).position == head);
}

#[test]
fn an_older_copy_is_refused_and_accepted_only_with_every_token_and_signing_key_dead() {
    let scene = Scene::new();
    let (early, early_string) = scene.own_key(&key_input("early"));
    let token = scene.exchange(&scene.root, None).token;
    let old_signing_key = scene.signing_keys()[0];
    let Scene { authority, options, folder, root, .. } = scene;
    drop(authority);
    let (ledger, copy) = (options.folder.ledger(), folder.path().join("copy"));
    fs::copy(&ledger, &copy).unwrap();
    let authority = opened(&options).unwrap();
    let actor = authority.authenticate(Shown::from_nowhere(&root), None).unwrap().actor;
    let request = keyledger_authority::Request {
        way: domain::actor::Way::Cli,
        id: authority.request_id(),
        idempotency_key: None,
    };
    let reason = domain::key::RevocationReason::KeyCompromise;
    let revoked = authority.revoke_key(early, reason, None).unwrap();
    authority.execute(&actor, &request, revoked).unwrap();
    let seen = authority.position();
    drop(authority);
    fs::copy(&copy, &ledger).unwrap();

    let Err(OpenError::Store(error)) = opened(&options) else { panic!("a rolled back ledger was opened") };
    let StoreError::RolledBack { guard: position, .. } = &error else { panic!("{error}") };
    assert_eq!(*position, seen);
    let accepting = Options { rollback: Rollback::Accept, ..options.clone() };
    let authority = Authority::open(accepting).unwrap();
    // What the accepted message says: the revocation is lost and must be repeated.
    assert!(authority.authenticate(Shown::from_nowhere(&early_string), None).is_ok());
    let denied = authority.authenticate(Shown::from_nowhere(&token), None).unwrap_err().denied;
    assert_eq!(denied, Refusal::SigningKeyRefused.into());
    let model = domain::Model::fold(&crate::scene::log(&authority.snapshot().unwrap()));
    assert!(model.signing_keys[&old_signing_key].retired.is_some());
    let new =
        authority.exchange(Shown::from_nowhere(&root), keyledger_authority::Wanted::default()).unwrap().token;
    assert!(authority.authenticate(Shown::from_nowhere(&new), None).is_ok());
    let accepted = crate::scene::log(&authority.snapshot().unwrap());
    assert!(accepted.iter().any(|it| {
        matches!(it.event, Event::RollbackAccepted { guard_position, .. } if guard_position == seen)
    }));
    drop(authority);
    // From now on it passes, and says so once only.
    let authority = opened(&options).unwrap();
    assert_eq!(crate::scene::log(&authority.snapshot().unwrap()), accepted);
}

/// A copy that lived on elsewhere, under another guard, until it was longer than the ledger ever was.
#[test]
fn an_older_copy_that_was_written_past_the_guard_is_refused_and_its_tokens_die_with_it() {
    let scene = Scene::new();
    let early = scene.exchange(&scene.root, None).token;
    let here = scene.options.clone();
    let (ledger, copy) = (here.folder.ledger(), scene.folder.path().join("copy"));
    let copied = |from: &Path, to: &Path| assert!(fs::copy(from, to).unwrap() > 0);
    let scene = scene.reopened_after(|| copied(&ledger, &copy), here.clone());
    // The history that the guard knows, and that of the copy: it has each of those positions, and more.
    let (_, lost) = scene.own_key(&key_input("lost"));
    let seen = scene.authority.position();
    let guard = here.folder.clone().with_guard(Some(scene.folder.path().join("another guard")));
    let elsewhere = Options { folder: guard, rollback: Rollback::Accept, ..here.clone() };
    let scene = scene.reopened_after(|| copied(&copy, &ledger), elsewhere);
    let others = ["one", "two", "three"].map(|name| scene.own_key(&key_input(name)).1);
    let late = scene.exchange(&scene.root, None).token;
    assert!(scene.authority.position() > seen, "it must have grown past the guard");

    let accepting = Options { rollback: Rollback::Accept, ..here.clone() };
    let refused = || {
        let Err(OpenError::Store(error)) = opened(&here) else { panic!("another history was opened") };
        assert!(matches!(error, StoreError::RolledBack { guard, .. } if guard == seen), "{error}");
        assert!(error.to_string().contains("has another event there"), "{error}");
    };
    let scene = scene.reopened_after(refused, accepting);
    let shown = |string: &str| scene.authority.authenticate(Shown::from_nowhere(string), None);
    for token in [early, late] {
        assert_eq!(shown(&token).unwrap_err().denied, Refusal::SigningKeyRefused.into());
    }
    assert!(shown(&lost).is_err(), "it is not in this history");
    assert!(others.iter().all(|key| shown(key).is_ok()), "these are");
    assert!(shown(&scene.exchange(&scene.root, None).token).is_ok());
    let accepted = |event: &Event| match event {
        Event::RollbackAccepted { guard_position, .. } => *guard_position == seen,
        _ => false,
    };
    assert_eq!(scene.log().iter().filter(|recorded| accepted(&recorded.event)).count(), 1);
}

#[test]
fn a_missing_guard_and_another_ledgers_are_refused() {
    let (scene, other) = (Scene::new(), Scene::new());
    let Scene { authority, options, folder: _folder, .. } = scene;
    drop(authority);
    let path = options.folder.guard();
    fs::copy(other.options.folder.guard(), &path).unwrap();
    for rollback in [Rollback::Refuse, Rollback::Accept] {
        let Err(error) = Authority::open(Options { rollback, ..options.clone() }) else { panic!("opened") };
        assert!(matches!(error, OpenError::Store(StoreError::OtherLedger { .. })), "{error}");
    }
    fs::remove_file(&path).unwrap();
    let Err(error) = opened(&options) else { panic!("opened") };
    assert!(matches!(error, OpenError::Store(StoreError::NoGuard { .. })), "{error}");
    assert!(!path.exists());
    Authority::open(Options { rollback: Rollback::Accept, ..options.clone() }).unwrap();
    opened(&options).unwrap();
}

#[test]
fn a_log_that_was_tampered_with_stops_the_start_and_other_secrets_do_too() {
    let scene = Scene::new();
    scene.own_key(&key_input("some"));
    let other = Scene::new();
    let Scene { authority, options, folder: _folder, .. } = scene;
    drop(authority);
    let (ledger, pepper) = (options.folder.ledger(), options.folder.pepper());
    let good = fs::read(&ledger).unwrap();
    let mut refused = 0;
    let magic = good.windows(4).enumerate().filter(|(_, bytes)| *bytes == b"KLEV").map(|(at, _)| at);
    let places: Vec<_> = magic.collect();
    assert!(places.len() > 4);
    for at in &places {
        for offset in [10, 40, 90] {
            let mut bad = good.clone();
            bad[at + offset] ^= 1;
            fs::write(&ledger, &bad).unwrap();
            // Free pages may hold old copies.
            refused += usize::from(Authority::open(options.clone()).is_err());
        }
    }
    assert!(refused >= 3 * 7, "only {refused} of {} flips stopped the start", places.len() * 3);
    fs::write(&ledger, &good).unwrap();
    opened(&options).unwrap();
    fs::copy(other.options.folder.pepper(), &pepper).unwrap();
    assert!(opened(&options).is_err(), "under another pepper every key would be unknown");
}

#[test]
fn a_pepper_with_a_wrong_digit_in_its_key_is_no_pepper_of_this_ledger() {
    let scene = Scene::new();
    let removed = scene.another_tenant("globex");
    scene.must(Command::RemoveTenant { tenant: removed });
    scene.must(Command::EraseSubject { subject: Subject::Tenant(removed) });
    let Scene { authority, options, folder: _folder, .. } = scene;
    drop(authority);
    let (pepper, subjects) = (options.folder.pepper(), options.folder.subjects());
    let (good, names) = (fs::read_to_string(&pepper).unwrap(), fs::read_to_string(&subjects).unwrap());
    for place in [good.find(' ').unwrap() + 1, good.trim_end().len() - 1] {
        let mut wrong = good.clone();
        let digit = if &good[place..=place] == "0" { "1" } else { "0" };
        wrong.replace_range(place..=place, digit);
        fs::write(&pepper, &wrong).unwrap();
        let refused = opened(&options).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::AlteredPepper(_)), "{refused}");
        // Any name that can be opened will do.
        let of_users: Vec<_> = names.lines().filter(|line| line.starts_with("user:")).collect();
        fs::write(&subjects, of_users.join("\n")).unwrap();
        let refused = opened(&options).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::AlteredPepper(_)), "{refused}");
        fs::write(&subjects, &names).unwrap();
    }
    fs::write(&pepper, good).unwrap();
    opened(&options).unwrap();
}

#[test]
fn secrets_are_kept_for_accepted_commands_only() {
    let scene = Scene::new();
    let kept = |scene: &Scene| {
        let signing = fs::read_dir(scene.options.folder.secrets().join("signing")).unwrap().count();
        (scene.subjects(), signing)
    };
    let (_, member) = scene.member(scene.tenant, "bob", Role::Member);
    let bob = scene.authority.authenticate(Shown::from_nowhere(&member.unwrap()), None).unwrap().actor;
    let before = kept(&scene);
    let name = Name::parse("etl").unwrap();
    let refused = [
        scene.authority.create_tenant(&tenant_input("globex"), &user_input("new")).unwrap(),
        scene.authority.add_member(scene.tenant, &user_input("new"), Role::Member, FirstKey::Wanted).unwrap(),
        scene.authority.create_service_account(scene.tenant, &name, Role::Runner),
        scene.authority.add_signing_key(scene.clock.now()),
    ];
    for composed in refused {
        let outcome = scene.authority.execute(&bob, &scene.request(), composed);
        assert!(matches!(outcome, Err(Failure::Rejected(_))), "{outcome:?}");
        assert_eq!(kept(&scene), before);
    }
    // A slug that is taken, by somebody who may.
    let taken = scene.authority.create_tenant(&tenant_input("acme"), &user_input("new")).unwrap();
    assert_eq!(scene.as_root(taken).unwrap_err().code(), "SLUG_TAKEN");
    assert_eq!(kept(&scene), before);
    // A repetition under an idempotency key draws secrets anew, which nobody will need.
    let ask = || {
        let composed = scene.authority.create_tenant(&tenant_input("globex"), &user_input("new")).unwrap();
        scene.authority.execute(&scene.actor(), &scene.attempt("a-1"), composed).unwrap()
    };
    ask();
    let after = kept(&scene);
    assert_eq!(after.0.lines().count(), before.0.lines().count() + 2, "a tenant and a user");
    ask();
    assert_eq!(kept(&scene), after);
    assert!(after.0.starts_with(&before.0), "only ever appended to");
}

#[test]
fn a_signing_key_that_cannot_be_kept_is_not_added_and_all_else_goes_on() {
    let scene = Scene::new();
    let (_, string) = scene.own_key(&key_input("some"));
    let (signing, away) = (scene.options.folder.secrets().join("signing"), scene.folder.path().join("away"));
    fs::rename(&signing, &away).unwrap();
    fs::write(&signing, "in the way").unwrap();
    let before = (scene.log(), scene.authority.jwks());
    let add = |scene: &Scene| scene.as_root(scene.authority.add_signing_key(scene.clock.now()));
    let policy = SigningKeyPolicy::new(36_000, 3600).unwrap();
    let month = at(30 * 86_400_000);
    let scheduled = |scene: &Scene| {
        scene.clock.set(month);
        scene.authority.keep_signing_keys(&policy).map(|steps| !steps.is_empty())
    };
    assert_eq!(add(&scene), Err(Failure::SigningKeyNotKept));
    assert_eq!(scheduled(&scene), Err(Failure::SigningKeyNotKept));
    assert_eq!((scene.log(), scene.authority.jwks()), before);
    assert_eq!(scene.authority.health(), Health::Ready);
    assert_eq!(scene.refused(&string), None);
    assert_eq!(scene.refused(&scene.exchange(&string, None).token), None);
    let reach = Reach::AnyTenant { home: scene.tenant };
    scene.key_for(Owner::User(scene.user), reach, &key_input("goes on"));
    // Nor does it end a start.
    let scene = scene.reopened();
    assert_eq!(add(&scene), Err(Failure::SigningKeyNotKept));
    assert_eq!(scene.refused(&string), None);
    fs::remove_file(&signing).unwrap();
    fs::rename(&away, &signing).unwrap();
    assert_eq!(scheduled(&scene), Ok(true), "later it is made up for");
    assert_eq!(add(&scene).map(|done| done.recorded.len()), Ok(1));
}

/// Whoever else moves the guard has another copy of this ledger, and what it revoked must not be hidden by us.
#[test]
fn a_guard_that_somebody_else_moved_is_not_written_over_and_changes_stop() {
    for (moved, hash) in [(1, None), (0, Some(ChainHash([7; 32])))] {
        let scene = Scene::new();
        let path = scene.options.folder.guard();
        let seen = guard(&path);
        let position = Position::new(seen.position.number() + moved);
        let theirs = Guard { position, hash: hash.unwrap_or(seen.hash), ..seen };
        theirs.write(&path).unwrap();
        scene.own_key(&key_input("one"));
        within(Duration::from_secs(10), "changes stop", || scene.authority.stopped().is_some());
        let why = scene.authority.stopped().unwrap();
        assert!(why.contains("somebody else moved the guard"), "{why}");
        drop(scene.authority);
        assert_eq!(guard(&path), theirs);
    }
}

#[test]
fn an_older_guard_of_the_same_ledger_is_moved_on_as_ever() {
    let scene = Scene::new();
    let path = scene.options.folder.guard();
    let older = guard(&path);
    scene.own_key(&key_input("one"));
    within(Duration::from_secs(10), "the guard follows", || guard(&path) != older);
    older.write(&path).unwrap();
    scene.own_key(&key_input("two"));
    within(Duration::from_secs(10), "the guard follows", || guard(&path).position > older.position);
    assert_eq!(scene.authority.stopped(), None);
}

#[test]
fn a_folder_is_one_authoritys_whatever_becomes_of_its_ledger() {
    let scene = Scene::new();
    let ledger = scene.options.folder.ledger();
    let copy = fs::read(&ledger).unwrap();
    fs::rename(&ledger, ledger.with_extension("broken")).unwrap();
    fs::write(&ledger, copy).unwrap();
    let refused = Authority::open(scene.options.clone()).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Store(StoreError::InUse)), "{refused}");
    let options = scene.options.clone();
    drop(scene.authority);
    fs::rename(ledger.with_extension("broken"), &ledger).unwrap();
    Authority::open(options).unwrap();
}
