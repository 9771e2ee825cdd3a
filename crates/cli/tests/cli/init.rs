//! `init`: what it makes, what it says, and what it refuses.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Stdio;

use crate::support::{Deployment, Ended, init, keyledger, run, text};

#[test]
fn json_has_the_ids_and_the_key() {
    let deployment = Deployment::new();
    let made = deployment.made.as_object().unwrap();
    let mut fields: Vec<_> = made.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["key", "key_id", "tenant_id", "user_id"]);
    for id in ["tenant_id", "user_id", "key_id"] {
        assert_eq!(deployment.id(id).len(), 36, "{id}");
    }
    assert!(deployment.id("key").starts_with("klu_"));
}

#[test]
fn people_are_told_what_was_made_and_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("my data");
    let ended = run(&init(&data, &["--tenant-name", "Acme Ltd", "--admin-name", "Ada"]));
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let mut told = ended.out.replace(text(folder.path()), "[folder]");
    // Ids and the key differ from run to run.
    for word in ended.out.split_whitespace() {
        if word.len() == 36 && word.matches('-').count() == 4 {
            told = told.replace(word, "[id]");
        }
        if word.starts_with("klu_") {
            told = told.replace(word, "klu_[secret]");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_next_command_keeps_the_paths_given() {
    let folder = tempfile::tempdir().unwrap();
    let (data, guard) = (folder.path().join("data"), folder.path().join("guard"));
    let ended = run(&init(&data, &["--guard", text(&guard)]));
    assert_eq!(ended.code, 0, "{}", ended.err);
    let next = format!("\n  keyledger serve --data {} --guard {}\n", text(&data), text(&guard));
    assert!(ended.out.contains(&next), "{}", ended.out);
    assert!(guard.exists() && !data.join("guard").exists());
}

#[test]
fn a_folder_with_a_ledger_is_refused_and_left_alone() {
    let deployment = Deployment::new();
    let data = deployment.data();
    let before = fs::read(data.join("ledger.redb")).unwrap();
    let ended = run(&init(&data, &["-o", "json"]));
    assert_eq!((ended.code, ended.out.as_str()), (6, ""));
    let (code, message) = ended.error();
    assert_eq!(code, "LEDGER_EXISTS");
    assert!(message.contains("holds a ledger already"), "{message}");
    let ended = run(&init(&data, &[]));
    assert_eq!(ended.code, 6);
    assert!(
        ended.err.starts_with(&format!("error: {} holds a ledger already", text(&data))),
        "{}",
        ended.err
    );
    assert_eq!(fs::read(data.join("ledger.redb")).unwrap(), before);
}

#[test]
fn the_folder_and_the_secrets_are_closed_to_others() {
    let deployment = Deployment::new();
    let mode = |path: &str| fs::metadata(deployment.data().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    assert_eq!(mode("secrets"), 0o700);
    assert_eq!(mode("secrets/pepper"), 0o600);
    assert_eq!(mode("secrets/master.key"), 0o600);
}

#[test]
fn the_key_is_in_no_file() {
    let deployment = Deployment::new();
    let key = deployment.id("key");
    let mut folders = vec![deployment.data()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(key.len()).any(|window| window == key.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

/// Nobody can get the key a second time: that must not end as if all were well, not even when the reader left.
#[test]
fn a_key_that_cannot_be_written_out_is_an_error() {
    let (reader, left) = std::io::pipe().unwrap();
    drop(reader);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    for out in [Stdio::from(left), Stdio::from(full)] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let output = keyledger(&init(&data, &[])).stdout(out).stderr(Stdio::piped()).output().unwrap();
        let ended = Ended::of(output);
        assert_eq!(ended.code, 1, "{}", ended.err);
        assert!(ended.err.contains("its key could not be written out and is lost"), "{}", ended.err);
        assert!(ended.err.contains(&format!("remove {} and init again", text(&data))), "{}", ended.err);
    }
}

#[test]
fn secrets_may_come_from_elsewhere() {
    let (folder, secrets) = (tempfile::tempdir().unwrap(), Deployment::new());
    let (data, credentials) = (folder.path().join("data"), folder.path().join("credentials"));
    fs::create_dir(&credentials).unwrap();
    fs::copy(secrets.data().join("secrets/pepper"), credentials.join("keyledger.pepper")).unwrap();
    let master = secrets.data().join("secrets/master.key");
    let mut command = keyledger(&init(&data, &["--master-key-file", text(&master)]));
    let ended = Ended::of(command.env("CREDENTIALS_DIRECTORY", &credentials).output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(!data.join("secrets/pepper").exists() && !data.join("secrets/master.key").exists());
}

#[test]
fn a_secret_that_is_not_there_is_an_error_and_makes_no_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let (data, none) = (folder.path().join("data"), folder.path().join("none"));
    let ended = run(&init(&data, &["--pepper-file", text(&none), "-o", "json"]));
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (1, "FILE_FAILED"));
    assert!(message.starts_with(text(&none)), "{message}");
    assert!(!data.join("ledger.redb").exists());
    assert_eq!(run(&init(&data, &[])).code, 0, "a second attempt is not in the way of the first");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let ended = run(&init(file.path(), &["-o", "json"]));
    assert_eq!((ended.code, ended.error().0.as_str()), (1, "FILE_FAILED"));
}

#[test]
fn of_several_at_once_one_makes_the_ledger_and_it_can_be_served() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let attempts: Vec<_> = (0..4)
        .map(|_| {
            keyledger(&init(&data, &["-o", "json"])).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
        })
        .collect();
    let ended: Vec<_> =
        attempts.into_iter().map(|child| Ended::of(child.unwrap().wait_with_output().unwrap())).collect();
    let made = ended.iter().filter(|ended| ended.code == 0).count();
    assert_eq!(made, 1, "{:?}", ended.iter().map(|ended| &ended.err).collect::<Vec<_>>());
    for refused in ended.iter().filter(|ended| ended.code != 0) {
        let (code, message) = refused.error();
        assert!(["LEDGER_EXISTS", "LEDGER_IN_USE"].contains(&code.as_str()), "{code}: {message}");
    }
    let verified = run(&["audit", "verify", "--full", "--data", text(&data)]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    assert!(verified.out.contains("guard       ok"), "{}", verified.out);
}

#[test]
fn what_an_interrupted_attempt_left_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("secrets")).unwrap();
    fs::write(data.join("ledger.redb.unfinished"), b"half a ledger").unwrap();
    fs::write(data.join("secrets/pepper.new"), b"").unwrap();
    let ended = run(&init(&data, &[]));
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(run(&["audit", "verify", "--full", "--data", text(&data)]).code, 0);
}

#[test]
fn the_guard_of_a_ledger_that_was_moved_away_is_not_replaced() {
    let deployment = Deployment::new();
    let data = deployment.data();
    let before = fs::read(data.join("guard")).unwrap();
    fs::rename(data.join("ledger.redb"), data.join("moved.away")).unwrap();
    let refused = |ended: Ended| {
        let (code, message) = ended.error();
        assert_eq!((ended.code, code.as_str()), (6, "GUARD_EXISTS"), "{message}");
        assert!(
            message.contains("put that ledger back") && message.contains("guard.checkpoint"),
            "{message}"
        );
        assert_eq!(fs::read(data.join("guard")).unwrap(), before);
        assert!(!data.join("ledger.redb").exists());
    };
    refused(run(&init(&data, &["-o", "json"])));
    refused(deployment.run(&["serve", "--set-up", "--listen", "127.0.0.1:0", "-o", "json"]));
    // One that cannot be read may be one, too.
    fs::write(data.join("guard"), &before[..30]).unwrap();
    assert_eq!(run(&init(&data, &[])).code, 6);
    // As the message says.
    for name in ["guard", "guard.checkpoint", "secrets"] {
        fs::rename(data.join(name), data.join(format!("{name}.away"))).unwrap();
    }
    assert_eq!(run(&init(&data, &[])).code, 0);
}

#[test]
fn another_ledgers_guard_is_not_replaced() {
    let deployment = Deployment::new();
    let guard = deployment.data().join("guard");
    let before = fs::read(&guard).unwrap();
    let other = deployment.folder.path().join("other");
    let ended = run(&init(&other, &["--guard", text(&guard), "-o", "json"]));
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (6, "GUARD_EXISTS"), "{message}");
    assert_eq!(fs::read(&guard).unwrap(), before);
    assert!(!other.join("ledger.redb").exists());
}

#[test]
fn what_root_makes_in_a_prepared_folder_is_its_owners() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(65534), Some(65534)).unwrap();
    assert_eq!(run(&init(&data, &[])).code, 0);
    // As somebody who takes them away and comes back as root would meet it.
    fs::remove_dir_all(data.join("secrets/signing")).unwrap();
    assert_eq!(run(&["recover", "--data", text(&data), "--user", "ada@example.com"]).code, 0);
    let mut folders = vec![data];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let metadata = entry.metadata().unwrap();
            assert_eq!(metadata.uid(), 65534, "{}", entry.path().display());
            folders.extend(metadata.is_dir().then(|| entry.path()));
        }
    }
}

#[test]
fn a_folder_that_was_there_becomes_its_owners_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run(&init(&data, &[])).code, 0);
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(run(&["doctor", "--data", text(&data)]).code, 0);
}
