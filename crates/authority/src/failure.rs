//! Why the authority could not do what was asked: an answer, a fault of the request, or of the machine.

use credentials::claims::ClaimsError;
use credentials::jws::JwsError;
use domain::names::NameError;
use domain::network::NetworkListError;
use domain::rejection::{Refusal, Rejection, RejectionClass};
use domain::role::ScopeError;
use store::StoreError;
use store::codec::event_type::EventType;

use crate::as_of::AsOfError;

/// Why a command or a query was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The rules say no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Something asked for is not well formed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The idempotency key was used for another command.
    #[error("this idempotency key was used before, for another request; use a new one")]
    IdempotencyConflict,
    /// The key under which the texts of a known owner are sealed is lost.
    #[error(
        "the key that seals the names of this owner is missing from the server's secrets; its line in secrets/subjects must be added from a copy while the server is stopped"
    )]
    SubjectKeyMissing,
    /// Nothing can be minted.
    #[error("no key signs tokens at this time; an operator must add a signing key")]
    NoSigningKey,
    /// Where private signing keys are kept cannot be written. Nothing was changed.
    #[error(
        "the private half of the new signing key could not be kept in secrets/signing, so none was added and nothing was changed; the server's log says why"
    )]
    SigningKeyNotKept,
    /// The commit failed half-way. Whether it lasts is known after the server has opened the ledger again.
    #[error(
        "the outcome is unknown: the disk failed during the commit; ask again with the same idempotency key in a few seconds"
    )]
    UnknownOutcome,
    /// The ledger failed before anything was committed, and is being opened again. Nothing was changed.
    #[error(
        "the server recovers from a failure of its disk and takes no changes meanwhile; nothing was changed, ask again in a few seconds"
    )]
    Recovering,
    /// The writer has stopped after a failure, or is being shut down. Nothing was changed.
    #[error("the server takes no changes at this time; nothing was changed, try again later")]
    Stopped,
    /// No checkpoint is signed: it might not fit the ones that were. The details are for the log.
    #[error(
        "no checkpoint can be signed: it would contradict one that was, or nobody knows which were; the server's log says why"
    )]
    NoCheckpoint,
    /// The ledger could not be read. The details are for the log.
    #[error("the ledger could not be read; the server's log says why")]
    Unreadable,
}

/// What is wrong with the input, before any rule is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Networks.
    #[error("{field}: {error}")]
    Networks {
        /// Which part of the input.
        field: &'static str,
        /// What is wrong with them.
        error: NetworkListError,
    },
    /// Too large to be recorded.
    #[error("{0}")]
    TooLarge(String),
    /// More is asked for than one answer may hold.
    #[error(
        "the answer would have more than {values_max} values: ask for fewer entries, in pages, or for fewer fields"
    )]
    AnswerTooLarge {
        /// The most that it may have.
        values_max: usize,
    },
    /// A name that no event has. It is not repeated: it may be a key in the wrong place.
    #[error("filter.types: there is no such event; the events are {}", event_names())]
    UnknownEvent,
    /// A moment that there is not.
    #[error(transparent)]
    AsOf(#[from] AsOfError),
    /// Anything else that has a form.
    #[error("{field}: {rule}")]
    Malformed {
        /// Which part of the input.
        field: &'static str,
        /// The form it must have.
        rule: &'static str,
    },
}

impl Failure {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Input(error) => error.code(),
            Self::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            Self::SubjectKeyMissing => "SUBJECT_KEY_MISSING",
            Self::NoSigningKey => "NO_SIGNING_KEY",
            Self::SigningKeyNotKept => "SIGNING_KEY_NOT_KEPT",
            Self::UnknownOutcome => "UNKNOWN_OUTCOME",
            Self::Recovering => "RECOVERING",
            Self::Stopped => "STOPPED",
            Self::NoCheckpoint => "NO_CHECKPOINT",
            Self::Unreadable => "UNREADABLE",
        }
    }

    /// What kind of answer it is, if it is one of the rules'.
    pub const fn class(&self) -> Option<RejectionClass> {
        match self {
            Self::Rejected(rejection) => Some(rejection.class()),
            Self::Input(_) => Some(RejectionClass::Invalid),
            Self::IdempotencyConflict => Some(RejectionClass::Conflict),
            Self::SubjectKeyMissing
            | Self::NoSigningKey
            | Self::SigningKeyNotKept
            | Self::UnknownOutcome
            | Self::Recovering
            | Self::Stopped
            | Self::NoCheckpoint
            | Self::Unreadable => None,
        }
    }
}

impl InputError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(NameError::TooLong { .. }) => "NAME_TOO_LONG",
            Self::Name(_) => "NAME_INVALID",
            Self::Scope(_) => "SCOPE_INVALID",
            Self::Networks { .. } => "NETWORK_INVALID",
            Self::TooLarge(_) => "TOO_LARGE",
            Self::AnswerTooLarge { .. } => "ANSWER_TOO_LARGE",
            Self::AsOf(error) => error.code(),
            Self::UnknownEvent | Self::Malformed { .. } => "INVALID",
        }
    }
}

fn event_names() -> String {
    EventType::ALL.map(|event_type| event_type.to_string()).join(", ")
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::Input(error.into())
    }
}

impl From<ScopeError> for Failure {
    fn from(error: ScopeError) -> Self {
        Self::Input(error.into())
    }
}

/// A query met a ledger that it could not read: the operator's business, not the caller's. One that is being opened
/// again can be read soon.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Closed) {
            return Self::Recovering;
        }
        tracing::error!(code = "UNREADABLE", %error, "the ledger could not be read");
        Self::Unreadable
    }
}

/// Why somebody is not let in. What it tells beyond "unknown" is told only to a holder of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing was shown.
    #[error("show a key or a token: Authorization: Bearer …")]
    Missing,
    /// What was shown cannot be a credential.
    #[error("the Authorization header is malformed: it must be Bearer, a space, and a key or token")]
    Malformed,
    /// One of our keys, mistyped.
    #[error("the key's checksum is wrong: it was mistyped or cut; copy it again")]
    Mistyped,
    /// A token that is not one of ours.
    #[error("{0}")]
    Token(JwsError),
    /// A token of ours that is not acceptable here or now.
    #[error("{0}")]
    Claims(ClaimsError),
    /// A known credential that is not accepted.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Denied {
    /// Whether it is the tenant that refuses, and not the key: in another one the key may be accepted.
    pub const fn is_of_the_tenant(self) -> bool {
        matches!(
            self,
            Self::Refused(
                Refusal::NotAMember
                    | Refusal::OtherTenant
                    | Refusal::TenantSuspended
                    | Refusal::TenantRemoved
                    | Refusal::MembershipRemoved
            )
        )
    }

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "CREDENTIAL_MISSING",
            Self::Malformed => "CREDENTIAL_MALFORMED",
            Self::Mistyped => "KEY_MISTYPED",
            Self::Token(JwsError::Signature | JwsError::Kid) => "TOKEN_SIGNATURE",
            Self::Token(_) => "TOKEN_MALFORMED",
            Self::Claims(ClaimsError::Expired) => "TOKEN_EXPIRED",
            Self::Claims(ClaimsError::Issuer) => "TOKEN_ISSUER",
            Self::Claims(ClaimsError::Audience) => "TOKEN_AUDIENCE",
            Self::Claims(ClaimsError::NotYetValid | ClaimsError::IssuedInFuture) => "TOKEN_NOT_YET_VALID",
            Self::Claims(ClaimsError::Malformed | ClaimsError::Claim { .. }) => "TOKEN_MALFORMED",
            Self::Refused(refusal) => refusal.code(),
        }
    }
}
