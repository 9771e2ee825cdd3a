//! Backups beside a running server, while it is written to.

use std::sync::atomic::{AtomicBool, Ordering};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, init, keyledger};
use serde_json::{Value, json};

/// Ends the writes, also when the test fails in the middle of them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `keyledger backup`, `keyledger restore`: what was acknowledged before a backup began is in it.
#[test]
fn backups_under_writes_hold_what_was_acknowledged_and_verify() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let admin = Client::holding(server.url(), &made.key);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let account = json!({"tenant_id": made.tenant_id, "name": format!("agent-{number}")});
                admin.mutate("create_service_account", &account, "id").unwrap();
            }
        });
        let _stop = Stop(&done);
        for number in 0..5 {
            let ready = admin.get("/readyz").json();
            let acknowledged: u64 = ready["position"].as_str().unwrap().parse().unwrap();
            let path = |name: &str| scratch.path().join(format!("{name}-{number}")).display().to_string();
            let (file, restored) = (path("backup"), path("restored"));
            let data = data.to_str().unwrap();
            let output = keyledger(["backup", "--data", data, "--to", &file, "-o", "json"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let backup: Value = serde_json::from_slice(&output.stdout).unwrap();
            let position: u64 = backup["position"].as_str().unwrap().parse().unwrap();
            assert!(position >= acknowledged, "{position} lacks what was acknowledged at {acknowledged}");

            let output = keyledger(["restore", "--from", &file, "--data", &restored, "-o", "json"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let output = keyledger(["audit", "verify", "--data", &restored, "-o", "json"]);
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(report["ok"], true, "{report:#}");
            assert_eq!(report["head_position"], backup["position"]);
            assert_eq!(report["head_hash"], backup["hash"]);
        }
    });
    assert_eq!(server.stop(), Some(0));
}
