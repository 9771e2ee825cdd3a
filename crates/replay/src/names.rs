//! Names and other personal texts, unsealed where their subject's key is still to be had.

use credentials::sealing::{self, ERASED_TEXT, SubjectKey};
use domain::sealed::Sealed;
use store::secrets::{SubjectKeys, Subjects};
use store::{DataFolder, StoreError};

/// The keys with which sealed texts are opened. Hidden texts stay hidden without being an error: a copy
/// of the ledger without its secrets can be audited as well.
#[derive(Default)]
pub struct Names {
    subjects: Subjects,
    missing: Option<StoreError>,
}

impl Names {
    /// Reads the keys of a data folder. Read them after the snapshot: a subject's key is kept before its event.
    pub fn read(folder: &DataFolder) -> Self {
        match SubjectKeys::read(&folder.subjects()) {
            Ok(mut subjects) => Self { missing: subjects.unread.take(), subjects },
            Err(error) => Self { missing: Some(error), ..Self::default() },
        }
    }

    /// No keys: every text stays sealed.
    pub fn sealed() -> Self {
        Self::default()
    }

    /// Why some texts or all of them cannot be opened, if their keys could not be read.
    pub fn missing(&self) -> Option<&StoreError> {
        self.missing.as_ref()
    }

    /// The text, if its subject's key is there and opens it; of one that was destroyed, that it was.
    pub fn open(&self, sealed: &Sealed) -> Option<String> {
        if self.subjects.erased.contains(&sealed.subject) {
            return Some(ERASED_TEXT.to_owned());
        }
        let key = self.subjects.keys.get(&sealed.subject)?;
        sealing::open(&SubjectKey::from_bytes(**key), sealed).ok()
    }
}
