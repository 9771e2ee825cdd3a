//! From start to ready: the log is read, its chain checked, and folded into the verification index.

use std::path::Path;

use authority::Authority;
use store::{DataFolder, Ledger, OpenOptions, StoreError};

use crate::folders;
use crate::grown::Mix;
use crate::report::{Figure, Report, Wanted};
use crate::rounds::{median, timed};

const ROUNDS: usize = 5;
const COMMANDS_PER_COMMIT: usize = 4_096;

/// Opens an authority, and reads the same file on one thread, in turn.
pub fn measure(scratch: &Path, keys: u64, report: &mut Report) -> Result<(), String> {
    let root = folders::with_keys(scratch, keys, Mix::Keys, COMMANDS_PER_COMMIT)?;
    let (mut scans, mut starts, mut events) = (vec![], vec![], 0);
    for _ in 0..ROUNDS {
        let (opened, authority) = timed(|| Authority::open(folders::options(&root)));
        events = authority.map_err(|error| error.to_string())?.position().number();
        starts.push(opened.as_secs_f64());
        scans.push(chained_scan(&root).map_err(|error| error.to_string())?);
    }
    let rate = |seconds: &[f64]| events as f64 / median(seconds);
    let figure = Figure::of(format!("start to ready, {keys} keys"), rate(&starts), "events/s");
    report.add(figure.beside("scan on one thread", rate(&scans)).wanted(Wanted::RatioAtLeast(0.5)));
    report.add(Figure::of(format!("start to ready, {keys} keys"), median(&starts), "s"));
    Ok(())
}

/// How many seconds it takes to read and check the log on one thread.
fn chained_scan(root: &Path) -> Result<f64, StoreError> {
    let options = OpenOptions::default();
    let ledger = Ledger::open(&DataFolder::at(root).ledger(), &options)?;
    let snapshot = ledger.snapshot()?;
    let (taken, read) = timed(|| snapshot.scan(|_| Ok::<_, StoreError>(())));
    read?;
    drop(snapshot);
    ledger.close()?;
    Ok(taken.as_secs_f64())
}
