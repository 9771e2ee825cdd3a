//! Listings: the same entries as aligned columns for people, as JSON for programs, as CSV for spreadsheets.

use std::io::{self, Write};

use crate::table::Table;

/// How entries are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Aligned, for people: one line an entry.
    #[default]
    Table,
    /// One JSON text.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values (RFC 4180), headings first.
    Csv,
}

/// What is being written.
pub(crate) enum Listing<W: Write, const N: usize> {
    Table(Table<W, N>),
    /// With what comes before the next element, and what ends the text once there is one.
    Json {
        out: W,
        before: String,
        end: &'static str,
    },
    Jsonl(W),
    /// With its headings, as long as they are still to be written.
    Csv(W, Option<&'static [&'static str]>),
}

impl<W: Write, const N: usize> Listing<W, N> {
    /// Entries alone: JSON is one array. CSV has columns of its own.
    pub(crate) fn new(
        format: Format,
        out: W,
        headings: [&'static str; N],
        columns: &'static [&'static str],
    ) -> Self {
        match format {
            Format::Table => Self::Table(Table::new(out, headings)),
            Format::Json => Self::Json { out, before: "[".into(), end: "]\n" },
            Format::Jsonl => Self::Jsonl(out),
            Format::Csv => Self::Csv(out, Some(columns)),
        }
    }

    /// Entries of something: `about` says of what, as a line and as the members of a JSON object. JSON is an object
    /// with those members and `entries`; lines of JSON begin with an object of those members alone.
    pub(crate) fn about(
        format: Format,
        mut out: W,
        headings: [&'static str; N],
        columns: &'static [&'static str],
        about: &About,
    ) -> io::Result<Self> {
        let About { line, members, entries } = about;
        match format {
            Format::Table => writeln!(out, "{line}\n")?,
            Format::Jsonl => writeln!(out, "{{{members}}}")?,
            Format::Json => {
                let before = format!("{{{members},\"{entries}\":[");
                return Ok(Self::Json { out, before, end: "]}\n" });
            }
            Format::Csv => {}
        }
        Ok(Self::new(format, out, headings, columns))
    }

    pub(crate) fn entry(
        &mut self,
        cells: impl FnOnce() -> [String; N],
        json: impl FnOnce() -> String,
    ) -> io::Result<()> {
        match self {
            Self::Table(table) => table.line(cells()),
            Self::Json { out, before, .. } => {
                let before = std::mem::replace(before, ",".into());
                write!(out, "{before}\n{}", json())
            }
            Self::Jsonl(out) => writeln!(out, "{}", json()),
            Self::Csv(..) => unreachable!("CSV takes rows"),
        }
    }

    /// Goes on with a listing that has its headings.
    pub(crate) fn go_on(&mut self) {
        match self {
            Self::Table(table) => table.go_on(),
            Self::Csv(_, headings) => *headings = None,
            Self::Json { .. } | Self::Jsonl(_) => {}
        }
    }

    /// Whether it takes rows, as CSV does, and no entries.
    pub(crate) fn takes_rows(&self) -> bool {
        matches!(self, Self::Csv(..))
    }

    /// Writes a row of CSV, with as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: &[String]) -> io::Result<()> {
        let Self::Csv(out, headings) = self else { unreachable!("only CSV takes rows") };
        if let Some(headings) = headings.take() {
            csv(out, headings)?;
        }
        csv(out, cells)
    }

    /// Writes what is held back, and nothing that would end the listing.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Table(table) => table.flush(),
            Self::Json { out, .. } | Self::Jsonl(out) | Self::Csv(out, _) => out.flush(),
        }
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Table(table) => table.finish(),
            Self::Json { mut out, before, end } => {
                // Without an entry, what comes before the first is still to be written.
                let before = if before == "," { "\n" } else { &before };
                write!(out, "{before}{end}")?;
                out.flush()
            }
            Self::Jsonl(mut out) => out.flush(),
            Self::Csv(mut out, headings) => {
                if let Some(headings) = headings {
                    csv(&mut out, headings)?;
                }
                out.flush()
            }
        }
    }

    /// Writes what is held back, as far as that goes: the error to tell is another.
    pub(crate) fn leave(mut self) {
        let _ = self.flush();
    }
}

/// Of what the entries are.
pub(crate) struct About {
    /// For people.
    pub(crate) line: String,
    /// For programs: members of a JSON object.
    pub(crate) members: String,
    /// What the member is called that holds the entries.
    pub(crate) entries: &'static str,
}

fn csv(out: &mut impl Write, cells: &[impl AsRef<str>]) -> io::Result<()> {
    let line: Vec<_> = cells.iter().map(|cell| csv_cell(cell.as_ref())).collect();
    write!(out, "{}\r\n", line.join(","))
}

/// Quoted where RFC 4180 asks for it. A cell that a spreadsheet would take for a formula becomes a text, by an apostrophe.
fn csv_cell(cell: &str) -> String {
    let formula = cell.len() > 1 && cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, entries: &[&str]) -> String {
        let mut out = vec![];
        let about = About { line: "of it".into(), members: "\"of\":1".into(), entries: "rows" };
        let mut listing = Listing::about(format, &mut out, ["A", "B"], &["a", "b", "c"], &about).unwrap();
        for entry in entries {
            if listing.takes_rows() {
                listing.row(&[entry.to_string(), "x".into(), String::new()]).unwrap();
                continue;
            }
            let json = || format!("{:?}", entry);
            listing.entry(|| [entry.to_string(), "x".into()], json).unwrap();
        }
        listing.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_form_is_whole_with_entries_and_without() {
        assert_eq!(written(Format::Json, &[]), "{\"of\":1,\"rows\":[]}\n");
        assert_eq!(written(Format::Json, &["a", "b"]), "{\"of\":1,\"rows\":[\n\"a\",\n\"b\"\n]}\n");
        assert_eq!(written(Format::Jsonl, &["a"]), "{\"of\":1}\n\"a\"\n");
        assert_eq!(written(Format::Table, &["a"]), "of it\n\nA  B\na  x\n");
        assert_eq!(written(Format::Csv, &[]), "a,b,c\r\n");
        assert_eq!(written(Format::Csv, &["a"]), "a,b,c\r\na,x,\r\n");
    }

    #[test]
    fn cells_of_csv_are_quoted_and_no_formulas() {
        assert_eq!(csv_cell("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(csv_cell("-"), "-");
    }
}
