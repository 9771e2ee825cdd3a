//! `audit`: reads a log, also beside a running server, and changes nothing of it.

pub mod diff;
pub mod export;
pub mod import;
pub mod log;
pub mod bundle;
pub mod prove;
pub mod rebuild;
pub mod replay;
pub mod show;
pub mod stats;
pub mod timeline;
pub mod verify;

use clap::Subcommand;

use crate::commands::audit::bundle::{BundleArgs, CheckBundleArgs};
use crate::commands::audit::diff::DiffArgs;
use crate::commands::audit::export::ExportArgs;
use crate::commands::audit::import::ImportArgs;
use crate::commands::audit::prove::{CheckProofArgs, ProveArgs};
use crate::commands::audit::rebuild::RebuildArgs;
use crate::commands::audit::replay::ReplayArgs;
use crate::commands::audit::show::ShowArgs;
use crate::commands::audit::stats::StatsArgs;
use crate::commands::audit::timeline::TimelineArgs;
use crate::commands::audit::verify::VerifyArgs;
use crate::error::CliError;

/// What can be asked of a log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List the events of the log, and go on with what comes
    Show(ShowArgs),
    /// Prove the whole log: its chain, its tree, its end, the guard and checkpoints; --full: also the views
    Verify(VerifyArgs),
    /// Write the proof that the log has an event
    Prove(ProveArgs),
    /// Check such a proof, without a data folder
    CheckProof(CheckProofArgs),
    /// Write events with their proofs into a folder, as evidence for a third party
    Bundle(BundleArgs),
    /// Check such a folder, without a data folder
    CheckBundle(CheckBundleArgs),
    /// List everything as it was at a moment
    Replay(ReplayArgs),
    /// List what differs between two moments
    Diff(DiffArgs),
    /// Tell the life of a key, and what stopped it
    Timeline(TimelineArgs),
    /// Count what there is in the log
    Stats(StatsArgs),
    /// Throw the views away and build them anew from the log, while no server runs; or only check them
    Rebuild(RebuildArgs),
    /// Write the log out, whole and provable, or as events of OCSF
    Export(ExportArgs),
    /// Make a ledger from an export
    Import(ImportArgs),
}

/// Carries it out.
pub fn run(command: AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::Show(args) => show::run(args),
        AuditCommand::Verify(args) => verify::run(args),
        AuditCommand::Replay(args) => replay::run(args),
        AuditCommand::Diff(args) => diff::run(args),
        AuditCommand::Timeline(args) => timeline::run(args),
        AuditCommand::Stats(args) => stats::run(args),
        AuditCommand::Prove(args) => prove::run(args),
        AuditCommand::CheckProof(args) => prove::check(args),
        AuditCommand::Bundle(args) => bundle::run(args),
        AuditCommand::CheckBundle(args) => bundle::check(args),
        AuditCommand::Rebuild(args) => rebuild::run(args),
        AuditCommand::Export(args) => export::run(args),
        AuditCommand::Import(args) => import::run(args),
    }
}
