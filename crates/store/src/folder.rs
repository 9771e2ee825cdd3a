//! The data folder: the catalogue of everything that is kept outside the ledger's tables.
//!
//! | path | contents | writer | durability | if it is lost | in a backup |
//! |---|---|---|---|---|---|
//! | `ledger.redb` | the log, its views ([`crate::tables`]) | the server's one writer thread | fsync before every reply | everything; restore a backup | yes |
//! | `guard` | ledger id, last position, its chain hash | the same, at most a second behind | replaced by rename | the server refuses to start without `--accept-rollback` | no: best on other storage |
//! | `secrets/pepper` | under which keys and names are digested | `init`, once | fsync | every key is refused for good | apart from the ledger |
//! | `secrets/master.key` | what private signing keys are encrypted under | `init`, once | fsync | tokens cannot be signed until a signing key is added | apart from the ledger |
//! | `secrets/subjects` | one key per subject, for its sealed texts | the writer, before the commit that needs it | fsync | names and addresses stay unreadable | apart from the ledger |
//! | `secrets/signing/ID` | private signing keys, encrypted | whoever adds one, before its event | fsync | tokens cannot be signed until a signing key is added | apart from the ledger |

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use domain::ids::SigningKeyId;

use crate::error::StoreError;
use crate::guard::sync_folder_of;

/// Where things are in a data folder.
#[derive(Clone, Debug)]
pub struct DataFolder {
    root: PathBuf,
    guard: Option<PathBuf>,
}

impl DataFolder {
    /// The data folder at this path, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), guard: None }
    }

    /// The same, with its guard on other storage.
    #[must_use]
    pub fn with_guard(self, guard: Option<PathBuf>) -> Self {
        Self { guard, ..self }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ledger's database file.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.redb")
    }

    /// Where a new ledger is made, before [`DataFolder::finish_ledger`] gives it its name. The name is the
    /// process's own, so that two attempts at once do not meet; what an interrupted one left was never
    /// answered for.
    pub fn unfinished_ledger(&self) -> PathBuf {
        self.root.join(format!("ledger.redb.unfinished-{}", std::process::id()))
    }

    /// Gives a new ledger its name, durably, unless another attempt was faster.
    pub fn finish_ledger(&self) -> Result<(), StoreError> {
        let (unfinished, ledger) = (self.unfinished_ledger(), self.ledger());
        // A link, unlike a rename, never takes another file's place.
        let linked = fs::hard_link(&unfinished, &ledger);
        fs::remove_file(&unfinished).map_err(StoreError::file(&unfinished))?;
        match linked {
            Ok(()) => sync_folder_of(&ledger).map_err(StoreError::file(ledger)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(StoreError::LedgerExists(self.root.clone()))
            }
            Err(error) => Err(StoreError::File { path: ledger, error }),
        }
    }

    /// The guard's file.
    pub fn guard(&self) -> PathBuf {
        self.guard.clone().unwrap_or_else(|| self.root.join("guard"))
    }

    /// The folder of secrets; readable by its owner only.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The pepper's file.
    pub fn pepper(&self) -> PathBuf {
        self.secrets().join("pepper")
    }

    /// The master key's file.
    pub fn master_key(&self) -> PathBuf {
        self.secrets().join("master.key")
    }

    /// The file of subjects' keys.
    pub fn subjects(&self) -> PathBuf {
        self.secrets().join("subjects")
    }

    /// The file of one private signing key.
    pub fn signing_key(&self, id: SigningKeyId) -> PathBuf {
        self.secrets().join("signing").join(id.to_string())
    }
}
