//! Why a command did not do what was asked: a message, a stable code, an exit code, and a hint.

use std::io;
use std::path::PathBuf;

use authority::{Failure, OpenError};
use domain::Rejection;
use domain::rejection::RejectionClass;
use replay::{AsOfError, ProofError, ReplayError, Unknown};
use server::ServeError;
use store::StoreError;

use crate::client::ClientError;
use crate::exit::Exit;
use crate::usage::UsageError;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Not an error: help or the version was asked for.
    #[error("{0}")]
    Help(String),
    /// The command line is malformed.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The filter of the log is malformed.
    #[error("{variable} is no filter of log lines: {why}")]
    LogFilter {
        /// The variable of the environment.
        variable: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The data folder or the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules say no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The pepper is not the one under which the ledger's keys were digested.
    #[error("{0}")]
    OtherPepper(String),
    /// A commit failed half-way.
    #[error("{0}")]
    Commit(String),
    /// The authority, after it was opened.
    #[error(transparent)]
    Authority(#[from] Failure),
    /// The server could not start or go on.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A crash left the ledger behind.
    #[error("the ledger in {} was not closed cleanly, and reading alone cannot repair it", .folder.display())]
    NeedsRepair {
        /// The data folder.
        folder: PathBuf,
    },
    /// The audit could not walk the file.
    #[error(transparent)]
    PagesDamaged(ReplayError),
    /// What was asked of a log has no answer, or its file is none.
    #[error(transparent)]
    Audit(ReplayError),
    /// Something could not be proved, or is not.
    #[error(transparent)]
    Proof(ProofError),
    /// The audit was done, and something is wrong.
    #[error("the ledger did not pass: {verdict}")]
    VerificationFailed {
        /// What is wrong first.
        verdict: String,
    },
    /// The doctor looked at everything, and something does not work or is not safe.
    #[error("{failed} of the checks failed; each says what to do next")]
    Unwell {
        /// How many.
        failed: usize,
    },
    /// Standard output cannot be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
    /// The ledger was made, and the only copy of its first key is lost.
    #[error("the ledger in {} was made, but its key could not be written out and is lost: {error}", .folder.display())]
    KeyLost {
        /// The data folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// As a client of a server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Traces cannot be sent.
    #[error("traces cannot be sent: {0}")]
    Traces(String),
    /// The file of keys cannot be read.
    #[error("{} could not be read: {error}", .path.display())]
    ImportUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Some of the keys were not imported.
    #[error("{count} lines were refused; the report says which, and why")]
    LinesRefused {
        /// How many.
        count: u64,
    },
    /// Nobody to make a key for.
    #[error("there is no user with the e-mail address {email} in this ledger, or none that was not removed")]
    NoSuchUser {
        /// The address.
        email: String,
    },
    /// Nobody of that id, who could have done something.
    #[error(
        "the log knows no user, service account or key {id}, and nobody who did anything with a token of that id; audit show lists who did what"
    )]
    NoSuchActor {
        /// The id.
        id: domain::ids::KeyId,
    },
    /// A key was made for a user, and its only copy is lost.
    #[error("the key {key} was made, but could not be written out and is lost: {error}")]
    RecoveredKeyLost {
        /// Its id.
        key: domain::ids::KeyId,
        /// Why.
        error: io::Error,
    },
    /// A panic.
    #[error("this is a defect of keyledger, please report it: {0}")]
    Defect(String),
}

impl CliError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Help(_) => "HELP",
            Self::Usage(error) => error.code,
            Self::LogFilter { .. } => "LOG_FILTER_INVALID",
            Self::Store(error) => store_code(error),
            Self::Rejected(rejection) => rejection.code(),
            Self::OtherPepper(_) => "OTHER_PEPPER",
            Self::Commit(_) => "UNKNOWN_OUTCOME",
            Self::Authority(failure) => failure.code(),
            Self::Serve(ServeError::Bind { error, .. } | ServeError::BindMetrics { error, .. })
                if error.kind() == io::ErrorKind::AddrInUse =>
            {
                "ADDRESS_IN_USE"
            }
            Self::Serve(ServeError::Bind { .. } | ServeError::BindMetrics { .. }) => "ADDRESS_INVALID",
            Self::Serve(ServeError::Runtime(_)) => "NO_RESOURCES",
            Self::Serve(ServeError::WriterStopped(_)) => "WRITER_STOPPED",
            Self::NeedsRepair { .. } => "LEDGER_NEEDS_REPAIR",
            Self::PagesDamaged(_) => "LEDGER_DAMAGED",
            Self::Audit(error) => audit_code(error),
            Self::Proof(error) => proof_code(error),
            Self::VerificationFailed { .. } => "VERIFICATION_FAILED",
            Self::Unwell { .. } => "DOCTOR_FAILED",
            Self::Output(_) => "OUTPUT_FAILED",
            Self::KeyLost { .. } | Self::RecoveredKeyLost { .. } => "KEY_LOST",
            Self::Client(error) => error.code(),
            Self::Traces(_) => "TRACES_FAILED",
            Self::NoSuchUser { .. } => "NO_SUCH_USER",
            Self::NoSuchActor { .. } => "NO_SUCH_ACTOR",
            Self::ImportUnreadable { .. } => "IMPORT_UNREADABLE",
            Self::LinesRefused { .. } => "LINES_REFUSED",
            Self::Defect(_) => "DEFECT",
        }
    }

    /// How the process ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Help(_) => Exit::Ok,
            Self::Usage(_) | Self::LogFilter { .. } => Exit::Usage,
            Self::Store(error) => store_exit(error),
            Self::Proof(ProofError::NoEvent(_) | ProofError::Nothing { .. }) => Exit::NotFound,
            Self::Proof(ProofError::Exists(_)) => Exit::Conflict,
            Self::Client(error) => error.exit(),
            Self::Rejected(rejection) => class_exit(rejection.class()),
            Self::Authority(failure) => failure.class().map_or(Exit::Failed, class_exit),
            Self::Serve(ServeError::Bind { error, .. } | ServeError::BindMetrics { error, .. })
                if error.kind() == io::ErrorKind::AddrInUse =>
            {
                Exit::Conflict
            }
            Self::Traces(_) => Exit::Failed,
            Self::Audit(ReplayError::AsOf(_) | ReplayError::NotAFolder { .. }) => Exit::Usage,
            Self::NoSuchUser { .. }
            | Self::NoSuchActor { .. }
            | Self::Audit(
                ReplayError::NoSuchKey { .. }
                | ReplayError::NoSuchTenant { .. }
                | ReplayError::MadeLater { .. },
            ) => Exit::NotFound,
            Self::OtherPepper(_)
            | Self::Commit(_)
            | Self::Serve(_)
            | Self::RecoveredKeyLost { .. }
            | Self::NeedsRepair { .. }
            | Self::PagesDamaged(_)
            | Self::Audit(_)
            | Self::Proof(_)
            | Self::VerificationFailed { .. }
            | Self::ImportUnreadable { .. }
            | Self::LinesRefused { .. }
            | Self::Unwell { .. }
            | Self::Output(_)
            | Self::KeyLost { .. }
            | Self::Defect(_) => Exit::Failed,
        }
    }

    /// What to do next, where the message does not say it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(error) => error.hint.clone(),
            Self::Client(error) => error.hint(),
            Self::LogFilter { .. } => {
                Some("give a level, such as debug, or one for a part: keyledger_server=debug,info".into())
            }
            Self::Store(StoreError::Backup { path, .. }) if replay::is_export(path) => Some(format!(
                "it is an export; make a ledger of it with: keyledger audit import --from {} --data NEW_FOLDER",
                crate::output::shell_word(&path.to_string_lossy())
            )),
            Self::Store(StoreError::InUse) => Some(
                "stop that process first; an audit can run beside a server unless that runs with --exclusive"
                    .into(),
            ),
            Self::Store(StoreError::NoLedger(folder)) => Some(format!(
                "or let a browser make its first tenant, with: keyledger serve --data {} --set-up",
                crate::output::shell_word(&folder.to_string_lossy())
            )),
            Self::NeedsRepair { folder } => Some(format!(
                "start the server on it once, or repair it (this writes to the file) with: keyledger audit verify --repair --data {}",
                crate::output::shell_word(&folder.to_string_lossy())
            )),
            Self::Proof(ProofError::LeftOut { .. } | ProofError::Nothing { later: 1.., .. }) => Some(
                "have the server sign a newer checkpoint, with: curl -H \"Authorization: Bearer $KEYLEDGER_KEY\" \"$KEYLEDGER_URL/tlog/checkpoint\"; then again. Or leave out what came later, with --up-to-checkpoint"
                    .into(),
            ),
            Self::VerificationFailed { .. } => {
                Some("the report tells every problem; copy the data folder before anything changes it".into())
            }
            Self::KeyLost { folder, .. } => Some(format!(
                "nothing uses this ledger yet: remove {} and init again",
                crate::output::shell_word(&folder.to_string_lossy())
            )),
            Self::RecoveredKeyLost { .. } => {
                Some("recover again, and revoke the lost one with the key that you get".into())
            }
            Self::NoSuchUser { .. } => {
                Some("see who there is with: keyledger audit show --type UserCreated --data DIR".into())
            }
            Self::LinesRefused { .. } => {
                Some("mend these lines and import again: what is here already is passed over".into())
            }
            Self::Help(_)
            | Self::NoSuchActor { .. }
            | Self::ImportUnreadable { .. }
            | Self::Traces(_)
            | Self::Store(_)
            | Self::Rejected(_)
            | Self::OtherPepper(_)
            | Self::Commit(_)
            | Self::Authority(_)
            | Self::Serve(_)
            | Self::PagesDamaged(_)
            | Self::Audit(_)
            | Self::Proof(_)
            | Self::Unwell { .. }
            | Self::Output(_)
            | Self::Defect(_) => None,
        }
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => Self::Store(error),
            OpenError::Rejected(rejection) => Self::Rejected(rejection),
            OpenError::OtherPepper { .. } | OpenError::AlteredPepper(_) => {
                Self::OtherPepper(error.to_string())
            }
            OpenError::Commit(what) => Self::Commit(what),
        }
    }
}

impl From<ReplayError> for CliError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => Self::Store(error),
            ReplayError::NeedsRepair { folder } => Self::NeedsRepair { folder },
            ReplayError::Output(error) => Self::Output(error),
            ReplayError::Pages { .. } => Self::PagesDamaged(error),
            ReplayError::AsOf(_)
            | ReplayError::Export { .. }
            | ReplayError::NotAFolder { .. }
            | ReplayError::NoSuchKey { .. }
            | ReplayError::NoSuchTenant { .. }
            | ReplayError::MadeLater { .. } => Self::Audit(error),
        }
    }
}

impl From<Unknown> for CliError {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Key(key) => ReplayError::NoSuchKey { key }.into(),
            Unknown::Tenant(tenant) => ReplayError::NoSuchTenant { tenant }.into(),
            Unknown::Actor(id) => Self::NoSuchActor { id: domain::ids::KeyId::from_bytes(id) },
        }
    }
}

const fn audit_code(error: &ReplayError) -> &'static str {
    match error {
        ReplayError::AsOf(AsOfError::BeforeFirstEvent) => "AS_OF_BEFORE_FIRST_EVENT",
        ReplayError::AsOf(AsOfError::InFuture) => "AS_OF_IN_FUTURE",
        ReplayError::AsOf(AsOfError::BeyondHead { .. }) => "AS_OF_BEYOND_HEAD",
        ReplayError::AsOf(AsOfError::Backwards) => "AS_OF_BACKWARDS",
        ReplayError::Export { .. } => "EXPORT_DAMAGED",
        ReplayError::NotAFolder { .. } => "NOT_A_DATA_FOLDER",
        ReplayError::NoSuchKey { .. } => "NO_SUCH_KEY",
        ReplayError::NoSuchTenant { .. } => "NO_SUCH_TENANT",
        ReplayError::MadeLater { .. } => "MADE_LATER",
        ReplayError::Store(error) => store_code(error),
        ReplayError::NeedsRepair { .. } => "LEDGER_NEEDS_REPAIR",
        ReplayError::Pages { .. } => "LEDGER_DAMAGED",
        ReplayError::Output(_) => "OUTPUT_FAILED",
    }
}

impl From<ProofError> for CliError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Replay(error) => error.into(),
            error => Self::Proof(error),
        }
    }
}

const fn proof_code(error: &ProofError) -> &'static str {
    match error {
        ProofError::Replay(_) | ProofError::File { .. } => "FILE_FAILED",
        ProofError::NoCheckpoint(_) => "NO_CHECKPOINT",
        ProofError::NotCovered { .. } | ProofError::LeftOut { .. } => "NOT_COVERED",
        ProofError::Nothing { .. } => "NOTHING_TO_PROVE",
        ProofError::NoEvent(_) => "NO_SUCH_EVENT",
        ProofError::Invalid(_) => "PROOF_INVALID",
        ProofError::Exists(_) => "FILE_EXISTS",
    }
}

const fn store_code(error: &StoreError) -> &'static str {
    match error {
        StoreError::Database(_) | StoreError::Closed => "DATABASE_FAILED",
        StoreError::File { .. } => "FILE_FAILED",
        StoreError::NoLedger(_) => "NO_LEDGER",
        StoreError::LedgerExists(_) => "LEDGER_EXISTS",
        StoreError::GuardExists(_) => "GUARD_EXISTS",
        StoreError::BackupExists(_) => "BACKUP_EXISTS",
        StoreError::Backup { .. } => "BACKUP_DAMAGED",
        StoreError::Newer { .. } => "NEWER_VERSION",
        StoreError::InUse => "LEDGER_IN_USE",
        StoreError::NeedsRepair => "LEDGER_NEEDS_REPAIR",
        StoreError::Damaged { .. } => "LEDGER_DAMAGED",
        StoreError::Event { .. } => "LOG_DAMAGED",
        StoreError::Chain { .. } => "CHAIN_BROKEN",
        StoreError::Lost { .. } => "LOG_LOST",
        StoreError::OtherViews { .. } => "VIEWS_OF_ANOTHER_VERSION",
        StoreError::Row { .. } => "VIEWS_DAMAGED",
        StoreError::TooLarge(_) => "TOO_LARGE",
        StoreError::OtherLedger { .. } => "OTHER_LEDGER",
        StoreError::RolledBack { .. } | StoreError::NotAsSigned { .. } => "ROLLED_BACK",
        StoreError::NoGuard { .. } => "NO_GUARD",
    }
}

const fn store_exit(error: &StoreError) -> Exit {
    match error {
        StoreError::NoLedger(_) => Exit::NotFound,
        StoreError::LedgerExists(_)
        | StoreError::GuardExists(_)
        | StoreError::BackupExists(_)
        | StoreError::InUse => Exit::Conflict,
        StoreError::Database(_)
        | StoreError::Closed
        | StoreError::Lost { .. }
        | StoreError::File { .. }
        | StoreError::Backup { .. }
        | StoreError::Newer { .. }
        | StoreError::NeedsRepair
        | StoreError::Damaged { .. }
        | StoreError::Event { .. }
        | StoreError::Chain { .. }
        | StoreError::OtherViews { .. }
        | StoreError::Row { .. }
        | StoreError::TooLarge(_)
        | StoreError::OtherLedger { .. }
        | StoreError::RolledBack { .. }
        | StoreError::NotAsSigned { .. }
        | StoreError::NoGuard { .. } => Exit::Failed,
    }
}

pub(crate) const fn class_exit(class: RejectionClass) -> Exit {
    match class {
        RejectionClass::NotAuthenticated => Exit::NotAuthenticated,
        RejectionClass::Forbidden => Exit::NotAllowed,
        RejectionClass::NotFound => Exit::NotFound,
        RejectionClass::Conflict => Exit::Conflict,
        RejectionClass::Invalid => Exit::Usage,
    }
}
