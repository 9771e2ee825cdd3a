//! The command line: every command on one screen, and the arguments that several of them share.

use std::path::PathBuf;

use authority::SecretSources;
use authority::compose::Prefixes;
use clap::{Args, Parser, Subcommand};
use credentials::key_string::{SERVICE_ACCOUNT_PREFIX, USER_PREFIX};
use credentials::note::NoteVerifier;
use domain::key::KeyPrefix;
use replay::{Audit, Repair};
use rustix::fs::Access;
use rustix::io::Errno;
use store::{DataFolder, StoreError};

use crate::commands::ClientCommand;
use crate::commands::audit::AuditCommand;
use crate::commands::backup::BackupArgs;
use crate::commands::compact::CompactArgs;
use crate::commands::config::ConfigCommand;
use crate::commands::doctor::DoctorArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::import_keys::ImportKeysArgs;
use crate::commands::init::InitArgs;
use crate::commands::recover::RecoverArgs;
use crate::commands::restore::RestoreArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::set_up_link::SetUpLinkArgs;
use crate::error::CliError;
use crate::exit::Exit;

/// A self-hosted authority for API keys, on a log that anyone can check
#[derive(Debug, Parser)]
#[command(
    name = "keyledger",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = after_help()
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a data folder with one tenant, its administrator and that user's key
    Init(InitArgs),
    /// Serve a data folder over HTTP
    Serve(ServeArgs),
    /// Print another link by which a browser sets up a server that has no tenant yet
    SetUpLink(SetUpLinkArgs),
    /// Make a key for a user who has lost every other, at the machine itself
    Recover(RecoverArgs),
    /// Accept keys that another system gave out, at the machine itself
    ImportKeys(ImportKeysArgs),
    /// Read the log of a data folder and check it, also while a server runs on it
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write a consistent and verified copy of the log, also while a server runs
    Backup(BackupArgs),
    /// Make the ledger of a data folder from a backup
    Restore(RestoreArgs),
    /// Write the ledger's file anew without what is empty in it, while no server runs
    Compact(CompactArgs),
    /// Show the settings of the server, and where they come from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at everything that a deployment rests on, and say what to do about what is wrong
    Doctor(DoctorArgs),
    /// Say what a stable code means, and what to do next
    Explain(ExplainArgs),
    /// As a client of a server.
    #[command(flatten)]
    Client(ClientCommand),
}

fn after_help() -> String {
    let examples = "\
Examples:
  keyledger init --data /var/lib/keyledger --tenant acme --admin ada@example.com
  keyledger serve --data /var/lib/keyledger
  keyledger audit verify --data /var/lib/keyledger
  keyledger auth login --url https://keys.example.com
  keyledger service-account create etl-agent --role runner";
    format!("{examples}\n\n{}", Exit::table())
}

/// Where the data is.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// The data folder
    #[arg(long, value_name = "DIR", env = "KEYLEDGER_DATA", hide_env_values = true)]
    pub data: PathBuf,
    /// A file of settings, in TOML; flags and the environment win over it
    #[arg(long, value_name = "FILE", env = "KEYLEDGER_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
}

/// Where the guard is, which shows that the ledger was not rolled back.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// The file that remembers how far the ledger had come; best on other storage [default: DIR/guard]
    #[arg(long, value_name = "PATH", env = "KEYLEDGER_GUARD", hide_env_values = true)]
    pub guard: Option<PathBuf>,
}

/// Where secrets are, if not in the data folder. Paths only: a secret is never an argument.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// The file of the key under which private signing keys are encrypted [default: DIR/secrets/master.key]
    #[arg(long, value_name = "PATH", env = "KEYLEDGER_MASTER_KEY_FILE", hide_env_values = true)]
    pub master_key_file: Option<PathBuf>,
    /// The file of the pepper under which keys are digested [default: DIR/secrets/pepper]
    #[arg(long, value_name = "PATH", env = "KEYLEDGER_PEPPER_FILE", hide_env_values = true)]
    pub pepper_file: Option<PathBuf>,
}

/// How new keys begin. Keys from before a change go on being accepted: what recognises a key is the whole of it.
#[derive(Debug, Args)]
pub struct PrefixArgs {
    /// How new keys of users begin, before the underscore: 2 to 12 lower-case letters and digits, a letter first
    #[arg(
        long,
        value_name = "PREFIX",
        env = "KEYLEDGER_USER_KEY_PREFIX",
        hide_env_values = true,
        default_value = USER_PREFIX,
        value_parser = parse_prefix
    )]
    user_key_prefix: KeyPrefix,
    /// How new keys of service accounts begin, in the same form
    #[arg(
        long,
        value_name = "PREFIX",
        env = "KEYLEDGER_SERVICE_ACCOUNT_KEY_PREFIX",
        hide_env_values = true,
        default_value = SERVICE_ACCOUNT_PREFIX,
        value_parser = parse_prefix
    )]
    service_account_key_prefix: KeyPrefix,
}

impl PrefixArgs {
    /// The prefixes as the authority takes them.
    pub fn prefixes(&self) -> Prefixes {
        let Self { user_key_prefix, service_account_key_prefix } = self;
        Prefixes { user: user_key_prefix.clone(), service_account: service_account_key_prefix.clone() }
    }
}

fn parse_prefix(text: &str) -> Result<KeyPrefix, MalformedValue> {
    KeyPrefix::parse(text).ok_or(MalformedValue(
        "give 2 to 12 lower-case letters and digits, a letter first, such as pnu; the underscore comes by itself",
    ))
}

/// The witnesses that somebody trusts.
#[derive(Debug, Args)]
pub struct WitnessKeyArgs {
    /// The key of a witness that must have signed the checkpoint, too, as NAME+HASH+KEY; may be given several times. Not
    /// given: cosignatures are not checked
    #[arg(long, value_name = "KEY", value_parser = NoteVerifier::parse_witness)]
    pub witness_key: Vec<NoteVerifier>,
}

impl DataArgs {
    /// The data folder, with its guard where it is kept.
    pub fn folder(&self, guard: Option<&GuardArgs>) -> DataFolder {
        DataFolder::at(&self.data).with_guard(guard.and_then(|guard| guard.guard.clone()))
    }
}

impl DataArgs {
    /// The same for whoever opens a ledger for writing: a file in the folder's place is told for what it is,
    /// and what may not be written is named.
    pub fn folder_of_a_ledger(&self, guard: Option<&GuardArgs>) -> Result<DataFolder, CliError> {
        let folder = self.folder(guard);
        if folder.root().is_file() {
            Audit::open(&folder, Repair::Forbidden)?;
        }
        // Where it may not write, the database names no file.
        for path in [folder.root().to_owned(), folder.ledger()] {
            match rustix::fs::access(&path, Access::WRITE_OK) {
                Err(error) if error != Errno::NOENT => {
                    return Err(StoreError::File { path, error: error.into() }.into());
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(folder)
    }
}

impl SecretArgs {
    /// What was given, or else the systemd credentials `keyledger.master-key` and `keyledger.pepper`.
    pub fn sources(&self) -> SecretSources {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let credential =
            |name: &str| credentials.as_ref().map(|folder| folder.join(name)).filter(|it| it.exists());
        SecretSources {
            pepper: self.pepper_file.clone().or_else(|| credential("keyledger.pepper")),
            master_key: self.master_key_file.clone().or_else(|| credential("keyledger.master-key")),
        }
    }
}

/// A value that is not of its kind.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub struct MalformedValue(pub &'static str);
