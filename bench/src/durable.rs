//! Durable creations: what one client waits for, and what many get who share commits.

use std::fs::{File, OpenOptions as FileOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use authority::compose::KeyInput;
use authority::{Authority, Options, Request, Shown};
use domain::actor::{Actor, Way};
use domain::key::{Owner, Reach};
use domain::limits::KeyLimits;
use domain::names::Name;
use domain::role::Scopes;
use store::{DataFolder, Ledger, Storage};

use crate::folders;
use crate::report::{Figure, Report, Wanted};
use crate::rounds::{median, timed};
use crate::slow_disk::SlowDisk;

const SYNC: Duration = Duration::from_millis(4);
const CLIENTS: usize = 64;
const ALONE: usize = 200;
const TOGETHER: usize = 40;
const ROUNDS: usize = 5;

/// Measures creations over a disk of a known slowness, and over the disk that is there.
pub fn measure(scratch: &Path, report: &mut Report) -> Result<(), String> {
    std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
    let scratch = tempfile::tempdir_in(scratch).map_err(|error| error.to_string())?;
    over_a_slow_disk(scratch.path(), report)?;
    over_the_disk(scratch.path(), report)
}

fn over_a_slow_disk(scratch: &Path, report: &mut Report) -> Result<(), String> {
    let root = scratch.join("slow");
    let made = folders::initialised(&root)?;
    let syncs = Arc::new(AtomicU64::new(0));
    let (path, counted) = (DataFolder::at(&root).ledger(), Arc::clone(&syncs));
    let open = move |options: &store::OpenOptions| {
        let file = FileOptions::new().read(true).write(true).open(&path).expect("init made it");
        let disk = SlowDisk::over(file, SYNC, Arc::clone(&counted)).expect("nobody else has it open");
        Ledger::open_on(disk, options)
    };
    let options = Options { storage: Storage::Elsewhere(Arc::new(open)), ..folders::options(&root) };
    let clients = Clients::open(options, made.key_string.expose())?;

    let before = syncs.load(Ordering::Relaxed);
    let waits = clients.alone(ALONE)?;
    let each = (syncs.load(Ordering::Relaxed) - before) as f64 / ALONE as f64;
    report.add(Figure::of("syncs a creation, one client", each, "syncs").wanted(Wanted::AtMost(3.0)));
    let wait_ms = median(&waits) * 1e3;
    let figure = Figure::of("creation, one client, syncs of 4 ms", wait_ms, "ms");
    report.add(figure.beside("one sync", SYNC.as_secs_f64() * 1e3).wanted(Wanted::RatioAtMost(3.0)));
    let alone = 1.0 / median(&waits);
    let together = clients.together(CLIENTS, TOGETHER)?;
    let figure = Figure::of("creations, 64 clients, syncs of 4 ms", together, "1/s");
    report.add(figure.beside("one client", alone).wanted(Wanted::RatioAtLeast(20.0)));
    Ok(())
}

fn over_the_disk(scratch: &Path, report: &mut Report) -> Result<(), String> {
    let root = scratch.join("raw");
    let made = folders::initialised(&root)?;
    let clients = Clients::open(folders::options(&root), made.key_string.expose())?;
    let (mut ours, mut raw, mut sqlite) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        let (taken, created) = timed(|| clients.alone(ALONE));
        created?;
        ours.push(ALONE as f64 / taken.as_secs_f64());
        raw.push(syncs_per_second(&scratch.join(format!("appended-{round}")))?);
        sqlite.push(sqlite_per_second(&scratch.join(format!("sqlite-{round}")))?);
    }
    let ours = median(&ours);
    let figure = Figure::of("creations on this disk, one client", ours, "1/s");
    report.add(figure.clone().beside("4 KiB appended and fdatasync", median(&raw)));
    report.add(figure.beside("SQLite, WAL, synchronous=FULL", median(&sqlite)));
    let together = clients.together(CLIENTS, 4 * TOGETHER)?;
    report.add(Figure::of("creations on this disk, 64 clients", together, "1/s").beside("one client", ours));
    Ok(())
}

fn syncs_per_second(path: &Path) -> Result<f64, String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::create(path).map_err(told)?;
    let began = Instant::now();
    for _ in 0..ALONE {
        file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).map_err(told)?;
    }
    Ok(ALONE as f64 / began.elapsed().as_secs_f64())
}

fn sqlite_per_second(path: &Path) -> Result<f64, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sqlite.py");
    let run = Process::new("python3").arg(script).arg(path).arg(ALONE.to_string()).output();
    let run = run.map_err(|error| format!("python3 with its sqlite3 is needed to compare ({error})"))?;
    let said = String::from_utf8_lossy(&run.stdout);
    said.trim().parse().map_err(|_| String::from_utf8_lossy(&run.stderr).into_owned())
}

/// Clients that make keys for themselves.
struct Clients {
    authority: Authority,
    actor: Actor,
    owner: Owner,
    reach: Reach,
}

impl Clients {
    fn open(options: Options, key: &str) -> Result<Self, String> {
        let authority = Authority::open(options).map_err(|error| error.to_string())?;
        let caller = authority.authenticate(Shown::from_nowhere(key), None);
        let caller = caller.map_err(|denial| denial.to_string())?;
        let home = caller.tenant.ok_or("the administrator is in no tenant")?;
        let reach = Reach::AnyTenant { home };
        Ok(Self { authority, actor: caller.actor, owner: caller.owner, reach })
    }

    /// How many seconds each of so many creations took, one after the other.
    fn alone(&self, creations: usize) -> Result<Vec<f64>, String> {
        (0..creations).map(|_| self.create()).collect()
    }

    /// How many creations a second so many clients get.
    fn together(&self, clients: usize, creations: usize) -> Result<f64, String> {
        let (taken, outcomes) = timed(|| {
            thread::scope(|threads| {
                let running: Vec<_> =
                    (0..clients).map(|_| threads.spawn(|| self.alone(creations).map(drop))).collect();
                running.into_iter().map(|client| client.join().expect("no client panics")).collect::<Vec<_>>()
            })
        });
        outcomes.into_iter().collect::<Result<Vec<()>, String>>()?;
        Ok((clients * creations) as f64 / taken.as_secs_f64())
    }

    fn create(&self) -> Result<f64, String> {
        let name = Name::parse("measured").expect("a name");
        let limits = KeyLimits::default();
        let input = KeyInput { name, expires_at: None, scopes: Scopes::All, limits, note: None };
        let request = Request { way: Way::Cli, id: self.authority.request_id(), idempotency_key: None };
        let (taken, done) = timed(|| {
            let composed = self.authority.create_key(self.owner, self.reach, &input)?;
            self.authority.execute(&self.actor, &request, composed)
        });
        done.map(|_| taken.as_secs_f64()).map_err(|failure| failure.to_string())
    }
}
