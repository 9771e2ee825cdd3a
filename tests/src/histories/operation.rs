//! One operation of a history: who asked what, between which tickets, and what came back.

use domain::time::Position;

use super::credential::{Reason, Register};
use super::recorder::Thread;

/// A ticket. If one operation's last is smaller than another's first, the one had returned before the other
/// was begun, and whoever began the other could know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub u64);

impl Stamp {
    /// After everything that is recorded.
    pub const NEVER: Self = Self(u64::MAX);
}

/// What the clock by which keys expire showed before the call and after its return, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Before.
    pub before_ms: i64,
    /// After.
    pub after_ms: i64,
}

/// Names a credential of a history: its place in the history's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialNumber(pub u32);

/// What a thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who.
    pub thread: Thread,
    /// Drawn before the call.
    pub began: Stamp,
    /// Drawn after its return.
    pub ended: Stamp,
    /// What the clock showed.
    pub clock: Clock,
    /// What it was, and what came of it.
    pub what: What,
}

/// What an operation was, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A credential was shown.
    Verified(CredentialNumber, Verdict),
    /// Something was to be changed.
    Changed(Box<Change>, Outcome),
    /// The process that answered was ended: begun before it was told to, ended when it was gone, and before
    /// another took its place.
    Died,
}

/// What was said of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted, as of this position.
    Accepted(Position),
    /// Refused for this reason; a position that was reached by then, if one was named.
    Refused(Reason, Option<Position>),
    /// No verdict came.
    Unknown,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is so, as of this position.
    Acknowledged(Position),
    /// It was not done.
    Rejected,
    /// It may have been done, or still be done, until the process that was asked has ended.
    Unknown,
}

/// What was to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is called.
    pub kind: Kind,
    /// What it makes true.
    pub writes: Vec<Write>,
}

/// A fact that a change makes true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Of what.
    pub register: Register,
    /// What is true of it from then on.
    pub value: Value,
}

/// What can be true of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing stands in the way.
    Fine,
    /// What rests on it is refused.
    Refuses,
    /// What rests on it is refused from an instant on, which lies between these two.
    Ends {
        /// At the earliest.
        earliest_ms: i64,
        /// At the latest.
        latest_ms: i64,
    },
    /// Tokens that were minted before the change are refused: as of an earlier position than the change's own.
    RefusesOlder,
}

/// What a change is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the commands")]
pub enum Kind {
    CreateKey,
    RevokeKey,
    DisableKey,
    EnableKey,
    ShortenKey,
    LengthenKey,
    RotateKey,
    SuspendTenant,
    ResumeTenant,
    RemoveTenant,
    SuspendUser,
    ResumeUser,
    RemoveUser,
    SuspendServiceAccount,
    ResumeServiceAccount,
    RemoveServiceAccount,
    RemoveMember,
    JoinAgain,
    RevokeTokens,
    RetireSigningKey,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::CreateKey,
        Self::RevokeKey,
        Self::DisableKey,
        Self::EnableKey,
        Self::ShortenKey,
        Self::LengthenKey,
        Self::RotateKey,
        Self::SuspendTenant,
        Self::ResumeTenant,
        Self::RemoveTenant,
        Self::SuspendUser,
        Self::ResumeUser,
        Self::RemoveUser,
        Self::SuspendServiceAccount,
        Self::ResumeServiceAccount,
        Self::RemoveServiceAccount,
        Self::RemoveMember,
        Self::JoinAgain,
        Self::RevokeTokens,
        Self::RetireSigningKey,
    ];
}

impl Operation {
    /// The position that its answer names, if it names one.
    pub const fn position(&self) -> Option<Position> {
        match &self.what {
            What::Verified(_, Verdict::Accepted(position))
            | What::Verified(_, Verdict::Refused(_, Some(position)))
            | What::Changed(_, Outcome::Acknowledged(position)) => Some(*position),
            What::Verified(_, Verdict::Refused(_, None) | Verdict::Unknown)
            | What::Changed(_, Outcome::Rejected | Outcome::Unknown)
            | What::Died => None,
        }
    }
}
