//! A checkpoint (C2SP tlog-checkpoint): what a log says of itself, its name, how many events it has, and their root.
//!
//! ```text
//! keys.example.com/tlog
//! 42
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```
//!
//! The highest one that was signed is kept in a file outside the database, as the signed note that it is, so that no
//! two are ever signed that do not fit.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use domain::origin::LogOrigin;
use domain::time::Position;

use crate::error::StoreError;
use crate::files::replace;
use crate::snapshot::Snapshot;
use crate::tree::tile::decimal;
use crate::tree::{Frontier, TreeHash, Unproven};

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: LogOrigin,
    /// Its last position, which is how many leaves its tree has.
    pub size: Position,
    /// The root of that tree.
    pub root: TreeHash,
}

/// How a ledger stands to a checkpoint that was signed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It has the events that were signed.
    Fits,
    /// It has them, and its tree does not have their root: the tree is damaged.
    TreeDamaged,
    /// It has other events there, or fewer.
    Contradicts,
}

/// A text that is not a checkpoint of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: three lines, with the log's name, its number of events, and the root in base64")]
pub struct MalformedCheckpoint;

impl Checkpoint {
    /// What an empty log says.
    pub fn of_nothing(origin: LogOrigin) -> Self {
        Self { origin, size: Position::START, root: TreeHash::of_nothing() }
    }

    /// Reads the text of a note. Extension lines are not admitted: we write none, and could not tell what they say.
    pub fn parse(text: &str) -> Result<Self, MalformedCheckpoint> {
        let lines: Vec<_> = text.strip_suffix('\n').ok_or(MalformedCheckpoint)?.split('\n').collect();
        let [origin, size, root] = lines.as_slice() else { return Err(MalformedCheckpoint) };
        Ok(Self {
            origin: LogOrigin::parse(origin).map_err(|_| MalformedCheckpoint)?,
            size: decimal(size).map(Position::new).ok_or(MalformedCheckpoint)?,
            root: TreeHash::parse(root).ok_or(MalformedCheckpoint)?,
        })
    }

    /// The right edge of its tree, if the ledger has that tree.
    pub fn frontier(&self, snapshot: &Snapshot) -> Result<Result<Frontier, Unproven>, StoreError> {
        if self.size > snapshot.head().position {
            return Ok(Err(Unproven));
        }
        snapshot.tree().frontier(self.size.number(), self.root)
    }

    /// Holds the ledger to it. That reads a few blocks of the tree; only if they do not fit, the envelopes decide whether
    /// the log or its tree is another.
    pub fn stands(&self, snapshot: &Snapshot) -> Result<Stands, StoreError> {
        match self.frontier(snapshot) {
            Ok(Ok(_)) => return Ok(Stands::Fits),
            // A block of the tree that is missing or damaged is for the envelopes to judge, too.
            Ok(Err(Unproven)) | Err(StoreError::Row { .. }) => {}
            Err(error) => return Err(error),
        }
        if self.size > snapshot.head().position {
            return Ok(Stands::Contradicts);
        }
        let mut frontier = Frontier::default();
        snapshot.scan_envelopes(|_, envelope| {
            if frontier.size() < self.size.number() {
                frontier.push(TreeHash::of_leaf(envelope), |_, _| {});
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(if frontier.root() == self.root { Stands::TreeDamaged } else { Stands::Contradicts })
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

/// The signed note that was kept last, nothing of it checked; none, if there is no such file. Bytes that are no text are made
/// one: where a note was damaged is for its signature to find.
pub fn read_kept(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read(path) {
        Ok(note) => Ok(Some(String::from_utf8_lossy(&note).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::file(path)(error)),
    }
}

/// Keeps a signed note, durably, in the place of the one before.
pub fn keep(path: &Path, note: &str) -> Result<(), StoreError> {
    replace(path, note.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "example.com/log\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn a_checkpoint_has_three_lines_and_one_spelling() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((checkpoint.to_string().as_str(), checkpoint.size), (TEXT, Position::new(42)));
        for bad in [
            "",
            "\n",
            TEXT.trim_end(),
            &format!("{TEXT}\n"),
            &format!("{TEXT}extension\n"),
            &TEXT.replace("42", "042"),
            &TEXT.replace("42", "+42"),
            &TEXT.replace("42", "-1"),
            &TEXT.replace("42", "18446744073709551616"),
            &TEXT.replace("2I=", "2J="),
            &TEXT.replace("/log", " log"),
        ] {
            assert_eq!(Checkpoint::parse(bad), Err(MalformedCheckpoint), "{bad:?}");
        }
    }
}
