//! `audit`: reads a data folder, also beside a running server, and changes nothing of the log.

pub mod bundle;
pub mod prove;
pub mod rebuild;
pub mod show;
pub mod verify;

use clap::Subcommand;

use crate::commands::audit::bundle::{BundleArgs, CheckBundleArgs};
use crate::commands::audit::prove::{CheckProofArgs, ProveArgs};
use crate::commands::audit::rebuild::RebuildArgs;
use crate::commands::audit::show::ShowArgs;
use crate::commands::audit::verify::VerifyArgs;
use crate::error::CliError;

/// What can be asked of a log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List the events of the log
    Show(ShowArgs),
    /// Read the whole log, check its chain, and compare the views and the guard with it
    Verify(VerifyArgs),
    /// Write the proof that the log has an event
    Prove(ProveArgs),
    /// Check such a proof, without a data folder
    CheckProof(CheckProofArgs),
    /// Write events with their proofs into a folder, as evidence for a third party
    Bundle(BundleArgs),
    /// Check such a folder, without a data folder
    CheckBundle(CheckBundleArgs),
    /// Throw the views away and build them anew from the log, while no server runs
    Rebuild(RebuildArgs),
}

/// Carries it out.
pub fn run(command: AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::Show(args) => show::run(args),
        AuditCommand::Verify(args) => verify::run(args),
        AuditCommand::Prove(args) => prove::run(args),
        AuditCommand::CheckProof(args) => prove::check(args),
        AuditCommand::Bundle(args) => bundle::run(args),
        AuditCommand::CheckBundle(args) => bundle::check(args),
        AuditCommand::Rebuild(args) => rebuild::run(args),
    }
}
