//! Backups beside a running server, while it is written to: what they hold, and that nothing else passes for one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, init, keyledger, keyledger_killed};
use serde_json::{Value, json};

/// How many backups are taken under load, how often one is cut short, and how often a bit of one is flipped.
const BACKUPS: usize = 10;
const CUTS: usize = 60;
const FLIPS: usize = 100;

/// Ends the writes, also when the test fails in the middle of them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What was acknowledged last: a key that lives, and one that was revoked.
#[derive(Clone, Default)]
struct Acknowledged {
    living: Option<String>,
    revoked: Option<String>,
}

fn write_until(done: &AtomicBool, url: &str, admin: &Initialised, writer: usize, last: &Mutex<Acknowledged>) {
    let client = Client::holding(url, &admin.key);
    for number in 0.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("writer {writer} key {number}");
        let input = json!({"user_id": admin.user_id, "name": name, "expires_at": null});
        let made = client.mutate("create_api_key", &input, "id key").unwrap();
        let key = made["key"].as_str().unwrap().to_owned();
        if number % 2 == 0 {
            last.lock().unwrap().living = Some(key);
        } else {
            client.mutate("delete_api_key", &json!({"key_id": made["id"]}), "success").unwrap();
            last.lock().unwrap().revoked = Some(key);
        }
    }
}

fn back_up(data: &Path, to: &Path) -> Output {
    keyledger(["backup", "-o", "json", "--data", &text(data), "--to", &text(to)])
}

fn restore(from: &Path, data: &Path) -> Output {
    keyledger(["restore", "-o", "json", "--from", &text(from), "--data", &text(data)])
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Restores a backup, and serves from it: it says what it should, and nothing is served before that is confirmed.
fn serve_from(backup: &Path, made: &Value, data: &Path, secrets: &Path, acknowledged: &Acknowledged) {
    let restored = done(&restore(backup, data));
    assert_eq!((&restored["position"], &restored["hash"]), (&made["position"], &made["hash"]));
    let report = done(&keyledger(["audit", "verify", "--full", "-o", "json", "--data", &text(data)]));
    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!((&report["head_position"], &report["head_hash"]), (&made["position"], &made["hash"]));
    fs::create_dir_all(data.join("secrets/signing")).unwrap();
    for file in ["pepper", "master.key", "subjects"] {
        fs::copy(secrets.join(file), data.join("secrets").join(file)).unwrap();
    }
    for signing in fs::read_dir(secrets.join("signing")).unwrap() {
        let signing = signing.unwrap();
        fs::copy(signing.path(), data.join("secrets/signing").join(signing.file_name())).unwrap();
    }
    let why = Server::try_start(data, &[]).err().expect("without its guard nothing shows how old it is");
    assert!(why.contains("--guard or --config") && why.contains("restore.md"), "{why}");
    let server = Server::start_with(data, &["--accept-rollback"]);
    if let Some(living) = &acknowledged.living {
        assert_eq!(Client::holding(server.url(), living).whoami().status, 200);
    }
    if let Some(revoked) = &acknowledged.revoked {
        assert_eq!(Client::holding(server.url(), revoked).whoami().code().as_deref(), Some("KEY_REVOKED"));
    }
    assert_eq!(server.stop(), Some(0));
}

/// `keyledger backup`, `keyledger restore`: what was acknowledged before a backup began is in it.
#[test]
fn backups_under_writes_hold_what_was_acknowledged_and_are_served_from() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let (url, stop, last) = (server.url(), AtomicBool::new(false), Mutex::default());
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (stop, admin, last) = (&stop, &admin, &last);
            scope.spawn(move || write_until(stop, url, admin, writer, last));
        }
        let _stop = Stop(&stop);
        for number in 0..BACKUPS {
            let ready = Client::anonymous(url).get("/readyz").json();
            let at: u64 = ready["position"].as_str().unwrap().parse().unwrap();
            let acknowledged: Acknowledged = last.lock().unwrap().clone();
            let backup = scratch.path().join(format!("backup-{number}"));
            let made = done(&back_up(&data, &backup));
            let position: u64 = made["position"].as_str().unwrap().parse().unwrap();
            assert!(position >= at, "{position} lacks what was acknowledged at {at}");
            let restored = scratch.path().join(format!("restored-{number}"));
            serve_from(&backup, &made, &restored, &data.join("secrets"), &acknowledged);
        }
        assert!(last.lock().unwrap().revoked.is_some());
    });
    assert_eq!(server.stop(), Some(0));
}

/// A folder with some history, and a whole backup of it.
fn backed_up(scratch: &Path) -> (PathBuf, PathBuf) {
    let (data, backup) = (scratch.join("data"), scratch.join("backup"));
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let client = Client::holding(server.url(), &admin.key);
    for number in 0..20 {
        let account = json!({"tenant_id": admin.tenant_id, "name": format!("agent-{number}")});
        client.mutate("create_service_account", &account, "id").unwrap();
    }
    assert_eq!(server.stop(), Some(0));
    done(&back_up(&data, &backup));
    (data, backup)
}

fn refused(scratch: &Path, bytes: &[u8], what: &str) {
    let (damaged, restored) = (scratch.join("damaged"), scratch.join("restored"));
    fs::write(&damaged, bytes).unwrap();
    let output = restore(&damaged, &restored);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{what}: {said}");
    assert!(said.contains(r#""BACKUP_DAMAGED""#), "{what}: {said}");
    assert!(!restored.exists(), "{what}: something is left behind");
}

#[test]
fn a_backup_cut_short_or_altered_anywhere_is_refused_with_its_code_and_nothing_is_left() {
    let scratch = tempfile::tempdir().unwrap();
    let (_, backup) = backed_up(scratch.path());
    let whole = fs::read(&backup).unwrap();
    let length = whole.len();
    // The edges of its parts, and places all over it.
    let edges = [0, 1, 16, 20, 36, 83, 84, 92, 96, length - 33, length - 32, length - 1];
    for cut in edges.into_iter().chain((0..CUTS).map(|n| n * length / CUTS)) {
        refused(scratch.path(), &whole[..cut], &format!("cut at {cut}"));
    }
    for n in 0..FLIPS {
        let bit = n * (length * 8 - 1) / (FLIPS - 1);
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        refused(scratch.path(), &altered, &format!("bit {bit} flipped"));
    }
    refused(scratch.path(), &[&whole[..], b"x"].concat(), "something follows");
    refused(scratch.path(), &[&whole[..], &whole[..]].concat(), "twice");
    // And the whole one is none of these.
    done(&restore(&backup, &scratch.path().join("restored")));
}

#[test]
fn a_backup_or_a_restore_that_is_killed_leaves_a_whole_one_or_none() {
    let scratch = tempfile::tempdir().unwrap();
    let (data, _) = backed_up(scratch.path());
    for round in 0..24 {
        let after = Duration::from_micros(700 * round);
        let at = |name: &str| scratch.path().join(format!("{name}-{round}"));
        let (backup, restored) = (at("backup"), at("restored"));
        keyledger_killed(["backup", "--data", &text(&data), "--to", &text(&backup)], after);
        if backup.exists() {
            done(&restore(&backup, &at("of-the-killed")));
        } else {
            done(&back_up(&data, &backup));
        }
        keyledger_killed(["restore", "--from", &text(&backup), "--data", &text(&restored)], after * 2);
        if !restored.join("ledger.redb").exists() {
            done(&restore(&backup, &restored));
        }
        let report =
            done(&keyledger(["audit", "verify", "--full", "-o", "json", "--data", &text(&restored)]));
        assert_eq!(report["ok"], true, "{report:#}");
    }
}

/// The ledger that is there is the damaged one or the new one, and what the log says is never lost.
#[test]
fn a_rebuild_of_damaged_views_that_is_killed_leaves_the_old_ledger_or_the_new() {
    let scratch = tempfile::tempdir().unwrap();
    let (data, _) = backed_up(scratch.path());
    let (ledger, folder) = (data.join("ledger.redb"), text(&data));
    let rebuild = || keyledger(["audit", "rebuild", "-o", "json", "--data", &folder]);
    let export = || keyledger(["audit", "export", "--data", &folder]).stdout;
    let (good, log) = (fs::read(&ledger).unwrap(), export());
    // A page of the views: one without which the ledger is written anew.
    let damaged = (0..good.len()).step_by(4096).find_map(|page| {
        let mut damaged = good.clone();
        damaged[page + 40] ^= 0x55;
        fs::write(&ledger, &damaged).unwrap();
        let ended = rebuild();
        let kept = ended.status.success() && done(&ended)["kept"].is_string();
        kept.then_some(damaged)
    });
    let damaged = damaged.expect("some page is one of the views");
    let mut as_before = 0;
    for round in 0..30 {
        fs::write(&ledger, &damaged).unwrap();
        keyledger_killed(["audit", "rebuild", "--data", &folder], Duration::from_millis(2 * round));
        as_before += usize::from(fs::read(&ledger).unwrap() == damaged);
        done(&rebuild());
        let report = done(&keyledger(["audit", "verify", "--full", "-o", "json", "--data", &folder]));
        assert_eq!(report["ok"], true, "{report:#}");
        assert!(export() == log, "round {round}");
        assert!(!data.join("ledger.redb.unfinished").exists(), "round {round}");
    }
    assert!(as_before > 0, "none was killed before its end");
}
