//! The commands, one file each.

pub mod init;
pub mod serve;
pub mod set_up_link;
pub mod recover;
pub mod import_keys;
pub mod audit;
pub mod backup;
pub mod restore;
pub mod compact;
pub mod config;
pub mod doctor;
mod erase;
pub mod explain;
mod client;
mod auth;
mod whoami;
mod token;
mod verify;
mod key;
mod service_account;
mod member;
mod user;
mod tenant;
mod signing_key;
mod revoke_tokens;
mod diff;
mod events;
mod refusals;
mod completions;
mod man;

pub use self::client::ClientCommand;
use crate::args::Command;
use crate::error::CliError;

/// Carries a command out.
pub fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(args),
        Command::SetUpLink(args) => set_up_link::run(args),
        Command::Recover(args) => recover::run(args),
        Command::ImportKeys(args) => import_keys::run(args),
        Command::Audit(command) => audit::run(command),
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Compact(args) => compact::run(args),
        Command::Config(command) => config::run(command),
        Command::Doctor(args) => doctor::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Client(command) => client::run(command),
    }
}
