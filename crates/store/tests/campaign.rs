//! The fault campaign: random histories on a disk that loses power, drops what it should have synced, fills up and
//! fails. Afterwards everything that was acknowledged is there, once, and nothing else.
//!
//! Each run comes from one number. `KEYLEDGER_FAULT_RUNS` asks for more of them; `KEYLEDGER_FAULT_SEED` for one alone.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "campaign/check.rs"]
mod check;
#[path = "common/disk.rs"]
mod disk;
#[path = "common/ledgers.rs"]
mod ledgers;
#[path = "common/locks.rs"]
mod locks;
#[path = "campaign/met.rs"]
mod met;
#[path = "campaign/run.rs"]
mod run;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use met::Met;
use run::{Run, Syncs};

const RUNS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, and not {text:?}")))
}

/// Runs one seed to its end; what is found wrong is told as text, also if it is a panic.
fn outcome(seed: u64, syncs: Syncs, met: &mut Met) -> Result<u64, String> {
    let run = AssertUnwindSafe(|| Run::new(seed, syncs, met).lived_out());
    catch_unwind(run).unwrap_or_else(|panic| Err(format!("a panic: {}", said(&*panic))))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[test]
fn whatever_befalls_the_disk_what_was_acknowledged_is_there_once_and_nothing_else() {
    let alone = number("KEYLEDGER_FAULT_SEED");
    let runs = number("KEYLEDGER_FAULT_RUNS").unwrap_or(RUNS);
    let seeds = alone.map_or(0..runs, |seed| seed..seed + 1);
    let mut met = Met::default();
    for seed in seeds {
        if let Err(found) = outcome(seed, Syncs::Honest, &mut met) {
            panic!(
                "seed {seed}: {found}\nrun it alone: KEYLEDGER_FAULT_SEED={seed} cargo test --workspace --test campaign whatever -- --nocapture"
            );
        }
    }
    println!("{met}");
    if alone.is_none() && runs >= RUNS {
        assert_eq!(met.missing(), Vec::<&str>::new(), "the campaign must have met everything:\n{met}");
    }
}

/// If this fails, the campaign would not notice a ledger that loses what it acknowledged.
#[test]
fn a_disk_whose_syncs_lie_is_found_out() {
    let mut met = Met::default();
    let found: Vec<_> = (0..60).filter_map(|seed| outcome(seed, Syncs::Lie, &mut met).err()).collect();
    assert!(found.len() > 20, "{} of 60 found, such as {:?}", found.len(), found.first());
    let lost = found.iter().filter(|found| found.contains("acknowledged")).count();
    assert!(lost > 5, "that acknowledged events are gone must be among what is found: {found:#?}");
}

/// Otherwise a seed would be no use to whoever looks for what it found.
#[test]
fn a_seed_gives_the_same_run_again() {
    for seed in 0..20 {
        let once = || outcome(seed, Syncs::Honest, &mut Met::default()).unwrap();
        assert_eq!(once(), once(), "seed {seed}");
    }
}
