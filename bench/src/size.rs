//! How large the file is: bytes an event, live and compacted, and where they go.

use store::{DataFolder, Ledger, OpenOptions};

use crate::folders;
use crate::grown::{Mix, bytes_of, bytes_on_disk};
use crate::report::{Figure, Report, Wanted};

/// A writer that is busy, but not overrun: so many commands share a commit.
const COMMANDS_PER_COMMIT: usize = 16;
const KEYS: u64 = 100_000;

/// Measures the file of a mixed history.
pub fn measure(scratch: &std::path::Path, report: &mut Report) -> Result<(), String> {
    let told = |error: store::StoreError| error.to_string();
    let root = folders::with_keys(scratch, KEYS, Mix::Mixed, COMMANDS_PER_COMMIT)?;
    let path = DataFolder::at(root).ledger();
    let copy = path.with_extension("compacted");
    std::fs::copy(&path, &copy).map_err(|error| error.to_string())?;
    let mut ledger = Ledger::open(&copy, &OpenOptions::default()).map_err(told)?;
    let events = ledger.snapshot().map_err(told)?.head().position.number() as f64;
    let (live, on_disk) = (bytes_of(&path)?, bytes_on_disk(&path)?);
    for table in ledger.table_sizes().map_err(told)? {
        let each = |bytes: u64| bytes as f64 / events;
        report.add(Figure::of(format!("{}: stored", table.name), each(table.stored_bytes), "B/event"));
        let lost = table.metadata_bytes + table.fragmented_bytes;
        report.add(Figure::of(format!("{}: around it, and empty", table.name), each(lost), "B/event"));
    }
    report.add(
        Figure::of("file, mixed history", on_disk as f64 / events, "B/event").wanted(Wanted::AtMost(900.0)),
    );
    report.add(Figure::of("its length: it grows by doubling, sparsely", live as f64 / events, "B/event"));
    ledger.compact().map_err(told)?;
    ledger.close().map_err(told)?;
    let compacted = bytes_of(&copy)?;
    report.add(
        Figure::of("file, compacted", compacted as f64 / events, "B/event").wanted(Wanted::AtMost(700.0)),
    );
    std::fs::remove_file(&copy).map_err(|error| error.to_string())
}
