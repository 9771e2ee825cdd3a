//! The lines of a file, or of a pipe, which can be read only once.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::CliError;

/// A line longer than this is none.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// The lines that are left.
pub(super) struct Lines {
    path: PathBuf,
    from: BufReader<Box<dyn Read>>,
    /// How many there are; none: nobody knows before they are read.
    pub(super) total: Option<u64>,
    /// The number of the one read last.
    pub(super) number: u64,
}

/// One line as it was read.
pub(super) enum ReadLine {
    /// Its bytes: there may be a key in them.
    Text(Zeroizing<Vec<u8>>),
    /// Longer than any line that is meant.
    TooLong,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let unread = |error| CliError::ImportUnreadable { path: path.to_owned(), error };
        let (from, total): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let mut file = File::open(path).map_err(unread)?;
            let whole = file.metadata().map_err(unread)?.is_file();
            let total = if whole { Some(count(&mut file).map_err(unread)?) } else { None };
            (Box::new(file), total)
        };
        Ok(Self { path: path.to_owned(), from: BufReader::new(from), total, number: 0 })
    }

    pub(super) fn next(&mut self) -> Result<Option<ReadLine>, CliError> {
        let mut line = Zeroizing::new(vec![]);
        let unread = |path: &Path, error| CliError::ImportUnreadable { path: path.to_owned(), error };
        let mut piece = |line: &mut Vec<u8>| self.from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', line);
        if piece(&mut line).map_err(|error| unread(&self.path, error))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let too_long = line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n");
        let mut rest = Zeroizing::new(vec![]);
        while too_long && !rest.ends_with(b"\n") {
            rest.clear();
            if piece(&mut rest).map_err(|error| unread(&self.path, error))? == 0 {
                break;
            }
        }
        if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(if too_long { ReadLine::TooLong } else { ReadLine::Text(line) }))
    }
}

/// What some editors begin a text with; it says nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How many lines a file has; it is at its beginning again afterwards.
fn count(file: &mut File) -> io::Result<u64> {
    let (mut lines, mut piece, mut open) = (0, vec![0; 1 << 16], false);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            file.rewind()?;
            return Ok(lines + u64::from(open));
        }
        lines += piece[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
        open = piece[read - 1] != b'\n';
    }
}
