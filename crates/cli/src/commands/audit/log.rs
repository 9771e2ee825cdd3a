//! The arguments that every reading audit shares: which log.

use std::path::PathBuf;

use authority::Clock;
use clap::Args;
use domain::time::Timestamp;
use replay::{Names, Repair, Source};
use store::DataFolder;

use crate::error::CliError;
use crate::output;

/// Which log to read.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The data folder, or the file of a backup or of an export
    #[arg(long, value_name = "PATH", env = "KEYLEDGER_DATA", hide_env_values = true)]
    data: PathBuf,
    /// A file of settings, in TOML; flags and the environment win over it
    #[arg(long, value_name = "FILE", env = "KEYLEDGER_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The data folder whose secrets open the names [default: that of --data; names in a file stay sealed]
    #[arg(long, value_name = "DIR")]
    names: Option<PathBuf>,
}

/// Whether rows are read, which the log's chain does not prove, or the log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Rows,
    LogAlone,
}

impl LogArgs {
    /// Opens it.
    pub fn open(&self, reads: Reads) -> Result<Source, CliError> {
        let open = match reads {
            Reads::Rows => Source::open_with_rows,
            Reads::LogAlone => Source::open,
        };
        Ok(open(&self.data, Repair::Forbidden)?)
    }

    /// What opens its names. Read after the log: a subject's key is kept before its event.
    pub fn names(&self, source: &Source) -> Names {
        match &self.names {
            Some(folder) => Names::read(&DataFolder::at(folder)),
            None => source.names(),
        }
    }

    /// What opens its names where they stay sealed unless somebody says otherwise; and who did is told if it cannot.
    pub fn names_given(&self) -> Option<Names> {
        let names = Names::read(&DataFolder::at(self.names.as_ref()?));
        tell_missing(&names);
        Some(names)
    }

    /// The same, for people, who are told why they see none.
    pub fn names_for_people(&self, source: &Source) -> Names {
        let names = self.names(source);
        tell_missing(&names);
        names
    }
}

fn tell_missing(names: &Names) {
    if let Some(missing) = names.missing() {
        output::remark(&format!("note: names stay sealed whose keys cannot be read: {missing}\n"));
    }
}

/// This instant. A log is read after it was opened: what was recorded until then is the past.
pub fn now() -> Timestamp {
    Clock::System.now()
}
