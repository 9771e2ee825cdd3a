//! The audit tool on one core: what an event costs in a pass over the log, and in all that the log is held to.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use store::tree::TreeHash;
use store::{DataFolder, Ledger, OpenOptions, Snapshot, StoreError, chain, envelope};

use crate::folders;
use crate::grown::Mix;
use crate::process;
use crate::report::{Figure, Report, Wanted};
use crate::rounds::median;

const ROUNDS: usize = 3;
const COMMANDS_PER_COMMIT: usize = 4_096;
/// How often the memory of a command is looked at; the kernel keeps the most that it was.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(5);

/// What one run took.
#[derive(Clone, Copy)]
struct Taken {
    seconds: f64,
    peak_bytes: f64,
}

/// Runs each command in turn, on a ledger where so many keys were made by a mixed history.
pub fn measure(scratch: &Path, keys: u64, report: &mut Report) -> Result<(), String> {
    let root = folders::with_keys(scratch, keys, Mix::Mixed, COMMANDS_PER_COMMIT)?;
    let Known { events, tenant, hashing } = known(&root).map_err(|error| error.to_string())?;
    let tenant = tenant.ok_or("the ledger has no tenant")?;
    // Of whatever this processor is: less than this no proof of the log could take that hashed one envelope after the other.
    let hashing_us = hashing.as_secs_f64() * 1e6 / events;
    // Each with how many microseconds an event of the log may cost: a million events a second.
    let commands = [
        ("stats".to_owned(), Some(1.0)),
        ("verify".to_owned(), Some(1.0)),
        (format!("replay -o jsonl --tenant {tenant}"), Some(1.0)),
        ("verify --full".to_owned(), None),
        ("replay -o jsonl".to_owned(), None),
    ];
    let mut rounds = commands.each_ref().map(|_| vec![]);
    let mut until_rows = vec![];
    for _ in 0..ROUNDS {
        for ((arguments, _), taken) in commands.iter().zip(&mut rounds) {
            taken.push(run(&root, arguments, scratch)?);
        }
        until_rows.push(until_rows_come(&root)?.as_secs_f64());
    }
    for ((arguments, most_us), taken) in commands.iter().zip(rounds) {
        let name = format!("audit {}", arguments.replace(&tenant, "ID"));
        let median_of = |of: fn(&Taken) -> f64| median(&taken.iter().map(of).collect::<Vec<_>>());
        let cost = Figure::of(format!("{name}: an event"), median_of(|it| it.seconds) * 1e6 / events, "µs");
        let cost = match arguments.as_str() {
            "verify" => cost.beside("its two hashes alone, one envelope after the other", hashing_us),
            _ => cost,
        };
        report.add(match most_us {
            Some(most) => cost.wanted(Wanted::AtMost(*most)),
            None => cost,
        });
        report.add(Figure::of(format!("{name}: memory"), median_of(|it| it.peak_bytes) / 1e6, "MB"));
    }
    // Until then it costs what events there are; from there on, what rows there are.
    let until_rows = median(&until_rows) * 1e6 / events;
    let figure = Figure::of("audit replay -o jsonl, until rows come: an event", until_rows, "µs");
    report.add(figure.wanted(Wanted::AtMost(1.0)));
    Ok(())
}

/// What is known of the ledger before anything is run on it.
struct Known {
    events: f64,
    /// One of its tenants.
    tenant: Option<String>,
    /// What BLAKE3 for the chain and SHA-256 for the tree take, of each envelope.
    hashing: Duration,
}

fn known(root: &Path) -> Result<Known, StoreError> {
    let ledger = Ledger::open(&DataFolder::at(root).ledger(), &OpenOptions::default())?;
    let snapshot = ledger.snapshot()?;
    let events = snapshot.head().position.number() as f64;
    let tenant = snapshot.rows().tenants()?.first().map(|tenant| tenant.id.to_string());
    let hashing = hashing(&snapshot)?;
    drop(snapshot);
    ledger.close()?;
    Ok(Known { events, tenant, hashing })
}

fn hashing(snapshot: &Snapshot) -> Result<Duration, StoreError> {
    let mut taken = Duration::ZERO;
    snapshot.runs(|first, mut rest| {
        let began = Instant::now();
        while !rest.is_empty() {
            let split = envelope::split_first(rest);
            let (one, after) = split.map_err(|error| StoreError::Event { position: first, error })?;
            black_box((chain::hash(one), TreeHash::of_leaf(one)));
            rest = after;
        }
        taken += began.elapsed();
        Ok::<_, StoreError>(())
    })?;
    Ok(taken)
}

/// Runs a command to its end. What it says goes to a file, as if somebody kept it.
fn run(root: &Path, arguments: &str, scratch: &Path) -> Result<Taken, String> {
    let told = |error: std::io::Error| format!("audit: {error}");
    let output = File::create(scratch.join("audit.out")).map_err(told)?;
    let began = Instant::now();
    let mut child = begin(root, arguments, Stdio::from(output))?;
    let mut peak_bytes: f64 = 0.0;
    let status = loop {
        peak_bytes = peak_bytes.max(peak(&child));
        match child.try_wait().map_err(told)? {
            Some(status) => break status,
            None => thread::sleep(LOOKED_AT_EVERY),
        }
    };
    if !status.success() {
        return Err(format!("keyledger audit {arguments} failed"));
    }
    Ok(Taken { seconds: began.elapsed().as_secs_f64(), peak_bytes })
}

/// How long `replay` of everything reads the log before it writes the first rows.
fn until_rows_come(root: &Path) -> Result<Duration, String> {
    let began = Instant::now();
    let mut child = begin(root, "replay -o jsonl", Stdio::piped())?;
    let mut output = child.stdout.take().expect("it was asked for");
    let come = output.read_exact(&mut [0]).map(|()| began.elapsed());
    // Nobody reads the rest.
    drop(output);
    let ended = child.wait();
    come.and_then(|come| ended.map(|_| come)).map_err(|error| format!("audit replay: {error}"))
}

/// Starts a command on one core.
fn begin(root: &Path, arguments: &str, output: Stdio) -> Result<Child, String> {
    let mut command = process::on_the_core("keyledger")?;
    command.arg("audit").args(arguments.split(' ')).arg("--data").arg(root);
    command
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("audit {arguments}: {error}"))
}

/// The most memory that a child had until now; nothing of one that has ended.
fn peak(child: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    process::bytes_of(&status, "VmHWM:").unwrap_or_default()
}
