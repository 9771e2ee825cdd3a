//! The folder of secrets: closed to others, never written over, and read strictly.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use domain::ids::{PepperId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::sealed::Subject;
use keyledger_store::secrets::{self, SecretBytes, SubjectKeys};
use keyledger_store::{DataFolder, StoreError};
use tempfile::TempDir;

fn folder() -> (TempDir, DataFolder) {
    let root = tempfile::tempdir().unwrap();
    let folder = DataFolder::at(root.path().join("deep/data"));
    secrets::create_folders(&folder).unwrap();
    (root, folder)
}

fn secret(n: u8) -> SecretBytes {
    SecretBytes::new([n; 32])
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

const TENANT: Subject = Subject::Tenant(TenantId::from_bytes([1; 16]));
const USER: Subject = Subject::User(UserId::from_bytes([2; 16]));
const ACCOUNT: Subject = Subject::ServiceAccount(ServiceAccountId::from_bytes([3; 16]));

#[test]
fn nobody_else_can_read_them() {
    let (_root, folder) = folder();
    secrets::create_pepper(&folder.pepper(), PepperId::from_bytes([1; 16]), &secret(1)).unwrap();
    secrets::create_master_key(&folder.master_key(), &secret(2)).unwrap();
    let signing_key = SigningKeyId::from_bytes([4; 16]);
    secrets::create_signing_key(&folder, signing_key, &[5; 72]).unwrap();
    SubjectKeys::open(&folder.subjects()).unwrap().add(USER, secret(3)).unwrap();
    for path in [folder.secrets(), folder.secrets().join("signing")] {
        assert_eq!(mode(&path), 0o700, "{}", path.display());
    }
    for path in [folder.pepper(), folder.master_key(), folder.signing_key(signing_key), folder.subjects()] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn making_the_folders_again_changes_nothing() {
    let (_root, folder) = folder();
    secrets::create_master_key(&folder.master_key(), &secret(2)).unwrap();
    secrets::create_folders(&folder).unwrap();
    assert_eq!(*secrets::read_master_key(&folder.master_key()).unwrap(), [2; 32]);
}

#[test]
fn they_are_read_as_they_were_written() {
    let (_root, folder) = folder();
    let id = PepperId::from_bytes([0xA1; 16]);
    secrets::create_pepper(&folder.pepper(), id, &secret(0xB2)).unwrap();
    let (read_id, key) = secrets::read_pepper(&folder.pepper()).unwrap();
    assert_eq!((read_id, *key), (id, [0xB2; 32]));
    secrets::create_master_key(&folder.master_key(), &secret(0xC3)).unwrap();
    assert_eq!(*secrets::read_master_key(&folder.master_key()).unwrap(), [0xC3; 32]);
    let signing_key = SigningKeyId::from_bytes([4; 16]);
    let wrapped: Vec<u8> = (0..72).collect();
    secrets::create_signing_key(&folder, signing_key, &wrapped).unwrap();
    assert_eq!(secrets::read_signing_key(&folder, signing_key).unwrap(), wrapped);
}

#[test]
fn none_is_ever_written_over() {
    let (_root, folder) = folder();
    let (pepper, master) = (folder.pepper(), folder.master_key());
    let signing_key = SigningKeyId::from_bytes([4; 16]);
    let id = PepperId::from_bytes([1; 16]);
    let make = |n: u8| {
        [
            secrets::create_pepper(&pepper, id, &secret(n)),
            secrets::create_master_key(&master, &secret(n)),
            secrets::create_signing_key(&folder, signing_key, &[n; 72]),
        ]
    };
    assert!(make(1).iter().all(Result::is_ok));
    let paths = [pepper.clone(), master.clone(), folder.signing_key(signing_key)];
    let before: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    for outcome in make(2) {
        let error = outcome.unwrap_err();
        let StoreError::File { error: why, .. } = &error else { panic!("{error}") };
        assert_eq!(why.kind(), std::io::ErrorKind::AlreadyExists, "{error}");
    }
    let after: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(before, after);
}

#[test]
fn what_is_retired_takes_the_place_of_nothing() {
    let (_root, folder) = folder();
    let (checkpoint, cosigned, key) = (folder.checkpoint(), folder.cosigned_checkpoint(), folder.note_key());
    for number in ["1", "2", "3"] {
        fs::write(&checkpoint, number).unwrap();
        fs::write(&cosigned, number).unwrap();
        fs::write(&key, number).unwrap();
        secrets::retire_note_key(&folder).unwrap();
        assert!(!checkpoint.exists() && !cosigned.exists() && !key.exists());
    }
    for (aside, number) in [("retired", "1"), ("retired.2", "2"), ("retired.3", "3")] {
        let read = |path: &Path, kind| fs::read_to_string(path.with_extension(format!("{kind}.{aside}")));
        assert_eq!(read(&checkpoint, "checkpoint").unwrap(), number);
        assert_eq!(read(&cosigned, "cosigned").unwrap(), number);
        assert_eq!(read(&key, "key").unwrap(), number);
    }
    secrets::retire_note_key(&folder).unwrap();
}

#[test]
fn malformed_secrets_are_refused_with_the_file_named_and_the_rule_and_without_the_contents() {
    let (_root, folder) = folder();
    let path = folder.pepper();
    let digits = "ab".repeat(32);
    let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    let refused = |text: &str, error: StoreError| {
        let said = error.to_string();
        assert!(matches!(error, StoreError::File { .. }), "{text:?}: {said}");
        assert!(said.contains(&path.display().to_string()) && said.contains("hexadecimal"), "{said}");
        assert!(!said.contains("abab"), "{said}");
    };
    for text in [
        String::new(),
        digits.clone(),
        format!("{uuid} {}", &digits[2..]),
        format!("{uuid} {digits}00"),
        format!("{uuid}  {digits}"),
        format!("{uuid} {}zz", &digits[2..]),
        format!("not-an-id {digits}"),
        format!("{uuid} +{}", &digits[1..]),
    ] {
        fs::write(&path, &text).unwrap();
        refused(&text, secrets::read_pepper(&path).map(drop).unwrap_err());
    }
    for text in [String::new(), digits[1..].to_owned(), format!("{digits}0"), format!("+{}", &digits[1..])] {
        fs::write(&path, &text).unwrap();
        refused(&text, secrets::read_master_key(&path).map(drop).unwrap_err());
    }
    let missing = folder.master_key();
    let error = secrets::read_master_key(&missing).map(drop).unwrap_err();
    assert!(error.to_string().contains("master.key"), "{error}");
}

#[test]
fn keys_of_subjects_last_and_are_found_by_kind() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    {
        let mut keys = SubjectKeys::open(&path).unwrap();
        for (n, subject) in [TENANT, USER, ACCOUNT].into_iter().enumerate() {
            keys.add(subject, secret(n as u8)).unwrap();
        }
        keys.sync().unwrap();
        keys.sync().unwrap();
    }
    let keys = SubjectKeys::open(&path).unwrap();
    for (n, subject) in [TENANT, USER, ACCOUNT].into_iter().enumerate() {
        assert_eq!(keys.key(subject).map(|key| **key), Some([n as u8; 32]));
    }
    // The same bytes name another thing of another kind.
    assert!(keys.key(Subject::User(UserId::from_bytes([1; 16]))).is_none());
    assert_eq!(keys.all().keys.len(), 3);
    assert_eq!(SubjectKeys::read(&path).unwrap().keys.len(), 3);
}

#[test]
fn an_append_cut_short_at_any_place_goes_and_the_next_begins_cleanly() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    keys.add(TENANT, secret(1)).unwrap();
    let whole = fs::read(&path).unwrap();
    for subject in [USER, ACCOUNT, Subject::Tenant(TenantId::from_bytes([9; 16]))] {
        fs::write(&path, &whole).unwrap();
        let mut keys = SubjectKeys::open(&path).unwrap();
        keys.add(subject, secret(2)).unwrap();
        keys.sync().unwrap();
        drop(keys);
        let both = fs::read(&path).unwrap();
        for cut in whole.len()..both.len() - 1 {
            // The file may have been lengthened for more than was written.
            let lengthened = [&both[..cut], &[0; 50]].concat();
            for torn in [&both[..cut], &lengthened] {
                fs::write(&path, torn).unwrap();
                // Somebody who only looks changes nothing.
                assert!(SubjectKeys::read(&path).unwrap().unread.is_none());
                assert_eq!(fs::read(&path).unwrap(), torn);
                let mut keys = SubjectKeys::open(&path).unwrap();
                assert!(keys.key(subject).is_none(), "cut at {cut}");
                assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
                let another = Subject::User(UserId::from_bytes([7; 16]));
                keys.add(another, secret(3)).unwrap();
                keys.sync().unwrap();
                drop(keys);
                let keys = SubjectKeys::open(&path).unwrap();
                assert!(keys.key(TENANT).is_some() && keys.key(another).is_some(), "cut at {cut}");
                assert_eq!(keys.all().keys.len(), 2, "cut at {cut}");
            }
        }
    }
}

#[test]
fn a_whole_last_line_without_its_end_is_kept_and_gets_one() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    keys.add(TENANT, secret(1)).unwrap();
    keys.add(USER, secret(2)).unwrap();
    keys.erase([USER]).unwrap();
    drop(keys);
    let both = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = both.lines().collect();
    assert!(lines[1].ends_with(" erased"));
    for text in [both.as_str(), lines[0], lines[1]] {
        let trimmed = text.trim_end();
        fs::write(&path, trimmed).unwrap();
        let read = SubjectKeys::read(&path).unwrap();
        assert_eq!(read.keys.len() + read.erased.len(), trimmed.lines().count());
        let mut keys = SubjectKeys::open(&path).unwrap();
        assert_eq!((&keys.all().keys, &keys.all().erased), (&read.keys, &read.erased));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{trimmed}\n"));
        keys.add(ACCOUNT, secret(3)).unwrap();
        assert_eq!(SubjectKeys::open(&path).unwrap().key(ACCOUNT), Some(&secret(3)));
    }
}

#[test]
fn a_last_line_that_is_neither_whole_nor_the_beginning_of_one_is_refused_and_the_file_left_alone() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    keys.add(TENANT, secret(0xAB)).unwrap();
    keys.add(USER, secret(0xAB)).unwrap();
    drop(keys);
    let good = fs::read_to_string(&path).unwrap();
    let end = good.trim_end();
    for bad in [
        format!("{end}0"),
        format!("{end} "),
        format!("{good}users:"),
        format!("{good}# a note"),
        format!("{good}user:0102-"),
        format!("{good} user:0102"),
        format!("{good}\0user:0102"),
        format!("{good}user:01890a5d-ac96-774b-bcce-b302099a8057 erase"),
        "\0".repeat(300),
    ] {
        fs::write(&path, &bad).unwrap();
        let Err(error) = SubjectKeys::open(&path) else { panic!("{bad:?} was taken") };
        let said = error.to_string();
        assert!(matches!(error, StoreError::File { .. }), "{said}");
        assert!(said.contains("an older copy in the place of the whole file"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
        assert!(SubjectKeys::read(&path).unwrap().unread.is_some(), "{bad:?}");
    }
}

#[test]
fn a_file_in_doubt_is_written_anew_from_memory_and_gone_on_with() {
    let (_scratch, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    let subjects: Vec<_> = (0..40).map(|n| Subject::User(UserId::from_bytes([n; 16]))).collect();
    for (n, subject) in (0..).zip(&subjects[..39]) {
        keys.add(*subject, secret(n)).unwrap();
    }
    keys.sync().unwrap();
    // As an append that failed in the middle leaves it, or a sync that failed a line before.
    let torn = fs::read_to_string(&path).unwrap().replacen("user:", "\0\0\0\0\0", 1) + "user:0102";
    fs::write(&path, torn).unwrap();
    assert!(SubjectKeys::open(&path).is_err());
    keys.write_anew().unwrap();
    keys.add(subjects[39], secret(39)).unwrap();
    keys.sync().unwrap();
    let again = SubjectKeys::open(&path).unwrap();
    assert_eq!((again.all().keys.len(), mode(&path)), (40, 0o600));
    for (n, subject) in (0..).zip(&subjects) {
        assert_eq!(again.key(*subject), Some(&secret(n)));
    }
}

#[test]
fn an_erased_key_is_gone_from_memory_from_the_file_and_from_the_blocks_of_the_old_one() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    for (n, subject) in [TENANT, USER, ACCOUNT].into_iter().enumerate() {
        keys.add(subject, secret(0xA0 + n as u8)).unwrap();
    }
    keys.sync().unwrap();
    // A second name for the old file, as something that read it a moment ago would have it open.
    let old = path.with_extension("old");
    fs::hard_link(&path, &old).unwrap();
    keys.erase([USER]).unwrap();
    assert!(keys.key(USER).is_none() && keys.key(TENANT).is_some());
    let written = fs::read_to_string(&path).unwrap();
    assert!(!written.contains(&"a1".repeat(32)) && written.contains(" erased\n"), "{written}");
    // The keys of the others are not lost to that, and the old file stays one.
    let blocks = SubjectKeys::read(&old).unwrap();
    assert!(!fs::read_to_string(&old).unwrap().contains(&"a1".repeat(32)));
    assert!(blocks.unread.is_none() && blocks.erased.contains(&USER));
    assert_eq!(
        (blocks.keys.get(&TENANT), blocks.keys.get(&ACCOUNT)),
        (Some(&secret(0xA0)), Some(&secret(0xA2)))
    );
    assert_eq!(mode(&path), 0o600);
    // What comes later goes to the new file; what is erased stays so.
    let again = Subject::User(UserId::from_bytes([9; 16]));
    keys.add(again, secret(9)).unwrap();
    keys.sync().unwrap();
    keys.erase([USER]).unwrap();
    let keys = SubjectKeys::open(&path).unwrap();
    assert_eq!((keys.all().keys.len(), keys.all().erased.iter().collect::<Vec<_>>()), (3, vec![&USER]));
    // Without another name nobody reaches the old file later, when somebody else is erased: all of it goes.
    let written = fs::read_to_string(&path).unwrap();
    let unnamed = fs::File::open(&path).unwrap();
    let mut keys = keys;
    keys.erase([ACCOUNT]).unwrap();
    assert_eq!(std::io::read_to_string(unnamed).unwrap(), "#".repeat(written.len()));
    // A key put back beside the word is not taken.
    let line = written.lines().find(|line| line.ends_with(" erased")).unwrap();
    fs::write(&path, format!("{written}{}\n", line.replace("erased", &"ab".repeat(32)))).unwrap();
    assert!(SubjectKeys::open(&path).is_err());
}

#[test]
fn a_file_that_was_lengthened_but_not_written_is_cut_back() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    keys.add(TENANT, secret(1)).unwrap();
    drop(keys);
    let whole = fs::read(&path).unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 100]).unwrap();
    assert_eq!(SubjectKeys::open(&path).unwrap().all().keys.len(), 1);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_malformed_or_repeated_line_is_refused_and_the_file_left_alone() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    keys.add(TENANT, secret(0xAB)).unwrap();
    keys.add(USER, secret(0xAB)).unwrap();
    drop(keys);
    let good = fs::read_to_string(&path).unwrap();
    let first = good.lines().next().unwrap();
    for bad in [
        good.replace("tenant:", "tenants:"),
        good.replace("tenant:", ""),
        good.replacen("ab", "a", 1),
        good.replacen("abab", "zzab", 1),
        good.replace("tenant:01010101", "tenant:0101010"),
        format!("\n{good}"),
        format!("{good}{first}\n"),
        format!("{good}{}\n", first.replace("abab", "cdcd")),
    ] {
        fs::write(&path, &bad).unwrap();
        let Err(error) = SubjectKeys::open(&path) else { panic!("{bad:?} was taken") };
        let said = error.to_string();
        assert!(matches!(error, StoreError::File { .. }), "{said}");
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(!said.contains("abab") && !said.contains("cdcd"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
    }
}

#[test]
fn a_file_that_is_replaced_is_overwritten_whenever_it_is() {
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    keys.add(TENANT, secret(0xA0)).unwrap();
    keys.add(USER, secret(0xA1)).unwrap();
    keys.sync().unwrap();
    let old = path.with_extension("old");
    fs::hard_link(&path, &old).unwrap();
    // Nothing can be written beside it: the key stays in the file, and goes when that is mended.
    fs::create_dir(path.with_extension("new")).unwrap();
    keys.erase([USER]).unwrap_err();
    assert!(fs::read_to_string(&old).unwrap().contains(&"a1".repeat(32)));
    fs::remove_dir(path.with_extension("new")).unwrap();
    keys.write_anew().unwrap();
    let blocks = fs::read_to_string(&old).unwrap();
    assert!(!blocks.contains(&"a1".repeat(32)) && blocks.contains(&"a0".repeat(32)), "{blocks}");
    assert!(fs::read_to_string(&path).unwrap().contains(" erased\n"));
    // Its name is kept through a link, and what it leads to is replaced.
    let elsewhere = path.with_extension("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    keys.erase([TENANT]).unwrap();
    assert!(path.is_symlink());
    assert!(!fs::read_to_string(&elsewhere).unwrap().contains(&"a0".repeat(32)));
    keys.add(ACCOUNT, secret(0xA2)).unwrap();
    // Where there is none any more, there is none to be overwritten.
    fs::remove_file(&path).unwrap();
    keys.write_anew().unwrap();
    assert_eq!(SubjectKeys::open(&path).unwrap().all().keys.len(), 1);
}

#[test]
fn a_probe_leads_to_nothing_that_was_planted_in_its_place() {
    let (root, folder) = folder();
    let precious = root.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    let probe = folder.root().join("ledger.probe");
    std::os::unix::fs::symlink(&precious, &probe).unwrap();
    folder.try_room().unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    assert!(!probe.is_symlink());
}

/// The name leads to the new file by then, and whether that lasts, nobody knows.
#[test]
fn a_key_is_overwritten_later_if_the_folder_could_not_be_synced_when_the_file_was_replaced() {
    // Root may read any folder.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let (_root, folder) = folder();
    let path = folder.subjects();
    let mut keys = SubjectKeys::open(&path).unwrap();
    keys.add(TENANT, secret(0xA0)).unwrap();
    keys.add(USER, secret(0xA1)).unwrap();
    keys.sync().unwrap();
    let old = path.with_extension("old");
    fs::hard_link(&path, &old).unwrap();
    let readable = |mode| fs::set_permissions(folder.secrets(), fs::Permissions::from_mode(mode)).unwrap();
    readable(0o300);
    keys.erase([USER]).unwrap_err();
    readable(0o700);
    assert!(fs::read_to_string(&path).unwrap().contains(" erased\n"), "it was replaced");
    assert!(fs::read_to_string(&old).unwrap().contains(&"a1".repeat(32)));
    keys.write_anew().unwrap();
    let blocks = fs::read_to_string(&old).unwrap();
    assert!(!blocks.contains(&"a1".repeat(32)) && blocks.contains(&"a0".repeat(32)), "{blocks}");
}
