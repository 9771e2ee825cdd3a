//! The Merkle tree held against the log: every stored hash computed anew, and checkpoints that were kept elsewhere.

use store::Snapshot;
use store::checkpoint::Checkpoint;
use store::snapshot::SnapshotTree;
use store::tree::{Frontier, Subtree, TreeHash};

use domain::time::Position;

use crate::error::{ReplayError, reading};
use crate::open::Known;
use crate::report::{CHECKPOINTS, Findings, TREE, counted};

/// Every how many levels of the tree are stored.
const STORED_EVERY: u32 = 4;

/// What is told of a tree that holds what no event gave it: the next commit might build on it.
const MORE: &str = "the tree holds more hashes than the log gives it; stop the server and rebuild with: keyledger audit rebuild --data DIR";

/// The tree as the envelopes make it, beside the stored one.
pub(crate) struct TreeCheck<'s> {
    frontier: Frontier,
    /// None: a file holds no tree.
    stored: Option<SnapshotTree<'s>>,
    hashes: u64,
    /// Checkpoints that this log must have.
    known: Vec<Checkpoint>,
    /// What is wrong with the one that was kept, if it cannot be compared.
    unusable: Option<String>,
    met: usize,
}

impl<'s> TreeCheck<'s> {
    pub(crate) fn new(snapshot: Option<&'s Snapshot>, known: &Known) -> Self {
        let Known { checkpoints: known, unusable } = known.clone();
        let stored = snapshot.map(|snapshot| snapshot.tree().left_to_right());
        Self { frontier: Frontier::default(), stored, hashes: 0, known, unusable, met: 0 }
    }

    /// Takes in the next envelope.
    pub(crate) fn take(&mut self, envelope: &[u8], findings: &mut Findings) {
        if self.frontier.size() == 0 {
            self.meet(findings);
        }
        let Self { frontier, stored, hashes, .. } = self;
        let position = Position::new(frontier.size() + 1);
        frontier.push(TreeHash::of_leaf(envelope), |subtree, expected| {
            let Some(stored) = stored.as_mut().filter(|_| subtree.height.is_multiple_of(STORED_EVERY)) else {
                return;
            };
            *hashes += 1;
            let found = reading(|| stored.subtree(subtree).map_err(ReplayError::from));
            let what = match found {
                Ok(found) if found == expected => return,
                Ok(_) => format!("the tree has another hash for {}", events_of(subtree)),
                Err(error) => format!("the hash of {} cannot be read: {error}", events_of(subtree)),
            };
            findings.problem(TREE, Some(position), what);
        });
        self.meet(findings);
    }

    /// Holds the tree of now against the checkpoints of this size.
    fn meet(&mut self, findings: &mut Findings) {
        let size = Position::new(self.frontier.size());
        for known in self.known.iter().filter(|known| known.size == size) {
            self.met += 1;
            let root = self.frontier.root();
            if known.root != root {
                let what = format!(
                    "a checkpoint of {} says that the root here is {}, and it is {root}: an event up to here was changed, dropped, added or moved since",
                    known.origin, known.root
                );
                findings.problem(CHECKPOINTS, Some(size), what);
            }
        }
    }

    /// Tells what is wrong with the checkpoint that was kept.
    pub(crate) fn tell_unusable(&mut self, findings: &mut Findings) {
        if let Some(what) = self.unusable.take() {
            findings.problem(CHECKPOINTS, None, what);
        }
    }

    /// The whole log was read.
    pub(crate) fn conclude(mut self, findings: &mut Findings) {
        if self.frontier.size() == 0 {
            self.meet(findings);
        }
        let (size, root) = (self.frontier.size(), self.frontier.root());
        match &mut self.stored {
            None => findings.done(TREE, format!("a file holds no hashes of it; its root is {root}")),
            Some(stored) => {
                match reading(|| stored.root(size).map_err(ReplayError::from)) {
                    Ok(found) if found == root => {}
                    Ok(_) => findings.problem(TREE, Some(Position::new(size)), "the tree has another root"),
                    Err(error) => findings.problem(TREE, None, error.to_string()),
                }
                match reading(|| stored.has_no_more().map_err(ReplayError::from)) {
                    Ok(true) => {}
                    Ok(false) => findings.problem(TREE, Some(Position::new(size)), MORE),
                    Err(error) => findings.problem(TREE, None, error.to_string()),
                }
                let hashes = self.hashes;
                let what =
                    format!("each of {hashes} stored hashes is that of its events; the root is {root}");
                findings.done(TREE, what);
            }
        }
        self.tell_unusable(findings);
        for beyond in self.known.iter().filter(|known| known.size.number() > size) {
            let what = format!(
                "a checkpoint of {} says that there are {} events, and the log ends here: it was rolled back or cut",
                beyond.origin, beyond.size
            );
            findings.problem(CHECKPOINTS, Some(Position::new(size)), what);
        }
        if self.known.is_empty() {
            findings.not_done(CHECKPOINTS, "there is none to compare with; give one with --against");
        } else {
            let met = counted(self.met as u64, "checkpoint");
            findings.done(CHECKPOINTS, format!("{met}, each with the root of the log at its size"));
        }
    }
}

fn events_of(Subtree { height, index }: Subtree) -> String {
    let first = (index << height) + 1;
    if height == 0 {
        format!("position {first}")
    } else {
        format!("positions {first} to {}", (index + 1) << height)
    }
}
