//! Whether checkpoints are signed with the key that signed the highest of them, which is the one that auditors noted.

use store::DataFolder;
use store::secrets::{self, KeptNoteKey};

/// What is wrong with the key or with the highest checkpoint, if something is.
pub fn mismatch(folder: &DataFolder) -> Option<String> {
    let (key_file, kept_file) = (folder.note_key(), folder.checkpoint());
    let (key_file, kept_file) = (key_file.display(), kept_file.display());
    let key = match secrets::read_note_key(folder) {
        Ok(key) => key,
        Err(error) => return Some(error.to_string()),
    };
    match (key, replay::kept_checkpoint(folder)) {
        (KeptNoteKey::Damaged, _) => {
            Some(format!("{key_file} is damaged, so no more checkpoints are signed"))
        }
        // A ledger of before there were checkpoints.
        (KeptNoteKey::Missing, None) => None,
        (KeptNoteKey::Missing, Some(_)) => Some(format!(
            "{key_file} is not there, and {kept_file} was signed with it: a start makes a new key, and with the one that auditors noted nothing new can be verified"
        )),
        (KeptNoteKey::Whole(_), None) => {
            Some(format!("{kept_file} is not there, so no more checkpoints are signed"))
        }
        (KeptNoteKey::Whole(_), Some(kept)) => kept.err(),
    }
}
