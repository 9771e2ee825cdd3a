//! Names and other personal texts, unsealed where their subject's key is still to be had.

use std::collections::HashMap;

use credentials::sealing::{self, SubjectKey};
use domain::sealed::{Sealed, Subject};
use store::secrets::{SecretBytes, SubjectKeys};
use store::{DataFolder, StoreError};

/// The keys with which sealed texts are opened. Hidden texts stay hidden without being an error: a copy
/// of the ledger without its secrets can be audited as well.
#[derive(Default)]
pub struct Names {
    keys: HashMap<Subject, SecretBytes>,
    missing: Option<StoreError>,
}

impl Names {
    /// Reads the keys of a data folder. Read them after the snapshot: a subject's key is kept before its event.
    pub fn read(folder: &DataFolder) -> Self {
        match SubjectKeys::read(&folder.subjects()) {
            Ok(keys) => Self { keys, missing: None },
            Err(error) => Self { keys: HashMap::new(), missing: Some(error) },
        }
    }

    /// No keys: every text stays sealed.
    pub fn sealed() -> Self {
        Self::default()
    }

    /// Why no text can be opened, if the keys could not be read.
    pub fn missing(&self) -> Option<&StoreError> {
        self.missing.as_ref()
    }

    /// The text, if its subject's key is there and opens it.
    pub fn open(&self, sealed: &Sealed) -> Option<String> {
        let key = self.keys.get(&sealed.subject)?;
        sealing::open(&SubjectKey::from_bytes(**key), sealed).ok()
    }
}
