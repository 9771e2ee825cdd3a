//! The guard: a ledger that is older than it was, or another, does not pass.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/ledgers.rs"]
mod ledgers;

use std::fs;
use std::path::Path;

use domain::ids::LedgerId;
use domain::time::Position;
use keyledger_store::chain::ChainHash;
use keyledger_store::guard::Guard;
use keyledger_store::{Ledger, OpenOptions, StoreError};
use tempfile::TempDir;

use ledgers::{LEDGER, grow};

fn ledger_in(folder: &Path, id: LedgerId) -> Ledger {
    Ledger::create(&folder.join("ledger.redb"), id, &OpenOptions::default()).unwrap()
}

fn grown(commits: u64) -> (TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger_in(folder.path(), LEDGER);
    grow(&ledger, 1, commits);
    (folder, ledger)
}

#[test]
fn what_is_written_is_read_again_and_the_ledger_passes_then_and_later() {
    let (folder, ledger) = grown(4);
    let path = folder.path().join("guard");
    let guard = Guard::of(&ledger.snapshot().unwrap());
    guard.write(&path).unwrap();
    assert_eq!(Guard::read(&path).unwrap(), guard);
    guard.check(&ledger.snapshot().unwrap()).unwrap();
    grow(&ledger, 2, 3);
    guard.check(&ledger.snapshot().unwrap()).unwrap();
    // In the place of the one before, and nothing is left lying about.
    let later = Guard::of(&ledger.snapshot().unwrap());
    later.write(&path).unwrap();
    assert_eq!(Guard::read(&path).unwrap(), later);
    assert!(later.position > guard.position);
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["guard", "ledger.redb"]);
}

#[test]
fn a_person_can_read_it() {
    let (folder, ledger) = grown(1);
    let path = folder.path().join("guard");
    let guard = Guard::of(&ledger.snapshot().unwrap());
    guard.write(&path).unwrap();
    let Guard { position, hash, .. } = guard;
    let expected = format!(
        "keyledger-guard 1\nledger 09090909-0909-0909-0909-090909090909\nposition {position}\nhash {hash}\n"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn an_empty_ledger_has_a_guard_too() {
    let (folder, ledger) = grown(0);
    let path = folder.path().join("guard");
    Guard::of(&ledger.snapshot().unwrap()).write(&path).unwrap();
    let guard = Guard::read(&path).unwrap();
    assert_eq!(guard.position, Position::START);
    guard.check(&ledger.snapshot().unwrap()).unwrap();
    grow(&ledger, 1, 2);
    guard.check(&ledger.snapshot().unwrap()).unwrap();
}

#[test]
fn a_restored_copy_is_refused_and_both_positions_are_named() {
    let (folder, ledger) = grown(3);
    let (path, copy) = (folder.path().join("ledger.redb"), folder.path().join("copy"));
    let old = ledger.snapshot().unwrap().head().position;
    ledger.close().unwrap();
    fs::copy(&path, &copy).unwrap();
    let ledger = Ledger::open(&path, &OpenOptions::default()).unwrap();
    grow(&ledger, 2, 3);
    let guard = Guard::of(&ledger.snapshot().unwrap());
    drop(ledger);
    fs::rename(&copy, &path).unwrap();

    let restored = Ledger::open(&path, &OpenOptions::default()).unwrap();
    let error = guard.check(&restored.snapshot().unwrap()).unwrap_err();
    let StoreError::RolledBack { guard: seen, guard_hash, .. } = &error else { panic!("{error}") };
    assert_eq!((*seen, *guard_hash), (guard.position, guard.hash));
    let said = error.to_string();
    for part in [
        format!("position {}", guard.position),
        format!("ends at position {old}"),
        guard.hash.to_string(),
        "--accept-rollback".into(),
    ] {
        assert!(said.contains(&part), "{part:?} in {said}");
    }

    // Going on from there does not make it the same history, however long it becomes.
    grow(&restored, 3, 20);
    let error = guard.check(&restored.snapshot().unwrap()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, StoreError::RolledBack { .. }), "{said}");
    assert!(said.contains("has another event there"), "{said}");
}

#[test]
fn another_ledger_is_refused_and_both_are_named() {
    let (_folder, ledger) = grown(2);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = ledger_in(elsewhere.path(), LedgerId::from_bytes([0xAA; 16]));
    grow(&other, 1, 2);
    let guard = Guard::of(&ledger.snapshot().unwrap());
    let error = guard.check(&other.snapshot().unwrap()).unwrap_err();
    assert!(matches!(error, StoreError::OtherLedger { .. }), "{error}");
    for id in ["09090909-0909-0909-0909-090909090909", "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"] {
        assert!(error.to_string().contains(id), "{error}");
    }
}

#[test]
fn a_guard_that_leads_by_hash_or_position_is_refused() {
    let (_folder, ledger) = grown(3);
    let snapshot = ledger.snapshot().unwrap();
    let guard = Guard::of(&snapshot);
    for wrong in [
        Guard { position: guard.position.next(), ..guard },
        Guard { position: Position::new(u64::MAX), ..guard },
        Guard { position: Position::new(1), ..guard },
        Guard { position: Position::START, ..guard },
        Guard { hash: ChainHash([0; 32]), ..guard },
    ] {
        let error = wrong.check(&snapshot).unwrap_err();
        assert!(matches!(error, StoreError::RolledBack { .. }), "{wrong:?}: {error}");
    }
}

#[test]
fn a_guard_that_is_missing_or_garbled_is_none() {
    let (folder, ledger) = grown(1);
    let path = folder.path().join("guard");
    let said = |path: &Path| {
        let error = Guard::read(path).unwrap_err();
        assert!(matches!(error, StoreError::NoGuard { .. }), "{error}");
        error.to_string()
    };
    assert!(said(&path).contains("missing or unreadable"));
    let guard = Guard::of(&ledger.snapshot().unwrap());
    guard.write(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let garbled = [
        String::new(),
        "\n".into(),
        good.replace("keyledger-guard 1", "keyledger-guard 2"),
        good.replace("position ", "position -"),
        good.replace("position ", "position x"),
        good.replace("ledger 09", "ledger 9"),
        good.replace("hash ", "hash 00"),
        good.replace("hash ", ""),
        good.lines().rev().collect::<Vec<_>>().join("\n"),
        good[..good.len() - 2].to_owned(),
    ];
    for text in garbled {
        fs::write(&path, &text).unwrap();
        assert!(said(&path).contains(&path.display().to_string()), "{text:?}");
    }
    fs::write(&path, [0xFF, 0xFE]).unwrap();
    said(&path);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    said(&path);
}

#[test]
fn what_a_crash_left_beside_it_is_not_in_the_way() {
    let (folder, ledger) = grown(1);
    let path = folder.path().join("guard");
    fs::write(folder.path().join("guard.new"), "half a gu").unwrap();
    let guard = Guard::of(&ledger.snapshot().unwrap());
    guard.write(&path).unwrap();
    assert_eq!(Guard::read(&path).unwrap(), guard);
}

/// A link or an open file in the place where the next one is written must not get what is written.
#[test]
fn what_was_planted_beside_it_gets_nothing() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let (folder, ledger) = grown(1);
    let (path, planted) = (folder.path().join("guard"), folder.path().join("guard.new"));
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "mine").unwrap();
    let guard = Guard::of(&ledger.snapshot().unwrap());
    symlink(&elsewhere, &planted).unwrap();
    guard.write(&path).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"mine");
    fs::write(&planted, "").unwrap();
    fs::set_permissions(&planted, fs::Permissions::from_mode(0o644)).unwrap();
    guard.write(&path).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Root works on the folder of somebody else, as in a recovery: what it leaves there is theirs.
#[test]
fn what_root_writes_belongs_to_whoever_has_the_folder() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    let scratch = tempfile::tempdir().unwrap();
    const SOMEBODY: u32 = 65_534;
    if chown(scratch.path(), Some(SOMEBODY), Some(SOMEBODY)).is_err() {
        // Only root gives folders away; everybody else's files are their own anyway.
        return;
    }
    let path = scratch.path().join("ledger.redb");
    let ledger = Ledger::create(&path, LedgerId::from_bytes([1; 16]), &OpenOptions::default()).unwrap();
    let guard = scratch.path().join("guard");
    Guard::of(&ledger.snapshot().unwrap()).write(&guard).unwrap();
    for made in [&path, &guard] {
        assert_eq!(std::fs::metadata(made).unwrap().uid(), SOMEBODY, "{}", made.display());
    }
    // A guard elsewhere keeps the owner that it has.
    chown(&guard, Some(SOMEBODY - 1), None).unwrap();
    Guard::of(&ledger.snapshot().unwrap()).write(&guard).unwrap();
    assert_eq!(std::fs::metadata(&guard).unwrap().uid(), SOMEBODY - 1);
}
