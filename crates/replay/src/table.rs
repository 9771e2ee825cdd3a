//! Aligned columns for a listing of any length: widths are measured block by block, and never shrink.

use std::io::{self, Write};
use std::iter;

/// Lines are held back until there are so many, to measure them together.
const BLOCK_LINES: usize = 500;
/// A longer cell is written whole and pushes its line aside, rather than all others.
const PAD_MAX: usize = 120;
const GAP: &str = "  ";

/// Writes lines of `N` cells.
pub struct Table<W, const N: usize> {
    out: W,
    widths: [usize; N],
    block: Vec<[String; N]>,
}

impl<W: Write, const N: usize> Table<W, N> {
    /// A table with these headings.
    pub fn new(out: W, headings: [&str; N]) -> Self {
        let mut table = Self { out, widths: [0; N], block: vec![] };
        table.block.push(headings.map(str::to_owned));
        table
    }

    /// Goes on with a table that has its headings.
    pub fn go_on(&mut self) {
        self.block.clear();
    }

    /// Adds a line.
    pub fn line(&mut self, cells: [String; N]) -> io::Result<()> {
        self.block.push(cells);
        if self.block.len() < BLOCK_LINES { Ok(()) } else { self.write_block() }
    }

    /// Writes what was held back.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()
    }

    /// The same, while more is to come.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_block()?;
        self.out.flush()
    }

    fn write_block(&mut self) -> io::Result<()> {
        let block = std::mem::take(&mut self.block);
        for (column, width) in self.widths.iter_mut().enumerate() {
            let cells = block.iter().map(|cells| cells[column].chars().count());
            *width = cells.chain([*width]).filter(|cell| *cell <= PAD_MAX).max().unwrap_or(0);
        }
        let mut line = String::new();
        for cells in &block {
            line.clear();
            for (cell, width) in cells.iter().zip(self.widths) {
                line.push_str(cell);
                line.extend(iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
                line.push_str(GAP);
            }
            line.truncate(line.trim_end().len());
            line.push('\n');
            self.out.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_a_very_long_cell_pushes_only_its_own_line() {
        let mut out = vec![];
        let mut table = Table::new(&mut out, ["A", "B"]);
        table.line(["één".into(), "x".into()]).unwrap();
        table.line(["y".repeat(PAD_MAX + 1), "z".into()]).unwrap();
        table.finish().unwrap();
        let long = "y".repeat(PAD_MAX + 1);
        assert_eq!(String::from_utf8(out).unwrap(), format!("A    B\néén  x\n{long}  z\n"));
    }

    #[test]
    fn a_long_listing_is_written_as_it_grows() {
        let mut out = vec![];
        let mut table = Table::new(&mut out, ["N"]);
        for number in 0..3 * BLOCK_LINES {
            table.line([number.to_string()]).unwrap();
            assert!(table.block.len() < BLOCK_LINES);
        }
        table.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 3 * BLOCK_LINES + 1);
    }
}
