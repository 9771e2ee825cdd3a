//! Exit codes: what a script can tell from how a command ended.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NotAuthenticated = 3,
    NotAllowed = 4,
    NotFound = 5,
    Conflict = 6,
    Unreachable = 7,
}

impl Exit {
    const ALL: [Self; 8] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::NotAuthenticated,
        Self::NotAllowed,
        Self::NotFound,
        Self::Conflict,
        Self::Unreachable,
    ];

    const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "wrong usage",
            Self::NotAuthenticated => "not authenticated",
            Self::NotAllowed => "not allowed",
            Self::NotFound => "not found",
            Self::Conflict => "conflict, such as a ledger that exists already",
            Self::Unreachable => "server unreachable, or not able to answer now: try again",
        }
    }

    /// Every code with its meaning, for the help.
    pub fn table() -> String {
        let line = |exit: &Self| format!("\n  {}  {}", *exit as u8, exit.meaning());
        format!("Exit codes:{}", Self::ALL.iter().map(line).collect::<String>())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
