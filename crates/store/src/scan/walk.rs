//! A walk along the log: what comes next must follow from what came before.

use domain::ids::LedgerId;
use domain::time::Position;

use super::{FromEnvelope, Scanned};
use crate::chain::{self, ChainHash};
use crate::codec::error::DecodeError;
use crate::envelope::{self, Header};
use crate::error::StoreError;
use crate::head::Head;

/// How many bytes of commits are gathered: enough envelopes to be hashed side by side, few enough to stay in a cache.
const GATHERED_BYTES: usize = 48 * 1024;

/// How far the chain holds.
pub struct Walk {
    head: Head,
}

impl Walk {
    /// Before the first event of a ledger.
    pub fn begin(ledger: LedgerId) -> Self {
        Self::after(&Head::genesis(ledger))
    }

    /// After the last event of a commit.
    pub fn after(known: &Head) -> Self {
        Self { head: *known }
    }

    /// Takes one commit's envelopes, and hands on each event with the bytes of its envelope.
    pub fn commit<E: From<StoreError>>(
        &mut self,
        first: Position,
        commit: &[u8],
        each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.commits(&[(first, commit.len())], commit, each)
    }

    /// The same of several: the first position of each, and where it ends in the bytes of all. What is handed on of each
    /// envelope is for the caller to say.
    pub(super) fn commits<R: FromEnvelope, E: From<StoreError>>(
        &mut self,
        commits: &[(Position, usize)],
        bytes: &[u8],
        mut each: impl FnMut(R, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (unchecked, unread) = split(commits, bytes);
        let hashes = chain::hash_each(&unchecked.iter().map(|one| one.bytes).collect::<Vec<_>>());
        for (one, hash) in unchecked.iter().zip(hashes) {
            each(self.event(one, hash)?, one.bytes)?;
        }
        match unread {
            None => Ok(()),
            Some(Unread::Empty(first)) => {
                Err(StoreError::damaged(format!("the commit at position {first} is empty")).into())
            }
            Some(Unread::Envelope(error)) => {
                Err(StoreError::Event { position: self.head.position.next(), error }.into())
            }
        }
    }

    /// The next event, if this is it.
    fn event<R: FromEnvelope>(&mut self, one: &Unchecked<'_>, hash: ChainHash) -> Result<R, StoreError> {
        let Unchecked { begins, header, bytes } = *one;
        let position = self.head.position.next();
        if let Some(first) = begins.filter(|first| *first != position) {
            return Err(gap(position, first));
        }
        let read =
            R::from_envelope(&header, bytes, hash).map_err(|error| StoreError::Event { position, error })?;
        if header.previous != self.head.hash {
            return Err(StoreError::Chain { position, named: header.previous, found: self.head.hash });
        }
        if header.position != position {
            return Err(gap(position, header.position));
        }
        if header.recorded_at < self.head.recorded_at {
            let what = format!("the instant at position {position} lies before that of the event before");
            return Err(StoreError::damaged(what));
        }
        self.head = Head { position, recorded_at: header.recorded_at, hash };
        Ok(read)
    }

    /// How far it has come.
    pub fn position(&self) -> Position {
        self.head.position
    }

    /// What the head of the log is here.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The log must end here and now.
    pub fn end(&self, head: &Head) -> Result<(), StoreError> {
        if self.head == *head {
            return Ok(());
        }
        let Head { position, hash, .. } = self.head;
        Err(StoreError::damaged(format!(
            "the log ends at position {position} with hash {hash}, and its head should be position {} with hash {}",
            head.position, head.hash
        )))
    }
}

/// A walk that gathers commits and looks at many of them at once, because the hashes of many envelopes cost less together.
pub struct Gathering {
    walk: Walk,
    /// The first position of each commit that waits, and where it ends in the bytes of all.
    commits: Vec<(Position, usize)>,
    bytes: Vec<u8>,
}

impl Gathering {
    /// Goes on where the walk has come to.
    pub fn of(walk: Walk) -> Self {
        Self { walk, commits: vec![], bytes: Vec::with_capacity(GATHERED_BYTES * 2) }
    }

    /// Takes one commit's envelopes. Now and then hands on each event that waited, with the bytes of its envelope.
    pub fn commit<R: FromEnvelope, E: From<StoreError>>(
        &mut self,
        first: Position,
        commit: &[u8],
        each: impl FnMut(R, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.bytes.extend_from_slice(commit);
        self.commits.push((first, self.bytes.len()));
        if self.bytes.len() < GATHERED_BYTES { Ok(()) } else { self.rest(each) }
    }

    /// Hands on what still waits: also when no more can be read, for what was read before may be good. Nothing waits afterwards.
    pub fn rest<R: FromEnvelope, E: From<StoreError>>(
        &mut self,
        each: impl FnMut(R, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let walked = self.walk.commits(&self.commits, &self.bytes, each);
        self.commits.clear();
        self.bytes.clear();
        walked
    }

    /// Hands on what still waits; there the log must end.
    pub fn end<R: FromEnvelope, E: From<StoreError>>(
        mut self,
        head: &Head,
        each: impl FnMut(R, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.rest(each)?;
        Ok(self.walk.end(head)?)
    }
}

/// An envelope as it lies in the log.
struct Unchecked<'b> {
    /// If it is the first of a commit: the position under which that is stored.
    begins: Option<Position>,
    header: Header,
    bytes: &'b [u8],
}

/// What stands where the next envelope should.
enum Unread {
    Envelope(DecodeError),
    Empty(Position),
}

/// The envelopes of commits, up to the first that is none.
fn split<'b>(commits: &[(Position, usize)], bytes: &'b [u8]) -> (Vec<Unchecked<'b>>, Option<Unread>) {
    let (mut envelopes, mut begin) = (Vec::with_capacity(bytes.len() / 256), 0);
    for (first, end) in commits {
        let mut rest = &bytes[begin..*end];
        if rest.is_empty() {
            return (envelopes, Some(Unread::Empty(*first)));
        }
        let mut begins = Some(*first);
        while !rest.is_empty() {
            match envelope::first(rest) {
                Ok((header, bytes, after)) => {
                    envelopes.push(Unchecked { begins: begins.take(), header, bytes });
                    rest = after;
                }
                Err(error) => return (envelopes, Some(Unread::Envelope(error))),
            }
        }
        begin = *end;
    }
    (envelopes, None)
}

pub(super) fn gap(expected: Position, found: Position) -> StoreError {
    StoreError::damaged(format!("position {expected} should come next in the log, and {found} does"))
}
