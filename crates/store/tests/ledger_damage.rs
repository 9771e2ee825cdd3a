//! A flipped byte in a closed ledger: an error, or the same answers. Never, silently, another answer.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/disk.rs"]
mod disk;
#[path = "common/ledgers.rs"]
mod ledgers;
#[path = "common/locks.rs"]
mod locks;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use domain::{Model, Recorded};
use keyledger_store::{Ledger, OpenOptions, ReadOnlyLedger, Snapshot, StoreError};

use disk::Disk;
use ledgers::{Dice, LEDGER, answers, grow, links, log};

/// A closed ledger, and everything that it answers.
struct Whole {
    bytes: Vec<u8>,
    ever: Model,
    log: Vec<Recorded>,
    rows: Vec<Vec<String>>,
    links: Vec<String>,
}

fn whole() -> Whole {
    let disk = Disk::default();
    let ledger = Ledger::create_on(disk.clone(), LEDGER, &OpenOptions::default()).unwrap();
    grow(&ledger, 5, 60);
    let snapshot = ledger.snapshot().unwrap();
    let log = log(&snapshot).unwrap();
    let ever = Model::fold(&log);
    let rows = asked(&snapshot, &ever).into_iter().map(|rows| rows.unwrap()).collect();
    let links = links(&snapshot, &ever).into_iter().map(|link| link.unwrap()).collect();
    drop(snapshot);
    ledger.close().unwrap();
    Whole { bytes: disk.bytes(), ever, log, rows, links }
}

type Answers = Result<Vec<String>, StoreError>;

/// All rows at a few positions.
fn asked(snapshot: &Snapshot, ever: &Model) -> Vec<Answers> {
    let head = snapshot.head().position.number();
    let positions = [0, head / 3, head / 2, head].map(domain::time::Position::new);
    let at = positions.into_iter().map(|position| answers(&snapshot.rows_at(position), ever));
    at.map(|rows| rows.into_iter().collect()).collect()
}

/// What came of reading a damaged ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Same,
    RefusedOnOpening,
    RefusedOnReading,
    OtherLog,
    OtherRows,
    OtherLinks,
}

fn read(whole: &Whole, bytes: Vec<u8>, options: &OpenOptions) -> End {
    let Ok(ledger) = Ledger::open_on(Disk::holding(bytes), options) else { return End::RefusedOnOpening };
    ledger.snapshot().map_or(End::RefusedOnOpening, |snapshot| compare(whole, &snapshot))
}

fn read_only(whole: &Whole, path: &Path, bytes: &[u8]) -> End {
    std::fs::write(path, bytes).unwrap();
    let opened = ReadOnlyLedger::open(path, &OpenOptions::default());
    let snapshot = opened.as_ref().map(ReadOnlyLedger::snapshot);
    let Ok(Ok(snapshot)) = snapshot else { return End::RefusedOnOpening };
    compare(whole, &snapshot)
}

fn compare(whole: &Whole, snapshot: &Snapshot) -> End {
    let mut refused = false;
    match log(snapshot) {
        Ok(found) if found == whole.log => {}
        Ok(_) => return End::OtherLog,
        Err(_) => refused = true,
    }
    for (found, expected) in asked(snapshot, &whole.ever).into_iter().zip(&whole.rows) {
        match found {
            Ok(found) if found == *expected => {}
            Ok(_) => return End::OtherRows,
            Err(_) => refused = true,
        }
    }
    for (found, expected) in links(snapshot, &whole.ever).into_iter().zip(&whole.links) {
        match found {
            Ok(found) if found == *expected => {}
            Ok(_) => return End::OtherLinks,
            Err(_) => refused = true,
        }
    }
    if refused { End::RefusedOnReading } else { End::Same }
}

/// What came of so many single flipped bytes, and where each was; a panic is none of the ends.
fn flips(whole: &Whole, count: u64, read: impl Fn(Vec<u8>) -> End) -> BTreeMap<Option<End>, Vec<usize>> {
    let used: Vec<usize> = (0..whole.bytes.len()).filter(|at| whole.bytes[*at] != 0).collect();
    let mut dice = Dice(count);
    let mut ends = BTreeMap::<_, Vec<usize>>::new();
    for n in 0..count {
        // Three in four where something is written; the rest anywhere.
        let at = if n.is_multiple_of(4) {
            dice.below(whole.bytes.len() as u64) as usize
        } else {
            used[dice.below(used.len() as u64) as usize]
        };
        let mut bytes = whole.bytes.clone();
        bytes[at] ^= 1 + dice.below(255) as u8;
        let end = catch_unwind(AssertUnwindSafe(|| read(bytes))).ok();
        ends.entry(end).or_default().push(at);
    }
    ends
}

/// How many flips ended so.
fn count(ends: &BTreeMap<Option<End>, Vec<usize>>, end: Option<End>) -> usize {
    ends.get(&end).map_or(0, Vec::len)
}

#[test]
fn a_ledger_that_is_checked_on_opening_never_gives_another_answer_and_never_panics() {
    let whole = whole();
    let ends = flips(&whole, 600, |bytes| read(&whole, bytes, &OpenOptions::default()));
    for end in ends.keys() {
        let safe = [Some(End::Same), Some(End::RefusedOnOpening), Some(End::RefusedOnReading)];
        assert!(safe.contains(end), "{end:?} after flipping {:?}", ends[end]);
    }
    assert!(count(&ends, Some(End::RefusedOnOpening)) > 100, "flips that matter: {ends:?}");
}

/// Larger ledgers, and all that are only read, are not checked on opening. Their log still cannot lie. Their
/// views can, seldom: when a byte of a row's *key*, or of the tree above it, is hit, a row is not found, or
/// an older version is, and its own check holds. Then `audit rebuild` gives the truth. The bounds here keep
/// what is known from getting worse; a few flips also meet an assertion of the database.
fn the_log_holds_and_little_else_slips_through(ends: &BTreeMap<Option<End>, Vec<usize>>, flips: usize) {
    assert_eq!(count(ends, Some(End::OtherLog)), 0, "{:?}", ends.get(&Some(End::OtherLog)));
    let slipped = count(ends, Some(End::OtherRows)) + count(ends, Some(End::OtherLinks));
    assert!(slipped * 50 <= flips, "{slipped} of {flips}: {ends:?}");
    assert!(count(ends, None) * 50 <= flips, "{} panics of {flips}: {ends:?}", count(ends, None));
    assert!(count(ends, Some(End::RefusedOnReading)) > flips / 10, "flips that matter: {ends:?}");
}

#[test]
fn a_ledger_that_is_not_checked_on_opening_never_gives_another_log() {
    let whole = whole();
    let options = OpenOptions { check_bytes_max: 0, ..OpenOptions::default() };
    let ends = flips(&whole, 600, |bytes| read(&whole, bytes, &options));
    the_log_holds_and_little_else_slips_through(&ends, 600);
}

#[test]
fn a_ledger_that_is_only_read_never_gives_another_log() {
    let whole = whole();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let ends = flips(&whole, 300, |bytes| read_only(&whole, &path, &bytes));
    the_log_holds_and_little_else_slips_through(&ends, 300);
}
