//! Comparing the views of a ledger with those that its log gives: projected anew into a ledger of their own, byte by byte.

use std::fs;
use std::path::Path;

use redb::{ReadOnlyTable, Value};

use crate::backup::{Batch, Commit};
use crate::error::{StoreError, database};
use crate::ledger::{Ledger, OpenOptions};
use crate::scan::Walk;
use crate::snapshot::{Log, Snapshot};
use crate::tables;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// How many rows the live views have.
    pub rows: u64,
    /// BLAKE3 over every row of the live views: table, key and value, each with its length before it.
    pub live: [u8; 32],
    /// The same over those projected anew.
    pub rebuilt: [u8; 32],
    /// Where they part first, in the order of tables and keys.
    pub divergence: Option<Divergence>,
}

/// A row that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The table.
    pub table: &'static str,
    /// What the row is of, as far as its key says.
    pub row: String,
    /// What is wrong.
    pub what: &'static str,
}

/// Projects the log of the snapshot into a new ledger in a folder of its own, and compares. The folder must be empty, and goes
/// before anything is written; the caller removes it where storage does not let it go while a file of it is open.
pub fn compare(
    snapshot: &Snapshot,
    folder: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Comparison, StoreError> {
    let scratch = folder.join("ledger.redb");
    let ledger = Ledger::create(&scratch, snapshot.ledger(), &OpenOptions::default())?;
    // As large as the ledger itself: without a name it is gone when this process ends, however it does.
    let _ = fs::remove_file(&scratch).and_then(|()| fs::remove_dir(folder));
    copy_log(snapshot.log(), &ledger)?;
    ledger.rebuild_watched(progress)?;
    let rebuilt = ledger.snapshot()?;
    let mut comparing = Comparing::default();
    comparing.table("views", &snapshot.views, &rebuilt.views, <[u8]>::to_vec)?;
    comparing.table("histories", &snapshot.histories, &rebuilt.histories, <[u8]>::to_vec)?;
    comparing.table("tree", &snapshot.tree, &rebuilt.tree, <[u8]>::to_vec)?;
    comparing.table("attempts", &snapshot.attempts, &rebuilt.attempts, <[u8]>::to_vec)?;
    comparing.table("links", &snapshot.links, &rebuilt.links, |()| vec![])?;
    comparing.table("lifetimes", &snapshot.lifetimes, &rebuilt.lifetimes, |()| vec![])?;
    let Comparing { rows, live, rebuilt, divergence } = comparing;
    let (live, rebuilt) = (*live.finalize().as_bytes(), *rebuilt.finalize().as_bytes());
    Ok(Comparison { rows, live, rebuilt, divergence })
}

/// Takes in the log as it is stored, its chain checked.
pub(crate) fn copy_log(log: &Log, ledger: &Ledger) -> Result<(), StoreError> {
    let (mut walk, mut batch) = (Walk::begin(log.ledger()), Batch::new(ledger));
    log.runs(|first, envelopes| {
        walk.commit(first, envelopes, |_, _| Ok::<_, StoreError>(()))?;
        batch.take(&Commit { first, envelopes, head: walk.head() })
    })?;
    walk.end(&log.head())?;
    batch.commit()
}

#[derive(Default)]
struct Comparing {
    rows: u64,
    live: blake3::Hasher,
    rebuilt: blake3::Hasher,
    divergence: Option<Divergence>,
}

/// A row as stored.
type Row = (Vec<u8>, Vec<u8>);

impl Comparing {
    fn table<V: Value>(
        &mut self,
        name: &'static str,
        live: &ReadOnlyTable<&'static [u8], V>,
        rebuilt: &ReadOnlyTable<&'static [u8], V>,
        bytes: impl for<'v> Fn(V::SelfType<'v>) -> Vec<u8> + Copy,
    ) -> Result<(), StoreError> {
        let (mut lives, mut rebuilts) = (rows(live, bytes)?, rows(rebuilt, bytes)?);
        loop {
            let (live, rebuilt) = (lives.next().transpose()?, rebuilts.next().transpose()?);
            if live.is_none() && rebuilt.is_none() {
                return Ok(());
            }
            self.rows += u64::from(live.is_some());
            take(&mut self.live, name, &live);
            take(&mut self.rebuilt, name, &rebuilt);
            if self.divergence.is_none() && live != rebuilt {
                self.divergence = Some(divergence(name, live, rebuilt));
            }
        }
    }
}

fn rows<V: Value>(
    table: &ReadOnlyTable<&'static [u8], V>,
    bytes: impl for<'v> Fn(V::SelfType<'v>) -> Vec<u8>,
) -> Result<impl Iterator<Item = Result<Row, StoreError>>, StoreError> {
    let rows = table.range::<&[u8]>(..).map_err(database)?;
    Ok(rows.map(move |row| {
        let (key, value) = row.map_err(database)?;
        Ok((key.value().to_vec(), bytes(value.value())))
    }))
}

fn take(hasher: &mut blake3::Hasher, table: &str, row: &Option<Row>) {
    let Some((key, value)) = row else { return };
    for part in [table.as_bytes(), key, value] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
}

fn divergence(table: &'static str, live: Option<Row>, rebuilt: Option<Row>) -> Divergence {
    let (key, what) = match (live, rebuilt) {
        (Some((live, _)), Some((rebuilt, _))) if live == rebuilt => {
            (live, "the live row says something else than the log amounts to")
        }
        (Some((live, _)), Some((rebuilt, _))) if live > rebuilt => {
            (rebuilt, "the log amounts to a row here, and the live views have none")
        }
        (None, Some((rebuilt, _))) => {
            (rebuilt, "the log amounts to a row here, and the live views have none")
        }
        (Some((live, _)), _) => (live, "the live views have a row that the log does not amount to"),
        (None, None) => unreachable!("both have ended together"),
    };
    Divergence { table, row: tables::described(table, &key), what }
}
