//! A flipped bit in a closed ledger: an error, or the same answers. Never, silently, another answer.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/disk.rs"]
mod disk;
#[path = "common/ledgers.rs"]
mod ledgers;
#[path = "common/locks.rs"]
mod locks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::{Model, Recorded};
use keyledger_store::{
    DataFolder, Ledger, OpenOptions, Pages, ReadOnlyLedger, Sharing, Snapshot, StoreError,
};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

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

/// By whom a ledger is opened.
#[derive(Clone, Copy, Debug)]
enum By {
    Writer(Sharing),
    Reader(Sharing),
    /// Who looks only at the pages of rows, and leaves the log to its chain.
    ReaderOfRows,
}

/// Who looks at every page.
const OF_EVERY_PAGE: [By; 4] = [
    By::Writer(Sharing::SingleWriter),
    By::Writer(Sharing::Exclusive),
    By::Reader(Sharing::SingleWriter),
    By::Reader(Sharing::Exclusive),
];

fn everybody() -> impl Iterator<Item = By> + Clone {
    OF_EVERY_PAGE.into_iter().chain([By::ReaderOfRows])
}

/// Opens and reads a ledger; tells how that ended, and with which error if it could not even be opened.
fn read(whole: &Whole, bytes: Vec<u8>, by: By) -> (End, String) {
    let disk = Disk::holding(bytes);
    let end = |snapshot: Result<Snapshot, StoreError>| match snapshot {
        Ok(snapshot) => (compare(whole, &snapshot), String::new()),
        Err(error) => (End::RefusedOnOpening, error.to_string()),
    };
    match by {
        By::Writer(sharing) => {
            let options = OpenOptions { sharing, ..OpenOptions::default() };
            match Ledger::open_on(disk, &options) {
                Ok(ledger) => end(ledger.snapshot()),
                Err(error) => end(Err(error)),
            }
        }
        By::Reader(sharing) => {
            let options = OpenOptions { sharing, ..OpenOptions::default() };
            match ReadOnlyLedger::open_on([disk.clone(), disk], &options) {
                Ok(ledger) => end(ledger.snapshot()),
                Err(error) => end(Err(error)),
            }
        }
        By::ReaderOfRows => {
            let opened = ReadOnlyLedger::open_unchecked_on([disk.clone(), disk], &OpenOptions::default());
            end(opened.and_then(|ledger| ledger.checked_snapshot(Pages::OfRows)))
        }
    }
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

const SAFE: [End; 3] = [End::Same, End::RefusedOnOpening, End::RefusedOnReading];

/// Flips one bit after another, each alone; a panic would end the test. Tells how often each end was met.
fn flip(whole: &Whole, bits: impl Iterator<Item = usize>) -> BTreeMap<End, u64> {
    let mut ends = BTreeMap::new();
    for (bit, by) in bits.zip(everybody().cycle()) {
        let mut bytes = whole.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (end, why) = read(whole, bytes, by);
        assert!(SAFE.contains(&end), "bit {} of byte {}, {by:?}: {end:?} {why}", bit % 8, bit / 8);
        *ends.entry(end).or_default() += 1;
    }
    ends
}

#[test]
fn a_flipped_bit_never_gives_another_answer() {
    let whole = whole();
    let used: Vec<usize> = (0..whole.bytes.len()).filter(|at| whole.bytes[*at] != 0).collect();
    let mut dice = Dice(1);
    let bits = (0..1_600).map(|n: u32| {
        // Three in four where something is written; the rest anywhere.
        let at = if n.is_multiple_of(5) {
            dice.below(whole.bytes.len() as u64) as usize
        } else {
            used[dice.below(used.len() as u64) as usize]
        };
        at * 8 + dice.below(8) as usize
    });
    let ends = flip(&whole, bits);
    assert!(ends[&End::RefusedOnOpening] > 400, "flips that matter: {ends:?}");
    assert!(ends[&End::Same] > 100, "flips that do not: {ends:?}");
}

/// The header has no checksum over all of it, and one of its bits says which of two commits is the last.
#[test]
fn a_flipped_bit_of_the_header_never_gives_another_answer() {
    let whole = whole();
    // Each bit meets everybody in turn.
    let bits = (0..64 * 8).flat_map(|bit| [bit; OF_EVERY_PAGE.len() + 1]);
    let ends = flip(&whole, bits);
    assert!(ends[&End::RefusedOnOpening] > 100, "flips that matter: {ends:?}");
}

/// The pages of the views are gone, the log is not: what a backup needs.
#[test]
fn where_only_views_are_damaged_a_backup_makes_the_ledger_anew() {
    let whole = whole();
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("ledger.redb"), folder.path().join("backup"));
    let row = rows(&whole.bytes).into_iter().find(|(name, _)| *name == "views").unwrap().1;
    let mut bytes = whole.bytes.clone();
    for place in 0..bytes.len() - row.len() {
        if bytes[place..].starts_with(&row) {
            bytes[place] ^= 1;
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let options = OpenOptions::default();
    for refused in [Ledger::open(&path, &options).map(drop), ReadOnlyLedger::open(&path, &options).map(drop)]
    {
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("table \"views\"") && said.contains("keyledger audit rebuild"), "{said}");
    }
    let snapshot = ReadOnlyLedger::open_unchecked(&path, &options).unwrap().snapshot().unwrap();
    keyledger_store::backup::write(&snapshot, &backup, &mut |_, _, _| {}).unwrap();
    let anew = DataFolder::at(folder.path().join("anew"));
    keyledger_store::backup::restore(&backup, &anew, &mut |_, _, _| {}).unwrap();
    let ledger = Ledger::open(&anew.ledger(), &options).unwrap();
    assert_eq!(compare(&whole, &ledger.snapshot().unwrap()), End::Same);
}

/// Its pages come and go while they are checked; those of what is committed stay.
#[test]
fn a_reader_beside_a_busy_writer_is_told_of_no_damage() {
    let disk = Disk::holding(whole().bytes);
    let ledger = Ledger::open_on(disk.clone(), &OpenOptions::default()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for commit in 0..120 {
                grow(&ledger, 100 + commit, 2);
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut readers = 0;
        while !done.load(Ordering::Relaxed) {
            let opened = ReadOnlyLedger::open_on([disk.clone(), disk.clone()], &OpenOptions::default());
            let snapshot = opened.and_then(|reader| reader.snapshot()).unwrap();
            log(&snapshot).unwrap();
            readers += 1;
        }
        assert!(readers > 5, "only {readers} readers came in between");
    });
}

/// Pages of an older state would not have been looked at.
#[test]
fn what_is_read_is_the_state_whose_pages_were_checked() {
    const COMMITS: u64 = 3;
    let disk = Disk::holding(whole().bytes);
    let ledger = Arc::new(Ledger::open_on(disk.clone(), &OpenOptions::default()).unwrap());
    let (writer, commits) = (ledger.clone(), AtomicU64::new(0));
    // Between the beginning of a look and its reading of where the pages are, somebody commits; three times in a row.
    let busy = disk.meanwhile(move || {
        let commit = commits.fetch_add(1, Ordering::Relaxed);
        if commit < COMMITS {
            grow(&writer, 100 + commit, 1);
        }
    });
    let reader = ReadOnlyLedger::open_unchecked_on([disk.clone(), busy], &OpenOptions::default()).unwrap();
    let head = || ledger.snapshot().unwrap().head();
    let before = head();
    let snapshot = reader.checked_snapshot(Pages::OfRows).unwrap();
    assert!(head().position.number() >= before.position.number() + COMMITS);
    assert_eq!(snapshot.head(), head());
}

/// Of each row that the tables hold, one bit: where it lies in the file, and where older copies of it do. By all who look at
/// every page.
#[test]
fn a_flipped_bit_in_any_live_row_is_reported_with_its_table() {
    let whole = whole();
    let mut dice = Dice(2);
    let mut told = BTreeSet::new();
    for (name, row) in rows(&whole.bytes) {
        let bit = dice.below(row.len() as u64 * 8) as usize;
        let places = whole.bytes.windows(row.len()).enumerate().filter(|(_, bytes)| *bytes == row);
        let places: Vec<_> = places.map(|(at, _)| at).collect();
        let reported = places.iter().filter(|place| {
            let mut bytes = whole.bytes.clone();
            bytes[**place + bit / 8] ^= 1 << (bit % 8);
            let (end, why) = read(&whole, bytes, OF_EVERY_PAGE[dice.below(4) as usize]);
            assert!(SAFE.contains(&end), "{name} at {place}: {end:?}");
            let named = why.contains(&format!("table {name:?}: the page at byte"));
            assert!(end != End::RefusedOnOpening || named, "{name} at {place}: {why}");
            end == End::RefusedOnOpening
        });
        assert!(reported.count() > 0, "a row of {name} was changed, and nobody noticed: {places:?}");
        told.insert(name);
    }
    assert_eq!(told.len(), 5, "{told:?}");
}

/// Of each key of the tables of lists, one bit, wherever in the file it lies: who looks only at the pages of rows sees it, too.
#[test]
fn a_flipped_bit_in_any_list_gives_no_other_list_to_who_checks_rows_alone() {
    let whole = whole();
    let mut dice = Dice(3);
    for name in ["links", "lifetimes"] {
        let mut ends = BTreeMap::new();
        for key in keys(&whole.bytes, name) {
            let bit = dice.below(key.len() as u64 * 8) as usize;
            let places = whole.bytes.windows(key.len()).enumerate().filter(|(_, bytes)| *bytes == key);
            for (place, _) in places {
                let mut bytes = whole.bytes.clone();
                bytes[place + bit / 8] ^= 1 << (bit % 8);
                let (end, why) = read(&whole, bytes, By::ReaderOfRows);
                assert!(SAFE.contains(&end), "{name} at {place}: {end:?} {why}");
                *ends.entry(end).or_insert(0) += 1;
            }
        }
        assert!(ends[&End::RefusedOnOpening] > 20, "flips in {name} that matter: {ends:?}");
    }
}

/// Every key of a table of lists, as stored.
fn keys(bytes: &[u8], name: &str) -> Vec<Vec<u8>> {
    let database = Database::builder().create_with_backend(Disk::holding(bytes.to_owned())).unwrap();
    let table = TableDefinition::<&[u8], ()>::new(name);
    let table = database.begin_read().unwrap().open_table(table).unwrap();
    table.iter().unwrap().map(|row| row.unwrap().0.value().to_owned()).collect()
}

/// Every value of the log and of four kinds of what is projected, as stored.
fn rows(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let database = Database::builder().create_with_backend(Disk::holding(bytes.to_owned())).unwrap();
    let txn = database.begin_read().unwrap();
    let log = txn.open_table(TableDefinition::<u64, &[u8]>::new("log")).unwrap();
    let mut rows: Vec<_> =
        log.iter().unwrap().map(|row| ("log", row.unwrap().1.value().to_owned())).collect();
    for name in ["views", "histories", "tree", "attempts"] {
        let table = txn.open_table(TableDefinition::<&[u8], &[u8]>::new(name)).unwrap();
        rows.extend(table.iter().unwrap().map(|row| (name, row.unwrap().1.value().to_owned())));
    }
    rows
}

/// The database's own tables, which say what room there is, stop who writes: so they must not pass for whole with who reads.
#[test]
fn a_reader_refuses_every_damaged_page_that_a_writer_refuses() {
    let whole = whole();
    let mut refused = 0;
    for page in 1..whole.bytes.len() / 4096 {
        let mut bytes = whole.bytes.clone();
        bytes[page * 4096 + 5] ^= 1;
        let (by_writer, why) = read(&whole, bytes.clone(), By::Writer(Sharing::SingleWriter));
        if by_writer == End::RefusedOnOpening {
            let (by_reader, said) = read(&whole, bytes, By::Reader(Sharing::SingleWriter));
            assert_eq!(by_reader, by_writer, "page {page}: {why}");
            if why.contains("allocator_state") {
                refused += 1;
                assert_eq!(said, why);
            }
        }
    }
    assert!(refused > 0, "no page of the database's own tables was among them");
}
