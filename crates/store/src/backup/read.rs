//! Reading a backup: every byte is checked, and whatever is cut short, altered or added is refused.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use domain::ids::LedgerId;
use domain::time::Position;

use crate::backup::{MAGIC, Progress, Step, Summary, VERSION, damaged};
use crate::chain::ChainHash;
use crate::envelope::{self, HEADER_BYTES};
use crate::error::StoreError;
use crate::head::Head;
use crate::scan::Walk;

/// How much of a commit is read before what was read is looked at.
const PIECE_BYTES: u64 = 1 << 20;

/// Reads a whole backup and checks it; tells what it holds.
pub fn check(path: &Path, progress: Progress<'_>) -> Result<Summary, StoreError> {
    read(path, Step::Checking, progress, |_| Ok(()))
}

/// Whether a file begins like a backup, of whatever version.
pub fn is_backup(path: &Path) -> Result<bool, StoreError> {
    let mut begin = vec![];
    let file = File::open(path).map_err(StoreError::file(path))?;
    file.take(MAGIC.len() as u64).read_to_end(&mut begin).map_err(StoreError::file(path))?;
    Ok(begin == MAGIC)
}

/// Of which ledger a backup says to be, and up to where. Reading all of it proves that.
pub fn beginning(path: &Path) -> Result<(LedgerId, Head), StoreError> {
    header(&mut Source::open(path)?)
}

/// Hands on every run of a backup, its chain checked up to its end; where something is wrong, all events before it. The hash of the file is checked last: what was
/// handed on before is only good if this returns no error.
pub fn runs<E: From<StoreError>>(
    path: &Path,
    mut each: impl FnMut(Position, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    read(path, Step::Checking, &mut |_, _, _| {}, |run| each(run.first, run.envelopes)).map(drop)
}

/// One commit of a backup, its chain checked up to its end.
pub(crate) struct Commit<'a> {
    pub(crate) first: Position,
    pub(crate) envelopes: &'a [u8],
    /// What the log's head is after it.
    pub(crate) head: Head,
}

/// Reads a backup and hands on its commits. What was handed on is only good if this returns no error.
pub(super) fn read<E: From<StoreError>>(
    path: &Path,
    step: Step,
    progress: Progress<'_>,
    mut each: impl FnMut(Commit<'_>) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut source = Source::open(path)?;
    let (ledger, head) = header(&mut source)?;
    let total = head.position.number();
    let mut walk = Walk::begin(ledger);
    let mut envelopes = vec![];
    progress(step, 0, total);
    while walk.position() < head.position {
        let first = Position::new(u64::from_le_bytes(source.array()?));
        let length = u32::from_le_bytes(source.array()?);
        let filled = source.fill(&mut envelopes, length);
        let mut whole = 0;
        let walked = walk.commit(first, &envelopes, |scanned, _| {
            whole += scanned.bytes;
            Ok::<_, StoreError>(())
        });
        if let Err(error) = filled.and_then(|()| walked.map_err(|error| damaged(path, error))) {
            // What comes before it is good: so whoever reads on knows where it is.
            if whole > 0 {
                each(Commit { first, envelopes: &envelopes[..whole], head: walk.head() })?;
            }
            return Err(error.into());
        }
        // Each turn must come nearer to the head, or the loop would not end.
        if envelopes.is_empty() {
            return Err(damaged(path, format!("the commit at position {first} is empty")).into());
        }
        each(Commit { first, envelopes: &envelopes, head: walk.head() })?;
        progress(step, walk.position().number(), total);
    }
    walk.end(&head).map_err(|error| damaged(path, error))?;
    let computed = ChainHash(*source.hash.finalize().as_bytes());
    let named = ChainHash(source.array()?);
    if named != computed {
        return Err(damaged(path, format!("its bytes have hash {computed}, and should have {named}")).into());
    }
    if source.source.read(&mut [0]).map_err(StoreError::file(path))? != 0 {
        return Err(damaged(path, "something follows its end").into());
    }
    Ok(Summary { ledger, head, bytes: source.bytes })
}

fn header(source: &mut Source<'_>) -> Result<(LedgerId, Head), StoreError> {
    let path = source.path;
    if source.array::<16>()? != MAGIC {
        return Err(damaged(path, "it does not begin like one"));
    }
    let version = u32::from_le_bytes(source.array()?);
    if version > VERSION {
        let (path, found, known) = (path.to_owned(), version.into(), VERSION.into());
        return Err(StoreError::Newer { path, kind: "a backup", found, known });
    }
    if version != VERSION {
        let what = format!("it is of version {version}, and this software reads version {VERSION}");
        return Err(damaged(path, what));
    }
    let ledger = LedgerId::from_bytes(source.array()?);
    let head = Head::from_bytes(&source.array::<48>()?).map_err(|error| damaged(path, error))?;
    Ok((ledger, head))
}

/// How many of these bytes are whole envelopes, by what each says of its length; none, if one does not begin as an envelope does.
fn whole_envelopes(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while rest.len() >= HEADER_BYTES {
        let length = envelope::header(rest).ok()?.envelope_bytes();
        let Some(behind) = rest.get(length..) else { break };
        rest = behind;
    }
    Some(bytes.len() - rest.len())
}

/// A backup's file with the hash of what was read of it.
struct Source<'a> {
    path: &'a Path,
    source: BufReader<File>,
    hash: blake3::Hasher,
    bytes: u64,
}

impl<'a> Source<'a> {
    fn open(path: &'a Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::file(path))?;
        let source = BufReader::with_capacity(1 << 20, file);
        Ok(Self { path, source, hash: blake3::Hasher::new(), bytes: 0 })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let mut array = [0; N];
        match self.source.read_exact(&mut array) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.cut_short()),
            Err(error) => return Err(StoreError::File { path: self.path.to_owned(), error }),
        }
        self.took(&array);
        Ok(array)
    }

    /// Reads so many bytes of envelopes; no more once something else stands among them, which is for the walk to find: a length
    /// that was altered asks for no more memory than there are envelopes, also in a file that has holes.
    fn fill(&mut self, bytes: &mut Vec<u8>, length: u32) -> Result<(), StoreError> {
        bytes.clear();
        let (mut left, mut whole) = (u64::from(length), Some(0));
        while let Some(begin) = whole.filter(|_| left > 0) {
            let piece = left.min(PIECE_BYTES);
            let read = self.source.by_ref().take(piece).read_to_end(bytes);
            if read.map_err(StoreError::file(self.path))? as u64 != piece {
                return Err(self.cut_short());
            }
            left -= piece;
            whole = whole_envelopes(&bytes[begin..]).map(|more| begin + more);
        }
        self.took(bytes);
        Ok(())
    }

    fn took(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn cut_short(&self) -> StoreError {
        damaged(self.path, "it is cut short")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_commit_that_is_said_to_be_large_takes_no_more_memory_than_it_has_envelopes() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("backup");
        let file = File::create(&path).unwrap();
        file.set_len(1 << 33).unwrap();
        let mut bytes = vec![];
        Source::open(&path).unwrap().fill(&mut bytes, u32::MAX).unwrap();
        assert_eq!(bytes.len() as u64, PIECE_BYTES);
        // What is too short to say what it is may be the beginning of one.
        fs::write(&path, [0; HEADER_BYTES - 1]).unwrap();
        Source::open(&path).unwrap().fill(&mut bytes, HEADER_BYTES as u32 - 1).unwrap();
        assert_eq!(bytes.len(), HEADER_BYTES - 1);
    }
}
