//! What was checked, and what came of it.

use std::fmt::Display;

use super::teller::Ink;

/// One check: what a step expected, and what came back.
#[derive(Clone, Debug)]
pub struct Check {
    what: String,
    expected: String,
    seen: String,
    passed: bool,
}

/// Everything that was checked.
#[derive(Debug, Default)]
pub struct Report {
    checks: Vec<Check>,
}

impl Check {
    /// Passes if both read the same.
    pub fn same(what: impl Into<String>, expected: impl Display, seen: impl Display) -> Self {
        let (expected, seen) = (expected.to_string(), seen.to_string());
        Self { what: what.into(), passed: expected == seen, expected, seen }
    }

    /// Passes if so many were seen at least.
    pub fn at_least(what: impl Into<String>, min: u64, seen: u64) -> Self {
        Self {
            what: what.into(),
            expected: format!("at least {min}"),
            seen: seen.to_string(),
            passed: seen >= min,
        }
    }

    /// Passes if what was seen, which reads so, is as expected.
    pub fn is(
        what: impl Into<String>,
        expected: impl Display,
        seen: impl Display,
        as_expected: impl FnOnce() -> bool,
    ) -> Self {
        let (expected, seen) = (expected.to_string(), seen.to_string());
        Self { what: what.into(), expected, seen, passed: as_expected() }
    }

    /// Something that had to be done could not be.
    pub fn undone(what: impl Into<String>, why: impl Display) -> Self {
        // Other people's messages may have lines; the table's rows have none.
        let why = why.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { what: what.into(), expected: "done".to_owned(), seen: why, passed: false }
    }

    /// Whether it passed.
    pub const fn passed(&self) -> bool {
        self.passed
    }

    /// As one line, while the story is played.
    pub fn line(&self, ink: Ink) -> String {
        let Self { what, expected, seen, passed } = self;
        let expected = if *passed { String::new() } else { format!(", expected {expected}") };
        format!("{} {what}: {seen}{expected}", verdict(*passed, ink))
    }
}

impl Report {
    /// Adds a check.
    pub fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// How many checks passed.
    pub fn passed(&self) -> usize {
        self.checks.iter().filter(|check| check.passed).count()
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.checks.len() - self.passed()
    }

    /// Whether something was checked, and nothing failed.
    pub fn is_ok(&self) -> bool {
        self.failed() == 0 && self.passed() > 0
    }

    /// The aligned table, and the closing line.
    pub fn table(&self, ink: Ink) -> String {
        let header = ["CHECK", "EXPECTED", "SEEN"];
        let rows: Vec<_> =
            self.checks.iter().map(|check| [&check.what, &check.expected, &check.seen]).collect();
        let width = |column: usize| {
            let widths = rows.iter().map(|row| row[column].chars().count());
            widths.chain([header[column].len()]).max().unwrap_or_default()
        };
        let widths = [width(0), width(1), width(2)];
        let line = |cells: [&str; 3], last: &str| {
            let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$} | "));
            format!("{}{last}\n", cells.collect::<String>())
        };
        let mut table = ink.bold(line(header, "ok/FAILED").trim_end()) + "\n";
        for (row, check) in rows.iter().zip(&self.checks) {
            table += &line(row.map(String::as_str), &verdict(check.passed, ink));
        }
        format!("{table}\n{} passed, {} failed\n", self.passed(), self.failed())
    }
}

fn verdict(passed: bool, ink: Ink) -> String {
    if passed { ink.green("ok") } else { ink.red("FAILED") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned_and_counts() {
        let mut report = Report::default();
        assert!(!report.is_ok());
        report.add(Check::same("first", 1, 1));
        assert!(report.is_ok());
        report.add(Check::same("the second", "a", "bcd"));
        report.add(Check::at_least("third", 3, 2));
        assert!(!report.is_ok());
        let table = "\
CHECK      | EXPECTED   | SEEN | ok/FAILED
first      | 1          | 1    | ok
the second | a          | bcd  | FAILED
third      | at least 3 | 2    | FAILED

1 passed, 2 failed
";
        assert_eq!(report.table(Ink::Plain), table);
        assert!(report.table(Ink::Coloured).contains("\x1b[31mFAILED\x1b[0m"));
    }
}
