//! The report: a figure a line, beside what it is compared with; a table for people, JSON for machines.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

/// What was measured.
#[derive(Default)]
pub struct Report(Vec<Figure>);

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it is of.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What it is compared with in the same run, and how much that is.
    pub beside: Option<(String, f64)>,
    /// What is wanted.
    pub wanted: Option<Wanted>,
}

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// The value, over what it is compared with, is at least this.
    RatioAtLeast(f64),
    /// The value, over what it is compared with, is at most this.
    RatioAtMost(f64),
    /// The value is at most this.
    AtMost(f64),
}

impl Figure {
    /// A figure by itself.
    pub fn of(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, beside: None, wanted: None }
    }

    /// The same, compared with something.
    #[must_use]
    pub fn beside(self, what: impl Into<String>, value: f64) -> Self {
        Self { beside: Some((what.into(), value)), ..self }
    }

    /// The same, of which something is wanted.
    #[must_use]
    pub fn wanted(self, wanted: Wanted) -> Self {
        Self { wanted: Some(wanted), ..self }
    }

    fn ratio(&self) -> Option<f64> {
        self.beside.as_ref().map(|(_, beside)| self.value / beside)
    }

    /// Whether it is as wanted; none, if nothing is wanted, or nothing is there to compare it with.
    fn met(&self) -> Option<bool> {
        Some(match self.wanted? {
            Wanted::RatioAtLeast(least) => self.ratio()? >= least,
            Wanted::RatioAtMost(most) => self.ratio()? <= most,
            Wanted::AtMost(most) => self.value <= most,
        })
    }
}

impl Report {
    /// Takes a figure in, and tells it at once.
    pub fn add(&mut self, figure: Figure) {
        eprintln!("  {}: {} {}", figure.name, number(figure.value), figure.unit);
        self.0.push(figure);
    }

    /// Writes the figures as JSON.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let figures: Vec<Value> = self.0.iter().map(Figure::json).collect();
        std::fs::write(path, format!("{:#}\n", json!({ "figures": figures })))
    }
}

impl Figure {
    fn json(&self) -> Value {
        let beside = self.beside.as_ref().map(|(what, value)| json!({ "what": what, "value": value }));
        let wanted = self.wanted.map(|wanted| wanted.to_string());
        json!({
            "name": self.name, "value": self.value, "unit": self.unit, "beside": beside, "ratio": self.ratio(),
            "wanted": wanted, "met": self.met(),
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtLeast(least) => write!(f, "ratio ≥ {least}"),
            Self::RatioAtMost(most) => write!(f, "ratio ≤ {most}"),
            Self::AtMost(most) => write!(f, "≤ {}", number(*most)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 5]> = self.0.iter().map(row).collect();
        let heading = ["figure", "measured", "beside", "ratio", "wanted"].map(str::to_owned);
        let all = || std::iter::once(&heading).chain(&rows);
        let width = |n: usize| all().map(|row| row[n].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in all() {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

fn row(figure: &Figure) -> [String; 5] {
    let met = figure.met().map_or("", |met| if met { ": met" } else { ": MISSED" });
    [
        figure.name.clone(),
        format!("{} {}", number(figure.value), figure.unit),
        figure.beside.as_ref().map_or(String::new(), |(what, value)| format!("{} {what}", number(*value))),
        figure.ratio().map_or(String::new(), |ratio| format!("{ratio:.3}")),
        figure.wanted.map_or(String::new(), |wanted| format!("{wanted}{met}")),
    ]
}

/// A number with as many digits as tell something, its thousands apart.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let mut text = String::from(sign);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_met_by_its_ratio_or_by_itself() {
        let figure = Figure::of("requests", 85.0, "1/s").beside("bare", 100.0);
        assert_eq!(figure.clone().wanted(Wanted::RatioAtLeast(0.85)).met(), Some(true));
        assert_eq!(figure.clone().wanted(Wanted::RatioAtLeast(0.86)).met(), Some(false));
        assert_eq!(figure.clone().wanted(Wanted::RatioAtMost(0.5)).met(), Some(false));
        assert_eq!(figure.clone().wanted(Wanted::AtMost(85.0)).met(), Some(true));
        assert_eq!(figure.met(), None);
        assert_eq!(Figure::of("alone", 1.0, "s").wanted(Wanted::RatioAtLeast(1.0)).met(), None);
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        let told = [0.5, 99.994, 100.0, 1_234_567.8, -12_345.0].map(number);
        assert_eq!(told, ["0.50", "99.99", "100", "1\u{202f}234\u{202f}568", "-12\u{202f}345"]);
    }
}
