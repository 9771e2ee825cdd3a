//! Whether changes are taken: yes, not until the ledger is open again, or never more by this process.

use std::fmt;

use store::StoreError;

/// Whether changes are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// They are.
    Ready,
    /// Not until the ledger is open again and takes them. Verification goes on with everything acknowledged so far.
    Recovering(Trouble),
    /// Never more by this process: why, for the log and for whoever starts it again.
    Stopped(String),
}

/// What went wrong, in words that tell a stranger nothing of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room for more.
    NoRoom,
    /// The disk failed.
    Disk,
}

impl From<&StoreError> for Trouble {
    fn from(error: &StoreError) -> Self {
        if error.is_lack_of_room() { Self::NoRoom } else { Self::Disk }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoom => "there is no room on the disk",
            Self::Disk => "the disk failed",
        })
    }
}
