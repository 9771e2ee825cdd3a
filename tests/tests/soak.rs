//! A mixed load for a long time: what the server holds in memory and on disk grows with what was written, and with
//! nothing else.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keyledger_tests::client::Client;
use serde_json::{Value, json};

use crate::two_tenants::{Shown, TwoTenants, key_for};

/// How long it takes; longer with `KEYLEDGER_SOAK_MINUTES`.
fn duration() -> Duration {
    let minutes = std::env::var("KEYLEDGER_SOAK_MINUTES").ok();
    minutes.map_or(Duration::from_secs(10), |minutes| {
        Duration::from_secs(60 * minutes.parse::<u64>().expect("KEYLEDGER_SOAK_MINUTES is a number"))
    })
}

const KEYS: usize = 24;
const READERS: usize = 4;
/// Between the changes that one writer makes.
const PAUSE: Duration = Duration::from_millis(25);
/// More than an event takes in the file, its length included, which grows by doubling.
const EVENT_BYTES_MAX: u64 = 4_096;
/// What a file has before it is worth counting.
const FILE_BYTES: u64 = 16 << 20;
/// What comes and goes with the load, in KiB.
const MEMORY_SLACK: u64 = 24 << 10;

/// What was seen at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    memory_kib: u64,
    ledger_bytes: u64,
    usage_bytes: u64,
    position: u64,
}

impl Sample {
    fn take(world: &TwoTenants) -> Self {
        let bytes = |name: &str| disk_bytes(&world.data.join(name));
        Self {
            memory_kib: world.server.resident(),
            ledger_bytes: bytes("ledger.redb"),
            usage_bytes: bytes("usage.redb"),
            position: world.position(),
        }
    }
}

/// What a file takes on the disk.
fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn memory_and_files_grow_with_what_was_written_and_nothing_else() {
    let world = TwoTenants::new();
    let ada = world.ada();
    let keys: Vec<Shown> =
        (0..KEYS).map(|n| key_for(&ada, &world.account_id, &format!("soak {n}"))).collect();
    let (over, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut samples = vec![];
    std::thread::scope(|scope| {
        let _stop = Stop(&over);
        for reader in 0..READERS {
            let (world, keys, over, asked) = (&world, &keys, &over, &asked);
            scope.spawn(move || read(world, &keys[reader * KEYS / READERS..], over, asked));
        }
        let (url, keys, admin, over) = (world.server.url(), &keys, &world.ada.key, &over);
        scope.spawn(move || write(&Client::holding(url, admin), keys, over));
        let (began, lasts) = (Instant::now(), duration());
        while began.elapsed() < lasts {
            std::thread::sleep(lasts / 60);
            samples.push(Sample::take(&world));
        }
    });
    let (first, last) = (samples[samples.len() / 3], samples[samples.len() - 1]);
    let asked = asked.load(Ordering::Relaxed);
    println!("{asked} requests, {first:?} to {last:?}");
    let events = last.position - first.position;
    assert!(events > 20 && asked > 100, "that was no load: {events} events, {asked} requests");
    let ledger = last.ledger_bytes.saturating_sub(first.ledger_bytes);
    assert!(ledger <= FILE_BYTES + events * EVENT_BYTES_MAX, "{events} events took {ledger} bytes");
    assert!(last.usage_bytes <= FILE_BYTES, "use of {KEYS} keys takes {} bytes", last.usage_bytes);
    // The file's pages are kept in memory up to the cache's size; beyond it, nothing of the log is.
    let memory = last.memory_kib.saturating_sub(first.memory_kib);
    let cached = (ledger / 1024).min(64 << 10);
    assert!(memory <= MEMORY_SLACK + cached, "memory grew by {memory} KiB while {ledger} bytes were written");
}

/// Ends the load, also when the test fails in the middle.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Verifies, exchanges, shows the token, asks for lists, and is refused, over and over.
fn read(world: &TwoTenants, keys: &[Shown], over: &AtomicBool, asked: &AtomicU64) {
    let (ada, stranger) = (world.ada(), Client::anonymous(world.server.url()));
    for key in keys.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let holder = world.holding(&key.secret);
        // A key may be disabled just now; that is an answer, too.
        assert!(matches!(holder.whoami().status, 200 | 401));
        let minted = stranger.exchange(&key.secret, &[]);
        if let Some(token) = minted.json()["access_token"].as_str() {
            assert!(matches!(world.holding(token).whoami().status, 200 | 401));
        }
        // Who guesses too often from one address is told to wait.
        assert!(matches!(world.holding("klu_nobody").whoami().status, 401 | 429));
        let question = json!({"credential": key.secret}).to_string();
        assert_eq!(ada.post("/v1/verify", "application/json", &question).status, 200);
        let listed = ada.query("keys", "{ keys(first: 10) { edges { node { id status } } } }");
        assert!(listed.unwrap()["edges"].is_array());
        asked.fetch_add(6, Ordering::Relaxed);
    }
}

/// Changes keys to and fro, so that there are no more of them at the end.
fn write(admin: &Client, keys: &[Shown], over: &AtomicBool) {
    for (round, key) in keys.iter().cycle().enumerate() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let id: Value = json!({"key_id": key.id});
        admin.mutate("disable_api_key", &id, "success").unwrap();
        admin.mutate("enable_api_key", &id, "success").unwrap();
        let renamed = json!({"key_id": key.id, "name": format!("soak, round {round}")});
        admin.mutate("rename_api_key", &renamed, "success").unwrap();
        std::thread::sleep(PAUSE);
    }
}
