//! A finding of the doctor: what was looked at, how it is, and what to do next.

use replay::print::harmless;
use serde_json::{Value, json};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and might not for long.
    Warn,
    /// It does not work, or is not safe.
    Fail,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub level: Level,
    /// In words.
    pub detail: String,
    /// What to do next, if anything.
    pub next: Option<String>,
}

impl Finding {
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, level: Level::Ok, detail: detail.into(), next: None }
    }

    pub fn warn(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, level: Level::Warn, detail: detail.into(), next: Some(next.into()) }
    }

    pub fn fail(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, level: Level::Fail, detail: detail.into(), next: Some(next.into()) }
    }

    pub fn line(&self) -> String {
        let next = self.next.as_ref().map(|next| format!("{:24}next: {next}\n", "")).unwrap_or_default();
        harmless(&format!("{:<6}{:<16}  {}\n{next}", self.level.word(), self.name, self.detail))
    }

    pub fn json(&self) -> Value {
        json!({ "name": self.name, "level": self.level.word(), "detail": self.detail, "next": self.next })
    }
}
