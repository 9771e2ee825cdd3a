//! `audit show`: lists the events of a ledger, its chain checked on the way.

use std::io::{self, BufWriter, ErrorKind, Write};

use domain::time::Position;
use store::StoreError;
use store::head::Head;
use store::scan::Scanned;

use crate::behind::Behind;
use crate::columns::{COLUMNS, columns};
use crate::error::{ReplayError, reading};
use crate::filter::Filter;
use crate::json;
use crate::listing::{Format, Listing};
use crate::names::Names;
use crate::open::Audit;
use crate::rows::RowsAt;
use crate::sought::{Sought, Unknown};
use crate::source::Source;
use crate::summary::{HEADINGS, Summary};

/// What was listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// How many events.
    pub events: u64,
    /// An id of the filter that the whole log does not know. Nothing was written then, not even headings.
    pub unknown: Option<Unknown>,
}

/// Lists the events that the filter admits, oldest first, in bounded memory; of a file, whose rows are folded on the
/// way, in the memory that its rows take.
///
/// The log is read from its beginning, so that each event listed is one that the chain leads to; and to its end if the
/// filter has an id that was not met before. Whoever stops reading what is written, as `head` does, ends the listing;
/// that is no error.
pub fn show(
    source: &Source,
    names: &Names,
    filter: &Filter,
    format: Format,
    out: impl Write,
) -> Result<Shown, ReplayError> {
    let mut lines = Lines::new(names, filter, format, out);
    let read = source.follow_rows(|scanned, rows| lines.take(&scanned, rows));
    lines.end(read)
}

/// Goes on with a listing: lists what was appended after `known`, for as long as `wait` says to, which waits for more to
/// come. Ends when the filter admits nothing more, whatever comes; else the reader does, or
/// whoever waits.
pub fn follow(
    audit: &Audit,
    known: Head,
    shown: &Shown,
    filter: &Filter,
    format: Format,
    out: impl Write,
    mut wait: impl FnMut() -> Wait,
) -> Result<(), ReplayError> {
    let (mut known, sealed) = (known, Names::sealed());
    let mut lines = Lines::new(&sealed, filter, format, out);
    if shown.unknown.is_none() {
        lines.listing.go_on();
    }
    while !lines.is_full(known.position) && wait() == Wait::Over {
        let snapshot = audit.snapshot()?;
        if snapshot.head() == known {
            audit.check_same_file()?;
            continue;
        }
        // Whoever was made since has a new key.
        let names = Names::read(audit.folder());
        let read = reading(|| {
            let mut each = |scanned: Scanned, _: &[u8]| {
                let rows = RowsAt::Views(snapshot.rows_at(scanned.recorded.position));
                lines.take_with(&names, &scanned, &rows)
            };
            let mut behind = Behind::default();
            snapshot.scan_after(&known, |scanned, envelope| behind.take(scanned, envelope, &mut each))?;
            behind.end(each)
        });
        match read.and_then(|()| Ok(lines.listing.flush()?)) {
            Ok(()) => known = snapshot.head(),
            Err(Stop::Enough) => return Ok(()),
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
    Ok(())
}

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// There may be more now.
    Over,
    /// Nobody waits any longer.
    Ended,
}

/// The listing of events.
struct Lines<'a, W: Write> {
    names: &'a Names,
    filter: &'a Filter,
    listing: Listing<BufWriter<W>, { HEADINGS.len() }>,
    sought: Sought,
    shown: Shown,
}

impl<'a, W: Write> Lines<'a, W> {
    fn new(names: &'a Names, filter: &'a Filter, format: Format, out: W) -> Self {
        let listing = Listing::new(format, BufWriter::new(out), HEADINGS, &COLUMNS);
        Self { names, filter, listing, sought: Sought::of(filter), shown: Shown::default() }
    }

    fn take(&mut self, scanned: &Scanned, rows: &RowsAt<'_>) -> Result<(), Stop> {
        self.take_with(self.names, scanned, rows)
    }

    fn take_with(&mut self, names: &Names, scanned: &Scanned, rows: &RowsAt<'_>) -> Result<(), Stop> {
        let recorded = &scanned.recorded;
        self.sought.meet(recorded);
        if self.has_enough() || self.filter.ends_before(recorded) {
            return if self.sought.is_met() { Err(Stop::Enough) } else { Ok(()) };
        }
        if self.filter.admits(rows, recorded)? {
            self.shown.events += 1;
            if self.listing.takes_rows() {
                return Ok(self.listing.row(&columns(scanned, rows, names)?)?);
            }
            let summary = Summary::of(names, rows);
            self.listing.entry(|| summary.cells(recorded), || json::event(scanned, names))?;
        }
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.filter.limit.is_some_and(|limit| self.shown.events >= limit)
    }

    /// Whether no event after this position can be wanted.
    fn is_full(&self, position: Position) -> bool {
        self.has_enough() || self.filter.to.is_some_and(|to| to <= position)
    }

    fn end(self, read: Result<(), Stop>) -> Result<Shown, ReplayError> {
        let shown = Shown { unknown: self.sought.unknown(), ..self.shown };
        let written = match read {
            Ok(()) if shown.unknown.is_some() => return Ok(shown),
            Ok(()) | Err(Stop::Enough) => self.listing.finish().map_err(Stop::from),
            Err(stop) => {
                // What is listed is good, for the next event named it; the array stays open, so that it does not look whole.
                self.listing.leave();
                Err(stop)
            }
        };
        unless_left(written)?;
        Ok(shown)
    }
}

/// Why the reading of the log ends before its end.
pub(crate) enum Stop {
    /// Nothing more is wanted.
    Enough,
    Failed(ReplayError),
}

impl From<ReplayError> for Stop {
    fn from(error: ReplayError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::Enough } else { Self::Failed(error.into()) }
    }
}

/// Whoever stops reading what is written has what they want: that is no error.
pub(crate) fn unless_left(written: Result<(), Stop>) -> Result<(), ReplayError> {
    match written {
        Ok(()) | Err(Stop::Enough) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
    }
}
