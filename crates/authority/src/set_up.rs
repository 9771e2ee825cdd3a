//! Setting up: the first tenant and its administrator, made by whoever follows the link that the machine printed.
//!
//! The link holds a code. Whoever can read what the server prints, or run a command on its data folder, is at the machine,
//! and the code carries that to a browser: for minutes, for one use, and never again once there is a tenant.

use credentials::digest::matches;
use domain::actor::Actor;
use domain::key::{DigestScheme, KeyDigest};
use domain::rejection::Rejection;
use domain::time::Timestamp;
use store::set_up::SetUpCode;
use store::{DataFolder, StoreError};

use crate::authority::{Authority, Initialised, OpenError, Options, Request};
use crate::compose::{TenantInput, UserInput};
use crate::failure::Failure;
use crate::opaque::{self, OpaqueSecret};

/// How long a set-up link counts, if nothing else was said.
pub const LIFE_SECONDS: u64 = 15 * 60;

/// Why nothing is set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSetUp {
    /// There is a tenant, so links are refused for ever.
    #[error("this server was set up already; sign in with a key")]
    Done,
    /// The code is wrong, too old, used, or another took its place: which of them is nobody's business.
    #[error(
        "this set-up link does not count: it was used, is too old, or a newer one took its place; print another at the machine with keyledger set-up-link --data DIR"
    )]
    BadCode,
    /// The first tenant could not be made.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl NotSetUp {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Done => "ALREADY_INITIALISED",
            Self::BadCode => "SET_UP_LINK_INVALID",
            Self::Failed(failure) => failure.code(),
        }
    }
}

/// Draws a new code for a data folder's set-up link. The one before counts no more.
pub fn new_code(
    folder: &DataFolder,
    now: Timestamp,
    life_seconds: u64,
) -> Result<(OpaqueSecret, Timestamp), StoreError> {
    let code = OpaqueSecret::draw();
    let ends_at = now.plus_seconds(life_seconds);
    SetUpCode { sha256: code.digest().bytes, ends_at }.keep(folder)?;
    Ok((code, ends_at))
}

impl Authority {
    /// Makes a data folder with its secrets and an empty ledger, which awaits its first tenant.
    pub fn begin(options: Options) -> Result<(), OpenError> {
        Self::make(options, |_| Ok(()))
    }

    /// Whether there ever was a tenant.
    pub fn is_set_up(&self) -> bool {
        self.index().is_set_up()
    }

    /// Whether somebody who shows this code may set up.
    pub fn check_set_up_code(&self, shown: &str) -> Result<(), NotSetUp> {
        if self.is_set_up() {
            return Err(NotSetUp::Done);
        }
        let kept = SetUpCode::read(&self.shared.folder).map_err(Failure::from)?;
        let counts = |kept: &SetUpCode| {
            let digest = KeyDigest { scheme: DigestScheme::Sha256, bytes: kept.sha256 };
            opaque::digest(shown).is_some_and(|shown| matches(&shown, &digest)) && self.now() < kept.ends_at
        };
        if kept.as_ref().is_some_and(counts) { Ok(()) } else { Err(NotSetUp::BadCode) }
    }

    /// Makes the first tenant and its administrator, as `init` does, in the name of the machine's person. Of several who
    /// show a good code at once, the writer lets one do so.
    pub fn set_up(
        &self,
        shown: &str,
        request: &Request,
        tenant: &TenantInput,
        administrator: &UserInput,
    ) -> Result<Initialised, NotSetUp> {
        self.check_set_up_code(shown)?;
        let mut composed = self.bootstrap(tenant, administrator);
        let key_string = composed.key.take().expect("bootstrap makes a key");
        let done = self.execute(&Actor::Console, request, composed).map_err(|failure| match failure {
            Failure::Rejected(Rejection::AlreadyInitialised) => NotSetUp::Done,
            failure => NotSetUp::Failed(failure),
        })?;
        // Tokens may be minted from now on. Not on record, the longest life is assumed, and the server tries again.
        if let Err(failure) = self.keep_token_life() {
            tracing::warn!(code = failure.code(), %failure, "how long tokens live was not recorded; the next attempt is in a minute");
        }
        // It opens nothing any more; what is not there cannot be asked about.
        if let Err(error) = SetUpCode::forget(&self.shared.folder) {
            tracing::warn!(%error, "the used code of the set-up link could not be removed; it counts no more all the same");
        }
        Ok(Initialised::of(&done.recorded, key_string))
    }
}
