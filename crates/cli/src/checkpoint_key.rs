//! Whether checkpoints are signed with the key that signed the highest of them, which is the one that auditors noted.

use credentials::note::{Note, NoteVerifier};
use store::DataFolder;
use store::checkpoint::{self, Checkpoint};
use store::secrets::{self, KeptNoteKey};

/// What is wrong with the key or with the highest checkpoint, if something is.
pub fn mismatch(folder: &DataFolder) -> Option<String> {
    let (key_file, kept_file) = (folder.note_key(), folder.checkpoint());
    let (key_file, kept_file) = (key_file.display(), kept_file.display());
    let key = match secrets::read_note_key(folder) {
        Ok(key) => key,
        Err(error) => return Some(error.to_string()),
    };
    let kept = match checkpoint::read_kept(&folder.checkpoint()) {
        Ok(kept) => kept,
        Err(error) => return Some(error.to_string()),
    };
    match (key, kept) {
        // A ledger of before there were checkpoints.
        (KeptNoteKey::Missing, None) => None,
        (KeptNoteKey::Damaged, _) => {
            Some(format!("{key_file} is damaged, so no more checkpoints are signed"))
        }
        (KeptNoteKey::Missing, Some(_)) => Some(format!(
            "{key_file} is not there, and {kept_file} was signed with it: a start makes a new key, and with the one that auditors noted nothing new can be verified"
        )),
        (KeptNoteKey::Whole(_), None) => {
            Some(format!("{kept_file} is not there, so no more checkpoints are signed"))
        }
        (KeptNoteKey::Whole(key), Some(kept)) => {
            let Some((note, checkpoint)) = parsed(&kept) else {
                return Some(format!("{kept_file} is no signed checkpoint, so no more are signed"));
            };
            let verifier = NoteVerifier::of_log(&checkpoint.origin, &key.public).ok();
            let signed = verifier.is_some_and(|verifier| note.check(&verifier).is_ok());
            (!signed).then(|| format!("{kept_file} was not signed with the key in {key_file}"))
        }
    }
}

fn parsed(kept: &str) -> Option<(Note, Checkpoint)> {
    let note = Note::parse(kept).ok()?;
    let checkpoint = Checkpoint::parse(note.text()).ok()?;
    Some((note, checkpoint))
}
