//! `audit rebuild`: throws the views away and projects them anew from the log, or says whether that would change anything.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use domain::ids::LedgerId;
use serde_json::json;
use store::anew::{self, Rebuilt};
use store::head::Head;
use store::rebuilt::{self, Comparison, Divergence};
use store::{DataFolder, StoreError};

use crate::error::{ReplayError, reading};
use crate::open::{Audit, Repair, require_ledger};
use crate::print::hex;

/// Rebuilds the views of a data folder; tells how many rows they have now. Not beside a running server.
///
/// The chain is checked on the way, so that views are never built from a broken log. Where pages of the views are damaged,
/// the ledger's file is written anew, and the old one is kept. `progress` is called now and then with how many events were
/// read and how many there are.
pub fn rebuild(folder: &DataFolder, progress: &mut dyn FnMut(u64, u64)) -> Result<Rebuilt, ReplayError> {
    require_ledger(folder)?;
    reading(|| Ok(anew::rebuild(folder, progress)?))
}

/// How the live views compare with those that the log gives.
#[derive(Clone, Debug)]
pub struct Compared {
    ledger: LedgerId,
    head: Head,
    comparison: Comparison,
}

/// Projects the views anew beside the live ones, in a folder of its own under `scratch`, and compares them byte by
/// byte. Writes nothing into the data folder; a server may go on.
pub fn check(
    folder: &DataFolder,
    scratch: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Compared, ReplayError> {
    let audit = Audit::open(folder, Repair::Forbidden)?;
    let snapshot = audit.snapshot()?;
    let head = snapshot.head();
    let beside = scratch.join(format!("keyledger-check-{}", std::process::id()));
    // In a folder that is there: one that was mistyped is not made.
    let made = DirBuilder::new().mode(0o700).create(&beside);
    made.map_err(|error| StoreError::File { path: beside.clone(), error })?;
    let compared = reading(|| rebuilt::compare(&snapshot, &beside, progress).map_err(ReplayError::from));
    // It is gone already, or it could not go. What was found is worth more than that a leftover stays.
    let _ = fs::remove_dir_all(&beside);
    Ok(Compared { ledger: snapshot.ledger(), head, comparison: compared? })
}

impl Compared {
    /// What is wrong first; none: nothing is.
    pub fn divergence(&self) -> Option<String> {
        let Divergence { table, row, what } = self.comparison.divergence.as_ref()?;
        Some(format!("the table {table} at {row}: {what}"))
    }

    /// For people.
    pub fn table(&self) -> String {
        let Comparison { rows, live, rebuilt, .. } = &self.comparison;
        let verdict = self.divergence().map_or_else(
            || format!("OK: {rows} rows, byte for byte those that the log gives"),
            |divergence| format!("FAILED: the first that differs: {divergence}"),
        );
        format!(
            "ledger    {}\nhead      position {}, hash {}\nlive      {}\nrebuilt   {}\n\n{verdict}\n",
            self.ledger,
            self.head.position,
            self.head.hash,
            hex(live),
            hex(rebuilt)
        )
    }

    /// For programs.
    pub fn json(&self) -> String {
        let Comparison { rows, live, rebuilt, divergence } = &self.comparison;
        let first = divergence
            .as_ref()
            .map(|first| json!({ "table": first.table, "row": first.row, "what": first.what }));
        let json = json!({
            "ok": divergence.is_none(),
            "ledger": self.ledger.to_string(),
            "head_position": self.head.position.to_string(),
            "head_hash": self.head.hash.to_string(),
            "rows": rows,
            "live": hex(live),
            "rebuilt": hex(rebuilt),
            "first_divergence": first,
        });
        format!("{json}\n")
    }
}
