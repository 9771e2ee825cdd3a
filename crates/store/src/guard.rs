//! The rollback guard: a small file outside the database that remembers how far the ledger had come.
//!
//! It may trail the ledger by a second and never leads it. Text, so that a person can read it:
//!
//! ```text
//! keyledger-guard 1
//! ledger 01890a5d-ac96-774b-bcce-b302099a8057
//! position 42
//! hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use domain::ids::LedgerId;
use domain::time::Position;

use crate::chain::ChainHash;
use crate::error::StoreError;
use crate::files::replace;
use crate::snapshot::Snapshot;

/// What a guard remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Which ledger it guards.
    pub ledger: LedgerId,
    /// How far it had come.
    pub position: Position,
    /// The chain hash there.
    pub hash: ChainHash,
}

impl Guard {
    /// What to remember of a ledger now.
    pub fn of(snapshot: &Snapshot) -> Self {
        let head = snapshot.head();
        Self { ledger: snapshot.ledger(), position: head.position, hash: head.hash }
    }

    /// Reads a guard's file.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let unreadable = |why: String| StoreError::NoGuard { path: path.to_owned(), why };
        let text = fs::read_to_string(path).map_err(|error| {
            // It is there: going on without it would be the wrong advice.
            let forbidden = error.kind() == ErrorKind::PermissionDenied;
            if forbidden { StoreError::file(path)(error) } else { unreadable(error.to_string()) }
        })?;
        Self::parse(&text).ok_or_else(|| unreadable("it is not a guard of version 1".into()))
    }

    /// Puts this in the place of what the file says, so that a crash leaves one or the other.
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        replace(path, self.text().as_bytes())
    }

    /// Refuses a ledger that does not have what the guard saw.
    pub fn check(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        if self.ledger != snapshot.ledger() {
            return Err(StoreError::OtherLedger { guard: self.ledger, found: snapshot.ledger() });
        }
        let found = if self.position > snapshot.head().position {
            format!("ends at position {}", snapshot.head().position)
        } else {
            match snapshot.hash_at(self.position)? {
                Some(hash) if hash == self.hash => return Ok(()),
                Some(hash) => format!("has another event there, with hash {hash}"),
                None => "has no event there".to_owned(),
            }
        };
        Err(StoreError::RolledBack { guard: self.position, guard_hash: self.hash, found })
    }

    fn text(&self) -> String {
        let Self { ledger, position, hash } = self;
        format!("keyledger-guard 1\nledger {ledger}\nposition {position}\nhash {hash}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        if value("keyledger-guard")? != "1" {
            return None;
        }
        let ledger = LedgerId::parse(&value("ledger")?).ok()?;
        let position = Position::new(value("position")?.parse().ok()?);
        let hash = crate::secrets::unhex(&value("hash")?)?;
        Some(Self { ledger, position, hash: ChainHash(hash) })
    }
}
