//! `audit show`: lists the events of a ledger, its chain checked on the way.

use std::io::{self, BufWriter, ErrorKind, Write};

use store::scan::Scanned;
use store::{Snapshot, StoreError};

use crate::error::{ReplayError, reading};
use crate::filter::Filter;
use crate::json;
use crate::names::Names;
use crate::print::instant;
use crate::summary::Summary;
use crate::table::Table;

/// How events are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Aligned, for people: one line an event.
    #[default]
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// What was listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// How many events.
    pub events: u64,
}

/// Lists the events that the filter admits, oldest first, in bounded memory.
///
/// The log is read from its beginning, so that each event listed is one that the chain leads to. Whoever
/// stops reading what is written, as `head` does, ends the listing; that is no error.
pub fn show(
    snapshot: &Snapshot,
    names: &Names,
    filter: &Filter,
    format: Format,
    out: impl Write,
) -> Result<Shown, ReplayError> {
    let mut listing = Listing::new(format, BufWriter::new(out));
    let mut shown = Shown::default();
    let scanned = reading(|| {
        snapshot.scan(|scanned| {
            let position = scanned.recorded.position;
            if filter.ends_before(position) || filter.limit.is_some_and(|limit| shown.events >= limit) {
                return Err(Stop::Enough);
            }
            if filter.admits(&snapshot.rows_at(position), &scanned.recorded)? {
                listing.event(snapshot, names, &scanned)?;
                shown.events += 1;
            }
            Ok(())
        })
    });
    let written = match scanned {
        Ok(()) | Err(Stop::Enough) => listing.finish().map_err(Stop::from),
        Err(stop) => {
            // What came before the damage is good; the array stays open, so that it does not look whole.
            listing.leave();
            Err(stop)
        }
    };
    match written {
        Ok(()) | Err(Stop::Enough) => Ok(shown),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Why the reading of the log ends before its end.
enum Stop {
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

/// What is being written.
enum Listing<W: Write> {
    Table(Table<W, 6>),
    /// With what comes before the next element.
    Json(W, &'static str),
    Jsonl(W),
}

impl<W: Write> Listing<W> {
    fn new(format: Format, out: W) -> Self {
        match format {
            Format::Table => {
                Self::Table(Table::new(out, ["POSITION", "TIME", "EVENT", "ACTOR", "WAY", "WHAT"]))
            }
            Format::Json => Self::Json(out, "[\n"),
            Format::Jsonl => Self::Jsonl(out),
        }
    }

    fn event(&mut self, snapshot: &Snapshot, names: &Names, scanned: &Scanned) -> io::Result<()> {
        match self {
            Self::Table(table) => {
                let recorded = &scanned.recorded;
                let summary = Summary { names, rows: snapshot.rows_at(recorded.position) };
                table.line([
                    recorded.position.to_string(),
                    instant(recorded.recorded_at),
                    recorded.event.name().to_owned(),
                    summary.actor(&recorded.metadata.actor),
                    recorded.metadata.way.as_str().to_owned(),
                    summary.what(recorded),
                ])
            }
            Self::Json(out, before) => {
                let before = std::mem::replace(before, ",\n");
                write!(out, "{before}{}", json::event(scanned, names))
            }
            Self::Jsonl(out) => writeln!(out, "{}", json::event(scanned, names)),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Table(table) => table.finish(),
            Self::Json(mut out, "[\n") => out.write_all(b"[]\n").and_then(|()| out.flush()),
            Self::Json(mut out, _) => out.write_all(b"\n]\n").and_then(|()| out.flush()),
            Self::Jsonl(mut out) => out.flush(),
        }
    }

    /// Writes what is held back, as far as that goes: the error to tell is another.
    fn leave(self) {
        match self {
            Self::Table(table) => drop(table.finish()),
            Self::Json(mut out, _) | Self::Jsonl(mut out) => drop(out.flush()),
        }
    }
}
