//! `key`: keys of whatever owner, as far as the caller may manage them.

pub mod list;
pub mod show;
pub mod named;
pub mod explain;
pub mod history;
pub mod blast_radius;
pub mod create;
pub mod rename;
pub mod note;
pub mod expire;
pub mod addresses;
pub mod rate;
pub mod toggle;
pub mod rotate;
pub mod revoke;

use clap::Subcommand;

use self::addresses::AddressesArgs;
use self::blast_radius::BlastRadiusArgs;
use self::create::CreateArgs;
use self::expire::ExpireArgs;
use self::explain::ExplainKeyArgs;
use self::history::HistoryArgs;
use self::list::ListArgs;
use self::note::NoteArgs;
use self::rate::RateArgs;
use self::rename::RenameArgs;
use self::revoke::RevokeArgs;
use self::rotate::RotateArgs;
use self::show::ShowArgs;
use self::toggle::ToggleArgs;
use crate::error::CliError;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List your own keys and, as an administrator, those of the tenant's service accounts
    List(ListArgs),
    /// Show all that is known of a key; never its secret
    Show(ShowArgs),
    /// Say whether a key would have been accepted at a moment, and which events decide it
    Explain(ExplainKeyArgs),
    /// Tell the life of a key: what was done to it, and what befell it through what it rests on
    History(HistoryArgs),
    /// Tell what somebody who had a key could do, what was done with it, and how to stop it
    BlastRadius(BlastRadiusArgs),
    /// Make a key for a user or a service account
    Create(CreateArgs),
    /// Give a key another name
    Rename(RenameArgs),
    /// Change what is remarked about a key
    Note(NoteArgs),
    /// Change when a key ends
    Expire(ExpireArgs),
    /// Change from where a key is accepted
    Addresses(AddressesArgs),
    /// Change how often a key is accepted
    Rate(RateArgs),
    /// Refuse a key until it is enabled again
    Disable(ToggleArgs),
    /// Accept a disabled key again
    Enable(ToggleArgs),
    /// Make a key's successor; both are accepted for the overlap
    Rotate(RotateArgs),
    /// Revoke a key for good
    Revoke(RevokeArgs),
}

/// Carries it out.
pub fn run(command: KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::List(args) => list::run(args),
        KeyCommand::Show(args) => show::run(args),
        KeyCommand::Explain(args) => explain::run(args),
        KeyCommand::History(args) => history::run(args),
        KeyCommand::BlastRadius(args) => blast_radius::run(args),
        KeyCommand::Create(args) => create::run(args),
        KeyCommand::Rename(args) => rename::run(args),
        KeyCommand::Note(args) => note::run(args),
        KeyCommand::Expire(args) => expire::run(args),
        KeyCommand::Addresses(args) => addresses::run(args),
        KeyCommand::Rate(args) => rate::run(args),
        KeyCommand::Disable(args) => toggle::disable(args),
        KeyCommand::Enable(args) => toggle::enable(args),
        KeyCommand::Rotate(args) => rotate::run(args),
        KeyCommand::Revoke(args) => revoke::run(args),
    }
}
