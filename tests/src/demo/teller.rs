//! What the demo prints while it plays, for people.

use std::io::Write;

use super::report::Check;

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Terminal escapes.
    Coloured,
    /// Text only.
    Plain,
}

impl Ink {
    fn painted(self, code: &str, text: &str) -> String {
        match self {
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.painted("1", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.painted("32", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.painted("31", text)
    }

    fn dim(self, text: &str) -> String {
        self.painted("2", text)
    }
}

/// Where it is told. Whoever stops reading does not stop the story: its exit code still counts.
pub struct Teller<'a> {
    out: &'a mut (dyn Write + Send),
    /// In what it is written.
    pub ink: Ink,
}

impl<'a> Teller<'a> {
    /// Tells to this.
    pub fn new(out: &'a mut (dyn Write + Send), ink: Ink) -> Self {
        Self { out, ink }
    }

    /// Begins the story, or one of its chapters.
    pub fn title(&mut self, title: &str) {
        let title = self.ink.bold(title);
        self.raw(&format!("\n{title}\n"));
    }

    /// What is being done.
    pub fn doing(&mut self, what: &str) {
        self.raw(&format!("  {what}\n"));
    }

    /// What is good to know, and not checked.
    pub fn note(&mut self, what: &str) {
        let what = self.ink.dim(what);
        self.raw(&format!("    {what}\n"));
    }

    pub(super) fn check(&mut self, check: &Check) {
        let line = check.line(self.ink);
        self.raw(&format!("    {line}\n"));
    }

    /// Text as it is.
    pub fn raw(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}
