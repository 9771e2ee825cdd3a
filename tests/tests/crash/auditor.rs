//! The audit tool in its own process, again and again, beside whatever happens to the server.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use keyledger_tests::server::keyledger;
use serde_json::Value;

/// What the auditor saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often everything held.
    pub held: usize,
    /// How often the ledger could not be read yet, for nobody had repaired it since the crash.
    pub put_off: usize,
}

/// `keyledger audit verify`: its exit code, and what it said.
pub fn verify(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let data = data.to_str().expect("scratch paths are text");
    let output = keyledger(["audit", "verify", "--full", "-o", "json", "--data", data].iter().chain(more));
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Verifies until told to stop. The log only ever grows, and nothing but a repair that is due excuses a failure.
pub fn audit_until(done: &AtomicBool, data: &Path) -> Seen {
    let (mut seen, mut head) = (Seen::default(), 0);
    while !done.load(Ordering::Relaxed) {
        let (code, said) = verify(data, &[]);
        if code == Some(0) {
            let report: Value = serde_json::from_str(&said).unwrap();
            let found: u64 = report["head_position"].as_str().unwrap().parse().unwrap();
            assert!(found >= head, "the log had {head} events, and has {found}: {said}");
            (seen.held, head) = (seen.held + 1, found);
        } else {
            let excused = ["LEDGER_NEEDS_REPAIR", "LEDGER_IN_USE"].iter().any(|code| said.contains(code));
            assert!(excused, "beside the server: {said}");
            seen.put_off += 1;
        }
    }
    seen
}
