//! Backups: what is restored is what was there, and whatever is cut short or altered leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/ledgers.rs"]
mod ledgers;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use keyledger_store::backup::{self, Step};
use keyledger_store::guard::Guard;
use keyledger_store::{DataFolder, Ledger, OpenOptions, ReadOnlyLedger, StoreError};
use tempfile::TempDir;

use ledgers::{LEDGER, grow, log};

fn unwatched() -> impl FnMut(Step, u64, u64) {
    |_, _, _| {}
}

struct Scene {
    scratch: TempDir,
    ledger: Ledger,
}

impl Scene {
    fn grown(commits: u64) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("ledger.redb");
        let ledger = Ledger::create(&path, LEDGER, &OpenOptions::default()).unwrap();
        grow(&ledger, 3, commits);
        Self { scratch, ledger }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn back_up(&self, name: &str) -> backup::Summary {
        backup::write(&self.ledger.snapshot().unwrap(), &self.path(name), &mut unwatched()).unwrap()
    }
}

fn restore(from: &Path, to: &DataFolder) -> Result<backup::Restored, StoreError> {
    backup::restore(from, to, &mut unwatched())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_restored_ledger_has_the_same_log_and_the_same_views_and_goes_on() {
    for commits in [0, 1, 40] {
        let scene = Scene::grown(commits);
        let summary = scene.back_up("backup");
        let before = scene.ledger.snapshot().unwrap();
        assert_eq!((summary.ledger, summary.head), (LEDGER, before.head()));
        assert_eq!(summary.bytes, fs::metadata(scene.path("backup")).unwrap().len());
        assert_eq!(fs::metadata(scene.path("backup")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(scene.scratch.path()), ["backup", "ledger.redb"], "nothing else is left");

        let folder = DataFolder::at(scene.path("restored"));
        let restored = restore(&scene.path("backup"), &folder).unwrap();
        assert_eq!(restored.summary, summary);
        assert_eq!(names(folder.root()), ["ledger.redb"]);
        let ledger = Ledger::open(&folder.ledger(), &OpenOptions::default()).unwrap();
        let after = ledger.snapshot().unwrap();
        assert_eq!(after.head(), before.head());
        assert_eq!(log(&after).unwrap(), log(&before).unwrap());
        assert_eq!(after.projected().unwrap(), before.projected().unwrap());
        grow(&ledger, 9, 2);
        assert!(ledger.snapshot().unwrap().head().position > summary.head.position);
    }
}

#[test]
fn the_same_log_gives_the_same_bytes() {
    let scene = Scene::grown(10);
    scene.back_up("one");
    scene.back_up("two");
    let one = fs::read(scene.path("one")).unwrap();
    assert_eq!(one, fs::read(scene.path("two")).unwrap());
    let folder = DataFolder::at(scene.path("restored"));
    restore(&scene.path("one"), &folder).unwrap();
    let restored = ReadOnlyLedger::open(&folder.ledger(), &OpenOptions::default()).unwrap();
    backup::write(&restored.snapshot().unwrap(), &scene.path("three"), &mut unwatched()).unwrap();
    assert_eq!(one, fs::read(scene.path("three")).unwrap());
}

#[test]
fn a_backup_is_of_the_snapshot_whatever_is_committed_meanwhile() {
    let scene = Scene::grown(20);
    let snapshot = scene.ledger.snapshot().unwrap();
    let mut more = 0;
    let mut tell = |_, _, _| {
        if more < 5 {
            more += 1;
            grow(&scene.ledger, 100 + more, 1);
        }
    };
    let summary = backup::write(&snapshot, &scene.path("backup"), &mut tell).unwrap();
    assert_eq!(summary.head, snapshot.head());
    assert!(scene.ledger.snapshot().unwrap().head().position > summary.head.position);
    let folder = DataFolder::at(scene.path("restored"));
    assert_eq!(restore(&scene.path("backup"), &folder).unwrap().summary, summary);
}

#[test]
fn a_backup_takes_no_other_files_place() {
    let scene = Scene::grown(2);
    fs::write(scene.path("precious"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", scene.path("link")).unwrap();
    for name in ["precious", "link", "ledger.redb"] {
        let snapshot = scene.ledger.snapshot().unwrap();
        let error = backup::write(&snapshot, &scene.path(name), &mut unwatched()).unwrap_err();
        assert!(matches!(error, StoreError::BackupExists(_)), "{name}: {error}");
    }
    assert_eq!(fs::read(scene.path("precious")).unwrap(), b"mine");
    assert_eq!(names(scene.scratch.path()), ["ledger.redb", "link", "precious"]);
    let error =
        backup::write(&scene.ledger.snapshot().unwrap(), &scene.path("no/such/folder"), &mut unwatched());
    assert!(matches!(error, Err(StoreError::File { .. })));
}

#[test]
fn what_an_interrupted_backup_left_is_taken_over_and_one_under_way_is_not() {
    let scene = Scene::grown(2);
    let beside = scene.path("backup.unfinished");
    fs::write(&beside, "x".repeat(100_000)).unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
    {
        let held = fs::File::open(&beside).unwrap();
        held.lock().unwrap();
        let snapshot = scene.ledger.snapshot().unwrap();
        let error = backup::write(&snapshot, &scene.path("backup"), &mut unwatched()).unwrap_err();
        assert!(error.to_string().contains("another backup"), "{error}");
        assert_eq!(fs::metadata(&beside).unwrap().len(), 100_000);
    }
    scene.back_up("backup");
    assert_eq!(fs::metadata(scene.path("backup")).unwrap().permissions().mode() & 0o777, 0o600);
    backup::check(&scene.path("backup"), &mut unwatched()).unwrap();
    assert!(!beside.exists());
}

/// Whoever can write beside the backup must not have another file overwritten, or the backup put where they read it.
#[test]
fn what_was_planted_in_its_place_is_left_alone() {
    let scene = Scene::grown(2);
    let (beside, precious) = (scene.path("backup.unfinished"), scene.path("precious"));
    fs::write(&precious, b"mine").unwrap();
    for hard in [true, false] {
        if hard { fs::hard_link(&precious, &beside) } else { std::os::unix::fs::symlink(&precious, &beside) }
            .unwrap();
        let snapshot = scene.ledger.snapshot().unwrap();
        let error = backup::write(&snapshot, &scene.path("backup"), &mut unwatched()).unwrap_err();
        assert!(error.to_string().contains("no unfinished backup of yours"), "{error}");
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
        assert!(!scene.path("backup").exists());
        fs::remove_file(&beside).unwrap();
    }
    scene.back_up("backup");
}

/// Whether its version alone says that newer software may be able to read it.
fn is_newer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"keyledger-backup")
        && bytes.get(16..20).is_some_and(|version| u32::from_le_bytes(version.try_into().unwrap()) > 1)
}

/// Restores a damaged backup into nothing, and into a folder with secrets.
fn refused(scene: &Scene, bytes: &[u8], what: &str) {
    let damaged = scene.path("damaged");
    fs::write(&damaged, bytes).unwrap();
    let folder = DataFolder::at(scene.path("restored"));
    let error = restore(&damaged, &folder).expect_err(what);
    assert_eq!(is_newer(bytes), matches!(error, StoreError::Newer { .. }), "{what}: {error}");
    assert!(is_newer(bytes) || matches!(error, StoreError::Backup { .. }), "{what}: {error}");
    assert!(error.to_string().contains(&damaged.display().to_string()), "{what}: {error}");
    assert!(!folder.root().exists(), "{what}: something is left");
}

#[test]
fn a_backup_of_a_newer_version_is_not_called_damaged() {
    let scene = Scene::grown(3);
    scene.back_up("backup");
    let mut bytes = fs::read(scene.path("backup")).unwrap();
    bytes[16] = 2;
    refused(&scene, &bytes, "version 2");
    let said = backup::check(&scene.path("damaged"), &mut unwatched()).unwrap_err().to_string();
    assert!(said.contains("is a backup of version 2, and this software reads up to version 1"), "{said}");
}

#[test]
fn a_backup_cut_short_anywhere_is_refused_and_nothing_is_left() {
    let scene = Scene::grown(3);
    scene.back_up("backup");
    let whole = fs::read(scene.path("backup")).unwrap();
    for length in (0..whole.len()).step_by(7).chain(whole.len() - 33..whole.len()) {
        refused(&scene, &whole[..length], &format!("cut to {length} of {}", whole.len()));
    }
    refused(&scene, &[whole.as_slice(), b"\0"].concat(), "one byte more");
    refused(&scene, &[whole.as_slice(), whole.as_slice()].concat(), "twice");
}

#[test]
fn a_backup_with_any_bit_flipped_is_refused_and_nothing_is_left() {
    let scene = Scene::grown(3);
    scene.back_up("backup");
    let whole = fs::read(scene.path("backup")).unwrap();
    for at in (0..whole.len()).step_by(5).chain(0..100).chain(whole.len() - 40..whole.len()) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&scene, &bytes, &format!("bit flipped in byte {at} of {}", whole.len()));
    }
}

/// Who alters a backup can compute its hash; the chain still has to hold.
#[test]
fn an_altered_backup_with_the_right_hash_is_refused_by_its_chain() {
    let scene = Scene::grown(6);
    scene.back_up("backup");
    let whole = fs::read(scene.path("backup")).unwrap();
    let body = whole.len() - 32;
    for at in [20, 40, 60, 84 + 12 + 26, body / 2, body - 1] {
        let mut bytes = whole[..body].to_vec();
        bytes[at] ^= 1;
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        refused(&scene, &bytes, &format!("byte {at}"));
    }
}

#[test]
fn a_folder_that_holds_a_ledger_is_refused_and_kept() {
    let scene = Scene::grown(2);
    scene.back_up("backup");
    let folder = DataFolder::at(scene.scratch.path());
    let before = scene.ledger.snapshot().unwrap().head();
    let error = restore(&scene.path("backup"), &folder).unwrap_err();
    assert!(matches!(error, StoreError::LedgerExists(_)), "{error}");
    assert_eq!(scene.ledger.snapshot().unwrap().head(), before);
}

#[test]
fn what_is_in_the_folder_besides_a_ledger_stays_even_if_restoring_fails() {
    let scene = Scene::grown(2);
    scene.back_up("backup");
    let root = scene.path("folder");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("guard"), "whatever").unwrap();
    let folder = DataFolder::at(&root);
    fs::write(scene.path("damaged"), "keyledger-backup").unwrap();
    restore(&scene.path("damaged"), &folder).unwrap_err();
    assert_eq!(names(&root), ["guard"]);
    // A folder in the ledger's place: the failure comes in the middle of it.
    fs::create_dir_all(root.join("ledger.redb.unfinished/x")).unwrap();
    restore(&scene.path("backup"), &folder).unwrap_err();
    assert_eq!(names(&root), ["guard", "ledger.redb.unfinished"]);
    fs::remove_dir_all(root.join("ledger.redb.unfinished")).unwrap();
    restore(&scene.path("backup"), &folder).unwrap();
    assert_eq!(names(&root), ["guard", "ledger.redb"]);
}

#[test]
fn what_the_guard_will_say_is_told_and_the_guard_is_left_alone() {
    let scene = Scene::grown(3);
    scene.back_up("backup");
    let guard = scene.path("elsewhere");
    let folder = |name: &str| DataFolder::at(scene.path(name)).with_guard(Some(guard.clone()));
    let restored = restore(&scene.path("backup"), &folder("none")).unwrap();
    assert!(matches!(restored.guard, Err(StoreError::NoGuard { .. })), "{restored:?}");
    assert!(!guard.exists());

    Guard::of(&scene.ledger.snapshot().unwrap()).write(&guard).unwrap();
    restore(&scene.path("backup"), &folder("same")).unwrap().guard.unwrap();

    grow(&scene.ledger, 8, 1);
    Guard::of(&scene.ledger.snapshot().unwrap()).write(&guard).unwrap();
    let text = fs::read(&guard).unwrap();
    let restored = restore(&scene.path("backup"), &folder("older")).unwrap();
    assert!(matches!(restored.guard, Err(StoreError::RolledBack { .. })), "{restored:?}");
    assert_eq!(fs::read(&guard).unwrap(), text);
}
