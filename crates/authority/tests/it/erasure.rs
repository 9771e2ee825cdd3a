//! Erasure and what can come between: a crash before the key is destroyed, a disk that refuses, an old copy put back.

use std::fs;
use std::time::{Duration, Instant};

use domain::Command;
use domain::event::{Event, Recorded};
use domain::ids::UserId;
use domain::role::Role;
use domain::sealed::Subject;
use keyledger_authority::compose::Composed;
use keyledger_authority::{Failure, Health};

use crate::scene::Scene;

/// A member who was removed.
fn removed(scene: &Scene) -> UserId {
    let (user, _) = scene.member(scene.tenant, "bob", Role::Member);
    scene.must(Command::RemoveUser { user });
    user
}

fn erase(user: UserId) -> Command {
    Command::EraseSubject { subject: Subject::User(user) }
}

fn line_of(subjects: &str, user: UserId) -> String {
    let of_it = |line: &&str| line.contains(&user.to_string());
    subjects.lines().find(of_it).expect("a subject has a line").to_owned()
}

#[test]
fn the_key_goes_and_every_other_stays() {
    let scene = Scene::new();
    let user = removed(&scene);
    let before = scene.subjects();
    let key = line_of(&before, user);
    scene.must(erase(user));
    let after = scene.subjects();
    assert_eq!(line_of(&after, user), format!("user:{user} erased"));
    let mut expected: Vec<_> =
        before.replace(&key, &line_of(&after, user)).lines().map(str::to_owned).collect();
    expected.sort();
    assert_eq!(after.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_a_crash_left_or_an_old_copy_brought_back_is_destroyed_at_the_start() {
    let scene = Scene::new();
    let user = removed(&scene);
    let old = scene.subjects();
    scene.must(erase(user));
    let options = scene.options.clone();
    let path = options.folder.subjects();
    let scene = scene.reopened_after(|| fs::write(&path, &old).unwrap(), options);
    assert_eq!(line_of(&scene.subjects(), user), format!("user:{user} erased"));
}

#[test]
fn while_the_key_cannot_be_destroyed_nothing_is_changed_and_nothing_is_read() {
    let scene = Scene::new();
    let user = removed(&scene);
    // Nothing can be written beside the file: a folder has the name.
    let beside = scene.options.folder.subjects().with_extension("new");
    fs::create_dir(&beside).unwrap();
    let outcome = scene.as_root(Composed::plain(erase(user)));
    assert!(matches!(outcome, Err(Failure::UnknownOutcome)), "{outcome:?}");
    assert!(line_of(&scene.subjects(), user).len() > 64, "the key is there still");
    // Another failure than lack of room is not waited out: whoever operates it has to look.
    let begin = Instant::now();
    while !matches!(scene.authority.health(), Health::Stopped(_)) {
        assert!(begin.elapsed() < Duration::from_secs(15), "it goes on as if nothing had happened");
        std::thread::sleep(Duration::from_millis(5));
    }
    let outcome = scene.as_root(Composed::plain(erase(user)));
    assert!(matches!(outcome, Err(Failure::Stopped)), "{outcome:?}");
    // Not before: while the ledger is opened again, nobody reads it.
    let erased = |recorded: &Recorded| matches!(recorded.event, Event::SubjectErased { .. });
    assert!(scene.log().last().is_some_and(erased), "the event is durable");

    fs::remove_dir(&beside).unwrap();
    let scene = scene.reopened();
    assert_eq!(line_of(&scene.subjects(), user), format!("user:{user} erased"));
    assert_eq!(scene.must(erase(user)), []);
}
